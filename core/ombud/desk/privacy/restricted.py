"""What a restriction or an objection changes while it stands, in one place.

The desk does nothing by itself that weighs or decides about the person: no scorer reads the tone of what they write, no
classifier proposes, no rule chooses who has their case, how urgent it is, what it is about or how it ends, and no rule
and no bulk change writes to them. A person does all of this still. What stays by itself: their case waits in a queue so
that somebody sees it, deadlines run, receipt is confirmed, and staff are told; the law asks for that.
"""

from uuid import UUID

from ombud.desk.privacy.reach import THEIRS
from ombud.kernel.database import db

STOPPING = ("restrict", "object")
HELD_BACK = frozenset({
    "assign_user", "assign_by_routing", "set_priority", "set_severity", "set_category", "set_type", "send_template",
    "close_case",
})  # fmt: skip
"""Changes of rules that a person makes instead."""
WHY = {
    "restrict": "Processing of their data is restricted. A person decides this.",
    "object": "They object to processing. A person decides this.",
}
BULK = "They restricted processing, or object to it. Write to them from the case."

_ROLES = ", ".join(f"'{each}'" for each in THEIRS)


def stopped(case_id: str) -> str:
    """SQL: somebody who complains in this case restricted processing or objects to it."""
    return (
        "EXISTS (SELECT 1 FROM core_party marked JOIN core_privacy_mark mark ON mark.person_id = marked.person_id "
        f"WHERE marked.case_id = {case_id} AND marked.role IN ({_ROLES}) AND mark.ended_at IS NULL "
        "AND mark.kind IN ('restrict', 'object'))"
    )


def unread(case_id: str, person_id: str) -> str:
    """SQL: no program may read what came in with this person in this case to weigh it."""
    return (
        f"({stopped(case_id)} OR EXISTS (SELECT 1 FROM core_privacy_mark mark WHERE mark.person_id = {person_id} "
        "AND mark.ended_at IS NULL AND mark.kind IN ('restrict', 'object')))"
    )


async def why_held(case_id: UUID, change: str) -> str:
    """Why a rule may not make this change in this case; empty where it may."""
    if change not in HELD_BACK:
        return ""
    kind = await db.fetchval(
        "SELECT mark.kind FROM core_party y JOIN core_privacy_mark mark ON mark.person_id = y.person_id "
        "WHERE y.case_id = $1 AND y.role = ANY($2) AND mark.ended_at IS NULL AND mark.kind = ANY($3) "
        "ORDER BY mark.kind DESC LIMIT 1",
        case_id, list(THEIRS), list(STOPPING),
    )  # fmt: skip
    return WHY[kind] if kind else ""
