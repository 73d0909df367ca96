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


async def own_queue(case: Mapping[str, Any], matter: Mapping[str, Any]) -> UUID | None:
    """The queue of its own that a matter goes to: where its category, priority or severity lead elsewhere than those
    of the case's first matter do; None where it waits with the case."""
    rows = await db.fetch("SELECT * FROM core_queue WHERE active")
    first = await db.fetchval(
        "SELECT category FROM core_aspect WHERE case_id = $1 ORDER BY abs(position) LIMIT 1", case["id"]
    )
    return elsewhere(dict(case), str(first or ""), matter, rows)


async def for_category(case: Mapping[str, Any], *categories: str) -> tuple[UUID | None, ...]:
    """The queue that takes the case where its first matter is about each of these."""
    rows = await db.fetch("SELECT * FROM core_queue WHERE active")
    account = await db.fetchval(f"SELECT {ACCOUNT.format(case='c')} FROM core_case c WHERE c.id = $1", case["id"])
    return tuple(choose({**case, "account": account, "category": each}, rows) for each in categories)


def elsewhere(
    case: Mapping[str, Any], first: str, matter: Mapping[str, Any], queues: Sequence[Mapping[str, Any]]
) -> UUID | None:
    """The queue for this matter, if it is another one than for the case with its first matter's category. Pure."""
    own = {name: matter[name] for name in ("category", "priority", "severity") if name in matter}
    usual, chosen = choose({**case, "category": first}, queues), choose({**case, **own}, queues)
    return chosen if chosen != usual else None


async def follow(case_id: UUID, before: UUID | None, queue: UUID | None) -> None:
    """A case moves: its matters wait with it, but for those in another queue of their own. In the caller's
    transaction."""
    await db.execute(
        "UPDATE core_aspect SET queue_id = NULL WHERE case_id = $1 AND queue_id IN ($2, $3)", case_id, before, queue
    )


# Cases of other queues with a matter that waits in one of its own: queue_id, waiting, unowned.
APART = """
SELECT a.queue_id, count(DISTINCT a.case_id)::bigint AS waiting,
    (count(DISTINCT a.case_id) FILTER (WHERE a.owner_id IS NULL))::bigint AS unowned
FROM core_aspect a JOIN core_case c ON c.id = a.case_id WHERE {seen} AND c.status <> 'closed' GROUP BY a.queue_id
"""


def apart(viewer: Viewer, arguments: Arguments) -> str:
    """SQL over an aspect `a` and its case `c`: it is open and waits elsewhere than its case, in the viewer's sight."""
    me = arguments.add(viewer.user_id)
    seen = decide(viewer, "case.read", "case").where("c", arguments)
    return (
        "a.status = 'open' AND a.queue_id IS NOT NULL AND c.queue_id IS DISTINCT FROM a.queue_id "
        f"AND a.concerns_user_id IS DISTINCT FROM {me}::uuid AND {seen}"
    )


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
        "SELECT queue_id, sum(waiting)::bigint AS waiting, sum(unowned)::bigint AS unowned FROM ("
        "SELECT queue_id, sum(delta)::bigint AS waiting, (sum(delta) FILTER (WHERE NOT owned))::bigint AS unowned "
        f"FROM core_queue_count n WHERE status <> 'closed' AND {rows_seen} GROUP BY queue_id "
        f"UNION ALL {APART.format(seen=apart(viewer, arguments))}) both_kinds GROUP BY queue_id",
        *arguments.values,
    )
    return {row["queue_id"]: (row["waiting"], row["unowned"] or 0) for row in rows}


_TOTAL = """
SELECT (SELECT coalesce(sum(n.delta), 0) FROM core_queue_count n WHERE {counted}{wanted_n})
    + (SELECT count(*) FROM core_case c WHERE {own}{wanted_c}) + {elsewhere} AS total
"""
_ELSEWHERE = """
(SELECT count(DISTINCT a.case_id) FROM core_aspect a JOIN core_case c ON c.id = a.case_id WHERE {seen}
    AND a.queue_id = (SELECT id FROM core_queue WHERE key = {key}){status})
"""


async def total(viewer: Viewer, queue: str = "", status: str = "") -> int:
    """How many cases the viewer may see, in a queue (its key) and of a status (`open`: not closed), any by default: the
    kept counters, plus the confidential ones that are theirs by ownership, those opened in an emergency, and those with
    a matter that waits there by itself. One statement, whatever the size."""
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
        if opened := viewer.opened():  # by emergency access, where nothing else shows them
            without = decide(viewer, "case.read", "count").where("c", arguments)
            own = f"(({own}) OR (c.id = ANY({arguments.add(opened)}::uuid[]) AND {seen} AND NOT {without}))"
    elsewhere = "0"
    if queue:
        elsewhere = _ELSEWHERE.format(
            seen=apart(viewer, arguments), key=arguments.add(queue),
            status=_in_status(status, arguments).replace("{}", "c"),
        )  # fmt: skip
    in_queue = f" AND {{}}.queue_id = (SELECT id FROM core_queue WHERE key = {arguments.add(queue)})" if queue else ""
    in_status = _in_status(status, arguments)
    wanted = {f"wanted_{alias}": (in_queue + in_status).replace("{}", alias) for alias in ("n", "c")}
    return _TOTAL.format(counted=counted, own=own, elsewhere=elsewhere, **wanted)


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
