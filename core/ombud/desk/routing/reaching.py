"""Whom a step of a ladder reaches: never somebody a matter of the case is about, and never somebody who is away."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.because import because
from ombud.desk.errors import DeskRefusal
from ombud.desk.notices.staff import LEADS, holders
from ombud.desk.routing.absences import stand_ins, those_away
from ombud.desk.routing.assigning import hand_over, may_hold, move_aspect, move_case
from ombud.desk.routing.laddering import Step
from ombud.desk.writing import record, update
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import SYSTEM, Arguments, about_me, decide
from ombud.trust.viewers import viewer_of_user

LEADERS = "leaders"  # as `to_role`: whoever gives work away in the unit
CHAIN = 10


async def owner(case: Record, aspect_id: UUID | None) -> dict[str, str]:
    """Whoever has it, or stands in for them; whoever leads where nobody has it."""
    who = await _owner(case, aspect_id)
    reached = await _reachable(case, [who] if who else [])
    return {"to_user": str(reached)} if reached else {"to_role": LEADERS}


async def _owner(case: Record, aspect_id: UUID | None) -> UUID | None:
    own = await db.fetchval("SELECT owner_id FROM core_aspect WHERE id = $1", aspect_id) if aspect_id else None
    found: UUID | None = own or case["owner_id"]
    return found


async def leader(case: Record, aspect_id: UUID | None, step: Step, cause: str) -> dict[str, str]:
    """The next level: the leader of whoever has it, or theirs, and so on up; else whoever leads the unit."""
    who = await _owner(case, aspect_id)
    rows = await db.fetch(
        "WITH RECURSIVE up AS (SELECT leader_id, 1 AS far FROM core_staff_profile WHERE user_id = $1 "
        f"UNION SELECT p.leader_id, up.far + 1 FROM up JOIN core_staff_profile p ON p.user_id = up.leader_id "
        f"WHERE up.far < {CHAIN}) SELECT leader_id FROM up WHERE leader_id IS NOT NULL ORDER BY far",
        who,
    )
    line = [row["leader_id"] for row in rows]
    reached = await _reachable(case, line)
    if reached is None:
        unit = [each for each in await holders(LEADS, case["unit_id"]) if each != who]
        reached = await _reachable(case, unit) if step.hand_over else None
        if reached is None:
            return {"to_role": LEADERS}
    return await _give(case, aspect_id, reached, step, cause)


async def person(case: Record, aspect_id: UUID | None, user_id: UUID, step: Step, cause: str) -> dict[str, str]:
    reached = await _reachable(case, [user_id])
    return await _give(case, aspect_id, reached, step, cause) if reached else {"to_role": LEADERS}


async def _reachable(case: Record, people: list[UUID]) -> UUID | None:
    """The first of them who is there, or whoever stands in for them, and who may see the whole case."""
    away = await those_away(people)
    instead = await stand_ins(people)
    for each in people:
        for who in [instead[each]] if each in instead else [] if each in away else [each]:
            if who not in await those_away([who]) and await may_hear(case, who):
                return who
    return None


async def may_hear(case: Mapping[str, Any], user_id: UUID) -> bool:
    """They see the case by their rights, and no matter of it is about them."""
    viewer = await viewer_of_user(user_id)
    if viewer is None:
        return False
    arguments = Arguments(case["id"], user_id)
    seen = decide(viewer, "case.read", "case").where("c", arguments)
    sql = f"SELECT EXISTS (SELECT 1 FROM core_case c WHERE c.id = $1 AND {seen} AND NOT {about_me('c.id', '$2')})"
    return bool(await db.fetchval(sql, *arguments.values))


async def _give(case: Record, aspect_id: UUID | None, user_id: UUID, step: Step, cause: str) -> dict[str, str]:
    """Tells them; they also get the work where the step says so and they may have it."""
    reached = {"to_user": str(user_id)}
    if not step.hand_over or user_id == await _owner(case, aspect_id):
        return reached
    aspect = await db.fetchrow("SELECT * FROM core_aspect WHERE id = $1", aspect_id) if aspect_id else None
    try:
        await may_hold(case, aspect, user_id)
    except DeskRefusal:
        return reached
    with because(cause):
        await hand_over(SYSTEM, case, aspect, user_id, {"escalation": cause.partition("/")[2]})
    return {**reached, "handed_over": "yes"}


async def move(case: Record, aspect_id: UUID | None, step: Step, cause: str) -> dict[str, str]:
    """To the specialists' queue; with `hand_over` whoever had it lets go, so that one of them takes it."""
    queue = await db.fetchval("SELECT id FROM core_queue WHERE key = $1 AND active", step.target)
    if queue is None:
        return {"to_role": LEADERS}
    why = {"escalation": cause.partition("/")[2]}
    with because(cause):
        if aspect_id is not None:
            await move_aspect(SYSTEM, case["id"], aspect_id, queue, why)
        elif case["queue_id"] != queue:
            await move_case(SYSTEM, case["id"], case["queue_id"], queue, why)
        if step.hand_over:
            await _let_go(case, aspect_id, queue, why)
    return {"to_queue": str(queue)}


async def _let_go(case: Record, aspect_id: UUID | None, queue: UUID, why: Mapping[str, Any]) -> None:
    if aspect_id is not None:
        if await db.fetchval("SELECT owner_id FROM core_aspect WHERE id = $1", aspect_id):
            await update("core_aspect", aspect_id, {"owner_id": None})
            body = {"aspect": str(aspect_id), "owner": "", "because": dict(why)}
            await record(SYSTEM, case["id"], "aspect.assigned", body)
    elif case["owner_id"] is not None:
        await update("core_case", case["id"], {"owner_id": None, "changed_at": now()})
        body = {"owner": "", "queue": str(queue), "because": dict(why)}
        await record(SYSTEM, case["id"], "case.assigned", body)
