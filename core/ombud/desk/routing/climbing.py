"""Escalations that run: started, climbed step by step by the schedule, ended when somebody answers.

Each step is taken once, in one transaction with its entry. After a time in which nobody looked the steps follow one
another with their full waits, counted from the moment of the step before: nobody is told of three levels at once.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.calendars import versions as calendars
from ombud.desk.checking import clean_text
from ombud.desk.errors import DeskRefusal, Invalid, NotAllowed, NotFound, NotNow
from ombud.desk.routing import reaching
from ombud.desk.routing.laddering import After, Content, Step, read_content
from ombud.desk.routing.ladders import by_key
from ombud.desk.writing import demand, lock_aspect, lock_case, record, refuse_concerned, subject_of
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust.ledger import Sealed
from ombud.trust.policy import SYSTEM, Arguments, Viewer, decide

MOST = 200
"""Escalations looked at in one run; the next run takes the rest."""

log = logging.getLogger("ombud.desk")


async def escalate(
    case_id: UUID, key: str, aspect_id: UUID | None = None, because: Mapping[str, Any] | None = None,
    actor: Viewer = SYSTEM,
) -> UUID | None:  # fmt: skip
    """Starts a ladder, by its key, for a case or one matter of it, and takes a first step that waits for nothing; the
    one that runs already goes on. None where there is nothing to escalate any more. Called by the action of rules."""
    async with db.transaction():
        case = await lock_case(actor, "case.write", case_id)
        identity = await _start(actor, case, key, aspect_id, because or {})
    if identity is not None:
        await climb(identity)
    return identity


async def start(viewer: Viewer, case_id: UUID, key: str, aspect_id: UUID | None = None) -> UUID | None:
    """The same by a person; refused to whom a matter of the case is about."""
    async with db.transaction():
        if aspect_id is not None:
            case, _ = await lock_aspect(viewer, "case.write", aspect_id)
            if case["id"] != case_id:
                raise NotFound("There is no such aspect in this case that you may see. Open the case again.")
        case = await lock_case(viewer, "case.write", case_id)
        await refuse_concerned(viewer, case_id)
        identity = await _start(viewer, case, key, aspect_id, {"person": True})
    if identity is None:
        raise NotNow("There is nothing to escalate: it is closed or decided.")
    await climb(identity)
    return identity


async def _start(
    actor: Viewer, case: Record, key: str, aspect_id: UUID | None, because: Mapping[str, Any]
) -> UUID | None:
    ladder = await by_key(key)
    if not await _open(case, aspect_id):
        return None
    if ladder.unit_id is not None and ladder.unit_id not in await _chain(case["unit_id"]):
        raise Invalid("This ladder is for another unit. Choose one of the list.", "ladder")
    running: UUID | None = await db.fetchval(
        "SELECT id FROM core_escalation WHERE ladder_id = $1 AND case_id = $2 AND aspect_id IS NOT DISTINCT FROM $3 "
        "AND state = 'running'",
        ladder.id, case["id"], aspect_id,
    )  # fmt: skip
    if running is not None:
        return running
    identity, moment = new_id(), now()
    due = await _due(case, ladder.content.steps[0].after, moment)
    await db.execute(
        "INSERT INTO core_escalation (id, ladder_id, number, case_id, aspect_id, level, state, started_at, started_by, "
        "because, next_at, moved_at, version) VALUES ($1, $2, $3, $4, $5, 0, 'running', $6, $7, $8, $9, $6, 1)",
        identity, ladder.id, ladder.current, case["id"], aspect_id, moment, actor.actor, dict(because), due,
    )  # fmt: skip
    body = {"ladder": ladder.key, "version": ladder.current, "level": 0, "aspect": str(aspect_id or "")}
    await record(actor, case["id"], "case.escalated", {**body, "because": dict(because)} if because else body)
    return identity


async def _due(case: Mapping[str, Any], after: After, moment: datetime) -> datetime:
    """Working time by the calendar of the case's unit."""
    if not after.business:
        return moment + timedelta(minutes=after.minutes)
    return after.end(moment, await calendars.current(case["unit_id"]))


