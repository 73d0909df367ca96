"""Takes the rows of a file, and puts it in the place of the one before in one step: until then the old rows count."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

import msgspec

from ombud_crm_csv import columns as meaning
from ombud_crm_csv import files, reading
from ombud_crm_csv.files import CustomerFile
from ombud_crm_csv.reading import Row, Table, UnreadableError
from ombud_crm_csv.tables import CrmCsvCustomer, CrmCsvFile
from ombud_plugin_api import Context, Platform

JOB = "take"
LIMIT = 1800.0
BATCH = 500
MOST_REFUSED_TOLD = 200

Taken = tuple[Row, dict[str, Any]]


def sorted_out(table: Table, columns: Mapping[str, str], country: str) -> Iterator[tuple[Row, dict[str, Any], str]]:
    """Each row with what is searched of it, and why it is refused, if it is."""
    for row in table.rows:
        if row.problem:
            yield row, {}, row.problem
        else:
            found, problem = meaning.customer(columns, row.cells, country)
            yield row, found, problem


async def take(payload: Mapping[str, Any], context: Context) -> None:
    """The job. Safe to run twice and to stop anywhere: it begins anew, and nothing counts before the last step."""
    file = await files.get(UUID(payload["file"]))
    if file is None or file.state != "taking" or file.kept_file is None:
        return
    try:
        table = await asyncio.to_thread(reading.read, await context.platform.kept_file(file.kept_file))
    except UnreadableError as problem:
        await files.change(file.id, state="failed", problem=str(problem))
        return
    await CrmCsvCustomer.delete().where(CrmCsvCustomer.file == file.id)
    taken, refused = 0, 0
    told: list[tuple[int, str]] = []
    batch: list[Taken] = []
    for row, found, why in sorted_out(table, file.columns, context.settings["country"]):
        if why:
            refused += 1
            told += [(row.line, why)] if len(told) < MOST_REFUSED_TOLD else []
            continue
        taken += 1
        batch.append((row, found))
        if len(batch) >= BATCH:
            await _write(file, batch)
            await context.progress(taken + refused, len(table.rows), "rows")
            batch = []
    await _write(file, batch)
    facts = {"rows_taken": taken, "rows_refused": refused, "refused": told}
    if not taken:
        await files.change(file.id, state="failed", problem="No row of it could be taken.", **facts)
        return
    await put_in_place(file, context.platform, **facts)


async def _write(file: CustomerFile, rows: Sequence[Taken]) -> None:
    shown = {name for name, means in file.columns.items() if means != meaning.NOTHING}
    customers = [
        CrmCsvCustomer(
            id=uuid4(), file=file.id, line=row.line, **found,
            cells=msgspec.json.encode({name: cell for name, cell in row.cells.items() if name in shown}).decode(),
        )
        for row, found in rows
    ]  # fmt: skip
    if customers:
        await CrmCsvCustomer.insert(*customers)


# Whom a row was found for stays known: the same customer number, else the same address.
_CARRY_OVER = """
UPDATE crm_csv_customer new SET person = old.person FROM crm_csv_customer old JOIN crm_csv_file f ON f.id = old.file
WHERE new.file = {} AND f.unit = {} AND f.state = 'live' AND old.person IS NOT NULL AND (
    (new.reference <> '' AND new.reference = old.reference)
    OR (new.reference = '' AND old.reference = '' AND new.email <> '' AND new.email = old.email))
"""


async def put_in_place(file: CustomerFile, platform: Platform, **facts: Any) -> None:
    """The old file and its rows go in the moment in which the new ones count."""
    async with platform.transaction():
        await CrmCsvFile.raw("SELECT pg_advisory_xact_lock(hashtextextended('crm-csv/' || {}, 0))", file.unit)
        await CrmCsvFile.raw(_CARRY_OVER, file.id, file.unit)
        await CrmCsvFile.raw(
            "DELETE FROM crm_csv_file WHERE unit = {} AND state = 'live' AND id <> {}", file.unit, file.id
        )
        await files.change(file.id, state="live", kept_file=None, problem="", **facts)
    if file.kept_file is not None:
        await platform.drop_file(file.kept_file)
