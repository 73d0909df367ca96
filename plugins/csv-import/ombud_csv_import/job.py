"""The import as background work: goes on where it was killed, as often as it must."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from ombud_csv_import import runs
from ombud_csv_import.beginning import found
from ombud_csv_import.filing import Stopped, import_rows
from ombud_csv_import.runs import Run
from ombud_plugin_api import Context, Permanent, Refused

NAME = "import"
LIMIT = 6 * 3600.0
"""Seconds; an import that takes longer goes on in its next run."""


async def run_import(payload: Mapping[str, Any], context: Context) -> None:
    run = await runs.get(UUID(str(payload["run"])))
    if run is None or run.state == "stopped":
        return
    if run.state != "finished":
        with suppress(Stopped):  # by a person, or finished by the command meanwhile
            await import_rows(run, await _file(run, context), context)
    await _forget_file(await found(run.id), context)


async def _file(run: Run, context: Context) -> bytes:
    """Raises Permanent."""
    try:
        if run.file_id is None:
            raise Refused("The file of this import is not kept here. Import it again; nothing is filed twice.")
        return await context.platform.kept_file(run.file_id)
    except Refused as gone:
        await runs.change(run.id, state="failed", error=str(gone))
        raise Permanent(str(gone)) from gone


async def _forget_file(run: Run, context: Context) -> None:
    """The desk has each complaint now; a second copy of all of them would only be a second thing to lose."""
    if run.state == "finished" and run.file_id is not None:
        await runs.change(run.id, file_id=None)
        await context.platform.drop_file(run.file_id)