async def _open(case: Mapping[str, Any], aspect_id: UUID | None) -> bool:
    if case["status"] not in {"new", "in_progress"} or case["merged_into"] is not None:
        return False
    if aspect_id is None:
        return True
    held = "SELECT status = 'open' FROM core_aspect WHERE id = $1 AND case_id = $2"
    return bool(await db.fetchval(held, aspect_id, case["id"]))


async def _chain(unit_id: UUID) -> set[UUID]:
    rows = await db.fetch(
        "WITH RECURSIVE up AS (SELECT id, parent_id FROM core_unit WHERE id = $1 "
        "UNION SELECT u.id, u.parent_id FROM core_unit u JOIN up ON u.id = up.parent_id) SELECT id FROM up",
        unit_id,
    )
    return {row["id"] for row in rows}


_RUNNING = """
SELECT e.*, l.key, v.content FROM core_escalation e JOIN core_ladder l ON l.id = e.ladder_id
JOIN core_ladder_version v ON v.ladder_id = e.ladder_id AND v.number = e.number
WHERE e.id = $1 AND e.state = 'running'
"""


@dataclass(frozen=True)
class Running:
    """One escalation with its case, locked until the commit."""

    row: Record
    case: Record
    content: Content

    @property
    def aspect_id(self) -> UUID | None:
        found: UUID | None = self.row["aspect_id"]
        return found


async def _locked(escalation_id: UUID) -> Running | None:
    """The case first, as all writers lock; None where it ended, or somebody else is at it."""
    case_id = await db.fetchval("SELECT case_id FROM core_escalation WHERE id = $1", escalation_id)
    case = await db.fetchrow("SELECT * FROM core_case WHERE id = $1 FOR UPDATE", case_id)
    if case is None:
        return None
    row = await db.fetchrow(f"{_RUNNING} FOR UPDATE OF e", escalation_id)
    return Running(row, case, read_content(row["content"])) if row else None


async def climb(escalation_id: UUID) -> bool:
    """Ends it where it was answered, else takes the step that is due, if one is. Safe to run twice."""
    async with db.transaction():
        found = await _locked(escalation_id)
        if found is None:
            return False
        if why := await _answered(found):
            await _end(SYSTEM, found, why)
            return False
        if found.row["next_at"] is None or found.row["next_at"] > now():
            return False
        await _step(found)
        return True


async def _step(found: Running) -> None:
    level = found.row["level"] + 1
    step = found.content.steps[level - 1]
    cause = f"rule/ladder.{found.row['key']}@{found.row['number']}"
    reached = await _reach(found, step, cause)
    moment = now()
    following = found.content.steps[level].after if level < len(found.content.steps) else None
    due = await _due(found.case, following, moment) if following else None
    await db.execute(
        "UPDATE core_escalation SET level = $2, next_at = $3, moved_at = $4, version = version + 1 WHERE id = $1",
        found.row["id"], level, due, moment,
    )  # fmt: skip
    body = {
        "ladder": found.row["key"], "version": found.row["number"], "level": level,
        "aspect": str(found.aspect_id or ""), **reached,
        "because": {"ladder": found.row["key"], "version": found.row["number"], "step": level},
    }  # fmt: skip
    await record(SYSTEM, found.case["id"], "case.escalated", body, cause=cause)


async def _reach(found: Running, step: Step, cause: str) -> dict[str, str]:
    """Does what the step says; a queue, person or role that is not there any more leads on to whoever leads."""
    match step.to:
        case "queue":
            return await reaching.move(found.case, found.aspect_id, step, cause)
        case "role":
            return {"to_role": step.target}
        case "user":
            return await reaching.person(found.case, found.aspect_id, UUID(step.target), step, cause)
        case "leader":
            return await reaching.leader(found.case, found.aspect_id, step, cause)
        case _:
            return await reaching.owner(found.case, found.aspect_id)


async def _answered(found: Running) -> str:
    """Why it is over: closed and decided always end it, an answer where the ladder says so."""
    if not await _open(found.case, found.aspect_id):
        return "decided" if found.case["status"] != "closed" and found.case["merged_into"] is None else "closed"
    if "answered" in found.content.ends and await db.fetchval(
        _SENT, found.case["id"], found.row["started_at"], found.aspect_id
    ):
        return "answered"
    return ""


