"""Ends a change of tables that keeps others waiting: a plugin's migration may be slow, a complaint may not."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from ombud.kernel.database import db
from ombud.kernel.migrations import MigrationError

WAITED = 0.8  # seconds somebody may wait for the change
LOOK_EVERY = 0.2

log = logging.getLogger("ombud.plugins")

# Those who wait for the same schema lock are other changes, which may well wait.
_KEPT_WAITING = """
SELECT count(*) FROM pg_locks
WHERE NOT granted AND locktype <> 'advisory' AND waitstart < clock_timestamp() - make_interval(secs => %s)
    AND %s = ANY(pg_blocking_pids(pid))
"""


@asynccontextmanager
async def holding_up_nobody() -> AsyncIterator["Watch"]:
    """Around a transaction, which names its connection to the watch; raises MigrationError where it was cut off."""
    watch = Watch(db.url)
    try:
        yield watch
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as problem:
        if not watch.cut:
            raise
        raise MigrationError(
            f"it kept {watch.cut} others waiting for a table, for more than {WAITED:g} s, and was cut off; nothing was "
            "changed. A migration may change tables of its own and nothing that takes long: fill rows in a job"
        ) from problem
    finally:
        await asyncio.to_thread(watch.stop)


class Watch:
    """A thread with a connection of its own: a migration that blocks the loop does not stop it looking."""

    def __init__(self, url: str) -> None:
        self.cut = 0  # how many waited when it was cut off
        self._url = url
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, pid: int) -> None:
        """The server's process that changes tables."""
        import psycopg  # noqa: F401 - here, so that the thread looks at once and imports nothing beside us

        self._thread = threading.Thread(target=self._look, args=(pid,), name="holding up", daemon=True)
        self._thread.start()

    def _look(self, pid: int) -> None:
        import psycopg  # only a change of tables needs it; most commands make none

        try:
            with psycopg.connect(self._url, autocommit=True, connect_timeout=5) as connection:
                while not self._over.wait(LOOK_EVERY) and not self.cut:
                    row = connection.execute(_KEPT_WAITING, (WAITED, pid)).fetchone()
                    if row and row[0] and not self._over.is_set():
                        self.cut = int(row[0])
                        connection.execute("SELECT pg_terminate_backend(%s)", (pid,))
        except psycopg.Error as problem:
            log.warning("nobody watches whether the change holds others up: %s", problem)

    def stop(self) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join(5)
