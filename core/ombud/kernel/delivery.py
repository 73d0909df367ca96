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
from ombud.kernel.outbox import QUICK, Delivered, registry
from ombud_plugin_api.errors import Misconfigured, Permanent, Transient

BACK_OFF = (1, 5, 30, 300, 900, 3600, 10_800)  # seconds before the second, third … attempt
ATTEMPTS = len(BACK_OFF) + 1
SCHEDULED = "schedule/"
"""How the keys of jobs begin that the schedule wrote; the name of the entry follows."""
UNPLANNED = 60.0  # seconds that work of the schedule waits at most while its plugin is off the plan, being changed
PATIENCE = "7 days"  # how long something transient is tried again
PROGRESS_EVERY = 0.5  # seconds between two writes of progress

# Of one subscriber, as they came together. One whose process died before runs alone.
_CLAIM_SEVERAL = """
UPDATE core_delivery SET state = 'running', attempts = attempts + 1, locked_by = $2, handed_at = NULL,
    started_at = now()
FROM (SELECT id AS free FROM core_delivery WHERE id = ANY($1::uuid[]) AND state = 'waiting' AND available_at <= now()
    AND kills = 0 AND subscriber = ANY($3::text[]) ORDER BY id FOR UPDATE SKIP LOCKED) AS due
WHERE id = free
RETURNING id, subscriber, plugin, event, attempts, kills, checkpoint, created_at, dedupe
"""
_CLOSE_SEVERAL = """
UPDATE core_delivery SET state = CASE WHEN later THEN 'waiting' ELSE 'done' END, error = '', locked_by = NULL,
    handed_at = NULL, attempts = attempts - later::int, finished_at = CASE WHEN later THEN NULL ELSE now() END
FROM unnest($2::uuid[], $3::bool[]) AS over (same, later)
WHERE id = same AND locked_by = $1 AND state = 'running'
"""

log = logging.getLogger(__name__)


class LostDelivery(Exception):
    """Another worker has taken this delivery over: this handler must stop."""


class NoHandler(Exception):
    """Nothing in this process handles that subscriber; another version of the program may."""


PATIENT = (Transient, Misconfigured, NoHandler)
"""What may pass by itself, or as soon as somebody sets something right."""


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
        """In one go where their subscriber can do that, else one after the other while they are quick. What stands
        behind a slow one goes back to the relay, so that a thread is never held for longer than one delivery takes."""
        took = 0.0
        if len(identities) > 1:
            await way().pause()
            identities = await self._run_in_one_go(identities)
        for place, identity in enumerate(identities):
            if place and took > QUICK:
                await self._give_back(identities[place:])
                return
            await way().pause()
            began = time.monotonic()
            await self.run(identity)
            took += time.monotonic() - began

    async def _run_in_one_go(self, identities: Sequence[UUID]) -> list[UUID]:
        """Returns those that are to run alone: suspects of a crash, and those of other subscribers."""
        names = [f"core/{name}" for name, each in registry.subscriptions.items() if each.together is not None]
        free = [each for each in identities if each not in self.running]
        if self.stopping or not names or len(free) < 2:
            return list(identities)
        claimed: list[UUID] = []
        task = asyncio.create_task(self._run_several(free, names, claimed), name=f"deliveries {free[0]} …")
        self.running |= dict.fromkeys(free, task)
        try:
            await asyncio.wait({task})
        finally:
            for each in free:
                del self.running[each]
            self.when_done()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s deliveries could not be booked: %s; they run again", len(free), error)
        return [each for each in identities if each not in claimed]

    async def _give_back(self, identities: Sequence[UUID]) -> None:
        await db.execute(
            "UPDATE core_delivery SET handed_at = NULL WHERE id = ANY($1::uuid[]) AND state = 'waiting'",
            list(identities),
        )
        self.when_done()

    def interrupt(self) -> None:
        """At the end of the process: what still runs is put back and runs elsewhere."""
        for task in set(self.running.values()):
            task.cancel()

    async def _run(self, identity: UUID) -> None:
        row = await self._claim(identity)
        if row is not None:
            await self._run_claimed(row)

    async def _run_claimed(self, row: Any) -> None:
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

    async def _run_several(self, identities: Sequence[UUID], names: Sequence[str], claimed: list[UUID]) -> None:
        """Claims, handles and closes them with one statement each."""
        rows = await db.fetch(_CLAIM_SEVERAL, list(identities), self.worker, list(names))
        claimed += [row["id"] for row in rows]
        of_subscriber: dict[str, list[Any]] = {}
        for row in rows:
            of_subscriber.setdefault(row["subscriber"], []).append(row)
        for subscriber, some in of_subscriber.items():
            await self._run_those(subscriber, some)

    async def _run_those(self, subscriber: str, rows: Sequence[Any]) -> None:
        """Where the handler of several fails, nobody knows whose fault it was: each runs alone, in the attempt that was
        counted."""
        if self.stopping:
            for row in rows:
                await self._put_back(row)
            return
        several = [Delivered(row["event"], Running(row, self.worker, self)) for row in rows]
        try:
            await self._handle_several(subscriber, several)
        except asyncio.CancelledError:
            for row in rows:
                await self._cancelled(row)
        except Exception as error:
            log.warning("%s could not handle %s at once: %s", subscriber, len(rows), faults.told(error))
            for row in rows:
                await (self._put_back(row) if self.stopping else self._run_claimed(row))
        else:
            await self._close_several(rows, several)

    async def _handle_several(self, subscriber: str, several: Sequence[Delivered]) -> None:
        handler = registry.subscriptions[subscriber.partition("/")[2]].together
        assert handler is not None
        with heartbeat.pulse().open_call("core", f"{subscriber} {place_of(handler)}"):
            await handler(several)

    async def _close_several(self, rows: Sequence[Any], several: Sequence[Delivered]) -> None:
        well = [each for each in several if each.failed is None]
        if well:
            await db.execute(
                _CLOSE_SEVERAL, self.worker, [each.context.delivery_id for each in well], [each.later for each in well]
            )
        for row, each in zip(rows, several, strict=True):
            if isinstance(each.failed, LostDelivery):
                log.warning("%s", each.failed)
            elif each.failed is not None:
                await self._failed(row, each.failed)

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
        await self._put_back(row)

    async def _put_back(self, row: Any) -> None:
        """For another worker; it costs no attempt."""
        await self._close(row, "waiting", attempts=row["attempts"] - 1)

    async def _failed(self, row: Any, error: Exception) -> None:
        said = faults.told(error)[:4000]
        over = row["attempts"] >= ATTEMPTS
        if isinstance(error, PATIENT):
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
        """Seconds until the next attempt. Work of the schedule whose other side is away, whose settings are wrong or
        whose plugin is just being changed is not put off beyond its next moment: while it waits, the schedule writes no
        other, and what was corrected should show then. What the other side asked for is kept."""
        asked = getattr(error, "retry_after", None)
        delay = float(max(BACK_OFF[min(row["attempts"], len(BACK_OFF)) - 1], asked or 0))
        if asked or not isinstance(error, PATIENT) or not str(row["dedupe"]).startswith(SCHEDULED):
            return delay
        left = await db.fetchval(
            "SELECT extract(epoch FROM next_at - now())::float8 FROM core_planned WHERE name = $1",
            row["dedupe"].removeprefix(SCHEDULED),
        )
        return min(delay, UNPLANNED if left is None else max(1.0, left))

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
