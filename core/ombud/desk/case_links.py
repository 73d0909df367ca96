"""Signed links of a case, for the staff who make and revoke them."""

from uuid import UUID

from ombud.desk.errors import NotFound
from ombud.desk.promises import promises_in
from ombud.desk.writing import demand, lock_case, not_for_them, refuse_concerned
from ombud.kernel.database import db
from ombud.process import address
from ombud.trust import links
from ombud.trust.policy import Arguments, Viewer, about_me, decide
from ombud_plugin_api.facts import LinkView


async def of_case(viewer: Viewer, case_id: UUID) -> tuple[LinkView, ...]:
    """Who may follow the case by a link, and until when; for those who may change the case."""
    demand(viewer, "case.write")
    grant, arguments = decide(viewer, "case.write", "case"), Arguments()
    place, me = arguments.add(case_id), arguments.add(viewer.user_id)
    rows = await db.fetch(
        f"SELECT {about_me(place, me)} AS concerned, l.id, l.created_at, l.expires_at, l.revoked_at, "
        "p.name AS person_name FROM (SELECT) always LEFT JOIN (core_link l JOIN core_case c ON c.id = l.case_id "
        "JOIN core_person p ON p.id = l.person_id) "
        f"ON l.case_id = ANY(ARRAY(SELECT {place}::uuid UNION ALL SELECT one.id FROM core_case one "
        f"WHERE one.merged_into = {place}::uuid)) AND {grant.where('c', arguments)} ORDER BY l.created_at",
        *arguments.values,
    )
    if rows[0]["concerned"]:
        raise not_for_them()
    shown = LinkView.__struct_fields__
    return tuple(LinkView(**{name: row[name] for name in shown}) for row in rows if row["id"] is not None)


async def make(viewer: Viewer, case_id: UUID) -> str:
    """A new full address for the complainant, handed over by the viewer; whoever holds it reads the whole complaint."""
    async with db.transaction():
        case = await lock_case(viewer, "case.write", case_id, merged=True)
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
