"""What people see of merges: the cases a case is tied to, and what would come of merging two."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.desk.case_shown import CasePageView
from ombud.desk.case_view import case_page
from ombud.desk.merges.merge import OTHER_PEOPLE, facts_of, obstacle, same_people
from ombud.desk.writing import refuse_concerned
from ombud.kernel.database import db
from ombud.trust.policy import HIDDEN, Arguments, Viewer, about_me, decide


@dataclass(frozen=True)
class Tied:
    """A case that was merged into this one, or split from or off it. `how`: merged, split_from, split_off,
    moved_in or moved_out (an aspect of it); `by`: who did it."""

    reference: str
    title: str
    how: str
    at: datetime
    by: str
    merge_id: UUID


_TIED = """
SELECT m.id, m.made_at, c.reference, CASE WHEN {mine} THEN c.reference ELSE c.title END AS title,
    CASE WHEN m.kind = 'merge' THEN 'merged' 
        WHEN m.kind = 'move' AND m.from_case = {case} THEN 'moved_out' WHEN m.kind = 'move' THEN 'moved_in'
        WHEN m.from_case = {case} THEN 'split_off' ELSE 'split_from' END AS how,
    coalesce(nullif(w.display_name, ''), w.name, 'Ombud') AS by
FROM core_merge m JOIN core_case c ON c.id = CASE WHEN m.from_case = {case} THEN m.into_case ELSE m.from_case END
LEFT JOIN core_user w ON w.id = m.made_by
WHERE m.undone_at IS NULL AND {rows}
    AND (m.into_case = {case} OR (m.from_case = {case} AND m.kind IN ('split', 'move')))
ORDER BY m.made_at, m.id LIMIT 50
"""


async def tied_to(viewer: Viewer, case_id: UUID) -> tuple[Tied, ...]:
    """Those the viewer may see; one statement."""
    arguments = Arguments()
    sql = _TIED.format(
        case=arguments.add(case_id), mine=about_me("c.id", arguments.add(viewer.user_id)),
        rows=decide(viewer, "case.read", "case").where("c", arguments),
    )  # fmt: skip
    rows = await db.fetch(sql, *arguments.values)
    return tuple(Tied(row["reference"], row["title"], row["how"], row["made_at"], row["by"], row["id"]) for row in rows)


@dataclass(frozen=True)
class Preview:
    """What merging `absorbed` into `kept` would do. `stops`: why it cannot be done, else empty; `warning`: that
    different people complain; `clock`: whether the case that stays gets an earlier clock."""

    absorbed: CasePageView
    kept: CasePageView
    stops: str
    warning: str
    clock: bool

    @property
    def complainants(self) -> tuple[str, str]:
        return _customer(self.absorbed), _customer(self.kept)


def _customer(view: CasePageView) -> str:
    return view.case.customer or (HIDDEN if view.case.customer_id else "")


async def preview(viewer: Viewer, absorbed_reference: str, kept_reference: str) -> Preview:
    """Raises NotFound where the viewer may see one of them not, NotAllowed where an aspect is about them."""
    absorbed = await case_page(viewer, absorbed_reference, talk=False)
    kept = await case_page(viewer, kept_reference, talk=False)
    rows = {row["id"]: row for row in await _rows(absorbed.case.id, kept.case.id)}
    one, other = rows[absorbed.case.id], rows[kept.case.id]
    for each in (one, other):
        await refuse_concerned(viewer, each["id"])
    same = await same_people(one["id"], other["id"])
    return Preview(
        absorbed, kept, obstacle(await facts_of(one, other)), "" if same else OTHER_PEOPLE,
        one["received_at"] < other["received_at"],
    )  # fmt: skip


async def _rows(*cases: UUID) -> list[Any]:
    return await db.fetch("SELECT * FROM core_case WHERE id = ANY($1::uuid[])", list(cases))
