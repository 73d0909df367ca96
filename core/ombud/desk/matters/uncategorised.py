"""Whether a matter of a case still lacks the category that figures and returns count it by; asked when it is closed."""

from uuid import UUID

from ombud.desk import taxonomies
from ombud.desk.errors import Invalid
from ombud.kernel.database import db
from ombud.speech import counted

_LACKING = """
SELECT id, position = (SELECT min(position) FROM core_aspect WHERE case_id = $1) AS main,
    EXISTS (SELECT 1 FROM core_return) AS returns
FROM core_aspect WHERE case_id = $1 AND category = '' ORDER BY position, id
"""


async def uncategorised(case_id: UUID, unit_id: UUID) -> list[UUID]:
    """The matters that lack one where it is asked for: all, where the case's unit has categories to choose; the first,
    by which returns count, where none are set up and a return was begun on this desk."""
    rows = await db.fetch(_LACKING, case_id)
    if not rows or await taxonomies.choices("category", unit_id, taxonomies.today()):
        return [row["id"] for row in rows]
    return [row["id"] for row in rows if row["main"] and row["returns"]]


def demand_reason(count: int, why: str) -> None:
    """Raises Invalid where matters have no category and whoever closes does not say why."""
    if count and not why:
        some = counted(
            "One aspect has no category, and figures and returns to regulators count it by that. Choose one, or say "
            "why the case is closed without it.",
            "%(num)s aspects have no category, and figures and returns to regulators count them by that. Choose one "
            "for each, or say why the case is closed without it.",
            count,
        )
        raise Invalid(some, "reason")
