"""Whether a matter of a case still lacks the category that figures and returns count it by; asked when it is closed."""

from collections.abc import Sequence
from uuid import UUID

from ombud.desk import taxonomies
from ombud.desk.errors import Invalid
from ombud.kernel.database import db
from ombud.speech import counted

RETURN_BEGUN = "EXISTS (SELECT FROM core_return)"
"""In a statement: whether a return was begun on this desk."""


def asked_for(matters: Sequence[tuple[UUID, str]], *, to_choose: bool, return_begun: bool) -> list[UUID]:
    """Of the matters of a case in their order, each with its category: those that are asked for one. All without, where
    the case's unit has categories to choose; else the first, by which returns count, once one was begun."""
    counted_by = matters if to_choose else matters[:1] if return_begun else []
    return [identity for identity, category in counted_by if not category]


async def uncategorised(case_id: UUID, unit_id: UUID) -> list[UUID]:
    """The matters of a case that are asked for one now."""
    rows = await db.fetch(
        f"SELECT id, category, {RETURN_BEGUN} AS begun FROM core_aspect WHERE case_id = $1 ORDER BY position, id",
        case_id,
    )
    if all(row["category"] for row in rows):
        return []
    known = await taxonomies.choices("category", unit_id, taxonomies.today())
    matters = [(row["id"], row["category"]) for row in rows]
    return asked_for(matters, to_choose=bool(known), return_begun=rows[0]["begun"])


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