# An answer that a person wrote and that left; about another matter of the case alone it answers not this one.
_SENT = """
SELECT EXISTS (SELECT 1 FROM core_message m LEFT JOIN core_outgoing o ON o.id = m.id
    WHERE m.case_id = $1 AND m.direction = 'out' AND m.recorded_at >= $2 AND m.author_id IS NOT NULL
    AND (o.id IS NULL OR (o.state = 'sent' AND o.kind IN ('reply', 'final_response')))
    AND ($3::uuid IS NULL OR NOT EXISTS (SELECT 1 FROM core_message_aspect p WHERE p.message_id = m.id)
        OR EXISTS (SELECT 1 FROM core_message_aspect p WHERE p.message_id = m.id AND p.aspect_id = $3)))
"""


async def _end(actor: Viewer, found: Running, why: str, words: str = "") -> None:
    await db.execute(
        "UPDATE core_escalation SET state = 'ended', ended_at = $2, ended_because = $3, next_at = NULL, "
        "version = version + 1 WHERE id = $1",
        found.row["id"], now(), why,
    )  # fmt: skip
    body = {
        "ladder": found.row["key"],
        "because": why,
        "level": found.row["level"],
        "aspect": str(found.aspect_id or ""),
    }
    sealed = {"words": Sealed(await subject_of(found.case["id"]), words)} if words else {}
    await record(actor, found.case["id"], "case.escalation_ended", body, sealed)


async def acknowledge(viewer: Viewer, escalation_id: UUID, words: str) -> None:
    """Somebody who works on it says what they are doing; that ends it where the ladder says so."""
    words = clean_text(words, "words", longest=1000, required=True)
    async with db.transaction():
        found = await _of_person(viewer, "case.write", escalation_id)
        if "acknowledged" not in found.content.ends:
            raise NotNow("A word does not end this one: it ends with an answer to the customer, or a decision.")
        await _end(viewer, found, "acknowledged", words)


async def take_back(viewer: Viewer, escalation_id: UUID, words: str) -> None:
    """Who gives work away may stop an escalation, with the reason."""
    words = clean_text(words, "words", longest=1000, required=True)
    async with db.transaction():
        found = await _of_person(viewer, "case.assign", escalation_id)
        await _end(viewer, found, "taken_back", words)


async def _of_person(viewer: Viewer, permission: str, escalation_id: UUID) -> Running:
    demand(viewer, permission)
    arguments = Arguments(escalation_id)
    cases = decide(viewer, permission, "case").where("c", arguments)
    aspects = decide(viewer, permission, "aspect").where("a", arguments)
    case_id = await db.fetchval(
        "SELECT e.case_id FROM core_escalation e JOIN core_case c ON c.id = e.case_id LEFT JOIN core_aspect a "
        f"ON a.id = e.aspect_id WHERE e.id = $1 AND {cases} AND (e.aspect_id IS NULL OR {aspects})",
        *arguments.values,
    )
    if case_id is None:
        raise NotFound("There is no such escalation that you may see. Open the case again.")
    await lock_case(viewer, permission, case_id)
    await refuse_concerned(viewer, case_id)
    found = await _locked(escalation_id)
    if found is None:
        raise NotNow("This escalation is over already. Open the case again to see why.")
    return found


async def climb_due() -> int:
    """Ends what was answered and takes the steps that are due; for the schedule. Returns how many steps were taken."""
    rows = await db.fetch(
        "SELECT id FROM core_escalation WHERE state = 'running' AND next_at <= $1 ORDER BY next_at, id LIMIT $2",
        now(), MOST,
    )  # fmt: skip
    taken = 0
    for row in rows:
        try:
            taken += await climb(row["id"])
        except (DeskRefusal, NotAllowed):  # one that cannot go on holds up no other
            log.exception("an escalation could not climb")
    return taken


async def end_answered(case_id: UUID) -> None:
    """Ends the escalations of a case that somebody answered; called when something happened in it."""
    rows = await db.fetch("SELECT id FROM core_escalation WHERE case_id = $1 AND state = 'running'", case_id)
    for row in rows:
        async with db.transaction():
            found = await _locked(row["id"])
            if found is not None and (why := await _answered(found)):
                await _end(SYSTEM, found, why)
