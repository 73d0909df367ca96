"""Tells other processes what was committed, by PostgreSQL's notices, and those of one moment together.

A notice inside a transaction holds up every other one that has a notice, for as long as its commit waits for the disk;
these are sent right after the commit, by a statement that writes nothing. A process that dies in between leaves them
untold, so whoever listens also looks by itself.
"""

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Sequence

GATHERS = 0.03  # seconds in which notices are put together

Notice = tuple[str, str]  # channel and payload

log = logging.getLogger("ombud.notices")


class Teller:
    """What this process has to tell; each notice once, in the order of first mention."""

    def __init__(self, send: Callable[[Sequence[Notice]], Awaitable[None]]) -> None:
        self._send = send
        self._due: dict[Notice, None] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, notices: Sequence[Notice]) -> None:
        """On the running event loop."""
        self._due.update(dict.fromkeys(notices))
        if self._due and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._soon(), name="ombud telling", context=contextvars.Context())

    async def finish(self) -> None:
        """Waits until what is due was told, two seconds at most; before the database is closed."""
        if self._task is not None and not self._task.done():
            await asyncio.wait({self._task}, timeout=2)

    async def _soon(self) -> None:
        await asyncio.sleep(GATHERS)
        while self._due:
            notices, self._due = list(self._due), {}
            try:
                await self._send(notices)
            except Exception as problem:
                log.warning("%s notices could not be told: %s", len(notices), problem or type(problem).__name__)
