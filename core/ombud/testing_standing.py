"""What stands from one test to the next: an event loop, a database, and connections that know it already.

To copy a database and to drop it takes the server longer than most tests take, and the first statement of each kind on
a new connection many times what it takes on one that has seen the tables. So a database is set back to what it was
copied from, and the pools of a desk are kept for the next; each test still finds what the one before could not touch.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import psycopg

from ombud.kernel import database
from ombud.kernel.postgres import create_database, drop_database

USES = 100
"""Tests after which a database is copied anew: rows that were deleted stay in its files."""
LEAVE_SECONDS = 5.0
CATALOGS = (
    "pg_attrdef", "pg_attribute", "pg_class", "pg_collation", "pg_constraint", "pg_default_acl", "pg_description",
    "pg_event_trigger", "pg_extension", "pg_index", "pg_inherits", "pg_largeobject_metadata", "pg_namespace",
    "pg_operator", "pg_policy", "pg_proc", "pg_publication", "pg_rewrite", "pg_sequence", "pg_statistic",
    "pg_statistic_ext", "pg_trigger", "pg_ts_config", "pg_ts_dict", "pg_type",
)  # fmt: skip
"""Where whatever changes more of a database than rows leaves a row."""
OF_DATABASE = """SELECT 'pg_database' FROM pg_database d WHERE datname = current_database()
    AND (xmin::text::bigint >= %s OR EXISTS (SELECT FROM pg_db_role_setting WHERE setdatabase = d.oid))"""
ADDED = """SELECT 'DROP ' || what || ' IF EXISTS ' || named || ' CASCADE' FROM (
    SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS what, oid::regclass::text
    AS named FROM pg_class WHERE relkind IN ('r', 'v', 'S') AND oid > %s AND relnamespace = 'public'::regnamespace
) AS added ORDER BY what DESC"""


class StandingLoop(asyncio.SelectorEventLoop):
    """The event loop of all tests of a process. Its `close`, called after each, leaves nothing of a test on it: tasks
    were cancelled by then, and timers, callbacks and sockets go, all but those of connections that are kept."""

    def close(self) -> None:
        if self.is_running():
            raise RuntimeError("Cannot close a running event loop")
        for timer in self._scheduled:  # type: ignore[attr-defined]
            timer.cancel()
        self._scheduled.clear()  # type: ignore[attr-defined]
        self._ready.clear()  # type: ignore[attr-defined]
        kept = {self._ssock.fileno(), *kept_sockets()}  # type: ignore[attr-defined]
        for number in [each for each in self._selector.get_map() if each not in kept]:  # type: ignore[attr-defined]
            self._selector.unregister(number)  # type: ignore[attr-defined]
        self.set_exception_handler(None)
        self.set_task_factory(None)

    async def shutdown_asyncgens(self) -> None:
        await super().shutdown_asyncgens()
        self._asyncgens_shutdown_called = False

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        await super().shutdown_default_executor()
        self._executor_shutdown_called = False
        self._default_executor = None


_loop: StandingLoop | None = None


def standing_loop() -> asyncio.AbstractEventLoop:
    """The one of this process; a new one where that one runs just now."""
    global _loop
    if _loop is None:
        _loop = StandingLoop()
    return asyncio.SelectorEventLoop() if _loop.is_running() else _loop


@dataclass
class _Baseline:
    """What a database was copied from. `rows`: the statement that writes them, for each table that is not empty."""

    tables: list[str] = field(default_factory=list)
    rows: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    sequences: dict[str, tuple[int, bool]] = field(default_factory=dict)
    newest: int = 0


class StandingDatabase:
    """A copy of a template that is set back instead of being dropped: rows by what differs from the template's; a test
    that changed tables costs a new copy, unless it only added some."""

    def __init__(self, server: str, name: str, template: str) -> None:
        self._server, self._name, self._template = server, name, template
        self._connection: psycopg.Connection[Any] | None = None
        self._baseline = _Baseline()
        self._since = 0
        self._uses = 0
        self.url = ""

    def fresh(self) -> str:
        """Its address, with all as it is in the template and nobody connected but pools that were kept for it."""
        self._uses += 1
        if self._connection is None or self._uses > USES or not self._set_back():
            self._copy()
        return self.url

    def drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self.url:
            forget_pools(self.url)
            drop_database(self._server, self._name)
            self.url = ""

    def _copy(self) -> None:
        self.drop()
        self.url = create_database(self._server, self._name, self._template)
        self._connection = psycopg.connect(self.url, autocommit=True, prepare_threshold=1)
        keep_pools(self.url)
        self._admit()
        self._uses, self._baseline = 1, self._read()
        self._since = self._next_transaction()

    def _admit(self) -> None:
        """Guards that hold for everybody, a superuser who skips triggers among them, let this one connection pass;
        what else they do stays as the migrations wrote it."""
        mine = f"BEGIN IF pg_backend_pid() = {self._ask('SELECT pg_backend_pid()')[0][0]} THEN RETURN NULL; END IF;"
        guards = "SELECT DISTINCT tgfoid, pg_get_functiondef(tgfoid) FROM pg_trigger WHERE tgenabled = 'A'"
        for _, written in self._ask(guards):
            assert self._connection is not None
            self._connection.execute(re.sub(r"\bBEGIN\b", mine, written, count=1))

    def _read(self) -> _Baseline:
        base = _Baseline()
        named = (
            "SELECT oid::regclass::text, relkind::text FROM pg_class WHERE relkind IN ('r', 'S') "
            "AND relnamespace = 'public'::regnamespace ORDER BY 1"
        )
        for name, kind in self._ask(named):
            if kind == "S":
                base.sequences[name] = self._ask(f"SELECT last_value, is_called FROM {name}")[0]
                continue
            base.tables.append(name)
            if count := self._ask(f"SELECT count(*) FROM {name}")[0][0]:
                base.counts[name], base.rows[name] = count, self._written(name)
        base.counts |= {name: self._ask(f"SELECT count(*) FROM {name}")[0][0] for name in CATALOGS}
        base.newest = self._ask("SELECT max(oid)::bigint FROM pg_class")[0][0]
        return base

    def _written(self, table: str) -> str:
        rows = self._ask(f"SELECT quote_literal(array_agg(t)::text) FROM {table} t")[0][0]
        return f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT (row).* FROM unnest({rows}::{table}[]) AS row"

    def _set_back(self) -> bool:
        """False where that cannot be done."""
        try:
            return not self._others() and self._same_tables() and self._same_rows()
        except psycopg.OperationalError:  # a test ended this connection too
            return False

    def _same_rows(self) -> bool:
        changed = [name for (name,) in self._ask(self._differing(), (self._since,) * len(self._baseline.rows))]
        if changed:
            self._rows_back(changed)
            self._since = self._next_transaction()
        return True

    def _others(self) -> bool:
        """Ends who is still connected; True where somebody stays."""
        known = [*kept_backends(self.url)]
        asked = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND pid <> ALL(%s)"
        )
        until = time.monotonic() + LEAVE_SECONDS
        while self._ask(asked, (known,)):
            if time.monotonic() > until:
                return True
            time.sleep(0.002)
        return False

    def _same_tables(self) -> bool:
        if not self._catalogs_differ():
            return True
        assert self._connection is not None
        with self._connection.transaction():
            for (command,) in self._ask(ADDED, (self._baseline.newest,)):
                self._connection.execute(command)
        return not self._catalogs_differ()

    def _catalogs_differ(self) -> bool:
        parts = [self._grown(name, self._baseline.counts[name]) for name in CATALOGS]
        return bool(self._ask(" UNION ALL ".join([*parts, OF_DATABASE]), (self._since,) * (len(CATALOGS) + 1)))

    def _differing(self) -> str:
        """Asks for the tables and sequences that differ: a row that was written since carries a later transaction, and
        of one that was deleted the count tells."""
        base = self._baseline
        parts = [
            self._grown(name, base.counts[name]) if name in base.rows
            else f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})"
            for name in base.tables
        ]  # fmt: skip
        parts += [
            f"SELECT '{name}' FROM {name} WHERE last_value <> {last} OR is_called <> {called}"
            for name, (last, called) in base.sequences.items()
        ]
        return " UNION ALL ".join(parts)

    @staticmethod
    def _grown(name: str, count: int) -> str:
        written = "count(*) FILTER (WHERE xmin::text::bigint >= %s)"
        return (
            f"SELECT '{name}' FROM (SELECT count(*), {written} AS new FROM {name}) t WHERE count <> {count} OR new > 0"
        )

    def _rows_back(self, changed: list[str]) -> None:
        """In one message, which is one transaction."""
        base = self._baseline
        tables = [name for name in changed if name not in base.sequences]
        said = ["SET LOCAL session_replication_role = replica"]  # neither triggers nor keys
        said += [f"DELETE FROM {name}" for name in tables]
        said += [base.rows[name] for name in tables if name in base.rows]
        for name in [each for each in changed if each in base.sequences]:
            last, called = base.sequences[name]
            said.append(f"SELECT setval('{name}', {last}, {called})")
        assert self._connection is not None
        self._connection.execute("; ".join(["BEGIN", *said, "COMMIT"]))

    def _next_transaction(self) -> int:
        return int(self._ask("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")[0][0])

    def _ask(self, asked: str, given: Any = None) -> list[Any]:
        assert self._connection is not None
        return self._connection.execute(asked, given).fetchall()


class Lent:
    """A kept pool as one desk holds it: a new object for each, since what is remembered of a database is remembered by
    its pool."""

    def __init__(self, pool: Any, key: tuple[Any, ...]) -> None:
        self.pool, self.key = pool, key
        self.acquire, self.release = pool.acquire, pool.release

    def __getattr__(self, name: str) -> Any:
        return getattr(self.pool, name)


_standing: set[str] = set()
_kept: dict[tuple[Any, ...], Any] = {}
_new_pool, _close_pool = database._pool, database._close


def keep_pools(url: str) -> None:
    """From now on, pools of this address are kept when they are closed on the standing loop."""
    _standing.add(url)


def forget_pools(url: str) -> None:
    _standing.discard(url)
    for key in [each for each in _kept if each[0] == url]:
        _kept.pop(key).terminate()


def kept_backends(url: str) -> Iterator[int]:
    for key, pool in _kept.items():
        if key[0] == url:
            yield from (each.get_server_pid() for each in _connections(pool))


def kept_sockets() -> Iterator[int]:
    for pool in _kept.values():
        yield from (each._transport.get_extra_info("socket").fileno() for each in _connections(pool))


def _connections(pool: Any) -> Iterator[Any]:
    return (holder._con for holder in pool._holders if holder.is_connected())


async def _pool(url: str, settings: dict[str, str], **sizes: float) -> Any:
    if url not in _standing or asyncio.get_running_loop() is not _loop:
        return await _new_pool(url, settings, **sizes)
    key = (url, *sorted(settings.items()), *sorted(sizes.items()))
    return Lent(_kept.pop(key, None) or await _new_pool(url, settings, **sizes), key)


async def _close(pool: Any) -> None:
    if not isinstance(pool, Lent):
        await _close_pool(pool)
    elif pool.key in _kept or pool.key[0] not in _standing or asyncio.get_running_loop() is not _loop:
        await _close_pool(pool.pool)
    elif await _is_as_new(pool.pool):
        _kept[pool.key] = pool.pool
    else:
        pool.terminate()


async def _is_as_new(pool: Any) -> bool:
    """Whether all its connections came back within the seconds that are allowed them, and could be reset."""
    try:
        async with asyncio.timeout(5):
            await asyncio.gather(*(each.wait_until_released() for each in pool._holders))
            for each in [*_connections(pool)]:
                await each.reset()
    except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    return True


database._pool, database._close = _pool, _close
