"""Giving work by weighing: routers are asked outside every transaction, core decides inside one, and writes why."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk import aspects, cases, queues
from ombud.desk.errors import DeskRefusal, NotNow
from ombud.desk.routing import facts
from ombud.desk.routing.facts import Case
from ombud.desk.routing.profiles import WEIGHTS
from ombud.desk.routing.weighing import Candidate, Place, Proposed, Result, Weighed, Work, place, weigh
from ombud.desk.writing import lock_case, record, subject_of, update
from ombud.kernel import faults
from ombud.kernel.calling import Outcome, call
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.lifecycle import running
from ombud.trust.ledger import Sealed
from ombud.trust.policy import SYSTEM, Viewer, about_me
from ombud_plugin_api import CaseFacts, Choice, Proposal, Router

SECONDS = 2.0
MOST = 200  # proposals of one router that are read
LONGEST_REASON = 200

log = logging.getLogger("ombud.desk")


@dataclass(frozen=True)
class Routed:
    """What became of it: who and which queue it went to, None where it stayed; `left`: how many could not take it."""

    owner: UUID | None = None
    queue: UUID | None = None
    left: Mapping[str, int] | None = None


async def assign_by_routing(
    case_id: UUID, aspect_id: UUID | None = None, because: Mapping[str, Any] | None = None, actor: Viewer = SYSTEM
) -> Routed:
    """Puts a case, or one matter of it, into the queue that takes it and into the hands that suit best; what has an
    owner keeps them. Called by the action of rules and by people; safe to run twice."""
    case = await facts.read(case_id, aspect_id)
    if case is None or case.owner_id is not None:
        return Routed()
    people, places = await facts.staff(case), await _places(case)
    proposed = await proposals(case.facts, case.work, people, places)
    where, result = place(places, proposed), weigh(case.work, people, proposed)
    async with db.transaction():
        if not await _unchanged(case, aspect_id):
            raise NotNow("The case changed while it was weighed. It is weighed again.")
        moved = await _put(actor, case, where, because or {})
        owner = await _give_to_first(actor, case, result, proposed, because or {})
    return Routed(owner, moved, result.left)


async def _places(case: Case) -> list[Place]:
    rows = await db.fetch("SELECT * FROM core_queue WHERE active ORDER BY position, key")
    given = case.queue_facts()
    return [Place(str(row["id"]), queues.choose(given, [row]) is not None, row["position"]) for row in rows]


async def proposals(
    seen: CaseFacts, work: Work, people: Sequence[Candidate], places: Sequence[Place]
) -> list[Proposed]:
    """What routers say of those who may have it. Whom a matter is about is never named to a router."""
    routers = _routers()
    if not routers:
        return []
    able = [each.id for each in weigh(work, people).ranked]
    known = {each.id: each for each in people}
    choices = [_choice(work, known[each]) for each in able]
    choices += [Choice(id=each.id, kind="queue") for each in places if each.fits]
    found: list[Proposed] = []
    for slug, router in routers if choices else ():
        found += await _asked(slug, router, seen, choices)
    return found


def _routers() -> list[tuple[str, Router]]:
    found = [(slug, each) for slug, loaded in running.loaded.items() for each in loaded.routers]
    return sorted(found, key=lambda pair: pair[1].key)


def _choice(work: Work, person: Candidate) -> Choice:
    room = None if person.capacity is None else max(person.capacity - person.load, 0)
    return Choice(
        id=person.id, skills=person.skills, languages=person.languages, load=person.load, room=room,
        knows_customer=work.last_handler == person.id,
    )  # fmt: skip


async def _asked(slug: str, router: Router, seen: CaseFacts, choices: Sequence[Choice]) -> list[Proposed]:
    """A router that fails, or says what it may not, has no say this time; the work goes on without it."""
    where = f"propose {router.key}"
    outcome: Outcome[Any] = await call(slug, router.propose, seen, choices, limit=SECONDS, place=where)
    if outcome.fault is not None:
        return []
    offered = {each.id for each in choices}
    try:
        return [_checked(router, each, offered) for each in list(outcome.value or ())[:MOST]]
    except ValueError as problem:
        await faults.record(slug, "error", where, str(problem))
        return []


def _checked(router: Router, given: Any, offered: set[str]) -> Proposed:
    if not isinstance(given, Proposal):
        raise ValueError(f"{router.key} gave {type(given).__name__}, not a Proposal")
    if given.choice not in offered:
        raise ValueError(f"{router.key} proposes somebody who was not offered")
    if not isinstance(given.score, int | float) or not 0 <= given.score <= 1:  # NaN is neither
        raise ValueError(f"{router.key} gives a score that is no number from 0 to 1")
    reason = given.reason.replace("\0", "")[:LONGEST_REASON]
    return Proposed(given.choice, round(given.score * 1000), router.key, router.version, reason)


async def _unchanged(case: Case, aspect_id: UUID | None) -> bool:
    """Locks the case; whether it is still nobody's, and no matter of it was recorded as about somebody meanwhile."""
    row = await lock_case(SYSTEM, "case.write", case.row["id"])
    if row["status"] == "closed" or row["unit_id"] != case.row["unit_id"]:
        return False
    owner: Any = row["owner_id"]
    if aspect_id is not None:
        owner = await db.fetchval("SELECT owner_id FROM core_aspect WHERE id = $1 AND status = 'open'", aspect_id)
    return owner is None and bool(row["confidential"]) == bool(case.row["confidential"])


