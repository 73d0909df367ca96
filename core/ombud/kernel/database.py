"""One door to PostgreSQL: Piccolo's engine and plain SQL share connections and transactions here."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from contextvars import ContextVar
from typing import Any

import asyncpg
import msgspec
from piccolo.engine.postgres import PostgresEngine, PostgresTransaction

from ombud.kernel.counting import QueryCount, count_statements, counting
from ombud.kernel.telling import Notice, Teller
from ombud.speech import for_programs, plain

_encoder = msgspec.json.Encoder(enc_hook=for_programs)
_CLOSED = "the database is not open in this process: call `await db.open(url)` first"
STEADY = 3  # connections at most: what is read there is short, and fewer of them do it sooner
_as_it_was: ContextVar[bool] = ContextVar("ombud_connection_as_it_was", default=False)


class _Engine(PostgresEngine):
    """Piccolo's engine asks the server for its version when it is made; ours has no server yet at that moment."""

    async def check_version(self) -> None:
        return


class NotOpen(RuntimeError):
    """The database was used before `db.open(url)` or after `db.close()`."""


def is_away(problem: BaseException) -> bool:
    """Whether the database could not be reached: it stops, starts or lost the connection. Nothing was committed then
    that somebody was told of."""
    if isinstance(problem, FileNotFoundError):
        return problem.filename is None  # a socket that is not there; a missing file has a name
    away = (NotOpen, ConnectionError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError)
    return isinstance(problem, (*away, asyncpg.OperatorInterventionError, asyncpg.InterfaceError))


class _Transaction(PostgresTransaction):
    """Piccolo's, with what is told once it is committed."""

    def __init__(self, engine: PostgresEngine) -> None:
        super().__init__(engine)
        self.notices: list[Notice] = []


