"""Queues set up: what each takes in plain words, their order, and what a change would mean before it is made."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.administration.authority import demand_in, demand_whole_desk
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotFound
from ombud.desk.queues import ACCOUNT, FACTS, choose, follow
from ombud.desk.words import PRIORITIES, SEVERITIES, is_code
from ombud.desk.writing import check_version, demand, record, update
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.speech import counted, sentence
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import Arguments, Viewer, decide

MANAGE = "queue.manage"
EVERYWHERE = "This queue takes from every unit"
KEY = re.compile(r"[a-z][a-z0-9-]{1,39}\Z")
LOOKED_AT = 10_000  # the newest cases
_ORDER_LOCK = 0x7175_6575_6573  # "queues"


@dataclass(frozen=True)
class QueueGiven:
    """What a form says of a queue. `condition`: fact to the values it may have; a fact that is not there is free."""

    name: str
    unit_id: UUID | None = None
    condition: Mapping[str, Any] | None = None
    active: bool = True


@dataclass(frozen=True)
class QueueShown:
    """A queue with the number of open cases that wait in it."""

    id: UUID
    key: str
    name: str
    unit_id: UUID | None
    unit: str
    condition: Mapping[str, Any]
    position: int
    active: bool
    version: int
    waiting: int


_QUEUES = """
SELECT q.id, q.key, q.name, q.unit_id, coalesce(u.name, '') AS unit, q.condition, q.position, q.active, q.version,
    (SELECT count(*) FROM core_case c WHERE c.queue_id = q.id AND c.status <> 'closed') AS waiting