async def _put(actor: Viewer, case: Case, where: Weighed | None, because: Mapping[str, Any]) -> UUID | None:
    """Into the queue that takes it, where it waits in another one."""
    if where is None or UUID(where.id) == case.queue_id:
        return None
    queue, why = UUID(where.id), {**because, "routing": {"factors": factors_told(where)}}
    if case.aspect is not None:
        await move_aspect(actor, case.row["id"], UUID(case.aspect["id"]), queue, why)
    else:
        await move_case(actor, case.row["id"], case.row["queue_id"], queue, why)
    return queue


async def move_case(actor: Viewer, case_id: UUID, before: UUID | None, queue: UUID, because: Mapping[str, Any]) -> None:
    """Puts a case into a queue, with its matters that waited beside it; in the caller's transaction."""
    await update("core_case", case_id, {"queue_id": queue, "changed_at": now()})
    await queues.follow(case_id, before, queue)
    await record(actor, case_id, "case.changed", {"queue": str(queue), **_why(because)})


async def move_aspect(
    actor: Viewer, case_id: UUID, aspect_id: UUID, queue: UUID, because: Mapping[str, Any] | None = None
) -> None:
    """Puts one matter into a queue; in the caller's transaction, with the case locked."""
    own = await db.fetchval("SELECT nullif($2::uuid, c.queue_id) FROM core_case c WHERE c.id = $1", case_id, queue)
    await update("core_aspect", aspect_id, {"queue_id": own})
    body = {"aspect": str(aspect_id), "queue": str(queue), **_why(because or {})}
    await record(actor, case_id, "aspect.changed", body)


async def _give_to_first(
    actor: Viewer, case: Case, result: Result, proposals: Sequence[Proposed], because: Mapping[str, Any]
) -> UUID | None:
    """To the best who may still have it: rights and what a matter is about are asked again, under the lock."""
    for best in result.ranked:
        person = UUID(best.id)
        try:
            await _may_own(case, person)
        except DeskRefusal:
            continue
        why = {**because, "routing": {"of": len(result.ranked), "factors": factors_told(best)}}
        said = [each for each in proposals if each.choice == best.id and each.reason]
        await hand_over(actor, case.row, case.aspect, person, why, [each.reason for each in said[:3]])
        return person
    return None


async def _may_own(case: Case, person: UUID) -> None:
    """By the laws of the hand, and beyond them: no matter of the case is about this person, whichever is given."""
    row = await db.fetchrow("SELECT * FROM core_case WHERE id = $1", case.row["id"])
    assert row is not None
    await may_hold(row, case.aspect, person)


async def may_hold(case: Record, aspect: Mapping[str, Any] | None, person: UUID) -> None:
    """Raises Invalid where routing may not give this to them: never what a matter of the case is about."""
    await cases.may_own(case, person)
    if aspect is not None:
        found = await db.fetchrow("SELECT * FROM core_aspect WHERE id = $1", UUID(str(aspect["id"])))
        assert found is not None
        await aspects.may_own(case, found, person)
    if await db.fetchval(f"SELECT {about_me('$1', '$2')}", case["id"], person):
        raise NotNow("This cannot go to this person.")


async def hand_over(
    actor: Viewer, case: Mapping[str, Any], aspect: Mapping[str, Any] | None, person: UUID,
    because: Mapping[str, Any], reasons: Sequence[str] = (),
) -> None:  # fmt: skip
    """Makes somebody the owner, with why, and notes it for fair shares; in the caller's transaction, case locked."""
    case_id, moment = case["id"], now()
    subject = await subject_of(case_id)
    sealed = {f"router.{place}": Sealed(subject, each) for place, each in enumerate(reasons, 1)}
    if aspect is not None:
        await update("core_aspect", UUID(str(aspect["id"])), {"owner_id": person})
        body = {"aspect": str(aspect["id"]), "owner": str(person), **_why(because)}
        await record(actor, case_id, "aspect.assigned", body, sealed)
        if case["status"] == "new":
            await update("core_case", case_id, {"status": "in_progress", "changed_at": moment})
            await record(actor, case_id, "case.status_changed", {"status": "in_progress"})
    else:
        status = "in_progress" if case["status"] == "new" else case["status"]
        await update("core_case", case_id, {"owner_id": person, "status": status, "changed_at": moment})
        queue = await db.fetchval("SELECT queue_id FROM core_case WHERE id = $1", case_id)
        body = {"owner": str(person), "queue": str(queue or ""), **_why(because)}
        await record(actor, case_id, "case.assigned", body, sealed)
        if status != case["status"]:
            await record(actor, case_id, "case.status_changed", {"status": status})
    weight = WEIGHTS[(aspect or case)["priority"]]
    await db.execute(
        "INSERT INTO core_given (id, user_id, unit_id, case_id, weight, at) VALUES ($1, $2, $3, $4, $5, $6)",
        new_id(), person, case["unit_id"], case_id, weight, moment,
    )  # fmt: skip


def _why(because: Mapping[str, Any]) -> dict[str, Any]:
    return {"because": dict(because)} if because else {}


def factors_told(weighed: Weighed) -> list[dict[str, Any]]:
    """Factors as a ledger entry holds them: codes and numbers."""
    return [{"key": each.key, "value": each.value, "points": each.points} for each in weighed.factors]


async def sweep() -> None:
    """Forgets what fair shares need no more; for the schedule."""
    await db.execute("DELETE FROM core_given WHERE at < $1::timestamptz - interval '14 days'", now())
