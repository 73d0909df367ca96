"""Builds the whole search index beside the one in use, in bulk, and switches: searching goes on meanwhile.

Changes made during the build are kept as notes and taken up again right after the switch.
"""

import asyncio
import io
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any
from uuid import UUID

import asyncpg

from ombud.desk.errors import NotNow
from ombud.desk.search import rows as search_rows
from ombud.desk.search.index import BUILDING, TABLES, WRITING, catch_up
from ombud.desk.search.rows import KINDS, Row
from ombud.kernel.database import db
from ombud.kernel.outbox import JobContext, enqueue_job

BATCH = 1000
AHEAD = 4  # batches read before their words are needed
JOB = "search.rebuild"
COLUMNS = ("id", "kind", "case_id", "at", "words")

log = logging.getLogger("ombud.search")

Tell = Callable[[int, int], Awaitable[None]]


async def rebuild(tell: Tell | None = None, *, processes: int = 0) -> int:
    """Builds the index anew from the records and switches to it; returns how many records are in it. `tell` is given
    (done, of how many) after each thousand. `processes`: how many find the words beside this one; 0 where others need
    the machine meanwhile. Raises NotNow where somebody else is at it.

    Loaders that COPY rows in bulk say `SET LOCAL ombud.unsearched = 'on'` in their transactions, which spares the notes
    of the triggers, and call this once afterwards, or load inside `built_with`.
    """
    async with built_with(tell, processes) as done:
        return done.records


@dataclass
class Filled:
    """The table beside the one in use, and how many records that were there already are in it."""

    table: str
    records: int = 0


@asynccontextmanager
async def built_with(tell: Tell | None = None, processes: int = 0) -> AsyncIterator[Filled]:
    """The same for loaders that know the words of what they load: inside, the new index holds what was there before,
    and the loader adds with `copy_rows` what it makes. The index is complete and in use after the block; where that
    fails, the one in use stays."""
    async with _alone():
        beside = await _begin()
        try:
            with _helpers(processes) as helpers:
                done = await _fill(beside, tell, helpers)
            yield Filled(beside, done)
            await _finish(beside)
        except BaseException:
            await _give_up()
            raise
    while await catch_up():
        pass


@asynccontextmanager
async def _alone() -> AsyncIterator[None]:
    """A session's lock on a connection of its own: it ends with this process, however that ends."""
    async with db.outside(), db.connection() as connection:
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", BUILDING):
            raise NotNow("The search index is being built already. Its progress stands on the search page.")
        try:
            yield
        finally:
            await connection.execute("SELECT pg_advisory_unlock($1)", BUILDING)


async def _begin() -> str:
    """Empties the table that is not in use; from here on changes keep their notes."""
    total = await search_rows.count()
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock($1)", WRITING)
        live = await db.fetchval(
            "UPDATE core_search_state SET building_since = now(), done = 0, total = $1 WHERE id = 1 RETURNING live",
            total,
        )
        await db.execute("DELETE FROM core_search_due WHERE taken")
        beside = TABLES["b" if live == "a" else "a"]
        await db.execute(f"TRUNCATE {beside}")
        for name in _indexes(beside):
            await db.execute(f"DROP INDEX IF EXISTS {name}")
        return beside


@contextmanager
def _helpers(processes: int) -> Iterator[ProcessPoolExecutor | None]:
    if not processes:
        yield None
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as helpers:
        yield helpers


async def _fill(table: str, tell: Tell | None, helpers: ProcessPoolExecutor | None) -> int:
    """Reads ahead while words are found and rows written. What changes in between has left a note, which is taken up
    after the switch."""
    done, ahead = 0, deque[Awaitable[list[Row]]]()
    for kind in KINDS:
        last: UUID | None = None
        while True:
            records = await search_rows.after(kind, last, BATCH)
            ahead.append(_worded(kind, records, helpers))
            while ahead and (len(ahead) > AHEAD or len(records) < BATCH or helpers is None):
                done = await _add(table, await ahead.popleft(), done, tell)
            if len(records) < BATCH:
                break
            last = records[-1]["id"]
    return done


