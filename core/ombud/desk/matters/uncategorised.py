"""Whether a matter of a case still lacks the category that figures and returns count it by; asked when it is closed."""

from asyncpg import Record

from ombud.desk import taxonomies
from ombud.desk.errors import Invalid
from ombud.kernel.database import db
from ombud.speech import counted


async def uncategorised(case: Record) -> int:
    """How many matters have no category, though the case's unit has some to choose; none where it has none."""
    left = int(await db.fetchval("SELECT count(*) FROM core_aspect WHERE case_id = $1 AND category = ''", case["id"]))
    if not left or not await taxonomies.choices("category", case["unit_id"], taxonomies.today()):
        return 0
    return left


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