FROM core_queue q LEFT JOIN core_unit u ON u.id = q.unit_id
"""


async def all_queues(viewer: Viewer) -> list[QueueShown]:
    """In the order in which they are asked; those of units that the viewer does not manage are left out."""
    demand(viewer, MANAGE)
    rows = await db.fetch(_QUEUES + "ORDER BY q.position, q.key")
    found = [QueueShown(**dict(row)) for row in rows]
    return [each for each in found if each.unit_id is None or viewer.may_in(MANAGE, each.unit_id)]


async def queue(viewer: Viewer, queue_id: UUID) -> QueueShown:
    for each in await all_queues(viewer):
        if each.id == queue_id:
            return each
    raise _no_queue()


def _no_queue() -> NotFound:
    return NotFound("There is no such queue that you manage. The list of queues shows those you do.")


async def _demand(viewer: Viewer, unit_id: UUID | None) -> None:
    if unit_id is None:
        await demand_whole_desk(viewer, MANAGE, EVERYWHERE)
    else:
        demand_in(viewer, MANAGE, unit_id)


async def checked(given: QueueGiven) -> QueueGiven:
    name = clean_text(given.name, "name", longest=100, required=True)
    condition = {fact: value for fact, value in (given.condition or {}).items() if value not in ([], "", None)}
    if "account" in condition:
        condition["account"] = _accounts(condition["account"])
    for fact, value in condition.items():
        if fact not in FACTS:
            raise Invalid(
                sentence(
                    "Nothing is known of %(fact)s when a case arrives. Choose from what the form offers.", fact=fact
                ),
                fact,
            )
        await _check_fact(fact, value)
    return QueueGiven(name, given.unit_id, condition, given.active)


def _accounts(value: Any) -> list[str]:
    """Mailboxes and numbers as messages name them."""
    given = [str(each).strip().lower() for each in (value if isinstance(value, list) else [value])]
    if any(not each or len(each) > 320 or len(each.split()) > 1 for each in given):
        raise Invalid("Write each mailbox or number as it is set up, such as cards@example.org.", "account")
    return list(dict.fromkeys(given))


async def _check_fact(fact: str, value: Any) -> None:
    if isinstance(value, Mapping):
        if set(value) != {"min"} or not isinstance(value["min"], int) or fact != "severity":
            raise Invalid("Only the severity has a smallest value, a number.", fact)
        return
    values = [str(each) for each in (value if isinstance(value, list) else [value])]
    fixed = {"priority": PRIORITIES, "severity": tuple(str(each) for each in SEVERITIES)}.get(fact)
    if fact == "unit_id":
        fixed = tuple(str(row["id"]) for row in await db.fetch("SELECT id FROM core_unit"))
    if fact == "case_type":
        fixed = tuple(row["key"] for row in await db.fetch("SELECT key FROM core_case_type"))
    if fixed is not None and not set(values) <= set(fixed):
        raise Invalid("Choose from the list.", fact)
    if fixed is None and fact != "account" and not all(is_code(each) and each for each in values):
        raise Invalid("These are codes: small letters, digits, dots, dashes, underscores.", fact)


async def add(viewer: Viewer, key: str, given: QueueGiven) -> UUID:
    """A new queue, asked before the last one that takes everything."""
    demand(viewer, MANAGE)
    await _demand(viewer, given.unit_id)
    given = await checked(given)
    if not KEY.match(key):
        raise Invalid("A key has 2 to 40 small letters, digits or dashes and begins with a letter.", "key")
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock($1)", _ORDER_LOCK)
        position = await _place_for_new()
        identity = new_id()
        made = await db.execute(
            "INSERT INTO core_queue (id, key, name, unit_id, condition, position, active, version) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, 1) ON CONFLICT (key) DO NOTHING",
            identity, key, given.name, given.unit_id, dict(given.condition or {}), position, given.active,
        )  # fmt: skip
        if made == "INSERT 0 0":
            raise Invalid("There is a queue with this key already. Choose another key.", "key")
        body = {"key": key, "position": position, "after": _codes(given)}
        await append(actor=viewer.actor, entries=[NewEntry(f"queue/{identity}", "queue.added", body)])
        return identity


async def _place_for_new() -> int:
    """Before the first active queue that takes everything from everywhere, else last; others move to make room."""
    rows = await db.fetch("SELECT id, unit_id, condition, active FROM core_queue ORDER BY position, key")
    every = (n for n, row in enumerate(rows) if row["active"] and row["unit_id"] is None and not row["condition"])
    at = next(every, len(rows))
    places = [10 * (n + 1 + (n >= at)) for n in range(len(rows))]
    await _put([row["id"] for row in rows], places)
    return 10 * (at + 1)


async def _put(ids: list[UUID], places: list[int]) -> None:
    await db.execute(
        "UPDATE core_queue q SET position = new.place FROM unnest($1::uuid[], $2::int[]) AS new (id, place) "
        "WHERE q.id = new.id AND q.position <> new.place",
        ids,
        places,
    )


def _codes(given: QueueGiven) -> dict[str, Any]:
    return {
        "name": given.name, "unit_id": str(given.unit_id or ""), "condition": dict(given.condition or {}),
        "active": given.active,
    }  # fmt: skip


async def _locked(viewer: Viewer, queue_id: UUID) -> Record:
    demand(viewer, MANAGE)
    row = await db.fetchrow("SELECT * FROM core_queue WHERE id = $1 FOR UPDATE", queue_id)
    if row is None or (row["unit_id"] is not None and not viewer.may_in(MANAGE, row["unit_id"])):
        raise _no_queue()
    await _demand(viewer, row["unit_id"])
    return row


async def change(viewer: Viewer, queue_id: UUID, given: QueueGiven, version: int, move_to: UUID | None = None) -> int:
    """Changes what a queue takes from now on; cases stay where they wait. Switched off, its open cases go to
    `move_to`, because nobody would see them there any more."""
    await _demand(viewer, given.unit_id)
    given = await checked(given)
    async with db.transaction():
        row = await _locked(viewer, queue_id)
        before = _codes(QueueGiven(row["name"], row["unit_id"], row["condition"], row["active"]))
        after = _codes(given)
        check_version("This queue", {**before, "version": row["version"]}, version, after)
        changed = sorted(each for each in after if before[each] != after[each])
        if not changed:
            return int(row["version"])
        if row["active"] and not given.active:
            await _empty(viewer, queue_id, move_to)
        await update("core_queue", queue_id, {
            "name": given.name, "unit_id": given.unit_id, "condition": dict(given.condition or {}),
            "active": given.active,
        })  # fmt: skip
        body = {
            "key": row["key"], "fields": changed, "before": {each: before[each] for each in changed},
            "after": {each: after[each] for each in changed},
        }  # fmt: skip
        await append(actor=viewer.actor, entries=[NewEntry(f"queue/{queue_id}", "queue.changed", body)])
        return int(row["version"]) + 1


async def wanted(viewer: Viewer, queue_id: UUID, given: QueueGiven) -> QueueGiven:
    """What a form asks for, if the viewer may change this queue and it means something."""
    await _demand(viewer, given.unit_id)
    row = await db.fetchrow("SELECT unit_id FROM core_queue WHERE id = $1", queue_id)
    if row is None or (row["unit_id"] is not None and not viewer.may_in(MANAGE, row["unit_id"])):
        raise _no_queue()
    await _demand(viewer, row["unit_id"])
    return await checked(given)


async def _empty(viewer: Viewer, queue_id: UUID, move_to: UUID | None) -> None:
    rows = await db.fetch(
        "SELECT id FROM core_case WHERE queue_id = $1 AND status <> 'closed' ORDER BY id FOR UPDATE", queue_id
    )
    apart = await db.fetch(
        "SELECT a.id, a.case_id FROM core_aspect a JOIN core_case c ON c.id = a.case_id WHERE a.queue_id = $1 "
        "AND a.status = 'open' AND c.status <> 'closed' AND c.queue_id IS DISTINCT FROM $1 ORDER BY a.case_id, a.id "
        "FOR UPDATE OF c, a",
        queue_id,
    )
    if not rows and not apart:
        return
    found = "SELECT EXISTS (SELECT 1 FROM core_queue WHERE id = $1 AND active AND id <> $2)"
    if move_to is None or not await db.fetchval(found, move_to, queue_id):
        many = len({row["id"] for row in rows} | {row["case_id"] for row in apart})
        cases = counted(
            "One open case waits here. Choose the queue it goes to.",
            "%(num)s open cases wait here. Choose the queue they go to.",
            many,
        )
        raise Invalid(cases, "move_to")
    for row in rows:
        await update("core_case", row["id"], {"queue_id": move_to, "changed_at": now()})
        await follow(row["id"], queue_id, move_to)
        await record(viewer, row["id"], "case.changed", {"queue": str(move_to)})
    for row in apart:
        await update("core_aspect", row["id"], {"queue_id": move_to})
        await record(viewer, row["case_id"], "aspect.changed", {"aspect": str(row["id"]), "queue": str(move_to)})


async def move(viewer: Viewer, queue_id: UUID, *, up: bool) -> None:
    """One place up or down in the order; the first queue that fits takes a case, so both must be the viewer's."""
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock($1)", _ORDER_LOCK)
        await _locked(viewer, queue_id)
        rows = await db.fetch("SELECT id, key FROM core_queue ORDER BY position, key")
        order = [row["id"] for row in rows]
        at = order.index(queue_id)
        other = at - 1 if up else at + 1
        if not 0 <= other < len(order):
            return
        await _locked(viewer, order[other])
        order[at], order[other] = order[other], order[at]
        await _put(order, [10 * (n + 1) for n in range(len(order))])
        body = {"key": next(row["key"] for row in rows if row["id"] == queue_id), "position": 10 * (other + 1)}
        await append(actor=viewer.actor, entries=[NewEntry(f"queue/{queue_id}", "queue.moved", body)])