def _worded(kind: str, records: list[dict[str, Any]], helpers: ProcessPoolExecutor | None) -> Awaitable[list[Row]]:
    if helpers is None:
        return asyncio.to_thread(search_rows.worded, kind, records)
    return asyncio.get_running_loop().run_in_executor(helpers, search_rows.worded, kind, records)


async def _add(table: str, rows: list[Row], done: int, tell: Tell | None) -> int:
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock($1)", WRITING)
        async with db.connection() as connection:
            await copy_rows(connection, table, rows)
        done += len(rows)
        total = await db.fetchval(
            "UPDATE core_search_state SET done = $1, total = greatest(total, $1) WHERE id = 1 RETURNING total", done
        )
    if tell is not None:
        await tell(done, total)
    return done


async def copy_rows(connection: asyncpg.Connection, table: str, rows: Sequence[Row]) -> None:
    """Adds rows to a table of the index; called in the transaction of whoever builds it.

    Stems hold neither tab nor backslash nor line end, so the text format of COPY needs no escapes.
    """
    text = "".join(
        f"{row.id}\t{row.kind}\t{row.case_id or chr(92) + 'N'}\t{row.at.isoformat()}\t{row.words}\n" for row in rows
    )
    await connection.copy_to_table(table, source=io.BytesIO(text.encode()), columns=COLUMNS, format="text")


def _indexes(table: str) -> dict[str, str]:
    """The indexes of a table of the index, as its migrations made them first. Words that wait to be sorted in are read
    one by one by each search, so only 64 kB of them may."""
    found = {f"{table}_case_id": f"ON {table} (case_id)"}
    for kind in KINDS:
        found[f"{table}_{kind}"] = (
            f"ON {table} USING gin (words) WITH (gin_pending_list_limit = 64) WHERE kind = '{kind}'"
        )
        found[f"{table}_{kind}_at"] = f"ON {table} (at DESC, id DESC) WHERE kind = '{kind}'"
    return found


async def _finish(beside: str) -> None:
    async with db.transaction():
        await db.execute("SET LOCAL maintenance_work_mem = '256MB'")
        for name, shape in _indexes(beside).items():
            await db.execute(f"CREATE INDEX {name} {shape}")
    await db.execute(f"ANALYZE {beside}")
    live = "a" if beside == TABLES["a"] else "b"
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock($1)", WRITING)
        await db.execute("UPDATE core_search_due SET taken = FALSE WHERE taken")
        await db.execute(
            "UPDATE core_search_state SET live = $1, built_at = now(), building_since = NULL WHERE id = 1", live
        )
    await _empty(TABLES["b" if live == "a" else "a"])


async def _empty(table: str) -> None:
    """Nothing of the former index stays. TRUNCATE waits for whoever still reads it; a long reader is not waited for."""
    try:
        async with db.transaction():
            await db.execute("SET LOCAL lock_timeout = '2s'")
            await db.execute(f"TRUNCATE {table}")
    except asyncpg.LockNotAvailableError:
        await db.execute(f"DELETE FROM {table}")


async def _give_up() -> None:
    """The index in use stays; what the notes told is in it already."""
    try:
        async with db.transaction():
            await db.execute("SELECT pg_advisory_xact_lock($1)", WRITING)
            await db.execute("UPDATE core_search_state SET building_since = NULL WHERE id = 1")
            await db.execute("DELETE FROM core_search_due WHERE taken")
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as problem:
        log.warning("an abandoned search index will be noticed by whoever writes next: %s", problem)


async def rebuild_job(payload: dict[str, object], context: JobContext) -> None:
    """The background job: with its progress on the page of jobs. A rebuild that runs already is enough."""

    async def tell(done: int, total: int) -> None:
        await context.progress(done, total, "Building the search index")

    try:
        await rebuild(tell)
    except NotNow as other:
        log.info("%s", other)


async def build_first() -> None:
    """At the start of the work process: a desk that is older than its index gets one."""
    if await db.fetchval("SELECT built_at IS NULL FROM core_search_state WHERE id = 1"):
        await enqueue_job(JOB, {}, key="first")
