"""`I am working on this`: a claim on a case, or on one matter of it, warns others for ten minutes and blocks nobody.

Claiming, renewing and letting go are no history: they say what somebody is about to do, not what was done to the
complaint, and a record of them would measure staff by the minute. Taking over is between two people and is recorded.
"""

from collections.abc import Sequence
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
from ombud.speech import sentence
from ombud.trust.policy import Arguments, Viewer, decide

HOLDS = timedelta(minutes=10)


@dataclass(frozen=True)
class Claimed:
    """Who works on a case, as others see it. `aspect_id`: the matter of it they work on, None for all of it."""

    user_id: UUID
    name: str
    mine: bool
    since: datetime
    until: datetime
    aspect_id: UUID | None = None


# The claim that runs, beside a case `c`: on all of it before one on a matter; nobody sees one on a case with an aspect
# about them, not even as a name.
COLUMNS = (
    "claim.user_id AS claim_user_id, claim.at AS claim_at, claim.until AS claim_until, claim.name AS claim_name, "
    "claim.aspect_id AS claim_aspect_id"
)
_RUNNING = (
    "SELECT k.user_id, coalesce(nullif(w.display_name, ''), w.name) AS name, k.at, k.until, k.aspect_id "
    "FROM core_claim k JOIN core_user w ON w.id = k.user_id WHERE k.case_id = {case} AND k.until > {moment} "
    "ORDER BY k.aspect_id IS NOT NULL, k.at, k.id"
)


def joined(moment: str) -> str:
    """SQL that joins the running claim of a case `c`; `moment`: the placeholder of now."""
    return f"LEFT JOIN LATERAL ({_RUNNING.format(case='c.id', moment=moment)} LIMIT 1) claim ON TRUE"


def every(moment: str) -> str:
    """SQL of a column with all running claims of a case `c`."""
    return f"(SELECT jsonb_agg(to_jsonb(k)) FROM ({_RUNNING.format(case='c.id', moment=moment)}) k) AS claims"


def of_row(viewer: Viewer, row: Any, *, hidden: bool) -> Claimed | None:
    if row["claim_user_id"] is None or hidden:
        return None
    mine = row["claim_user_id"] == viewer.user_id
    return Claimed(
        row["claim_user_id"], row["claim_name"], mine, row["claim_at"], row["claim_until"], row["claim_aspect_id"]
    )


def of_rows(viewer: Viewer, row: Any, *, hidden: bool) -> tuple[Claimed, ...]:
    """All of them, from the column that `every` makes."""
    if hidden:
        return ()
    return tuple(
        Claimed(
            UUID(each["user_id"]), each["name"], UUID(each["user_id"]) == viewer.user_id,
            datetime.fromisoformat(each["at"]), datetime.fromisoformat(each["until"]),
            UUID(each["aspect_id"]) if each["aspect_id"] else None,
        )
        for each in row["claims"] or ()
    )  # fmt: skip


def on_aspect(claims: Sequence[Claimed], aspect_id: UUID) -> Claimed | None:
    """Who works on this matter, or on all of the case: a colleague before the viewer. Somebody on another matter keeps
    nobody off this one. Pure."""
    here = [each for each in claims if each.aspect_id in (None, aspect_id)]
    return min(here, key=lambda each: each.mine, default=None)


async def claim(viewer: Viewer, case_id: UUID, aspect_id: UUID | None = None) -> datetime:
    """Begins or renews the viewer's claim, on one matter or on all of the case, and returns when it ends; NotNow while
    somebody else's runs on the same. One's claim on another matter of the case ends."""
    async with db.transaction():
        case, aspect_id = await _lock(viewer, case_id, aspect_id)
        until = now() + HOLDS
        for each in await _running(case_id, aspect_id):
            if each["user_id"] != viewer.user_id:
                what = "all of this case" if each["aspect_id"] is None and aspect_id else "this matter"
                raise NotNow(
                    sentence(
                        "%(name)s is working on %(case)s. Ask them, or take over.",
                        name=each["name"],
                        case=what if aspect_id else "this case",
                    )
                )
        if await _put(viewer, case["id"], aspect_id, until):
            tell_of_case(CLAIM, case_id, viewer.actor)
        return until


