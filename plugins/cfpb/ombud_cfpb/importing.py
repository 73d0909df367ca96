"""Files the rows of an uploaded export, in the work process; safe to be killed and run again: a complaint is filed
once, by its number at the bureau."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from ombud_cfpb import kept
from ombud_cfpb.channel import complaint_of, kept_of, receipt_of
from ombud_cfpb.reading import Row, RowRefused, UnreadableFile, read
from ombud_plugin_api import Conflict, Context, Permanent, Refused

JOB = "import"
LIMIT = 3600.0
MOST_TOLD = 200
EVERY = 25  # rows between two marks of how far it is


async def run(payload: Mapping[str, Any], context: Context) -> None:
    given = await kept.import_of(UUID(str(payload["import"])))
    if given is None or given.state != "waiting" or given.file_id is None:
        return
    tally = {name: int(context.state.get(name, 0)) for name in ("made", "known")}
    refused: list[tuple[int, str]] = [(int(line), str(why)) for line, why in context.state.get("refused", [])]
    done_to = int(context.state.get("line", 0))
    try:
        data = await context.platform.kept_file(given.file_id)
        rows = list(await asyncio.to_thread(_all, data, await context.platform.settings(given.unit)))
    except (Refused, UnreadableFile) as problem:
        await kept.end_import(given.id, "failed", 0, 0, [(0, "gone")])
        raise Permanent(f"The file cannot be read again: {problem}. Import it anew.") from problem
    for number, row in enumerate(rows, 1):
        if row.line <= done_to:
            continue
        if isinstance(row, RowRefused):
            refused.append((row.line, row.problem))
        else:
            await _file(row, given.unit, context, tally, refused)
        if number % EVERY == 0:
            await context.save({**tally, "refused": refused[:MOST_TOLD], "line": row.line})
            await context.progress(number, len(rows))
    await kept.end_import(given.id, "done", tally["made"], tally["known"], refused[:MOST_TOLD])
    await context.platform.drop_file(given.file_id)


def _all(data: bytes, settings: Mapping[str, Any]) -> list[Row | RowRefused]:
    return list(read(data, settings))


async def _file(row: Row, unit: str, context: Context, tally: dict[str, int], refused: list[tuple[int, str]]) -> None:
    raw = receipt_of(row, unit)
    try:
        filed = await context.platform.file(raw, complaint_of(kept_of(row, unit)))
    except Conflict:  # the bureau tells more of it by now; the case stands
        tally["known"] += 1
        return
    except Refused:
        refused.append((row.line, "not_taken"))
        return
    await kept.put(filed.case_id, filed.reference, unit, row)
    tally["known" if filed.duplicate else "made"] += 1
