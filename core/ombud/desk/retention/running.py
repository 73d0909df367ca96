"""A run: it takes what is due, some cases at a time, each in a transaction of its own; what is held back is noted with
the reason. Killed, it goes on where it was; run twice, it finds nothing left to do."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from ombud.desk.administration.authority import demand_whole_desk
from ombud.desk.errors import Invalid, NotNow
from ombud.desk.retention import certificate, due, one_case, rules
from ombud.desk.retention.due import RIGHT, Due
from ombud.desk.retention.rules import Ground, Rule
from ombud.desk.search import index as search_index
from ombud.desk.writing import demand
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.outbox import JobContext, enqueue_job
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import SYSTEM, Viewer

JOB, NIGHTLY = "retention.run", "retention.nightly"
BATCH = 20
MOST = 2000  # destroyed by one run, so that its certificate can be read; the next one goes on
SETTLES = timedelta(days=7)  # a rule that is new or changed is not carried out by itself before


def stream(run_id: UUID) -> str:
    return f"retention/{run_id}"


async def order(viewer: Viewer, sure: bool) -> UUID:
    """Somebody has all that is due destroyed. For who may erase on the whole desk, since it spares no unit."""
    demand(viewer, RIGHT)
    await demand_whole_desk(viewer, RIGHT, "A run goes through the whole desk")
    if not sure:
        raise Invalid("Tick that you read what goes. It cannot be taken back.", "sure")
    return await begin("person", viewer.actor)


async def begin(kind: str, actor: str, *, later: bool = True) -> UUID:
    """Freezes rules and ends of periods, and leaves the rest to the work process, or to the caller where not `later`.
    Raises NotNow where there is no rule, or where a run goes on."""
    found = await rules.in_force()
    if not found:
        raise NotNow("There is no retention rule. Write one first; until then everything is kept.")
    laid = await rules.layout()
    plan = due.plan(_carried_out(laid.grounds(found), kind), laid.today)
    made = new_id()
    async with db.transaction():
        await _insert(made, kind, actor, laid.today, found, plan)
        body = {"run": str(made), "kind": kind, "day": laid.today.isoformat(),
                "rules": {str(each.id): each.version for each in found}}  # fmt: skip
        await append(actor=actor, entries=[NewEntry(stream(made), "retention.run_began", body)])
        if later:
            await enqueue_job(JOB, {"run": str(made)}, key=f"retention/{made}/")
    return made


def _carried_out(grounds: Sequence[Ground], kind: str) -> list[Ground]:
    """Each night: only where the rule that holds says so, and has stood long enough to be noticed."""
    if kind != "schedule":
        return list(grounds)
    since = now() - SETTLES
    return [each for each in grounds if each.rule and each.rule.automatic and each.rule.changed_at <= since]


async def _insert(made: UUID, kind: str, actor: str, day: date, found: Sequence[Rule], plan: Sequence[Due]) -> None:
    frozen = [
        {"unit": str(each.unit_id), "case_type": each.case_type, "rule": str(each.rule_id),
         "before": each.before.isoformat(), "by_word": each.by_word}
        for each in plan
    ]  # fmt: skip
    try:
        await db.execute(
            "INSERT INTO core_retention_run (id, kind, state, day, rules, plan, began_at, began_by, destroyed, held, "
            "more, certificate, sha256) VALUES ($1, $2, 'running', $3, $4, $5, $6, $7, 0, 0, FALSE, '', '')",
            made, kind, day, [certificate.rule_told(each) for each in found], frozen, now(), actor,
        )  # fmt: skip
    except asyncpg.UniqueViolationError:
        raise NotNow("A run goes on already. Wait until it has ended, then look again.") from None


async def nightly(payload: dict[str, Any], context: JobContext) -> None:
    """The scheduled run: what is due under rules that are carried out by themselves. Begins none where nothing can be
    destroyed, beside saying in the ledger that it looked."""
    going_on = await db.fetchval("SELECT id FROM core_retention_run WHERE state = 'running'")
    if going_on is not None:
        await enqueue_job(JOB, {"run": str(going_on)}, key=f"retention/{going_on}/")
        return
    laid = await rules.layout()
    plan = due.plan(_carried_out(laid.grounds(await rules.in_force()), "schedule"), laid.today)
    if await due.any_free(plan):
        await begin("schedule", "system")
        return
    held = sum(each.held for each in (await due.counts(SYSTEM, plan)).values())
    async with db.transaction():
        body = {"rules": len({each.rule_id for each in plan}), "held": held}
        await append(actor="system", entries=[NewEntry("retention/looks", "retention.looked", body)])


async def run(payload: dict[str, Any], context: JobContext) -> None:
    """The job: one batch, then the next job. Safe to run twice."""
    run_id = UUID(payload["run"])
    if await step(run_id):
        await enqueue_job(JOB, {"run": str(run_id)}, key=f"retention/{run_id}/{await _reached(run_id)}")


async def _reached(run_id: UUID) -> int:
    return int(await db.fetchval("SELECT destroyed + held FROM core_retention_run WHERE id = $1", run_id) or 0)


async def step(run_id: UUID) -> bool:
    """One batch of a run; True while there is more to do."""
    row = await db.fetchrow("SELECT * FROM core_retention_run WHERE id = $1 AND state = 'running'", run_id)
    if row is None:
        return False
    await one_case.take_up(run_id)
    size = min(BATCH, MOST - row["destroyed"])
    cases = await due.batch(plan_of(row), _after(row), size + 1)
    for case in cases[:size]:
        await one_case.end(row, case)
    await search_index.up_to_date()
    more = len(cases) > size
    if more and await _destroyed(run_id) < MOST:
        return True
    await _end(run_id, more=more)
    return False


async def _destroyed(run_id: UUID) -> int:
    return int(await db.fetchval("SELECT destroyed FROM core_retention_run WHERE id = $1", run_id))


def plan_of(row: Mapping[str, Any]) -> list[Due]:
    """The frozen plan of a run."""
    return [
        Due(UUID(each["unit"]), each["case_type"], UUID(each["rule"]), datetime.fromisoformat(each["before"]),
            each["by_word"])
        for each in row["plan"]
    ]  # fmt: skip


def _after(row: Mapping[str, Any]) -> tuple[datetime, UUID] | None:
    return (row["after_at"], row["after_id"]) if row["after_at"] is not None else None


async def _end(run_id: UUID, *, more: bool) -> None:
    """The certificate names a root of the ledger that holds every entry of the run, so a checkpoint is made first."""
    root = await certificate.newest_root()
    async with db.transaction():
        row = await db.fetchrow(
            "UPDATE core_retention_run SET state = 'done', ended_at = $2, more = $3 WHERE id = $1 "
            "AND state = 'running' RETURNING *",
            run_id, now(), more,
        )  # fmt: skip
        if row is None:
            return
        file = await certificate.written(row, root)
        sha256 = certificate.digest(file)
        await db.execute(
            "UPDATE core_retention_run SET certificate = $2, sha256 = $3 WHERE id = $1", run_id, file.decode(), sha256
        )
        body = {"run": str(run_id), "destroyed": row["destroyed"], "held": row["held"], "more": more,
                "certificate": sha256}  # fmt: skip
        await append(actor=row["began_by"], entries=[NewEntry(stream(run_id), "retention.run_ended", body)])
