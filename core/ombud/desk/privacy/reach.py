"""Whose data a request reaches, and whether its handler may reach all of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from ombud.desk.errors import NotAllowed
from ombud.kernel.database import db
from ombud.trust.policy import Viewer, about_me

THEIRS = ("complainant", "joint_complainant")


@dataclass(frozen=True)
class CaseReached:
    """A case with one of the records in it. `theirs`: they complain in it; `others`: so does somebody who is not being
    erased and was not."""

    id: UUID
    reference: str
    title: str
    unit_id: UUID
    status: str
    confidential: bool
    theirs: bool
    others: bool


_CASES = """
SELECT c.id, c.reference, c.title, c.unit_id, c.status, c.confidential,
    EXISTS (SELECT 1 FROM core_party y WHERE y.case_id = c.id AND y.person_id = ANY($1) AND y.role = ANY($2)) AS theirs,
    EXISTS (SELECT 1 FROM core_party y JOIN core_person p ON p.id = y.person_id WHERE y.case_id = c.id
        AND NOT y.person_id = ANY($1) AND y.role = ANY($2) AND p.erased_at IS NULL) AS others
FROM core_case c WHERE c.id IN (SELECT y.case_id FROM core_party y WHERE y.person_id = ANY($1)) ORDER BY c.received_at
"""


async def cases_of(people: Sequence[UUID]) -> list[CaseReached]:
    """Every case that names them, by the day it was received."""
    return [CaseReached(**dict(row)) for row in await db.fetch(_CASES, list(people), list(THEIRS))]


async def demand_reach(viewer: Viewer, permission: str, people: Sequence[UUID]) -> None:
    """Whoever hands out or erases all of a person must hold the right in every unit where they have a case, may see
    confidential ones where there are some, and has no aspect about themselves among them."""
    if viewer.system:
        return
    for case in await cases_of(people):
        if not viewer.may_in(permission, case.unit_id):
            raise NotAllowed(
                "This person has cases in units where you may not do this. Ask whoever handles requests there as well."
            )
        if case.confidential and not viewer.may_in("case.confidential", case.unit_id):
            raise NotAllowed("One of their cases is confidential and not for you. Ask somebody who may see it.")
    mine = about_me("y.case_id", "$2")
    concerned = f"SELECT EXISTS (SELECT 1 FROM core_party y WHERE y.person_id = ANY($1) AND {mine})"
    if await db.fetchval(concerned, list(people), viewer.user_id):
        raise NotAllowed("You cannot do this for this person. Ask a colleague.")
