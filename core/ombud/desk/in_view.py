"""What a viewer must be allowed before anything else of a case is read: the case itself, and which aspects they see."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from ombud.desk import references
from ombud.desk.words import letter
from ombud.desk.writing import demand, no_case
from ombud.kernel.database import db
from ombud.trust import viewing
from ombud.trust.policy import Arguments, Viewer, about_me, decide


@dataclass(frozen=True)
class InView:
    """A case the viewer may see. `hidden`: an aspect of it is about them; `letters`: of the aspects in view, by id."""

    id: UUID
    reference: str
    unit_id: UUID
    hidden: bool
    letters: Mapping[str, str]


async def in_view(viewer: Viewer, case: str | UUID, permission: str = "case.read") -> InView:
    """The case with this reference or id, in one statement; raises NotAllowed or NotFound, the latter with one text
    for missing and hidden."""
    demand(viewer, permission)
    if isinstance(case, str) and ("\0" in case or len(case) > 100):
        raise no_case("with this reference")
    rows, aspect, arguments = decide(viewer, permission, "case"), decide(viewer, "case.read", "aspect"), Arguments()
    wanted = (
        f"c.id = {arguments.add(case)}"
        if isinstance(case, UUID)
        else f"c.reference = {arguments.add(references.tidy(case) or case)}"
    )
    row = await db.fetchrow(
        f"SELECT c.id, c.reference, c.unit_id, {about_me('c.id', arguments.add(viewer.user_id))} AS hidden, "
        f"ARRAY(SELECT a.id FROM core_aspect a WHERE a.case_id = c.id AND {aspect.where('a', arguments)} "
        f"ORDER BY a.position) AS aspects FROM core_case c WHERE {wanted} AND {rows.where('c', arguments)}",
        *arguments.values,
    )
    if row is None:
        raise no_case(case)
    viewing.saw(viewer, row["id"])
    letters = {str(each): letter(place) for place, each in enumerate(row["aspects"], 1)}
    return InView(row["id"], row["reference"], row["unit_id"], row["hidden"] and not viewer.system, letters)
