"""Files the rows of one import, in batches, so that a kill at any point costs nothing and repeats nothing.

A batch first claims its keys (a row in csv_import_row each, in one transaction), then files outside of it, then books
what became of each row together with the line it reached. A claim that was found again after a kill tells that the
case behind it is this import's own, so "made" stays exact.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from ombud_csv_import import runs
from ombud_csv_import.beginning import mapping_of
from ombud_csv_import.encoding import Source
from ombud_csv_import.faults import Rejected
from ombud_csv_import.mapping import Mapping
from ombud_csv_import.reading import Table, open_table
from ombud_csv_import.receipts import complaint_of, digest, own_fields, receipt_of
from ombud_csv_import.rows import ComplaintRow, complaints
from ombud_csv_import.runs import Claim, Held, Run, Settled
from ombud_plugin_api import Complaint, Conflict, Context, Permanent, Platform, RawReceipt, Refused, Transient

BATCH = 50
AT_ONCE = 4
WAIT_FOR_LOCK = 4.0  # seconds; a killed process gives its lock back within moments
WHOLE_FILE = {"unit", "case_type"}
"""Refusals of these parts concern every row alike: the import stops instead of rejecting them one by one."""


class Stopped(Exception):
    """Somebody stopped the import; what is filed stays filed."""


class Busy(Transient):
    """Another process files rows of the same source."""


@dataclass(frozen=True)
class Row:
    """A row ready to be filed."""

    row: ComplaintRow
    complaint: Complaint
    raw: RawReceipt

    @property
    def claim(self) -> Claim:
        return Claim(self.row.line, self.row.line, self.row.key, digest(self.row))


async def import_rows(run: Run, source: Source, context: Context) -> Run:
    """Files what is not filed yet and returns the finished import; `source` is the file the import was begun with.
    Raises Busy, Stopped, and Permanent where core refuses the whole file, as for a unit there is not."""
    async with alone(context.platform, run.source):
        fresh = await runs.get(run.id)
        if fresh is None or fresh.state in {"finished", "stopped"}:
            raise Stopped
        await runs.change(run.id, state="running", error="", started_at=fresh.started_at or datetime.now(UTC))
        table = await asyncio.to_thread(open_table, source)
        try:
            await _file_all(fresh, table, mapping_of(fresh), context)
        except Permanent as fault:
            await runs.change(run.id, ("running",), state="failed", error=str(fault))
            raise
        finished = await runs.finish(run.id)
        finished.figures.check()
        return finished


@asynccontextmanager
async def alone(platform: Platform, source: str) -> AsyncIterator[None]:
    """One process at a time per source. The lock belongs to a connection, so it ends with its process, however."""
    got: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    over = asyncio.Event()
    holder = asyncio.create_task(_hold(platform, source, got, over))
    try:
        if not await got:
            raise Busy(f"Another import of {source!r} is running. Wait until it has ended, then start this one again.")
        yield
    finally:
        over.set()
        with suppress(Exception):  # the lock is gone either way
            await holder


async def _hold(platform: Platform, source: str, got: asyncio.Future[bool], over: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + WAIT_FOR_LOCK
    try:
        while True:
            async with platform.transaction():
                if await runs.try_lock(source):
                    got.set_result(True)
                    await over.wait()
                    return
            if loop.time() > until:
                got.set_result(False)
                return
            await asyncio.sleep(0.2)
    except Exception as fault:
        if not got.done():
            got.set_exception(fault)
        raise


async def _file_all(run: Run, table: Table, mapping: Mapping, context: Context) -> None:
    latest = datetime.now(UTC) + timedelta(minutes=5)
    found = complaints(table, mapping, run.source, run.read_to, latest)
    batches = _batches(run, found, await own_fields(context.platform))
    done = run.rows_in
    await context.progress(done, run.rows_total)
    while batch := await asyncio.to_thread(next, batches, None):
        settled = [_rejected(item) for item in batch if isinstance(item, Rejected)]
        settled += await _file_batch(run.id, [item for item in batch if isinstance(item, Row)], context.platform)
        async with context.platform.transaction():
            going_on = await runs.settle(run.id, settled, _end(batch[-1]))
        done += len(batch)
        if not going_on:
            raise Stopped
        await context.progress(done, run.rows_total)


def _batches(
    run: Run, found: Iterator[ComplaintRow | Rejected], fields: frozenset[str]
) -> Iterator[list[Row | Rejected]]:
    """A batch ends before a second copy of one of its rows, which then meets the settled first one."""
    batch: list[Row | Rejected] = []
    keys: set[str] = set()
    for item in found:
        if isinstance(item, ComplaintRow) and item.key in keys:
            yield batch
            batch, keys = [], set()
        batch.append(item if isinstance(item, Rejected) else _row(item, run, fields))
        if isinstance(item, ComplaintRow):
            keys.add(item.key)
        if len(batch) >= BATCH:
            yield batch
            batch, keys = [], set()
    if batch:
        yield batch


def _row(row: ComplaintRow, run: Run, fields: frozenset[str]) -> Row:
    complaint = complaint_of(row, run.source, run.unit, fields)
    return Row(row, complaint, receipt_of(row, complaint))


def _end(item: Row | Rejected) -> int:
    return item.row.line if isinstance(item, Row) else item.line


def _rejected(item: Rejected) -> Settled:
    return Settled(item.line, item.last_line, "rejected", code=item.code, reason=item.reason)


async def _file_batch(run: UUID, batch: list[Row], platform: Platform) -> list[Settled]:
    claims = [each.claim for each in batch]
    async with platform.transaction():
        held = await runs.claim(run, claims)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(row: Row, claim: Claim) -> Settled:
        async with gate:
            return await _settled(row, claim, held[claim.line], platform)

    tasks = [asyncio.create_task(one(row, claim)) for row, claim in zip(batch, claims, strict=True)]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _settled(row: Row, claim: Claim, held: Held, platform: Platform) -> Settled:
    """What becomes of one row; only a claim that is free or ours makes a case."""
    book = _booking(claim)
    if held.outcome == "made":
        return book("duplicate", reference=held.reference, changed=held.content != claim.content)
    reference, known = "", True
    try:
        filed = await platform.file(row.raw, row.complaint)
        reference, known = filed.reference, filed.duplicate
    except Conflict:
        pass  # filed before with other content: as good as filed, and left as it is
    except Refused as refusal:
        if refusal.field in WHOLE_FILE:
            raise Permanent(str(refusal)) from refusal
        return book("rejected", code="refused", reason=_where(refusal))
    if held.run is not None:
        await runs.credit(held.run, held.line, reference)
        return book("duplicate", reference=reference, changed=held.content != claim.content)
    if held.fresh and known:
        return book("duplicate", reference=reference, changed=not reference)
    return book("made", reference=reference)


def _booking(claim: Claim) -> Callable[..., Settled]:
    def book(outcome: str, **more: object) -> Settled:
        key = claim.key if outcome != "rejected" else ""
        return Settled(claim.line, claim.last_line, outcome, key, claim.content, **more)  # type: ignore[arg-type]

    return book


def _where(refusal: Refused) -> str:
    """Refusals of a case type's own fields name the field themselves."""
    named = not refusal.field or refusal.field.startswith("fields.")
    return str(refusal) if named else f"{refusal.field}: {refusal}"
