"""Hands ready deliveries to the broker, and gives back what dead workers held."""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from ombud.config import Config
from ombud.kernel.database import db
from ombud.kernel.delivery import Runner
from ombud.kernel.giving_way import LOOKS, way
from ombud.kernel.outbox import CHANNEL, registry, wake_relay
from ombud.kernel.requeue import REQUEUE

AT_ONCE = 4  # deliveries of one subscriber with the broker, per thread: a flood for one must not hold up the others
TOGETHER = 8  # events of one subscriber in one message of the broker, which costs more than the handling of most
GATHERS = 0.1  # seconds in which notices are put together
FORGOTTEN = 30  # seconds after which the broker is taken to have lost one

log = logging.getLogger(__name__)

# $1: plugins that are on, and '' for core; $2: how many each subscriber may have with the broker. The names come by
# leaps through the index, whatever the backlog.
_READY = """
WITH RECURSIVE name AS (
    (SELECT subscriber FROM core_delivery WHERE state = 'waiting' AND handed_at IS NULL ORDER BY subscriber LIMIT 1)
    UNION ALL
    SELECT (SELECT next.subscriber FROM core_delivery AS next
            WHERE next.state = 'waiting' AND next.handed_at IS NULL AND next.subscriber > name.subscriber
            ORDER BY next.subscriber LIMIT 1)
    FROM name WHERE name.subscriber IS NOT NULL
), busy AS (
    SELECT subscriber, count(*) AS handed FROM core_delivery
    WHERE state = 'waiting' AND handed_at IS NOT NULL GROUP BY subscriber
), ready AS (
    SELECT picked.id FROM name LEFT JOIN busy USING (subscriber), LATERAL (
        SELECT id FROM core_delivery AS due
        WHERE due.subscriber = name.subscriber AND due.state = 'waiting' AND due.handed_at IS NULL
            AND due.available_at <= now() AND due.plugin = ANY($1::text[])
        ORDER BY due.available_at
        LIMIT greatest(0, $2 - coalesce(busy.handed, 0))
        FOR UPDATE SKIP LOCKED
    ) AS picked
)
UPDATE core_delivery SET handed_at = now() FROM ready WHERE core_delivery.id = ready.id
RETURNING core_delivery.id, core_delivery.subscriber
"""

# A database that was down for a while makes every worker look silent, so it must have been up longer than that.
_DEAD = """
SELECT id FROM core_worker
WHERE role = 'work' AND beat_at < now() - make_interval(secs => $1) AND id <> $2
    AND pg_postmaster_start_time() < now() - make_interval(secs => $1)
UNION
SELECT locked_by FROM core_delivery
WHERE state = 'running' AND NOT EXISTS (SELECT 1 FROM core_worker WHERE id = locked_by) AND locked_by <> $2
"""

# One that answers browsers and was killed is shown as silent for a while, then forgotten.
_FORGET_WEB = "DELETE FROM core_worker WHERE role <> 'work' AND beat_at < now() - interval '10 minutes'"

_FORGET = "UPDATE core_delivery SET handed_at = NULL WHERE state = 'waiting' AND handed_at IS NOT NULL"

_BEAT = """
INSERT INTO core_worker (id, role, host, pid, started_at, beat_at) VALUES ($1, 'work', $2, $3, now(), now())
ON CONFLICT (id) DO UPDATE SET beat_at = now()
"""


