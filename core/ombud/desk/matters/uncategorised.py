"""Whether a matter of a case still lacks the category that figures and returns count it by; asked when it is closed."""

from uuid import UUID

from asyncpg import Record

from ombud.desk import taxonomies
from ombud.desk.errors import Invalid
from ombud.kernel.database import db
from ombud.speech import counted


async def asked_in(unit_id: UUID) -> bool:
    """Whether a category is asked for: where the unit has some to choose, or a return was begun on this desk, which
    counts by what is written freely too."""
    known = await taxonomies.choices("category", unit_id, taxonomies.today())
    return bool(known) or bool(await db.fetchval("SELECT EXISTS (SELECT 1 FROM core_return)"))


async def uncategorised(case: Record) -> int:
    """How many matters have no category where one is asked for."""
    left = int(await db.fetchval("SELECT count(*) FROM core_aspect WHERE case_id = $1 AND category = ''", case["id"]))
    return left if left and await asked_in(case["unit_id"]) else 0


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