class Database:
    """The pool of this process. Inside `transaction()` every call, Piccolo's included, uses its connection."""

    def __init__(self) -> None:
        self.engine = _Engine(config={}, extensions=())
        self.url = ""
        self.steady = Steady(self)
        self._teller = Teller(self._notify)

    async def open(self, url: str, *, smallest: int = 1, largest: int = 10, name: str = "ombud") -> None:
        """Opens the pool on the running event loop; a pool never crosses loops."""
        self.url = url
        self.engine.config = {"dsn": url}
        settings = {"application_name": name, "timezone": "UTC"}
        self.engine.pool = await _pool(url, settings, min_size=smallest, max_size=largest)
        self.steady.pool = await _pool(
            url,
            {**settings, "plan_cache_mode": "force_generic_plan"},
            min_size=0,
            max_size=min(largest, STEADY),
            max_cached_statement_lifetime=0,
            max_inactive_connection_lifetime=0,
        )

    async def close(self) -> None:
        """Tells what is still to be told and closes the pool; a connection still busy after 5 s is cut."""
        if self.is_open:
            await self._teller.finish()
        pools = self.engine.pool, self.steady.pool
        self.engine.pool = self.steady.pool = None
        await asyncio.gather(*(_close(each) for each in pools if each is not None))

    @property
    def is_open(self) -> bool:
        return self.engine.pool is not None

    @property
    def _pool(self) -> Any:
        if self.engine.pool is None:
            raise NotOpen(_CLOSED)
        return self.engine.pool

    def in_transaction(self) -> bool:
        return self.engine.current_transaction.get() is not None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """The transaction's asyncpg connection, or one of the pool for the length of the block."""
        current = self.engine.current_transaction.get()
        if current is not None:
            yield current.connection
            return
        async with self._borrowed() as connection:
            yield connection

    @asynccontextmanager
    async def _borrowed(self) -> AsyncIterator[Any]:
        """A connection of the pool, given back as it was: what passes here sets nothing in the session, so that the
        statement with which asyncpg resets it, a round trip of its own, is saved. Piccolo's own borrowing pays it."""
        pool = self._pool
        connection = await pool.acquire()
        try:
            yield connection
        finally:
            await _give_back(pool, connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Commits at the end or rolls back on an exception; joins the transaction that is already open."""
        if self.in_transaction():
            yield
            return
        current = _Transaction(self.engine)
        async with self._borrowed() as connection, connection.transaction():
            count_statements(2)
            current.connection = connection
            token = self.engine.current_transaction.set(current)
            try:
                yield
            finally:
                self.engine.current_transaction.reset(token)
        self._teller.add(current.notices)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Rolls back alone on an exception (which still propagates); needs an open transaction."""
        current = self.engine.current_transaction.get()
        if current is None:
            raise RuntimeError("a savepoint needs a transaction around it")
        count_statements(2)
        async with current.connection.transaction():
            yield

    @asynccontextmanager
    async def outside(self) -> AsyncIterator[None]:
        """Forgets an inherited transaction: `create_task` hands the child its parent's, which it must not use."""
        token = self.engine.current_transaction.set(None)
        try:
            yield
        finally:
            self.engine.current_transaction.reset(token)

    def tell(self, channel: str, payload: str = "") -> None:
        """Sends a notice right after the commit of what is open here, or now; dropped at a rollback. One may get lost
        with its process (see `kernel.telling`)."""
        current = self.engine.current_transaction.get()
        if isinstance(current, _Transaction):
            current.notices.append((channel, payload))
        else:
            self._teller.add([(channel, payload)])

    async def _notify(self, notices: Sequence[Notice]) -> None:
        await self.execute(
            "SELECT pg_notify(due.channel, due.payload) FROM unnest($1::text[], $2::text[]) AS due (channel, payload)",
            *map(list, zip(*notices, strict=True)),
        )

    def counting(self) -> AbstractContextManager[QueryCount]:
        return counting()

    async def fetch(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        rows: list[asyncpg.Record] = await self._ask("fetch", sql, args)
        return rows

    async def fetchrow(self, sql: str, *args: Any) -> asyncpg.Record | None:
        return await self._ask("fetchrow", sql, args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        return await self._ask("fetchval", sql, args)

    async def execute(self, sql: str, *args: Any) -> str:
        """Returns PostgreSQL's command tag, such as `UPDATE 1`."""
        return str(await self._ask("execute", sql, args))

    async def fetchmany(self, sql: str, arguments: Sequence[Sequence[Any]]) -> list[asyncpg.Record]:
        """A statement that gives one row, for each of several arguments: one round trip and one transaction."""
        if len(arguments) == 1:
            row = await self.fetchrow(sql, *arguments[0])
            assert row is not None
            return [row]
        rows: list[asyncpg.Record] = await self._ask("fetchmany", sql, [arguments])
        return rows

    async def _ask(self, method: str, sql: str, args: Sequence[Any]) -> Any:
        return await self.ask_in(self._pool, method, sql, args)

    async def ask_in(self, pool: Any, method: str, sql: str, args: Sequence[Any]) -> Any:
        """Like `connection()`, without its layers: this is asked several times a request."""
        count_statements()
        current = self.engine.current_transaction.get()
        if current is not None:
            return await getattr(current.connection, method)(sql, *args)
        connection = await pool.acquire()
        try:
            return await getattr(connection, method)(sql, *args)
        finally:
            await _give_back(pool, connection)

    async def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        count_statements()
        async with self.connection() as connection:
            await connection.executemany(sql, rows)


class Steady:
    """Long reads whose best plan is the same whatever their arguments are, such as all of one case: planned once for a
    connection. Elsewhere PostgreSQL plans a statement anew for each of its first five uses there, and asyncpg forgets
    it after five minutes: for the longest that is many times what they take. Never for lists that are filtered."""

    def __init__(self, whole: Database) -> None:
        self.pool: Any = None
        self._whole = whole

    async def fetch(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        rows: list[asyncpg.Record] = await self._ask("fetch", sql, args)
        return rows

    async def fetchrow(self, sql: str, *args: Any) -> asyncpg.Record | None:
        return await self._ask("fetchrow", sql, args)

    async def _ask(self, method: str, sql: str, args: Sequence[Any]) -> Any:
        if self.pool is None:
            raise NotOpen(_CLOSED)
        return await self._whole.ask_in(self.pool, method, sql, args)


async def _pool(url: str, settings: dict[str, str], **sizes: float) -> asyncpg.Pool:
    return await asyncpg.create_pool(
        url,
        init=_prepare_connection,
        reset=_reset_connection,
        max_cacheable_statement_size=0,  # no limit: the longest are those whose planning takes longest
        server_settings=settings,
        **sizes,
    )


async def _close(pool: asyncpg.Pool) -> None:
    try:
        await asyncio.wait_for(pool.close(), 5)
    except TimeoutError:
        pool.terminate()


async def _give_back(pool: Any, connection: Any) -> None:
    token = _as_it_was.set(True)
    try:
        await pool.release(connection)
    finally:
        _as_it_was.reset(token)


async def _prepare_connection(connection: Any) -> None:
    """jsonb travels as Python objects; text passes unchanged, because Piccolo encodes by itself."""
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(
            kind, schema="pg_catalog", encoder=_json_text, decoder=msgspec.json.decode, format="text"
        )


async def _reset_connection(connection: Any) -> None:
    """Called by the pool when a connection comes back, after it ended any open transaction."""
    if not _as_it_was.get():
        await connection.execute(connection.get_reset_query())


def _json_text(value: Any) -> str:
    return plain(value) if isinstance(value, str) else _encoder.encode(value).decode()


db = Database()
