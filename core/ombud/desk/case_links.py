"""Signed links of a case, for the staff who make and revoke them."""

from uuid import UUID

from ombud.desk.errors import NotFound
from ombud.desk.promises import promises_in
from ombud.desk.writing import demand, lock_case, refuse_concerned
from ombud.kernel.database import db
from ombud.process import address
from ombud.trust import links
from ombud.trust.policy import Arguments, Viewer, decide
from ombud_plugin_api.facts import LinkView


async def of_case(viewer: Viewer, case_id: UUID) -> tuple[LinkView, ...]:
    """Who may follow the case by a link, and until when; for those who may change the case."""
    demand(viewer, "case.write")
    await refuse_concerned(viewer, case_id)
    grant, arguments = decide(viewer, "case.write", "case"), Arguments()
    place = arguments.add(case_id)
    rows = await db.fetch(
        "SELECT l.id, l.created_at, l.expires_at, l.revoked_at, p.name AS person_name FROM core_link l "
        "JOIN core_case c ON c.id = l.case_id JOIN core_person p ON p.id = l.person_id "
        f"WHERE l.case_id = {place} AND {grant.where('c', arguments)} ORDER BY l.created_at",
        *arguments.values,
    )
    return tuple(LinkView(**dict(row)) for row in rows)


async def make(viewer: Viewer, case_id: UUID) -> str:
    """A new full address for the complainant, handed over by the viewer; whoever holds it reads the whole complaint."""
    async with db.transaction():
        case = await lock_case(viewer, "case.write", case_id)
        await refuse_concerned(viewer, case_id)
        person_id = await db.fetchval(
            "SELECT person_id FROM core_party WHERE case_id = $1 AND role = 'complainant' ORDER BY created_at LIMIT 1",
            case_id,
        )
        if person_id is None:
            raise NotFound("The case has no complainant who could follow it. Add one first.")
        promised = await promises_in(case["unit_id"])
        token = await links.make(case_id, person_id, "track", promised.tracking_link_days, actor=viewer.actor)
        return address(f"/track/{token}")


async def revoke(viewer: Viewer, link_id: UUID) -> None:
    """Ends a link; its holder is told to ask for a new one."""
    async with db.transaction():
        case_id = await db.fetchval("SELECT case_id FROM core_link WHERE id = $1", link_id)
        if case_id is None:
            raise NotFound("There is no such link.")
        await lock_case(viewer, "case.write", case_id)
        await links.revoke(link_id, viewer.actor)
