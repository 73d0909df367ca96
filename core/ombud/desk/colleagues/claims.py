"""`I am working on this`: a claim warns others for ten minutes and blocks nobody.

Claiming, renewing and letting go are no history: they say what somebody is about to do, not what was done to the
complaint, and a record of them would measure staff by the minute. Taking over is between two people and is recorded.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from ombud.desk.cases import refuse_closed
from ombud.desk.colleagues.live import CLAIM, tell_of_case
from ombud.desk.errors import NotNow
from ombud.desk.writing import lock_case, record, refuse_concerned
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust.policy import Viewer

HOLDS = timedelta(minutes=10)


@dataclass(frozen=True)
class Claimed:
    """Who works on a case, as others see it."""

    user_id: UUID
    name: str
    mine: bool
    since: datetime
    until: datetime


# A claim that runs, beside a case `c`; nobody sees one on a case with an aspect about them, not even as a name.
COLUMNS = (
    "claim.user_id AS claim_user_id, claim.at AS claim_at, claim.until AS claim_until, "
    "coalesce(nullif(claimant.display_name, ''), claimant.name) AS claim_name"
)


def joined(moment: str) -> str:
    """SQL that joins the running claim of a case `c`; `moment`: the placeholder of now."""
    return (
        f"LEFT JOIN core_claim claim ON claim.case_id = c.id AND claim.until > {moment} "
        "LEFT JOIN core_user claimant ON claimant.id = claim.user_id"
    )


def of_row(viewer: Viewer, row: Any, *, hidden: bool) -> Claimed | None:
    if row["claim_user_id"] is None or hidden:
        return None
    mine = row["claim_user_id"] == viewer.user_id
    return Claimed(row["claim_user_id"], row["claim_name"], mine, row["claim_at"], row["claim_until"])


async def claim(viewer: Viewer, case_id: UUID) -> datetime:
    """Begins or renews the viewer's claim and returns when it ends; NotNow while somebody else's runs."""
    async with db.transaction():
        case = await _lock(viewer, case_id)
        until = now() + HOLDS
        running = await _running(case_id)
        if running is not None and running["user_id"] != viewer.user_id:
            raise NotNow(f"{running['name']} is working on this case. Ask them, or take over.")
        await _put(viewer, case["id"], until)
        if running is None:
            tell_of_case(CLAIM, case_id, viewer.actor)
        return until


async def take_over(viewer: Viewer, case_id: UUID) -> datetime:
    """Ends somebody else's claim and begins the viewer's; both are told, and the case records it."""
    async with db.transaction():
        case = await _lock(viewer, case_id)
        until = now() + HOLDS
        running = await _running(case_id)
        await _put(viewer, case["id"], until)
        if running is None or running["user_id"] == viewer.user_id:
            tell_of_case(CLAIM, case_id, viewer.actor)
            return until
        tell_of_case(CLAIM, case_id, viewer.actor, running["user_id"])
        await record(viewer, case_id, "claim.taken_over", {"about": str(running["user_id"])})
        return until


async def release(viewer: Viewer, case_id: UUID) -> None:
    """Lets go of one's own claim; where there is none nothing happens."""
    async with db.transaction():
        await lock_case(viewer, "case.write", case_id)
        gone = await db.execute("DELETE FROM core_claim WHERE case_id = $1 AND user_id = $2", case_id, viewer.user_id)
        if gone != "DELETE 0":
            tell_of_case(CLAIM, case_id, viewer.actor)


async def prolong(viewer: Viewer, case_id: UUID) -> None:
    """Whoever goes on writing keeps their claim; begins none."""
    await db.execute(
        "UPDATE core_claim SET until = $3 WHERE case_id = $1 AND user_id = $2 AND until > $4",
        case_id,
        viewer.user_id,
        now() + HOLDS,
        now(),
    )


async def sweep() -> None:
    """Deletes what has ended; for the schedule."""
    await db.execute("DELETE FROM core_claim WHERE until <= $1", now())


async def _lock(viewer: Viewer, case_id: UUID) -> Any:
    case = await lock_case(viewer, "case.write", case_id)
    await refuse_concerned(viewer, case_id)
    refuse_closed(case)
    return case


async def _running(case_id: UUID) -> Any:
    return await db.fetchrow(
        "SELECT k.user_id, coalesce(nullif(u.display_name, ''), u.name) AS name FROM core_claim k "
        "JOIN core_user u ON u.id = k.user_id WHERE k.case_id = $1 AND k.until > $2",
        case_id,
        now(),
    )


async def _put(viewer: Viewer, case_id: UUID, until: datetime) -> None:
    """Since when it is held starts again with a new holder."""
    await db.execute(
        "INSERT INTO core_claim (id, case_id, user_id, at, until) VALUES ($1, $2, $3, $4, $5) "
        "ON CONFLICT (case_id) DO UPDATE SET user_id = $3, until = $5, at = CASE "
        "WHEN core_claim.user_id = $3 AND core_claim.until > $4 THEN core_claim.at ELSE $4 END",
        new_id(),
        case_id,
        viewer.user_id,
        now(),
        until,
    )