class Relay:
    """One per work process; several share the outbox without handing anything over twice."""

    def __init__(self, config: Config, runner: Runner, hand_over: Callable[[list[UUID]], None]) -> None:
        """`hand_over` takes deliveries that run one after the other, in one message."""
        self._jobs = config.jobs
        self._runner = runner
        self._hand_over = hand_over
        self._woken = asyncio.Event()
        self._ears: asyncpg.Connection | None = None
        self._beaten = self._tended = float("-inf")
        runner.when_done = self._woken.set  # which makes room for the next one

    async def run(self) -> None:
        """Until cancelled; a database that is away is waited for."""
        while True:
            try:
                await self._listen()
                await self._beat_in_time()
                if ours := way().ours():
                    await self._relay()
                await self._tend()
                await (self._wait(float(self._jobs.heartbeat_seconds)) if ours else asyncio.sleep(LOOKS))
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("the outbox waits for the database: %s", error)
                await asyncio.sleep(0.5)
            except Exception:
                log.exception("the outbox stumbled; it goes on")
                await asyncio.sleep(1.0)

    async def close(self) -> None:
        if self._ears is not None and not self._ears.is_closed():
            await self._ears.close(timeout=1)
        await db.execute("DELETE FROM core_worker WHERE id = $1", self._runner.worker)
        await db.execute(_FORGET)
        wake_relay()

    async def _listen(self) -> None:
        if self._ears is not None and not self._ears.is_closed():
            return
        self._ears = await asyncpg.connect(db.url, timeout=5, server_settings={"application_name": "ombud relay"})
        await self._ears.add_listener(CHANNEL, lambda *_: self._woken.set())
        # The server may have been away, and the broker's latest messages with it.
        await db.execute(_FORGET)

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
            await asyncio.sleep(GATHERS)
        self._woken.clear()

    async def _beat_in_time(self) -> None:
        time = asyncio.get_running_loop().time()
        if time - self._beaten >= self._jobs.heartbeat_seconds / 2:
            self._beaten = time
            await self.beat()

    async def beat(self) -> None:
        await db.execute(_BEAT, self._runner.worker, socket.gethostname(), os.getpid())

    async def _relay(self) -> None:
        """Hands over what is ready and has room."""
        allowed = ["", *registry.plugins_enabled()]
        ready = await db.fetch(_READY, allowed, AT_ONCE * self._jobs.threads)
        if not ready:
            return
        try:
            await asyncio.to_thread(self._hand_over_all, _messages(ready))
        except Exception as error:
            log.warning("the broker did not take %s deliveries, they wait: %s", len(ready), error)
            ids = [row["id"] for row in ready]
            await db.execute("UPDATE core_delivery SET handed_at = NULL WHERE id = ANY($1::uuid[])", ids)
            await asyncio.sleep(0.5)

    def _hand_over_all(self, messages: list[list[UUID]]) -> None:
        for deliveries in messages:
            self._hand_over(deliveries)

    async def _tend(self) -> None:
        """Every few seconds: what the broker lost, what we could not book, what dead workers held."""
        time = asyncio.get_running_loop().time()
        if time - self._tended < self._jobs.maintenance_seconds:
            return
        self._tended = time
        await db.execute(
            f"""
            UPDATE core_delivery SET handed_at = NULL
            WHERE state = 'waiting' AND handed_at < now() - interval '{FORGOTTEN} seconds'
            """
        )
        await db.execute(_FORGET_WEB)
        await self._free_unbooked()
        dead = [row["id"] for row in await db.fetch(_DEAD, self._jobs.ttl_seconds, self._runner.worker)]
        if dead:
            hit = await db.fetchval(REQUEUE, dead, None)
            log.warning("%s work processes fell silent; %s deliveries run again", len(dead), hit)

    async def _free_unbooked(self) -> None:
        """Ours by the table, but not running: its end could not be written down. It runs again."""
        mine = await db.fetch(
            "SELECT id FROM core_delivery WHERE state = 'running' AND locked_by = $1", self._runner.worker
        )
        unbooked = [row["id"] for row in mine if row["id"] not in self._runner.running]
        if unbooked:
            await db.execute(
                """
                UPDATE core_delivery SET state = 'waiting', locked_by = NULL, available_at = now()
                WHERE id = ANY($2::uuid[]) AND state = 'running' AND locked_by = $1
                """,
                self._runner.worker,
                unbooked,
            )


def _messages(ready: Sequence[Any]) -> list[list[UUID]]:
    """Events of one subscriber go together, a few at a time; a job may take long and goes alone."""
    of_subscriber: dict[str, list[UUID]] = {}
    for row in ready:
        of_subscriber.setdefault(row["subscriber"], []).append(row["id"])
    messages = []
    for subscriber, ids in of_subscriber.items():
        size = 1 if subscriber.startswith("job/") else TOGETHER
        messages += [ids[start : start + size] for start in range(0, len(ids), size)]
    return messages
