"""A web process says that it lives, as work processes do through their relay; the health page reads it."""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from ombud.kernel.database import NotOpen, db
from ombud.kernel.ids import new_id
from ombud.kernel.processes import serves_apart

EVERY = 5.0  # seconds between two signs of life of a web process

log = logging.getLogger(__name__)

_SAY = """
INSERT INTO core_worker (id, role, host, pid, started_at, beat_at) VALUES ($1, $4, $2, $3, now(), now())
ON CONFLICT (id) DO UPDATE SET beat_at = now()
"""


@asynccontextmanager
async def said_to_live() -> AsyncIterator[None]:
    """Says so inside the block, and takes the row away at its end; a database that is away is waited for."""
    identity = new_id()
    task = asyncio.create_task(_say(identity), name="ombud alive")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        with contextlib.suppress(OSError, NotOpen, asyncpg.PostgresError, asyncpg.InterfaceError):
            await asyncio.wait_for(db.execute("DELETE FROM core_worker WHERE id = $1", identity), 2)


async def _say(identity: object) -> None:
    role = serves_apart() or "web"
    while True:
        try:
            await db.execute(_SAY, identity, socket.gethostname(), os.getpid(), role)
        except (OSError, NotOpen, asyncpg.PostgresError, asyncpg.InterfaceError) as problem:
            log.debug("no sign of life could be given: %s", problem)
        await asyncio.sleep(EVERY)


@dataclass(frozen=True)
class Alive:
    """A process that gave a sign of life `silent` seconds ago."""

    role: str
    host: str
    pid: int
    started_at: datetime
    silent: float


async def processes() -> list[Alive]:
    """Processes of every role, the longest silent last."""
    rows = await db.fetch(
        "SELECT role, host, pid, started_at, extract(epoch FROM clock_timestamp() - beat_at)::float AS silent "
        "FROM core_worker ORDER BY beat_at DESC"
    )
    return [Alive(**dict(row)) for row in rows]