@dataclass(frozen=True)
class Taken:
    """How many cases a queue would take, of how many that were looked at (the newest)."""

    open_here: int
    open_looked_at: int
    came_here: int
    came_looked_at: int


_CASES = """
SELECT c.id, c.unit_id::text AS unit_id, c.case_type, c.channel, c.priority, c.severity, c.language,
    (SELECT a.category FROM core_aspect a WHERE a.case_id = c.id ORDER BY a.position LIMIT 1) AS category,
    {account} AS account,
    c.status <> 'closed' AS open, c.opened_at > {since} AS fresh
FROM core_case c WHERE {rows} AND (c.status <> 'closed' OR c.opened_at > {since})
ORDER BY c.opened_at DESC, c.id DESC LIMIT {limit}
"""
DAYS = 30


async def preview(viewer: Viewer, given: QueueGiven, queue_id: UUID | None = None) -> Taken:
    """How many open cases would be in this queue, and how many complaints of the last 30 days would have come here,
    were it as given. Counts only, of cases in the units whose queues the viewer manages; nothing is changed."""
    given = await checked(given)
    arguments = Arguments()
    sql = _CASES.format(
        since=arguments.add(now() - timedelta(days=DAYS)),
        account=ACCOUNT.format(case="c"), rows=decide(viewer, MANAGE, "case").where("c", arguments),
        limit=arguments.add(LOOKED_AT),
    )  # fmt: skip
    cases = [dict(row) for row in await db.fetch(sql, *arguments.values)]
    candidate, queues = await _with(given, queue_id)
    open_cases = [each for each in cases if each["open"]]
    fresh = [{**each, "priority": "normal", "severity": 1} for each in cases if each["fresh"]]  # as a case arrives
    return Taken(
        sum(choose(each, queues) == candidate for each in open_cases), len(open_cases),
        sum(choose(each, queues) == candidate for each in fresh), len(fresh),
    )  # fmt: skip


async def _with(given: QueueGiven, queue_id: UUID | None) -> tuple[UUID, list[dict[str, Any]]]:
    """All queues as they would be, and the id of this one among them."""
    rows = [dict(row) for row in await db.fetch("SELECT * FROM core_queue ORDER BY position, key")]
    identity = queue_id or UUID(int=0)
    mine = {
        "id": identity,
        "key": "",
        "unit_id": given.unit_id,
        "condition": given.condition or {},
        "active": given.active,
    }
    if queue_id is None:
        every = (n for n, row in enumerate(rows) if row["active"] and row["unit_id"] is None and not row["condition"])
        rows.insert(next(every, len(rows)), mine)
    else:
        rows = [{**row, **mine, "key": row["key"]} if row["id"] == queue_id else row for row in rows]
    return identity, [{**row, "position": place} for place, row in enumerate(rows)]
