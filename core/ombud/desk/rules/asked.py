"""Replays that somebody asked for on a page: run in the work process, kept with their result."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from ombud import speech
from ombud.desk.engine.terms import Definition
from ombud.desk.errors import Invalid
from ombud.desk.rules.in_force import definition_of, stored
from ombud.desk.rules.replay import Report, months_back
from ombud.desk.rules.replay import run as run_replay
from ombud.desk.writing import demand
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.outbox import JobContext, enqueue_job
from ombud.speech import sentence
from ombud.trust.policy import Arguments, Viewer, about_me, decide

log = logging.getLogger("ombud.rules")

JOB = "rules.replay"
RIGHT = "setting.manage"
MOST_MONTHS = 36


@dataclass(frozen=True)
class Asked:
    """A replay and what came of it. `report` is None until it is done."""

    id: UUID
    rule: str
    months: int
    asked_at: datetime
    state: str
    definition: Definition | None
    report: Report | None


async def ask(viewer: Viewer, rule: str, definition: Definition | None, months: int) -> UUID:
    """Asks for a replay of a draft, or of the rules in force."""
    demand(viewer, RIGHT)
    if not 1 <= months <= MOST_MONTHS:
        raise Invalid(sentence("Choose from 1 to %(most)s months.", most=MOST_MONTHS), "months")
    identity = new_id()
    async with db.transaction():
        await db.execute(
            "INSERT INTO core_rule_replay (id, rule, definition, months, asked_at, asked_by, state, result) "
            "VALUES ($1, $2, $3, $4, $5, $6, 'waiting', '{}')",
            identity, rule, stored(definition) if definition else {}, months, now(), viewer.user_id,
        )  # fmt: skip
        await enqueue_job(JOB, {"replay": str(identity)}, key=str(identity))
        await db.execute(  # the last ones are kept
            "DELETE FROM core_rule_replay WHERE rule = $1 AND id NOT IN "
            "(SELECT id FROM core_rule_replay WHERE rule = $1 ORDER BY asked_at DESC LIMIT 10)",
            rule,
        )
    return identity


async def run(payload: dict[str, Any], context: JobContext) -> None:
    """The job; run again it begins anew, since nothing is written but its result."""
    identity = UUID(payload["replay"])
    row = await db.fetchrow("SELECT * FROM core_rule_replay WHERE id = $1", identity)
    if row is None or row["state"] == "done":
        return
    await db.execute("UPDATE core_rule_replay SET state = 'running' WHERE id = $1", identity)
    wanted = months_back(row["months"])
    draft = definition_of(row["rule"], row["definition"]) if row["definition"] else None
    try:
        report = await run_replay(replace(wanted, draft=draft))
    except Exception:
        await db.execute(
            "UPDATE core_rule_replay SET state = 'failed', finished_at = $2 WHERE id = $1", identity, now()
        )
        raise
    await db.execute(
        "UPDATE core_rule_replay SET state = 'done', result = $2, finished_at = $3 WHERE id = $1",
        identity, speech.builtins_of(report), now(),
    )  # fmt: skip


async def latest(rule: str) -> Asked | None:
    """The newest replay of a rule."""
    row = await db.fetchrow("SELECT * FROM core_rule_replay WHERE rule = $1 ORDER BY asked_at DESC LIMIT 1", rule)
    return _asked(row) if row else None


def _asked(row: Mapping[str, Any]) -> Asked:
    report = msgspec.convert(row["result"], Report) if row["state"] == "done" else None
    draft = definition_of(row["rule"], row["definition"]) if row["definition"] else None
    return Asked(row["id"], row["rule"], row["months"], row["asked_at"], row["state"], draft, report)


async def readable(viewer: Viewer, case_ids: list[str]) -> dict[str, tuple[str, str]]:
    """Of these cases those this person may read, and none in which an aspect concerns them: id → reference, title."""
    arguments = Arguments([UUID(each) for each in case_ids])
    grant = decide(viewer, "case.read", "case").where("c", arguments)
    mine = about_me("c.id", arguments.add(viewer.user_id))
    rows = await db.fetch(
        f"SELECT c.id::text, c.reference, c.title FROM core_case c WHERE c.id = ANY($1::uuid[]) AND {grant} "
        f"AND NOT {mine}",
        *arguments.values,
    )
    return {row["id"]: (row["reference"], row["title"]) for row in rows}


@dataclass(frozen=True)
class Traced:
    """What a rule did, or would have done, in one case."""

    case_id: str
    at: datetime
    kind: str
    body: Mapping[str, Any]


async def traces(viewer: Viewer, rule: str, kinds: tuple[str, ...], limit: int = 50) -> tuple[int, list[Traced]]:
    """How often in all, and the newest in cases this person may read."""
    total = await db.fetchval(
        "SELECT count(*) FROM core_ledger_entry e WHERE e.kind = ANY($2::text[]) "
        "AND e.kind IN ('rule.applied', 'rule.shadowed', 'rule.halted') AND e.body->>'rule' = $1",
        rule, list(kinds),
    )  # fmt: skip
    rows = await db.fetch(
        "SELECT e.stream, e.at, e.kind, e.body FROM core_ledger_entry e WHERE e.kind = ANY($2::text[]) "
        "AND e.kind IN ('rule.applied', 'rule.shadowed', 'rule.halted') AND e.body->>'rule' = $1 "
        "ORDER BY e.at DESC LIMIT $3",
        rule, list(kinds), limit,
    )  # fmt: skip
    found = [Traced(row["stream"].partition("/")[2], row["at"], row["kind"], row["body"]) for row in rows]
    return int(total), found


__all__ = ["JOB", "Asked", "Traced", "ask", "latest", "readable", "run", "traces"]
