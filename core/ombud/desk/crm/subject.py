"""Whom a panel is about, as far as its viewer may see them: nothing is asked or shown of anybody else."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ombud.desk import references
from ombud.desk.errors import NotFound
from ombud.desk.trail.history import SPOKEN_ABOUT
from ombud.desk.writing import demand, no_case
from ombud.kernel.database import db
from ombud.trust import viewing
from ombud.trust.policy import Arguments, Viewer, about_me, decide, mask_in


@dataclass(frozen=True)
class Subject:
    """A person in a unit. `mask`: fields hidden from the viewer; `case_id`: the case whose page it is, if one;
    `href`: the page it stands on; `version`: of the person's details."""

    person_id: UUID
    unit_id: UUID
    unit: str
    name: str | None
    version: int
    mask: frozenset[str]
    href: str
    case_id: UUID | None = None


# Who is complained about, or a member of staff one of whose colleagues' aspects concerns, is asked about by nobody; and
# whoever such an aspect is about learns nothing of the complainant here. A case whose words are gone asks for nothing.
_WHO = """
SELECT c.id AS case_id, c.reference, c.unit_id, u.key AS unit, p.id AS person_id, p.name, p.version
FROM core_party y JOIN core_case c ON c.id = y.case_id JOIN core_unit u ON u.id = c.unit_id
JOIN core_person p ON p.id = y.person_id
WHERE {wanted} AND p.erased_at IS NULL AND c.destroyed_at IS NULL AND {read} AND {rows}
    AND NOT y.role = ANY({spoken_about})
    AND NOT EXISTS (SELECT 1 FROM core_party other WHERE other.person_id = p.id AND {mine})
ORDER BY {order} LIMIT 1
"""


async def of_case(viewer: Viewer, reference: str) -> Subject:
    """The complainant of a case; raises NotFound."""
    arguments = Arguments()
    place = arguments.add(references.tidy(reference) or reference)
    wanted = f"c.reference = {place} AND y.role = 'complainant'"
    row = await _who(viewer, wanted, "y.created_at, y.id", arguments)
    if row is None:
        raise no_case(reference)
    viewing.saw(viewer, row["case_id"])
    return _subject(viewer, row, f"/cases/{row['reference']}", row["case_id"])


async def of_person(viewer: Viewer, person_id: UUID) -> Subject:
    """A person by their newest case in view; raises NotFound."""
    arguments = Arguments()
    row = await _who(viewer, f"p.id = {arguments.add(person_id)}", "c.received_at DESC, c.id DESC", arguments)
    if row is None:
        raise NotFound("There is no such person that you may see.")
    return _subject(viewer, row, f"/parties/{person_id}", None)


async def _who(viewer: Viewer, wanted: str, order: str, arguments: Arguments) -> Any:
    demand(viewer, "person.read")
    mine = "FALSE" if viewer.system else about_me("other.case_id", arguments.add(viewer.user_id))
    sql = _WHO.format(
        wanted=wanted, order=order, mine=mine, spoken_about=arguments.add(list(SPOKEN_ABOUT)),
        read=decide(viewer, "case.read", "case").where("c", arguments),
        rows=decide(viewer, "person.read", "case").where("c", arguments),
    )  # fmt: skip
    return await db.fetchrow(sql, *arguments.values)


def _subject(viewer: Viewer, row: Any, href: str, case_id: UUID | None) -> Subject:
    mask = mask_in(viewer, row["unit_id"])
    return Subject(
        row["person_id"], row["unit_id"], row["unit"], None if "name" in mask else row["name"], row["version"], mask,
        href, case_id,
    )  # fmt: skip
