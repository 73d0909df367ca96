"""`ombud ledger verify | export | checkpoint`: what the command line runs, with database and master key open."""

import sys
import time
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

from ombud.trust import checkpoints
from ombud.trust.checkpoints import PublishedDiffers
from ombud.trust.ledger import Entry, Opening
from ombud.trust.ledger_export import (
    MayOpen,
    NoSuchCase,
    export_case,
    export_streams,
    period_scope,
    streams_of_period,
)
from ombud.trust.ledger_verify import Report, verify

_EVERY = 0.5  # seconds between two lines of progress
CAVEAT = (
    "A chain cannot prove that nobody with full access rebuilt everything since the last published checkpoint, "
    "or cut off the newest entries."
)


def everything(entry: object, opening: object) -> bool:
    """Whoever runs the command holds the master key anyway."""
    return True


async def verify_command(
    since: int | None = None, publish_file: Path | None = None, *, sealed: bool = False, roots: Path | None = None
) -> int:
    """0 when everything holds; else 1, after naming the first thing that does not."""
    started = time.monotonic()
    report = await verify(since, _Progress(), publish_file, sealed=sealed, roots=roots)
    if report.broken:
        print(f"DOES NOT HOLD: {report.broken}", file=sys.stderr)
        return 1
    print(
        f"{report.entries} entries in {report.streams} streams hold, and so do {report.checkpoints} checkpoints "
        f"({time.monotonic() - started:.1f} s).\n"
        f"{report.newer} entries are newer than the last checkpoint; {report.published} checkpoints were compared "
        f"with the published ones, and {report.stamped} time-stamps hold.\n"
        f"{_of_sealed(report) if sealed else ''}{CAVEAT}"
    )
    return 0


def _of_sealed(report: Report) -> str:
    return f"{report.opened} sealed values were opened and fit; {report.erased} were erased with their keys.\n"


class _Progress:
    """Writes to the terminal's error channel, twice a second at most and only where somebody watches."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        if sys.stderr.isatty() and (done >= total or time.monotonic() - self.last > _EVERY):
            self.last = time.monotonic()
            print(f"\r{done} of {total} entries", end="\n" if done >= total else "", file=sys.stderr, flush=True)


async def export_command(
    reference: str, path: Path, *, may_open: MayOpen = everything, publish_file: Path | None = None
) -> int:
    """Writes the export whole or not at all; 1 when there is no such case or no such folder."""
    return await _written(export_case(reference, may_open, publish_file=publish_file), path)


async def _written(lines: AsyncIterator[bytes], path: Path) -> int:
    draft = path.with_name(f"{path.name}.part")
    try:
        with draft.open("wb") as file:
            async for line in lines:
                file.write(line)
        draft.replace(path)
    except (NoSuchCase, PublishedDiffers, OSError) as error:
        draft.unlink(missing_ok=True)
        print(f"Nothing was exported: {error}", file=sys.stderr)
        return 1
    print(f"{path} is written. Check it anywhere with: python {Path(__file__).with_name('verifier.py')} {path}")
    return 0


async def export_period_command(
    since: datetime, until: datetime, path: Path, *, may_open: MayOpen = everything, publish_file: Path | None = None
) -> int:
    """The same for everything that was written down from `since` to before `until`."""
    await checkpoints.make_checkpoint()
    ends = await streams_of_period(since, until)
    if not ends:
        print("Nothing was exported: the ledger has no entry of this period.", file=sys.stderr)
        return 1

    def opened(entry: Entry, opening: Opening) -> bool:
        return since <= entry.at < until and may_open(entry, opening)

    lines = export_streams(
        list(ends), period_scope(since, until), opened, publish_file=publish_file, checkpoint_first=False, up_to=ends
    )
    return await _written(lines, path)


async def checkpoint_command(publish_file: Path | None = None) -> int:
    """Makes a checkpoint of what is new, and publishes what the file lacks."""
    made = await checkpoints.make_checkpoint()
    print(f"Checkpoint {made.n} over {made.size} entries." if made else "Nothing new since the last checkpoint.")
    if publish_file is None:
        return 0
    try:
        print(f"{await checkpoints.publish(publish_file)} published in {publish_file}.")
    except (PublishedDiffers, OSError) as error:
        print(str(error), file=sys.stderr)
        return 1
    return 0
