"""Hears PostgreSQL's notices on a connection of its own, and re-reads after every reconnect, since notices get lost."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

import asyncpg

log = logging.getLogger("ombud.notices")

LOOK_SECONDS = 5.0
PAUSES = (0.1, 0.5, 1.0, 2.0)


class Notices:
    """One listener a process. Each callback runs at the first connection, after each reconnect, and at each notice."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._callbacks: dict[str, Callable[[], Awaitable[None]]] = {}
        self._heard: asyncio.Queue[str] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def on(self, channel: str, callback: Callable[[], Awaitable[None]]) -> None:
        self._callbacks[channel] = callback

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="ombud notices")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                connection = await asyncpg.connect(self._url, server_settings={"application_name": "ombud notices"})
                failures = 0
                await self._listen(connection)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as problem:
                log.warning("the listener lost the database (%s); it tries again", problem or type(problem).__name__)
            await asyncio.sleep(PAUSES[min(failures, len(PAUSES) - 1)])
            failures += 1

    async def _listen(self, connection: asyncpg.Connection) -> None:
        try:
            for channel in self._callbacks:
                await connection.add_listener(channel, self._put)
            for channel in self._callbacks:
                await self._call(channel)
            while True:
                await self._wait(connection)
        finally:
            connection.terminate()

    async def _wait(self, connection: asyncpg.Connection) -> None:
        try:
            channel = await asyncio.wait_for(self._heard.get(), LOOK_SECONDS)
        except TimeoutError:
            await connection.fetchval("SELECT 1", timeout=LOOK_SECONDS)
            return
        while not self._heard.empty() and self._heard.get_nowait() == channel:
            continue
        await self._call(channel)

    def _put(self, connection: object, pid: int, channel: str, payload: object) -> None:
        self._heard.put_nowait(channel)

    async def _call(self, channel: str) -> None:
        try:
            await self._callbacks[channel]()
        except Exception:
            log.exception("what listens to %s failed; it is called again at the next notice", channel)
