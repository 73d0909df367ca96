"""The folder into which another program drops customer files."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ombud_crm_csv import columns as meaning
from ombud_crm_csv import files, reading, taking
from ombud_crm_csv.reading import UnreadableError
from ombud_plugin_api import Context

JOB = "look"
ENDINGS = (".csv", ".txt", ".tsv", ".xlsx")
SETTLED = 5.0  # seconds in which nobody wrote into it
MOST = 2000


@dataclass(frozen=True)
class Found:
    """A file of the folder. `origin` is another one once a byte of it changes."""

    path: Path
    unit: str
    changed_at: float
    size: int

    @property
    def origin(self) -> str:
        return f"{self.path}|{self.size}|{self.changed_at}"


def candidates(place: Path) -> list[Found]:
    """The files of the folder and of the folders in it, the newest first; links lead nowhere."""
    found = []
    for path in [*sorted(place.iterdir())[:MOST], *[each for sub in sorted(place.iterdir())[:MOST]
                 if sub.is_dir() and not sub.is_symlink() for each in sorted(sub.iterdir())[:MOST]]]:  # fmt: skip
        if path.suffix.lower() in ENDINGS and not path.name.startswith((".", "~")) and not path.is_symlink():
            facts = path.stat()
            if path.is_file():
                unit = "" if path.parent == place else path.parent.name
                found.append(Found(path, unit, facts.st_mtime, facts.st_size))
    return sorted(found, key=lambda each: -each.changed_at)


async def look(payload: Mapping[str, Any], context: Context) -> None:
    """The job: takes the newest file of each unit, once. Its columns are those of the file before, where no column is
    new or gone; else somebody says what they mean, and the old rows count meanwhile."""
    await files.sweep(context.platform)
    place = Path(context.settings["folder"] or "")
    if not context.settings["folder"] or not await asyncio.to_thread(place.is_dir):
        return
    newest: dict[str, Found] = {}
    for each in await asyncio.to_thread(candidates, place):
        newest.setdefault(each.unit, each)
    for each in newest.values():
        if time.time() - each.changed_at > SETTLED and not await files.of_origin(each.origin):
            await _take(each, context)


async def _take(found: Found, context: Context) -> None:
    about = {"unit": found.unit, "name": found.path.name[:200], "origin": found.origin, "uploaded_by": "",
             "as_of": datetime.fromtimestamp(found.changed_at, UTC)}  # fmt: skip
    if found.size > reading.MOST_BYTES:
        await files.add(**about, state="failed", problem=f"It is larger than {reading.MOST_BYTES // 1_000_000} MB.")
        return
    data = await asyncio.to_thread(found.path.read_bytes)
    try:
        table = await asyncio.to_thread(reading.read, data)
    except UnreadableError as problem:
        await files.add(**about, state="failed", problem=str(problem))
        return
    known = await files.known_columns(found.unit)
    alike = bool(known) and meaning.same(known, table.header)
    chosen = known if alike else meaning.proposal(table.header)
    file_id = await files.add(
        **about, state="taking" if alike else "waiting", columns=meaning.read(chosen, table.header),
        notes=list(table.notes), kept_file=await context.platform.keep_file(data),
    )  # fmt: skip
    if alike:
        await context.platform.start_job(taking.JOB, {"file": str(file_id)}, key=f"take/{file_id}")
