"""Days on which somebody is not there, and who stands in; reasons are nobody's business and are not kept."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from ombud.desk.errors import Invalid, NotFound, NotNow
from ombud.desk.routing.profiles import AWAY, ZONE, profile
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import Viewer

LONGEST = timedelta(days=730)


@dataclass(frozen=True)
class Absence:
    """`running`: today is one of its days, where that person works."""

    id: UUID
    starts_on: date
    ends_on: date
    stand_in_id: UUID | None
    stand_in: str
    running: bool


_OF = f"""
SELECT b.id, b.starts_on, b.ends_on, b.stand_in_id, coalesce(nullif(s.display_name, ''), s.name, '') AS stand_in,
    ($2::timestamptz AT TIME ZONE {ZONE})::date BETWEEN b.starts_on AND b.ends_on AS running
FROM core_absence b LEFT JOIN core_staff_profile p ON p.user_id = b.user_id
LEFT JOIN core_user s ON s.id = b.stand_in_id
WHERE b.user_id = $1 AND b.cancelled_at IS NULL AND b.ends_on >= ($2::timestamptz AT TIME ZONE {ZONE})::date
ORDER BY b.starts_on, b.id LIMIT 50
"""


async def coming(viewer: Viewer, user_id: UUID) -> list[Absence]:
    """Those that run or are still to come, of oneself or of somebody one plans for."""
    await profile(viewer, user_id)
    return [Absence(**dict(row)) for row in await db.fetch(_OF, user_id, now())]


async def add(viewer: Viewer, user_id: UUID, starts_on: date | None, ends_on: date | None, to: UUID | None) -> UUID:
    """From that day to that day, both included. `to`: who stands in."""
    await profile(viewer, user_id)
    if starts_on is None or ends_on is None:
        raise Invalid("Say the first and the last day.", "starts_on" if starts_on is None else "ends_on")
    if ends_on < starts_on:
        raise Invalid("The last day lies before the first.", "ends_on")
    if ends_on - starts_on > LONGEST or not 2000 <= starts_on.year <= 2999:
        raise Invalid("An absence lasts two years at most. Check the years.", "ends_on")
    await _check_stand_in(user_id, to)
    identity = new_id()
    async with db.transaction():
        await db.execute("SELECT 1 FROM core_user WHERE id = $1 FOR UPDATE", user_id)
        if await db.fetchval(
            "SELECT EXISTS (SELECT 1 FROM core_absence WHERE user_id = $1 AND cancelled_at IS NULL "
            "AND starts_on <= $3 AND ends_on >= $2)",
            user_id, starts_on, ends_on,
        ):  # fmt: skip
            raise NotNow("An absence on some of these days is written down already. Take that one back first.")
        await db.execute(
            "INSERT INTO core_absence (id, user_id, starts_on, ends_on, stand_in_id, created_at, created_by) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7)",
            identity, user_id, starts_on, ends_on, to, now(), viewer.user_id,
        )  # fmt: skip
        body = {
            "absence": str(identity), "from": starts_on.isoformat(), "to": ends_on.isoformat(),
            "stand_in": str(to or ""),
        }  # fmt: skip
        await append(actor=viewer.actor, entries=[NewEntry(f"user/{user_id}", "absence.added", body)])
    return identity


async def _check_stand_in(user_id: UUID, to: UUID | None) -> None:
    if to is None:
        return
    if to == user_id:
        raise Invalid("Nobody stands in for themselves. Choose somebody else, or nobody.", "stand_in")
    if not await db.fetchval("SELECT active FROM core_user WHERE id = $1", to):
        raise Invalid("Choose somebody who is active.", "stand_in")


async def take_back(viewer: Viewer, user_id: UUID, absence_id: UUID) -> None:
    """The person is there again from now on."""
    await profile(viewer, user_id)
    async with db.transaction():
        gone = await db.execute(
            "UPDATE core_absence SET cancelled_at = $3 WHERE id = $1 AND user_id = $2 AND cancelled_at IS NULL",
            absence_id, user_id, now(),
        )  # fmt: skip
        if gone == "UPDATE 0":
            raise NotFound("There is no such absence any more. Open the page again to see how it stands.")
        entry = NewEntry(f"user/{user_id}", "absence.taken_back", {"absence": str(absence_id)})
        await append(actor=viewer.actor, entries=[entry])


_STAND_INS = f"""
SELECT u.id, away.stand_in_id FROM core_user u LEFT JOIN core_staff_profile p ON p.user_id = u.id
{AWAY.format(moment="$2")} JOIN core_user s ON s.id = away.stand_in_id AND s.active WHERE u.id = ANY($1)
"""


async def stand_ins(people: list[UUID], moment: datetime | None = None) -> dict[UUID, UUID]:
    """Of these people, who is away now and who stands in for each; one step, never a chain."""
    rows = await db.fetch(_STAND_INS, people, moment or now()) if people else []
    return {row["id"]: row["stand_in_id"] for row in rows}


async def those_away(people: list[UUID]) -> frozenset[UUID]:
    rows: list[Any] = await db.fetch(
        "SELECT u.id FROM core_user u LEFT JOIN core_staff_profile p ON p.user_id = u.id "
        f"{AWAY.format(moment='$2')} WHERE u.id = ANY($1) AND away.ends_on IS NOT NULL",
        people,
        now(),
    )
    return frozenset(row["id"] for row in rows)


async def colleagues(user_id: UUID) -> list[tuple[str, str]]:
    """Who could stand in: the active members of staff who work in a unit that this person works in, or above it."""
    rows = await db.fetch(
        "WITH RECURSIVE up AS (SELECT u.id, u.parent_id FROM core_unit u JOIN core_user_role r ON r.unit_id = u.id "
        "AND r.user_id = $1 UNION SELECT u.id, u.parent_id FROM core_unit u JOIN up ON u.id = up.parent_id) "
        "SELECT DISTINCT w.id, coalesce(nullif(w.display_name, ''), w.name) AS name FROM core_user w "
        "JOIN core_user_role r ON r.user_id = w.id JOIN up ON up.id = r.unit_id "
        "WHERE w.active AND w.id <> $1 ORDER BY 2, 1 LIMIT 500",
        user_id,
    )
    return [(str(row["id"]), row["name"]) for row in rows]


async def left(user_id: UUID, actor: str) -> None:
    """Somebody leaves: they stand in for nobody and lead nobody any more. In the caller's transaction."""
    rows = await db.fetch(
        "UPDATE core_absence SET stand_in_id = NULL WHERE stand_in_id = $1 AND cancelled_at IS NULL "
        "AND ends_on >= $2 RETURNING id, user_id",
        user_id,
        now().date() - timedelta(days=1),
    )
    entries = [NewEntry(f"user/{row['user_id']}", "absence.stand_in_left", {"absence": str(row["id"])}) for row in rows]
    led = await db.fetch(
        "UPDATE core_staff_profile SET leader_id = NULL, version = version + 1, changed_at = $2 WHERE leader_id = $1 "
        "RETURNING user_id",
        user_id,
        now(),
    )
    entries += [
        NewEntry(f"user/{row['user_id']}", "profile.changed", {"fields": ["leader_id"], "leader_id": ""}) for row in led
    ]
    if entries:
        await append(actor=actor, entries=entries)
