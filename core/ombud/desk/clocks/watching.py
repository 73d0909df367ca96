"""The schedule's look at clocks: cases that have none yet, warnings that are due, ends that passed. Each is told once,
also after a time in which nobody looked."""

import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.clocks import kept
from ombud.desk.clocks.planning import BY_ITSELF
from ombud.desk.clocks.settling import Settling, breach, over, settle, settle_all
from ombud.desk.opening import moment
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.outbox import JobContext
from ombud.trust.ledger import NewEntry, append

JOB = "clocks.start"
MOST = 500
"""Of one kind in one run; the next run takes the rest."""

TOGETHER = 20
"""Cases in one transaction: as many as open pages are told of one by one."""

log = logging.getLogger("ombud.clocks")

_CLOCKLESS = "SELECT id FROM core_case WHERE NOT clocked ORDER BY opened_at LIMIT $1"
_LATE = """
SELECT id, case_id FROM core_clock WHERE state = 'running' AND breached_at IS NULL AND due_at < $1
ORDER BY due_at, id LIMIT $2
"""
_WARNING = """
SELECT id, case_id FROM core_clock WHERE state = 'running' AND breached_at IS NULL AND warn_at <= $1 AND due_at >= $1
ORDER BY warn_at, id LIMIT $2
"""


async def look(payload: dict[str, Any], context: JobContext) -> None:
    """What the schedule runs."""
    await start_waiting()
    await tell_late()
    await warn()


async def start_waiting() -> int:
    """Starts the clocks of cases that have none yet; returns how many cases there were. One that came in closed, from
    another desk or with the demonstration, needs none."""
    await db.execute("UPDATE core_case SET clocked = TRUE WHERE NOT clocked AND status = 'closed'")
    rows = await db.fetch(_CLOCKLESS, MOST)
    await _settle_some([row["id"] for row in rows])
    return len(rows)


async def _settle_some(case_ids: Sequence[UUID]) -> None:
    """A few at a time; those that somebody works on just now, or in a few that failed together, each alone. One that
    fails delays nobody else's clocks."""
    failed: list[Exception] = []
    for start in range(0, len(case_ids), TOGETHER):
        some = case_ids[start : start + TOGETHER]
        done: set[UUID] = set()
        if len(some) > 1:
            try:
                done = await settle_all(some, wait=False)
            except Exception as error:
                log.warning("clocks of %s cases could not be settled together: %s", len(some), error)
        for case_id in some:
            if case_id not in done:
                try:
                    await settle(case_id)
                except Exception as error:
                    log.exception("the clocks of case %s could not be settled", case_id)
                    failed.append(error)
    if failed:
        raise failed[0]


async def tell_late() -> int:
    """Notices the ends that passed, after what met them meanwhile was seen."""
    rows = await db.fetch(_LATE, now(), MOST)
    await _settle_some(sorted({row["case_id"] for row in rows}))
    return sum([await _late(row["case_id"], row["id"]) for row in rows])


async def warn() -> int:
    """Gives the warnings that are due; of several that passed unseen, the last alone."""
    rows = await db.fetch(_WARNING, now(), MOST)
    await _settle_some(sorted({row["case_id"] for row in rows}))
    return sum([await _warn(row["case_id"], row["id"]) for row in rows])


async def _locked(case_id: UUID, clock_id: UUID) -> tuple[Record | None, Record | None]:
    """Case first, as every other writer of its stream does it."""
    case = await db.fetchrow("SELECT * FROM core_case WHERE id = $1 FOR UPDATE", case_id)
    clock = await db.fetchrow("SELECT * FROM core_clock WHERE id = $1 AND case_id = $2 FOR UPDATE", clock_id, case_id)
    return case, clock


async def _late(case_id: UUID, clock_id: UUID) -> int:
    async with db.transaction():
        case, row = await _locked(case_id, clock_id)
        if case is None or row is None or row["state"] != "running" or row["breached_at"] is not None:
            return 0
        if row["due_at"] >= now():
            return 0
        settling = Settling(case, None, "system", [])
        terms = await kept.terms_of(row["policy"], row["policy_version"])
        await (over if terms.met_by == BY_ITSELF else breach)(settling, row)
        await append(actor="system", entries=settling.entries)
        return 1


async def _warn(case_id: UUID, clock_id: UUID) -> int:
    async with db.transaction():
        case, row = await _locked(case_id, clock_id)
        if case is None or row is None or row["state"] != "running" or row["warn_at"] is None:
            return 0
        at = now()
        reading = await kept.read(row["events"], at)
        passed = [step for step, when in reading.warnings() if row["warned"] < step and when <= at]
        if not passed or row["due_at"] < at:
            return 0
        coming = [when for step, when in reading.warnings() if step > passed[-1]]
        await db.execute(
            "UPDATE core_clock SET warned = $2, warn_at = $3, version = version + 1 WHERE id = $1",
            clock_id, passed[-1], min(coming) if coming else None,
        )  # fmt: skip
        body = {
            "clock": row["key"], "aspect": str(row["aspect_id"] or ""), "step": passed[-1],
            "due_at": moment(row["due_at"]),
        }  # fmt: skip
        await append(actor="system", entries=[NewEntry(f"case/{case_id}", "clock.warned", body)])
        return 1
