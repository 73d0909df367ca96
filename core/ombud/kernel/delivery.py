"""Runs one delivery: counts the attempt, calls the handler, writes down how it ended."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from ombud.kernel import faults, heartbeat
from ombud.kernel.calling import place_of
from ombud.kernel.database import db
from ombud.kernel.giving_way import way
from ombud.kernel.outbox import registry
from ombud_plugin_api.errors import Misconfigured, Permanent, Transient

BACK_OFF = (1, 5, 30, 300, 900, 3600, 10_800)  # seconds before the second, third … attempt
ATTEMPTS = len(BACK_OFF) + 1
SCHEDULED = "schedule/"
"""How the keys of jobs begin that the schedule wrote; the name of the entry follows."""
PATIENCE = "7 days"  # how long something transient is tried again
QUICK = 0.5  # seconds in which deliveries that came together are begun
PROGRESS_EVERY = 0.5  # seconds between two writes of progress

log = logging.getLogger(__name__)


class LostDelivery(Exception):
    """Another worker has taken this delivery over: this handler must stop."""


class NoHandler(Exception):
    """Nothing in this process handles that subscriber; another version of the program may."""


class Running:
    """The `JobContext` of one attempt."""

    def __init__(self, row: Any, worker: UUID, runner: "Runner") -> None:
        self.delivery_id: UUID = row["id"]
        self.key = str(self.delivery_id)
        self.attempt: int = row["attempts"]
        self.plugin: str = row["plugin"]
        self.state: dict[str, Any] = row["checkpoint"]
        self._worker = worker
        self._runner = runner
        self._said = 0.0

    @property
    def stopping(self) -> bool:
        """The process ends soon: a long job saves its state and returns or waits to be cancelled."""
        return self._runner.stopping

    async def progress(self, done: int, total: int, note: str = "") -> None:
        """For people to see; written twice a second at most, the end always."""
        if done < total and time.monotonic() - self._said < PROGRESS_EVERY:
            return
        self._said = time.monotonic()
        await self._write("progress", {"done": done, "total": total, "note": note})

    async def save(self, state: dict[str, Any]) -> None:
        """Keeps where to resume from; inside a transaction it holds exactly if the work of that transaction does."""
        await self._write("checkpoint", state)
        self.state = state

    async def _write(self, column: str, value: dict[str, Any]) -> None:
        done = await db.execute(
            f"UPDATE core_delivery SET {column} = $3 WHERE id = $1 AND locked_by = $2 AND state = 'running'",
            self.delivery_id,
            self._worker,
            value,
        )
        if done == "UPDATE 0":
            raise LostDelivery(f"delivery {self.delivery_id} runs elsewhere now")


class Runner:
    """Runs the deliveries of one worker process, all on one event loop."""

    def __init__(self, worker: UUID) -> None:
        self.worker = worker
        self.stopping = False
        self.running: dict[UUID, asyncio.Task[None]] = {}
        self.when_done: Callable[[], None] = lambda: None
        self._suspect: UUID | None = None

    async def run(self, identity: UUID) -> None:
        """Never raises what the handler raised. A message that came twice, or too late, does nothing."""
        if self.stopping or identity in self.running:
            return
        task = asyncio.create_task(self._run(identity), name=f"delivery {identity}")
        self.running[identity] = task
        try:
            await asyncio.wait({task})
        finally:
            del self.running[identity]
            if self._suspect == identity:
                self._suspect = None
            self.when_done()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("delivery %s could not be booked: %s; it runs again", identity, error)

    async def run_together(self, identities: Sequence[UUID]) -> None:
        """One after the other while they are quick. What stands behind a slow one goes back to the relay, so that a
        thread is never held for longer than one delivery takes."""
        took = 0.0
        for place, identity in enumerate(identities):
            if place and took > QUICK:
                await self._give_back(identities[place:])
                return
            await way().pause()
            began = time.monotonic()
            await self.run(identity)
            took += time.monotonic() - began

    async def _give_back(self, identities: Sequence[UUID]) -> None:
        await db.execute(
            "UPDATE core_delivery SET handed_at = NULL WHERE id = ANY($1::uuid[]) AND state = 'waiting'",
            list(identities),
        )
        self.when_done()

    def interrupt(self) -> None:
        """At the end of the process: what still runs is put back and runs elsewhere."""
        for task in self.running.values():
            task.cancel()

    async def _run(self, identity: UUID) -> None:
        row = await self._claim(identity)
        if row is None:
            return
        context = Running(row, self.worker, self)
        try:
            await self._handle(row, context)
        except asyncio.CancelledError:
            await self._cancelled(row)
        except LostDelivery as lost:
            log.warning("%s", lost)
        except Exception as error:
            await self._failed(row, error)
        else:
            await self._close(row, "done")

    async def _claim(self, identity: UUID) -> Any:
        """Takes the delivery and counts the attempt. One whose process died before runs beside no other such one,
        so that a job that kills its process takes an innocent one down once, not three times."""
        free = self._suspect is None
        if free:
            self._suspect = identity
        row = await db.fetchrow(
            """
            UPDATE core_delivery SET state = 'running', attempts = attempts + 1, locked_by = $2, handed_at = NULL,
                started_at = now()
            WHERE id = $1 AND state = 'waiting' AND available_at <= now() AND (kills = 0 OR $3)
            RETURNING id, subscriber, plugin, event, attempts, kills, checkpoint, created_at, dedupe
            """,
            identity,
            self.worker,
            free,
        )
        if free and (row is None or row["kills"] == 0):
            self._suspect = None
        if row is None:
            await db.execute(
                """
                UPDATE core_delivery SET handed_at = NULL, available_at = now() + interval '1 second'
                WHERE id = $1 AND state = 'waiting' AND available_at <= now()
                """,
                identity,
            )
        return row

    async def _handle(self, row: Any, context: Running) -> None:
        handler, place = _handler(row["subscriber"], row["plugin"])
        heartbeat.delivery.set(context.delivery_id)
        with heartbeat.pulse().open_call(row["plugin"] or "core", place):
            await handler(row["event"], context)

    async def _cancelled(self, row: Any) -> None:
        """Ours at the end of the process costs no attempt; a handler that cancels itself has failed."""
        if not self.stopping:
            await self._failed(row, RuntimeError("the handler cancelled itself"))
            return
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
        await self._close(row, "waiting", attempts=row["attempts"] - 1)

    async def _failed(self, row: Any, error: Exception) -> None:
        said = faults.told(error)[:4000]
        patient = isinstance(error, Transient | Misconfigured | NoHandler)
        over = row["attempts"] >= ATTEMPTS
        if patient:
            over = await db.fetchval(f"SELECT $1::timestamptz < now() - interval '{PATIENCE}'", row["created_at"])
        if over or isinstance(error, Permanent):
            log.error("%s is parked after %s attempts: %s", row["subscriber"], row["attempts"], said)
            await self._close(row, "parked", error=said)
            await faults.record(row["plugin"] or "core", "parked", row["subscriber"], said, faults.trace_hash(error))
            return
        delay = await self._delay(row, error)
        log.warning("%s failed, attempt %s, again in %s s: %s", row["subscriber"], row["attempts"], delay, said)
        log.debug("its stack", exc_info=error)
        await self._close(row, "waiting", error=said, delay=float(delay))

    async def _delay(self, row: Any, error: Exception) -> float:
        """Seconds until the next attempt. Work of the schedule whose other side is away, or whose settings are wrong,
        is not put off beyond its next moment: while it waits, the schedule writes no other, and what was corrected
        should show then. What the other side asked for is kept."""
        asked = getattr(error, "retry_after", None)
        delay = float(max(BACK_OFF[min(row["attempts"], len(BACK_OFF)) - 1], asked or 0))
        if asked or not isinstance(error, Transient | Misconfigured) or not str(row["dedupe"]).startswith(SCHEDULED):
            return delay
        left = await db.fetchval(
            "SELECT extract(epoch FROM next_at - now())::float8 FROM core_planned WHERE name = $1",
            row["dedupe"].removeprefix(SCHEDULED),
        )
        return delay if left is None else min(delay, max(1.0, left))

    async def _close(
        self, row: Any, state: str, *, error: str = "", delay: float = 0.0, attempts: int | None = None
    ) -> None:
        await db.execute(
            """
            UPDATE core_delivery
            SET state = $3, error = $4, locked_by = NULL, handed_at = NULL, attempts = coalesce($6, attempts),
                available_at = CASE WHEN $3 = 'waiting' THEN now() + make_interval(secs => $5) ELSE available_at END,
                finished_at = CASE WHEN $3 = 'waiting' THEN NULL ELSE now() END
            WHERE id = $1 AND locked_by = $2 AND state = 'running'
            """,
            row["id"],
            self.worker,
            state,
            error,
            delay,
            attempts,
        )


def _handler(subscriber: str, plugin: str) -> tuple[Callable[[dict[str, Any], Running], Awaitable[None]], str]:
    """The handler and its place as the watchdog shows it: subscriber, then the function's name."""
    kind, _, name = subscriber.partition("/")
    if plugin and plugin not in registry.plugins_enabled():
        raise NoHandler(f"plugin {plugin} is not on")
    if kind == "plugin":
        return lambda event, context: registry.deliver_to_plugin(name, event, context), f"{subscriber} on_event"
    known = registry.jobs.get(name) if kind == "job" else registry.subscriptions.get(name)
    if known is None:
        raise NoHandler(f"nothing handles {subscriber}; is the version of the program that does installed?")
    return known.handler, f"{subscriber} {place_of(known.handler)}"
