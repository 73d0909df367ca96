"""A case and its aspects in few words, for plugins: one statement, filtered by the policy."""

from typing import Any

from ombud.desk import references
from ombud.desk.case_shown import CasePageView
from ombud.desk.words import letter
from ombud.desk.writing import no_case
from ombud.kernel.database import db
from ombud.trust import viewing
from ombud.trust.policy import Arguments, Viewer, about_me, decide
from ombud_plugin_api.facts import AspectView, CaseView


async def case_glance(viewer: Viewer, reference: str) -> CaseView:
    """Raises NotFound; the title of a case that holds an aspect about the viewer is its reference."""
    case, aspect, arguments = decide(viewer, "case.read", "case"), decide(viewer, "case.read", "aspect"), Arguments()
    place = arguments.add(references.tidy(reference) or reference)
    about = about_me("c.id", arguments.add(viewer.user_id))
    rows = await db.fetch(
        "SELECT c.id AS case_id, c.reference, c.title AS case_title, c.status AS case_status, c.channel, "
        f"c.received_at, c.due_at AS case_due_at, u.key AS unit_key, a.*, {about} AS about_viewer "
        "FROM core_case c JOIN core_unit u ON u.id = c.unit_id "
        f"LEFT JOIN core_aspect a ON a.case_id = c.id AND {aspect.where('a', arguments)} "
        f"WHERE c.reference = {place} AND {case.where('c', arguments)} ORDER BY a.position",
        *arguments.values,
    )
    if not rows:
        raise no_case(reference)
    first = rows[0]
    viewing.saw(viewer, first["case_id"])
    return CaseView(
        id=first["case_id"], reference=first["reference"], status=first["case_status"], channel=first["channel"],
        title=first["reference"] if first["about_viewer"] else first["case_title"], received_at=first["received_at"],
        due_at=first["case_due_at"], unit=first["unit_key"], partly_hidden=bool(first["about_viewer"]),
        aspects=tuple(_aspect(place, row) for place, row in enumerate(rows, 1) if row["id"] is not None),
    )  # fmt: skip


def glance_of(view: CasePageView) -> CaseView:
    """The same from a page that was read already, without a statement."""
    case = view.case
    return CaseView(
        id=case.id, reference=case.reference, status=case.status, channel=case.channel, title=case.title,
        received_at=case.received_at, due_at=case.due_at, unit=case.unit.key, partly_hidden=case.about_me,
        aspects=tuple(
            AspectView(
                id=each.id, position=place, letter=each.letter, title=each.title, status=each.status,
                outcome=each.outcome, category=each.category, due_at=each.due_at,
            )
            for place, each in enumerate(view.aspects, 1)
        ),
    )  # fmt: skip


def _aspect(place: int, row: Any) -> AspectView:
    return AspectView(
        id=row["id"], position=place, letter=letter(place), title=row["title"], status=row["status"],
        outcome=row["outcome"], category=row["category"], due_at=row["due_at"],
    )  # fmt: skip
