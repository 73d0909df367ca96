"""Background work as people look at it: what waits, runs, is parked, was done or given up; and the schedule."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.kernel.database import db
from ombud.kernel.outbox import wake_relay

STATES = ("parked", "running", "waiting", "done", "given_up")
COUNTED = 10_000  # beyond this a count only says "more than"
ENDED = ("parked", "done", "given_up")

_COLUMNS = """
SELECT d.id, d.subscriber, d.plugin, d.state, d.attempts, d.kills, d.error, d.reason, d.event, d.progress,
    d.created_at, d.available_at, d.started_at, d.finished_at, coalesce(w.host, '') AS host, coalesce(w.pid, 0) AS pid
FROM core_delivery d LEFT JOIN core_worker w ON w.id = d.locked_by
"""


@dataclass(frozen=True)
class Piece:
    """One delivery. `event` is the event or payload: only its ids are for showing."""

    id: UUID
    subscriber: str
    plugin: str
    state: str
    attempts: int
    kills: int
    error: str
    reason: str
    event: dict[str, Any]
    progress: dict[str, Any]
    created_at: datetime
    available_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    host: str
    pid: int


async def page(
    state: str,
    *,
    plugin: str | None = None,
    subscriber: str = "",
    after: tuple[datetime, UUID] | None = None,
    size: int,
) -> list[Piece]:
    """What ended newest first, the rest oldest first; `after`: (time, id) of the last one of the page before.

    `plugin`: None for all, empty for core's own.
    """
    moment = "finished_at" if state in ENDED else "created_at"
    order, beyond = ("DESC", "<") if state in ENDED else ("ASC", ">")
    at, identity = after or (None, None)
    rows = await db.fetch(
        f"""{_COLUMNS} WHERE d.state = '{_known(state)}' AND ($1::text IS NULL OR d.plugin = $1)
            AND ($2 = '' OR d.subscriber = $2)
            AND ($3::timestamptz IS NULL OR (d.{moment}, d.id) {beyond} ($3, $4::uuid))
        ORDER BY d.{moment} {order}, d.id {order} LIMIT $5""",
        plugin, subscriber, at, identity, size,
    )  # fmt: skip
    return [Piece(**dict(row)) for row in rows]


def _known(state: str) -> str:
    """A literal, so that the partial index of the state is used."""
    if state not in STATES:
        raise ValueError(f"there is no state {state}")
    return state


def place_of(piece: Piece) -> tuple[datetime, UUID]:
    """Where the next page goes on after this one."""
    moment = piece.finished_at if piece.state in ENDED else piece.created_at
    return moment or piece.created_at, piece.id


async def one(identity: UUID) -> Piece | None:
    row = await db.fetchrow(f"{_COLUMNS} WHERE d.id = $1", identity)
    return Piece(**dict(row)) if row else None


async def counts(plugin: str | None = None, subscriber: str = "") -> dict[str, int]:
    """How many there are by state, counted up to COUNTED + 1."""
    parts = " UNION ALL ".join(
        f"""SELECT '{state}' AS state, count(*) AS count FROM (SELECT 1 FROM core_delivery d WHERE d.state = '{state}'
            AND ($1::text IS NULL OR d.plugin = $1) AND ($2 = '' OR d.subscriber = $2) LIMIT {COUNTED + 1}) AS few"""
        for state in STATES
    )
    return {row["state"]: row["count"] for row in await db.fetch(parts, plugin, subscriber)}


# The names of what waits come by leaps through the index, whatever the backlog; of what ended, from the newest.
_KINDS = """
WITH RECURSIVE name AS (
    (SELECT subscriber, plugin FROM core_delivery WHERE state = 'waiting' AND handed_at IS NULL
     ORDER BY subscriber LIMIT 1)
    UNION ALL
    SELECT next.subscriber, next.plugin FROM name, LATERAL (
        SELECT d.subscriber, d.plugin FROM core_delivery d
        WHERE d.state = 'waiting' AND d.handed_at IS NULL AND d.subscriber > name.subscriber
        ORDER BY d.subscriber LIMIT 1) AS next
)
SELECT subscriber, plugin FROM name
UNION SELECT subscriber, plugin FROM core_delivery WHERE state IN ('running', 'parked')
UNION SELECT subscriber, plugin FROM (SELECT subscriber, plugin FROM core_delivery WHERE state = 'done'
    ORDER BY finished_at DESC LIMIT 2000) AS latest
