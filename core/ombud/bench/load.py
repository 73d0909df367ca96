"""Fills an empty desk with made-up cases by COPY, in as many processes as the machine has cores."""

import asyncio
import gc
import os
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path

import asyncpg

from ombud.bench import world
from ombud.bench.cases import CHUNK, Maker
from ombud.bench.indexed import search_rows
from ombud.bench.rows import COLUMNS, Rows
from ombud.desk.errors import NotNow
from ombud.desk.search import build as search_build
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.process import settings
from ombud.trust.keys import MasterKeys


@dataclass(frozen=True)
class Order:
    """What a process needs to make its chunks. `url`: of the database's owner, who may pass over checks that the maker
    keeps by itself. `search`: the table the search index is built in."""

    url: str
    keys: Path
    seed: int
    total: int
    first: int
    end: datetime
    prefix: str
    search: str


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
    async with search_build.built_with() as index:
        order = Order(
            owner_url, settings().secrets.master_key_file, seed, cases, 1, now(),
            settings().complaints.reference_prefix, index.table,
        )  # fmt: skip
        rows = await asyncio.to_thread(_in_processes, order, told)
        made = time.monotonic()
        await db.fetchval("SELECT setval('core_case_number', $1)", cases)
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
    gc.disable()  # the rows stay until they are sent; looking them through again and again frees nothing
    try:
        return asyncio.run(_chunk(order, chunk))
    finally:
        gc.enable()


async def _chunk(order: Order, chunk: int) -> tuple[int, int]:
    first = order.first + chunk * CHUNK
    count = min(CHUNK, order.first + order.total - first)
    maker = Maker(order.seed, chunk, world.world(), MasterKeys(order.keys), order.end, order.prefix)
    rows = maker.make(first, count, order.total)
    words = search_rows(rows)
    connection = await asyncpg.connect(order.url, server_settings={"application_name": "ombud bench load"})
    try:
        async with connection.transaction():
            await _without_checks(connection)
            await rows.copy(connection)
            await search_build.copy_rows(connection, order.search, words)
            await _count(connection, rows)
    finally:
        await connection.close()
    return sum(len(each) for each in rows.tables.values()), count


async def _without_checks(connection: asyncpg.Connection) -> None:
    """References hold by construction; a superuser need not have each looked up. Others pay for the look."""
    if await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        await connection.execute("SET LOCAL session_replication_role = replica")
    await connection.execute("SET LOCAL synchronous_commit = off")
    await connection.execute("SET LOCAL ombud.unsearched = 'on'")  # its words come with it


async def _count(connection: asyncpg.Connection, rows: Rows) -> None:
    """The kept counters, where the trigger that keeps them was passed over."""
    if await connection.fetchval("SHOW session_replication_role") != "replica":
        return
    places = [COLUMNS["core_case"].index(name) for name in ("queue_id", "unit_id", "status", "confidential")]
    owner = COLUMNS["core_case"].index("owner_id")
    counts = Counter(
        (*(case[place] for place in places), case[owner] is not None) for case in rows.tables["core_case"]
    )  # fmt: skip
    await connection.executemany(
        "INSERT INTO core_queue_count (id, queue_id, unit_id, status, confidential, owned, delta, at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, now())",
        [(new_id(), *key, count) for key, count in counts.items()],
    )


async def _settle_tables(owner_url: str) -> None:
    """Statistics and visibility, as a desk has them that ran for two years: the largest tables first, as many at a time
    as there are cores."""
    tables = await db.fetch(
        "SELECT oid::regclass::text AS name FROM pg_class WHERE relkind = 'r' "
        "AND relnamespace = 'public'::regnamespace ORDER BY pg_table_size(oid) DESC, oid"
    )
    waiting = deque(each["name"] for each in tables)

    async def settle() -> None:
        connection = await asyncpg.connect(owner_url)
        try:
            while waiting:
                await connection.execute(f"VACUUM (ANALYZE, PARALLEL 0) {waiting.popleft()}", timeout=600)
        finally:
            await connection.close()

    await asyncio.gather(*(settle() for _ in range(os.cpu_count() or 1)))


def progress(done: int, total: int) -> None:
    print(f"{done} of {total} cases", file=sys.stderr, flush=True)
