"""Hears PostgreSQL's notices on a connection of its own, and re-reads after every reconnect, since notices get lost."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

import asyncpg

log = logging.getLogger("ombud.notices")

LOOK_SECONDS = 5.0
PAUSES = (0.1, 0.5, 1.0, 2.0)
WAITING = 5000  # notices not yet told; beyond that their words are dropped and the callback looks again
_LOST = ""  # no channel: the connection is gone

Heard = Callable[[list[str] | None], Awaitable[None]]


class Notices:
    """One listener a process. Each callback runs at the first connection, after each reconnect, and at each notice."""

    def __init__(self, url: str, name: str = "ombud notices") -> None:
        self._url = url
        self._name = name
        self._callbacks: dict[str, Heard] = {}
        self._heard: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def on(self, channel: str, callback: Callable[[], Awaitable[None]]) -> None:
        async def heard(payloads: list[str] | None) -> None:
            await callback()

        self._callbacks[channel] = heard

    def hear(self, channel: str, callback: Heard) -> None:
        """As `on`, with what the notices said, in order; None where some may have been missed: look for yourself."""
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
                connection = await asyncpg.connect(self._url, server_settings={"application_name": self._name})
                failures = 0
                await self._listen(connection)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as problem:
                log.warning("the listener lost the database (%s); it tries again", problem or type(problem).__name__)
            await asyncio.sleep(PAUSES[min(failures, len(PAUSES) - 1)])
            failures += 1

    async def _listen(self, connection: asyncpg.Connection) -> None:
        self._heard = asyncio.Queue()
        try:
            connection.add_termination_listener(self._put_lost)
            for channel in self._callbacks:
                await connection.add_listener(channel, self._put)
            for channel in self._callbacks:
                await self._call(channel, None)
            while True:
                await self._wait(connection)
        finally:
            connection.remove_termination_listener(self._put_lost)
            connection.terminate()

    async def _wait(self, connection: asyncpg.Connection) -> None:
        """Tells what was heard; a connection that ended is noticed at once, one that only fell silent by asking."""
        try:
            async with asyncio.timeout(LOOK_SECONDS):  # wait_for forgets a cancellation that comes with a notice
                first = await self._heard.get()
        except TimeoutError:
            await connection.fetchval("SELECT 1", timeout=LOOK_SECONDS)
            return
        told: dict[str, list[str]] = {}
        missed = self._heard.qsize() >= WAITING
        for channel, payload in [first, *self._rest()]:
            if channel == _LOST:
                raise ConnectionResetError("the connection ended")
            told.setdefault(channel, []).append(payload)
        for channel, payloads in told.items():
            await self._call(channel, None if missed else payloads)

    def _rest(self) -> list[tuple[str, str]]:
        return [self._heard.get_nowait() for _ in range(self._heard.qsize())]

    def _put(self, connection: object, pid: int, channel: str, payload: object) -> None:
        self._heard.put_nowait((channel, str(payload) if self._heard.qsize() < WAITING else ""))

    def _put_lost(self, connection: object) -> None:
        self._heard.put_nowait((_LOST, ""))

    async def _call(self, channel: str, payloads: list[str] | None) -> None:
        try:
            await self._callbacks[channel](payloads)
        except Exception:
            log.exception("what listens to %s failed; it is called again at the next notice", channel)