UNION SELECT subscriber, plugin FROM (SELECT subscriber, plugin FROM core_delivery WHERE state = 'given_up'
    ORDER BY finished_at DESC LIMIT 500) AS given_up
ORDER BY plugin, subscriber
"""


async def kinds() -> list[tuple[str, str]]:
    """(subscriber, plugin) of the work there is, for the filters of a page."""
    return [(row["subscriber"], row["plugin"]) for row in await db.fetch(_KINDS)]


@dataclass(frozen=True)
class ParkedKind:
    subscriber: str
    plugin: str
    count: int


async def parked_kinds(plugin: str | None = None, subscriber: str = "") -> list[ParkedKind]:
    """How many of each kind are parked, the most first."""
    rows = await db.fetch(
        """SELECT subscriber, plugin, count(*) AS count FROM core_delivery
        WHERE state = 'parked' AND ($1::text IS NULL OR plugin = $1) AND ($2 = '' OR subscriber = $2)
        GROUP BY subscriber, plugin ORDER BY count(*) DESC, subscriber LIMIT 50""",
        plugin,
        subscriber,
    )
    return [ParkedKind(**dict(row)) for row in rows]


async def run_again_all(subscriber: str, plugin: str) -> list[UUID]:
    """Gives every parked delivery of a kind a fresh start, but for those whose twin waits or runs."""
    rows = await db.fetch(
        """
        UPDATE core_delivery AS old
        SET state = 'waiting', attempts = 0, kills = 0, error = '', available_at = now(), created_at = now(),
            handed_at = NULL, finished_at = NULL
        WHERE state = 'parked' AND subscriber = $1 AND plugin = $2 AND (dedupe = '' OR id = (
            SELECT id FROM core_delivery AS same WHERE same.state = 'parked' AND same.subscriber = old.subscriber
                AND same.dedupe = old.dedupe ORDER BY same.finished_at DESC, same.id DESC LIMIT 1))
            AND NOT EXISTS (SELECT 1 FROM core_delivery AS twin
                WHERE old.dedupe <> '' AND twin.subscriber = old.subscriber AND twin.dedupe = old.dedupe
                    AND twin.state IN ('waiting', 'running'))
        RETURNING id
        """,
        subscriber,
        plugin,
    )
    wake_relay()
    return [row["id"] for row in rows]


async def give_up(identity: UUID, reason: str) -> bool:
    """Ends a parked delivery for good; the row stays with the reason. False if it is not parked."""
    done = await db.execute(
        "UPDATE core_delivery SET state = 'given_up', reason = $2, finished_at = now() "
        "WHERE id = $1 AND state = 'parked'",
        identity,
        reason,
    )
    return done == "UPDATE 1"


@dataclass(frozen=True)
class PlannedShown:
    """An entry of the schedule; `late`: its moment passed and nobody fired it."""

    name: str
    job: str
    plugin: str
    rhythm: str
    last_at: datetime | None
    next_at: datetime | None
    late_seconds: float


async def planned() -> list[PlannedShown]:
    """The schedule, what is due next first. Lateness is measured by the database's clock."""
    rows = await db.fetch(
        "SELECT name, job, plugin, rhythm, last_at, next_at, "
        "greatest(0, extract(epoch FROM now() - coalesce(next_at, now())))::float AS late_seconds "
        "FROM core_planned ORDER BY next_at NULLS LAST, name"
    )
    return [PlannedShown(**dict(row)) for row in rows]
