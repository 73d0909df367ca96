"""Queues: which one takes a case, and how many wait in each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import Arguments, Viewer, decide

FACTS = ("unit_id", "case_type", "channel", "priority", "severity", "language", "category")


@dataclass(frozen=True)
class QueueLine:
    """A queue with the number of cases that wait in it, as of `as_of`."""

    id: UUID
    key: str
    name: str
    waiting: int
    unowned: int
    as_of: datetime


def choose(facts: Mapping[str, Any], queues: Sequence[Mapping[str, Any]]) -> UUID | None:
    """The first queue by position whose condition holds. A condition maps a fact to a value, a list of values, or
    {"min": n}; an empty one always holds. Pure."""
    for queue in sorted(queues, key=lambda each: (each["position"], each["key"])):
        in_unit = queue["unit_id"] is None or str(queue["unit_id"]) == str(facts.get("unit_id"))
        if queue["active"] and in_unit and all(_holds(facts.get(k), v) for k, v in queue["condition"].items()):
            return UUID(str(queue["id"]))
    return None


def _holds(fact: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return fact is not None and fact >= wanted["min"]
    if isinstance(wanted, list):
        return str(fact) in {str(each) for each in wanted}
    return str(fact) == str(wanted)


async def lines(viewer: Viewer) -> list[QueueLine]:
    """All active queues with kept counts of what the viewer may see there; two statements, whatever the size."""
    counts = await _counts(viewer)
    rows = await db.fetch("SELECT id, key, name FROM core_queue WHERE active ORDER BY position, key")
    moment = now()
    return [QueueLine(row["id"], row["key"], row["name"], *counts.get(row["id"], (0, 0)), moment) for row in rows]


async def _counts(viewer: Viewer) -> dict[UUID, tuple[int, int]]:
    arguments = Arguments()
    rows_seen = decide(viewer, "case.read", "count").where("n", arguments)
    rows = await db.fetch(
        "SELECT queue_id, sum(delta)::bigint AS waiting, (sum(delta) FILTER (WHERE NOT owned))::bigint AS unowned "
        f"FROM core_queue_count n WHERE status <> 'closed' AND {rows_seen} GROUP BY queue_id",
        *arguments.values,
    )
    return {row["queue_id"]: (row["waiting"], row["unowned"] or 0) for row in rows}


async def total(viewer: Viewer) -> int:
    """How many cases the viewer may see: kept counters, plus the confidential ones that are theirs by ownership."""
    arguments = Arguments()
    rows_seen = decide(viewer, "case.read", "count").where("n", arguments)
    counted = await db.fetchval(
        f"SELECT coalesce(sum(delta), 0)::bigint FROM core_queue_count n WHERE {rows_seen}",
        *arguments.values,
    )
    if viewer.system or viewer.user_id is None:
        return int(counted)
    grant, more = decide(viewer, "case.read", "case"), Arguments()
    own = grant.where("c", more)
    secret = more.add(list(viewer.units("case.confidential")))
    owner = more.add(viewer.user_id)
    mine = await db.fetchval(
        f"SELECT count(*) FROM core_case c WHERE c.confidential AND c.owner_id = {owner}::uuid "
        f"AND NOT c.unit_id = ANY({secret}::uuid[]) AND {own}",
        *more.values,
    )
    return int(counted) + int(mine)


async def fold_counts() -> int:
    """Sums the signed rows of all but the newest moments into one row per place; run by the schedule."""
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock(hashtext('core_queue_count'))")
        return int(
            await db.fetchval(
                """
                WITH gone AS (
                    DELETE FROM core_queue_count RETURNING queue_id, unit_id, status, confidential, owned, delta),
                sums AS (
                    INSERT INTO core_queue_count (id, queue_id, unit_id, status, confidential, owned, delta, at)
                    SELECT gen_random_uuid(), queue_id, unit_id, status, confidential, owned, sum(delta), now()
                    FROM gone GROUP BY queue_id, unit_id, status, confidential, owned HAVING sum(delta) <> 0
                    RETURNING 1)
                SELECT (SELECT count(*) FROM gone)
                """
            )
        )
