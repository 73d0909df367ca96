"""Fills an empty desk with made-up cases by COPY, in as many processes as the machine has cores."""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path

import asyncpg

from ombud.bench import world
from ombud.bench.cases import CHUNK, Maker
from ombud.desk.errors import NotNow
from ombud.desk.search import build as search_build
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.process import settings
from ombud.trust.keys import MasterKeys


@dataclass(frozen=True)
class Order:
    """What a process needs to make its chunks. `url`: of the database's owner, who may pass over checks that the maker
    keeps by itself."""

    url: str
    keys: Path
    seed: int
    total: int
    first: int
    end: datetime
    prefix: str


@dataclass(frozen=True)
class Loaded:
    cases: int
    rows: int
    seconds: float
    afterwards: float


async def load(owner_url: str, cases: int, seed: int, told: Callable[[int, int], None]) -> Loaded:
    """Makes `cases` cases on a desk that has none; raises NotNow where it has some. Indexes and statistics are ready
    when it returns."""
    if await db.fetchval("SELECT EXISTS (SELECT 1 FROM core_case)"):
        raise NotNow("This desk has cases already. Name an empty folder: ombud bench load --data FOLDER")
    if not await world.is_there():
        await world.settle()
    started = time.monotonic()
    master = settings().secrets.master_key_file
    order = Order(owner_url, master, seed, cases, 1, now(), settings().complaints.reference_prefix)
    rows = await asyncio.to_thread(_in_processes, order, told)
    made = time.monotonic()
    await db.fetchval("SELECT setval('core_case_number', $1)", cases)
    await search_build.rebuild(processes=os.cpu_count() or 1)
    await _settle_tables(owner_url)
    return Loaded(cases, rows, made - started, time.monotonic() - made)


def _in_processes(order: Order, told: Callable[[int, int], None]) -> int:
    chunks = range(-(-order.total // CHUNK))
    rows = done = 0
    with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=get_context("spawn")) as pool:
        for each in as_completed([pool.submit(make_chunk, order, chunk) for chunk in chunks]):
            made, count = each.result()
            rows, done = rows + made, done + count
            told(done, order.total)
    return rows


def make_chunk(order: Order, chunk: int) -> tuple[int, int]:
    """One chunk in one transaction; returns how many rows and cases."""
    return asyncio.run(_chunk(order, chunk))


async def _chunk(order: Order, chunk: int) -> tuple[int, int]:
    first = order.first + chunk * CHUNK
    count = min(CHUNK, order.first + order.total - first)
    maker = Maker(order.seed, chunk, world.world(), MasterKeys(order.keys), order.end, order.prefix)
    rows = maker.make(first, count, order.total)
    connection = await asyncpg.connect(order.url, server_settings={"application_name": "ombud bench load"})
    try:
        async with connection.transaction():
            await _without_checks(connection)
            await rows.copy(connection)
            await _count(connection, first, count)
    finally:
        await connection.close()
    return sum(len(each) for each in rows.tables.values()), count


async def _without_checks(connection: asyncpg.Connection) -> None:
    """References hold by construction; a superuser need not have each looked up. Others pay for the look."""
    if await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        await connection.execute("SET LOCAL session_replication_role = replica")
    await connection.execute("SET LOCAL synchronous_commit = off")
    await connection.execute("SET LOCAL ombud.unsearched = 'on'")  # the search index is built at the end, in bulk


async def _count(connection: asyncpg.Connection, first: int, count: int) -> None:
    """The kept counters, where the trigger that keeps them was passed over."""
    if await connection.fetchval("SHOW session_replication_role") != "replica":
        return
    await connection.execute(
        """
        INSERT INTO core_queue_count (id, queue_id, unit_id, status, confidential, owned, delta, at)
        SELECT gen_random_uuid(), queue_id, unit_id, status, confidential, owner_id IS NOT NULL, count(*), now()
        FROM core_case WHERE xmin = pg_current_xact_id()::xid GROUP BY 2, 3, 4, 5, 6
        """
    )


async def _settle_tables(owner_url: str) -> None:
    """Statistics and visibility, as a desk has them that ran for two years."""
    connection = await asyncpg.connect(owner_url)
    try:
        await connection.execute("VACUUM (ANALYZE, PARALLEL 0)", timeout=600)
    finally:
        await connection.close()


def progress(done: int, total: int) -> None:
    print(f"{done} of {total} cases", file=sys.stderr, flush=True)
