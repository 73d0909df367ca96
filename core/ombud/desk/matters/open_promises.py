"""Whether a case still owes what was promised in it; asked when it is closed."""

from uuid import UUID

from ombud.desk.errors import Invalid
from ombud.kernel.database import db
from ombud.speech import counted

UNDONE = """SELECT count(*) FROM core_task t JOIN core_aspect a ON a.id = t.aspect_id
WHERE a.case_id = {case} AND t.done_at IS NULL AND t.dropped_at IS NULL"""


async def undone(case_id: UUID) -> int:
    """How many promises of a case are neither done nor dropped."""
    return int(await db.fetchval(UNDONE.format(case="$1"), case_id))


def demand_reason(count: int, why: str) -> None:
    """Raises Invalid where promises are open and whoever closes does not say why."""
    if count and not why:
        some = counted(
            "One promise is not kept yet. Mark what was done, or say why the case is closed before that.",
            "%(num)s promises are not kept yet. Mark what was done, or say why the case is closed before that.",
            count,
        )
        raise Invalid(
            some,
            "reason",
        )
