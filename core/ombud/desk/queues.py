"""Queues: which one takes a case, and how many wait in each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import Arguments, Viewer, decide

FACTS = ("unit_id", "case_type", "channel", "priority", "severity", "language", "category", "account")


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
    {"min": n}; an empty one always holds. `account` is the mailbox or number that it came to. Pure."""
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


ACCOUNT = """
coalesce((SELECT m.account FROM core_message m WHERE m.case_id = {case}.id AND m.direction = 'in' AND m.account <> ''
    ORDER BY m.said_at, m.id LIMIT 1), '')
"""
"""SQL: the account that a case came to, empty where it was filed by itself."""


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


_TOTAL = """
SELECT (SELECT coalesce(sum(n.delta), 0) FROM core_queue_count n WHERE {counted}{wanted_n})
    + (SELECT count(*) FROM core_case c WHERE {own}{wanted_c}) AS total
"""


async def total(viewer: Viewer, queue: str = "", status: str = "") -> int:
    """How many cases the viewer may see, in a queue (its key) and of a status (`open`: not closed), any by default: the
    kept counters, plus the confidential ones that are theirs by ownership. One statement, whatever the size."""
    arguments = Arguments()
    return int(await db.fetchval(total_sql(viewer, queue, status, arguments), *arguments.values))


def total_sql(viewer: Viewer, queue: str, status: str, arguments: Arguments) -> str:
    """The statement of `total`, which may also stand inside another one."""
    counted = decide(viewer, "case.read", "count").where("n", arguments)
    own = "FALSE"
    if not viewer.system and viewer.user_id is not None:
        secret, me = arguments.add(list(viewer.units("case.confidential"))), arguments.add(viewer.user_id)
        seen = decide(viewer, "case.read", "case").where("c", arguments)
        own = f"c.confidential AND c.owner_id = {me}::uuid AND NOT c.unit_id = ANY({secret}::uuid[]) AND {seen}"
    in_queue = f" AND {{}}.queue_id = (SELECT id FROM core_queue WHERE key = {arguments.add(queue)})" if queue else ""
    in_status = _in_status(status, arguments)
    wanted = {f"wanted_{alias}": (in_queue + in_status).replace("{}", alias) for alias in ("n", "c")}
    return _TOTAL.format(counted=counted, own=own, **wanted)


def _in_status(status: str, arguments: Arguments) -> str:
    if not status:
        return ""
    return " AND {}.status <> 'closed'" if status == "open" else f" AND {{}}.status = {arguments.add(status)}"


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
