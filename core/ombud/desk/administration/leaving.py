"""Somebody leaves: what they still own is counted, then handed on or put back, and they are shut out, in one step."""

from dataclasses import dataclass
from uuid import UUID

from ombud.desk import aspects, cases
from ombud.desk.administration.authority import demand_over
from ombud.desk.errors import DeskRefusal, Invalid
from ombud.desk.routing import absences
from ombud.desk.staff import in_words, seen
from ombud.desk.writing import record, update
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust import users
from ombud.trust.policy import Viewer
from ombud.trust.viewers import viewer_of_user


@dataclass(frozen=True)
class Waiting:
    """Open work of a person in one unit."""

    unit: str
    cases: int
    aspects: int


@dataclass(frozen=True)
class HandedOn:
    """What became of it: `given` went to the successor, `returned` to where nobody owns it."""

    given: int
    returned: int


_WAITING = """
SELECT u.name AS unit, sum(w.cases)::int AS cases, sum(w.aspects)::int AS aspects FROM (
    SELECT c.unit_id, 1 AS cases, 0 AS aspects FROM core_case c WHERE c.owner_id = $1 AND c.status <> 'closed'
    UNION ALL
    SELECT c.unit_id, 0, 1 FROM core_aspect a JOIN core_case c ON c.id = a.case_id
    WHERE a.owner_id = $1 AND a.status = 'open' AND c.status <> 'closed'
) w JOIN core_unit u ON u.id = w.unit_id GROUP BY u.name ORDER BY u.name
"""


async def waiting(viewer: Viewer, user_id: UUID) -> list[Waiting]:
    """How much open work the person owns, by unit; numbers only, so that nothing of a case is told."""
    await seen(viewer, user_id)
    return [Waiting(**dict(row)) for row in await db.fetch(_WAITING, user_id)]


async def leave(viewer: Viewer, user_id: UUID, to: UUID | None) -> HandedOn:
    """Shuts a person out; their open cases and aspects go to `to` as far as that person may own them, the others back
    to their queue. The right to manage users is enough: work of somebody who is gone must not lie unseen."""
    await seen(viewer, user_id)
    await demand_over(viewer, user_id)
    if to is not None:
        await seen(viewer, to)
        if to == user_id or await viewer_of_user(to) is None:
            raise Invalid("Choose somebody else who is active.", "to")
    async with in_words(), db.transaction():
        await users.deactivate(user_id, viewer.actor)
        await absences.left(user_id, viewer.actor)
        moved = [*await _cases(viewer, user_id, to), *await _aspects(viewer, user_id, to)]
    return HandedOn(sum(moved), len(moved) - sum(moved))


async def _cases(viewer: Viewer, user_id: UUID, to: UUID | None) -> list[bool]:
    rows = await db.fetch(
        "SELECT * FROM core_case WHERE owner_id = $1 AND status <> 'closed' ORDER BY id FOR UPDATE", user_id
    )
    given = []
    for row in rows:
        owner = to
        if owner is not None:
            try:
                await cases.may_own(row, owner)
            except DeskRefusal:
                owner = None
        await update("core_case", row["id"], {"owner_id": owner, "changed_at": now()})
        body = {"owner": str(owner or ""), "queue": str(row["queue_id"] or "")}
        await record(viewer, row["id"], "case.assigned", body)
        given.append(owner is not None)
    return given


async def _aspects(viewer: Viewer, user_id: UUID, to: UUID | None) -> list[bool]:
    rows = await db.fetch(
        "SELECT a.*, c.unit_id FROM core_aspect a JOIN core_case c ON c.id = a.case_id "
        "WHERE a.owner_id = $1 AND a.status = 'open' AND c.status <> 'closed' ORDER BY a.case_id, a.id "
        "FOR UPDATE OF c, a",
        user_id,
    )
    given = []
    for row in rows:
        owner = to
        if owner is not None:
            try:
                await aspects.may_own(row, row, owner)
            except DeskRefusal:
                owner = None
        await update("core_aspect", row["id"], {"owner_id": owner})
        await record(viewer, row["case_id"], "aspect.assigned", {"aspect": str(row["id"]), "owner": str(owner or "")})
        given.append(owner is not None)
    return given