async def take_over(viewer: Viewer, case_id: UUID, aspect_id: UUID | None = None) -> datetime:
    """Ends what others claim of the same and begins the viewer's; all are told, and the case records it."""
    async with db.transaction():
        case, aspect_id = await _lock(viewer, case_id, aspect_id)
        until = now() + HOLDS
        others = [each for each in await _running(case_id, aspect_id) if each["user_id"] != viewer.user_id]
        for each in others:
            await db.execute("DELETE FROM core_claim WHERE id = $1", each["id"])
        begun = await _put(viewer, case["id"], aspect_id, until)
        if begun and not others:
            tell_of_case(CLAIM, case_id, viewer.actor)
        about = {"aspect": str(aspect_id)} if aspect_id else {}
        for each in others:
            tell_of_case(CLAIM, case_id, viewer.actor, each["user_id"])
            await record(viewer, case_id, "claim.taken_over", {"about": str(each["user_id"]), **about})
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


async def _lock(viewer: Viewer, case_id: UUID, aspect_id: UUID | None) -> tuple[Any, UUID | None]:
    """The case, and the matter where the case has more than this one."""
    case = await lock_case(viewer, "case.write", case_id)
    await refuse_concerned(viewer, case_id)
    refuse_closed(case)
    if aspect_id is None:
        return case, None
    arguments = Arguments(case_id, aspect_id)
    seen = decide(viewer, "case.write", "aspect").where("a", arguments)
    row = await db.fetchrow(
        "SELECT (SELECT count(*) FROM core_aspect WHERE case_id = $1) AS many FROM core_aspect a "
        f"WHERE a.id = $2 AND a.case_id = $1 AND {seen}",
        *arguments.values,
    )
    if row is None:
        raise NotNow("This aspect is not in the case any more. Open the case again.")
    return case, aspect_id if row["many"] > 1 else None


async def _running(case_id: UUID, aspect_id: UUID | None) -> list[Any]:
    """What is claimed of the same: this matter or all of the case; every claim for who asks for all of it."""
    return await db.fetch(
        "SELECT k.id, k.user_id, k.aspect_id, coalesce(nullif(u.display_name, ''), u.name) AS name FROM core_claim k "
        "JOIN core_user u ON u.id = k.user_id WHERE k.case_id = $1 AND k.until > $2 "
        "AND ($3::uuid IS NULL OR k.aspect_id IS NULL OR k.aspect_id = $3) ORDER BY k.at, k.id",
        case_id, now(), aspect_id,
    )  # fmt: skip


async def _put(viewer: Viewer, case_id: UUID, aspect_id: UUID | None, until: datetime) -> bool:
    """True if it begins; since when it is held starts again with a new holder."""
    gone = await db.execute(
        "DELETE FROM core_claim WHERE case_id = $1 "
        "AND (until <= $4 OR (user_id = $2 AND aspect_id IS DISTINCT FROM $3))",
        case_id, viewer.user_id, aspect_id, now(),
    )  # fmt: skip
    begun = await db.fetchval(
        "INSERT INTO core_claim (id, case_id, aspect_id, user_id, at, until) VALUES ($1, $2, $3, $4, $5, $6) "
        "ON CONFLICT (case_id, aspect_id) DO UPDATE SET until = $6, user_id = $4, "
        "at = CASE WHEN core_claim.user_id = $4 THEN core_claim.at ELSE $5 END RETURNING xmax = 0",
        new_id(), case_id, aspect_id, viewer.user_id, now(), until,
    )  # fmt: skip
    return bool(begun) or gone != "DELETE 0"
