"""What happens at set times. APScheduler's triggers compute the moments; a row per moment lets one scheduler win."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import asyncpg
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.delivery import SCHEDULED
from ombud.kernel.ids import new_id
from ombud.kernel.outbox import JobContext, enqueue_job, register_job

LOCK = 0x6F6D_6275_65  # "ombue": one scheduler looks at the clock at a time
KEEP_DONE = timedelta(days=7)
KEEP_FAULTS = timedelta(days=90)

log = logging.getLogger(__name__)


class Trigger(Protocol):
    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None: ...


@dataclass(frozen=True)
class Entry:
    trigger: Trigger
    job: str
    payload: Mapping[str, Any]
    plugin: str = ""


@dataclass
class Schedule:
    entries: dict[str, Entry] = field(default_factory=dict)
    _told: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    def every(
        self, name: str, trigger: Trigger, job_name: str, payload: Mapping[str, Any] | None = None, *, plugin: str = ""
    ) -> None:
        """Runs a registered job at the trigger's times. What was missed while nobody watched is made up for once."""
        self.entries[name] = Entry(trigger, job_name, payload or {}, plugin)

    def forget_plugin(self, plugin: str) -> None:
        self.entries = {name: entry for name, entry in self.entries.items() if entry.plugin != plugin}

    async def tick(self, at: datetime) -> list[str]:
        """Fires what is due at that moment; returns the names. Many may tick: each moment fires once."""
        fired = []
        async with db.transaction():
            if not await db.fetchval("SELECT pg_try_advisory_xact_lock($1)", LOCK):
                return []
            bases = await self._bases(list(self.entries))
            for name, entry in list(self.entries.items()):
                if name not in bases:
                    await _note(name, at, at)  # first seen: its times count from here
                    bases[name] = at
                elif (counts_from := await _fire(name, entry, bases[name], at)) is not None:
                    bases[name] = counts_from
                    fired.append(name)
            told = await self._tell(bases, fired, at)
        self._told = told
        return fired

    async def _tell(
        self, bases: Mapping[str, datetime], fired: Sequence[str], at: datetime
    ) -> dict[str, tuple[Any, ...]]:
        """Writes down for people what changed of the plan since the last look; most looks change nothing."""
        plan: dict[str, tuple[Any, ...]] = {
            name: (entry.job, entry.plugin, rhythm_of(entry.trigger), entry.trigger.get_next_fire_time(bases[name], at))
            for name, entry in self.entries.items()
        }
        for name in (each for each in plan if plan[each] != self._told.get(each) or each in fired):
            await db.execute(
                """INSERT INTO core_planned (name, job, plugin, rhythm, next_at, last_at)
                VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO UPDATE SET job = $2, plugin = $3, rhythm = $4,
                    next_at = $5, last_at = coalesce($6, core_planned.last_at)""",
                name, *plan[name], at if name in fired else None,
            )  # fmt: skip
        if plan.keys() != self._told.keys():
            await db.execute("DELETE FROM core_planned WHERE name <> ALL($1::text[])", list(plan))
        return plan

    async def _bases(self, names: list[str]) -> dict[str, datetime]:
        rows = await db.fetch(
            "SELECT name, max(counts_from) AS base FROM core_fired WHERE name = ANY($1::text[]) GROUP BY name", names
        )
        return {row["name"]: row["base"] for row in rows}


schedule = Schedule()


def every(
    name: str, trigger: Trigger, job_name: str, payload: Mapping[str, Any] | None = None, *, plugin: str = ""
) -> None:
    """Puts a job on this process's schedule; call it at start, in each process that may run the schedule."""
    schedule.every(name, trigger, job_name, payload, plugin=plugin)


def interval(**parts: int) -> Trigger:
    """`interval(minutes=10)`: weeks, days, hours, minutes, seconds."""
    trigger: Trigger = IntervalTrigger(timezone=UTC, **parts)
    return trigger


def cron(line: str, zone: str = "UTC") -> Trigger:
    """`cron("30 6 * * mon-fri", "Europe/Warsaw")`: minute, hour, day, month, weekday."""
    trigger: Trigger = CronTrigger.from_crontab(line, timezone=zone)
    return trigger


def rhythm_of(trigger: Trigger) -> str:
    """`interval:<seconds>` or `cron:<minute hour day month weekday> <zone>`, to be put into words."""
    if isinstance(trigger, IntervalTrigger):
        return f"interval:{int(trigger.interval.total_seconds())}"
    if isinstance(trigger, CronTrigger):
        parts = {each.name: str(each) for each in trigger.fields}
        line = " ".join(parts[name] for name in ("minute", "hour", "day", "month", "day_of_week"))
        return f"cron:{line} {trigger.timezone}"
    return str(trigger)


async def _fire(name: str, entry: Entry, base: datetime, at: datetime) -> datetime | None:
    """From when the next moment is computed, if this one was due and ours."""
    due = entry.trigger.get_next_fire_time(base, at)
    if due is None or due > at:
        return None
    following = entry.trigger.get_next_fire_time(due, at)
    missed_more = following is not None and following <= at
    counts_from = at if missed_more else due
    if not await _note(name, due, counts_from):
        return None
    await enqueue_job(entry.job, entry.payload, key=f"{SCHEDULED}{name}", plugin=entry.plugin or None)
    return counts_from


async def _note(name: str, fire_at: datetime, counts_from: datetime) -> bool:
    """True if this moment is ours; a scheduler on another machine may have had it."""
    tag = await db.execute(
        """
        INSERT INTO core_fired (id, name, fire_at, counts_from) VALUES ($1, $2, $3, $4)
        ON CONFLICT (name, fire_at) DO NOTHING
        """,
        new_id(),
        name,
        fire_at,
        counts_from,
    )
    return tag == "INSERT 0 1"


async def run_schedule() -> None:
    """Looks at the clock once a second until cancelled; a database that is away is waited for."""
    while True:
        try:
            await schedule.tick(now())
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("the schedule waits for the database: %s", error)
        except Exception:
            log.exception("the schedule stumbled; it goes on")
        await asyncio.sleep(1.0)


async def sweep_old(payload: dict[str, Any], context: JobContext) -> None:
    """Deletes finished deliveries, moments fired and faults that nobody looks at any more. That work was given up, and
    by whom, stays in the ledger."""
    await db.execute("DELETE FROM core_delivery WHERE state = 'done' AND finished_at < $1", now() - KEEP_DONE)
    await db.execute("DELETE FROM core_fault WHERE at < $1", now() - KEEP_FAULTS)
    await db.execute("DELETE FROM core_delivery WHERE state = 'given_up' AND finished_at < $1", now() - KEEP_FAULTS)
    await db.execute(
        """
        DELETE FROM core_fired AS old WHERE counts_from < $1
            AND EXISTS (
                SELECT 1 FROM core_fired AS newer
                WHERE newer.name = old.name AND newer.counts_from > old.counts_from)
        """,
        now() - KEEP_DONE,
    )


def register_core() -> None:
    register_job("core.sweep", sweep_old)
    every("core.sweep", interval(hours=1), "core.sweep")
