"""Whether a matter of a case still lacks the category that figures and returns count it by; asked when it is closed."""

from collections.abc import Sequence
from uuid import UUID

from ombud.desk import taxonomies
from ombud.desk.errors import Invalid
from ombud.kernel.database import db
from ombud.speech import counted

LACKING = """
(SELECT jsonb_agg(jsonb_build_array(a.id, a.position = (SELECT min(position) FROM core_aspect WHERE case_id = {case})
        AND EXISTS (SELECT 1 FROM core_return)) ORDER BY a.position, a.id)
    FROM core_aspect a WHERE a.case_id = {case} AND a.category = '' AND {seen})
"""
"""In a statement about a case: those of its matters that have none, as far as they are `seen` (which says it of `a`),
each with whether a return counts by it, which is the first one on a desk where a return was begun."""

Lacking = Sequence[tuple[UUID, bool]]


def lacking_of(found: list[list[object]] | None) -> Lacking:
    """What a statement found as `LACKING`."""
    return tuple((UUID(str(identity)), bool(counted_by)) for identity, counted_by in found or ())


def asked_for(lacking: Lacking, to_choose: bool) -> list[UUID]:
    """The matters that are asked for one: all, where the case's unit has categories to choose; else the one by which
    returns count."""
    return [identity for identity, counted_by in lacking if to_choose or counted_by]


async def uncategorised(case_id: UUID, unit_id: UUID) -> list[UUID]:
    """The matters of a case that are asked for one now."""
    lacking = lacking_of(await db.fetchval(f"SELECT {LACKING.format(case='$1', seen='TRUE')}", case_id))
    known = await taxonomies.choices("category", unit_id, taxonomies.today()) if lacking else []
    return asked_for(lacking, bool(known))


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
