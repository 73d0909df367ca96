"""One change of many cases: which cases, what would happen to each and why not, before anything is done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk import tags
from ombud.desk.actions import CLOSED, NO_RIGHT, Standing, case_actions, rights_in
from ombud.desk.bulk import replies
from ombud.desk.case_list import ORDER_SQL, CaseFilters, conditions
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotFound, NotNow
from ombud.desk.privacy import restricted
from ombud.desk.redress.lines import RedressGiven, checked_redress
from ombud.desk.redress.money import typed
from ombud.desk.search import index as search_index
from ombud.desk.shown import Named
from ombud.desk.words import PRIORITIES, SEVERITIES
from ombud.desk.writing import demand
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.process import settings
from ombud.speech import sentence
from ombud.trust.policy import Arguments, Viewer, about_me, decide
from ombud.trust.viewers import viewer_of_user

MOST = 1000

# What can be done to many cases, and the action of desk/actions.py that says whether each allows it.
ACTIONS = {
    "take": ("Take", "take"),
    "assign": ("Give to somebody", "assign"),
    "release": ("Put back into the queue", "release"),
    "queue": ("Move to another queue", "change"),
    "priority": ("Set the priority", "change"),
    "severity": ("Set the severity", "change"),
    "category": ("Say what the open matters are about", "change"),
    "confidential": ("Mark as confidential", "mark_confidential"),
    "close": ("Close", "close"),
    "reopen": ("Reopen", "reopen"),
    "redress": ("Give redress", "redress"),
    "note": ("Add a note", "note"),
    "tag": ("Put tags on", "note"),
    "untag": ("Take tags off", "note"),
    "reply": ("Write to the customers", "answer"),
}
_RIGHT = {
    "take": "case.take", "assign": "case.assign", "close": "case.close", "reopen": "case.reopen",
    "redress": "case.decide",
    "confidential": "case.confidential",
}  # fmt: skip


@dataclass(frozen=True)
class Bulk:
    """A change of many cases as its maker sees it. `counts`: rows by state; `cut`: more matched than it may hold."""

    id: UUID
    action: str
    value: dict[str, Any]
    state: str
    single: bool
    cut: bool
    origin: str
    created_at: datetime
    ran_at: datetime | None
    counts: Mapping[str, int]

    @property
    def label(self) -> str:
        return ACTIONS[self.action][0] if self.action in ACTIONS else ""

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def count(self, *states: str) -> int:
        return sum(self.counts.get(each, 0) for each in states)


@dataclass(frozen=True)
class Row:
    """One case of it, in the maker's view. `title` is the reference where an aspect is about the viewer."""

    reference: str
    title: str
    state: str
    reason: str


def possible(viewer: Viewer) -> list[str]:
    """The actions this person may do anywhere."""
    return [each for each in ACTIONS if viewer.may(_RIGHT.get(each, "case.write"))]


async def choose(
    viewer: Viewer,
    *,
    references: Sequence[str] = (),
    filters: CaseFilters | None = None,
    origin: str = "",
) -> UUID:
    """Keeps the ticked cases, or all that match the filters up to MOST in their order; raises NotNow for none."""
    demand(viewer, "case.read")
    arguments, order = Arguments(), "c.reference"
    if filters is None:
        wanted = f"c.reference = ANY({arguments.add(list(references)[:MOST])}::text[])"
        wanted += f" AND {decide(viewer, 'case.read', 'case').where('c', arguments)}"
    else:
        if filters.text:
            await search_index.up_to_date()
        wanted, order = conditions(viewer, filters, arguments), ORDER_SQL[filters.order]
    rows = await db.fetch(
        f"SELECT c.id, c.version FROM core_case c WHERE {wanted} ORDER BY {order} LIMIT {MOST + 1}", *arguments.values
    )
    if not rows:
        raise NotNow("No case is chosen. Tick the cases in the list first, or choose all that match.")
    return await _keep(viewer, rows[:MOST], len(rows) > MOST, origin)


async def _keep(viewer: Viewer, rows: Sequence[Record], cut: bool, origin: str) -> UUID:
    identity, moment = new_id(), now()
    await db.execute(
        "WITH one AS (INSERT INTO core_bulk (id, user_id, action, value, state, single, cut, origin, created_at, "
        "touched_at) VALUES ($1, $2, '', '{}', 'choosing', FALSE, $3, $4, $5, $5)) "
        "INSERT INTO core_bulk_row (id, bulk_id, case_id, place, version, state, reason, before, after) "
        "SELECT given.id, $1, given.case_id, given.place, given.version, 'chosen', '', '{}', '{}' "
        "FROM unnest($6::uuid[], $7::uuid[], $8::int[]) WITH ORDINALITY AS given(id, case_id, version, place)",
        identity, viewer.user_id, cut, origin[:1000], moment, [new_id() for _ in rows], [row["id"] for row in rows],
        [row["version"] for row in rows],
    )  # fmt: skip
    return identity


async def find(viewer: Viewer, bulk_id: UUID) -> Bulk:
    """The viewer's own change, with cases counted that they still see; raises NotFound."""
    grant, arguments = decide(viewer, "case.read", "case"), Arguments(bulk_id, viewer.user_id)
    row = await db.fetchrow(
        "SELECT b.*, coalesce((SELECT jsonb_object_agg(n.state, n.many) FROM (SELECT r.state, count(*) AS many "
        "FROM core_bulk_row r JOIN core_case c ON c.id = r.case_id "
        f"WHERE r.bulk_id = b.id AND {grant.where('c', arguments)} GROUP BY r.state) n), '{{}}') AS counts "
        "FROM core_bulk b WHERE b.id = $1 AND b.user_id = $2",
        *arguments.values,
    )
    if row is None:
        raise NotFound("There is no such change of yours. It may be older than 30 days; the cases keep their history.")
    return Bulk(**{name: row[name] for name in Bulk.__dataclass_fields__})


async def rows(viewer: Viewer, bulk_id: UUID, limit: int = MOST) -> list[Row]:
    """Its cases in their order, only those the viewer sees."""
    grant, arguments = decide(viewer, "case.read", "case"), Arguments(bulk_id, limit)
    seen, mine = grant.where("c", arguments), about_me("c.id", arguments.add(viewer.user_id))
    found = await db.fetch(
        f"SELECT c.reference, CASE WHEN {mine} THEN c.reference ELSE c.title END AS title, r.state, r.reason "
        f"FROM core_bulk_row r JOIN core_case c ON c.id = r.case_id WHERE r.bulk_id = $1 AND {seen} "
        "ORDER BY r.place LIMIT $2",
        *arguments.values,
    )
    return [Row(**dict(row)) for row in found]


async def plan(viewer: Viewer, bulk_id: UUID, action: str, value: Mapping[str, Any]) -> Bulk:
    """A dry run: which cases would change, and why not the others. Nothing but the plan is written."""
    bulk = await find(viewer, bulk_id)
    if bulk.state not in {"choosing", "planned"}:
        raise NotNow("This change was made already. Choose the cases again for another one.")
    if action not in possible(viewer):
        raise Invalid("Choose what to do with the cases.", "action")
    checked = await _checked(action, value)
    replied = await replies.judged(viewer, bulk_id, checked) if action == "reply" else {}
    async with db.transaction():
        if await db.fetchval("SELECT state FROM core_bulk WHERE id = $1 FOR UPDATE", bulk_id) not in {
            "choosing",
            "planned",
        }:
            raise NotNow("This change was made already. Choose the cases again for another one.")
        await _judge(viewer, bulk_id, action, checked)
        await _judge_replies(bulk_id, replied)
        await db.execute(
            "UPDATE core_bulk SET action = $2, value = $3, state = 'planned', touched_at = $4 WHERE id = $1",
            bulk_id, action, checked, now(),
        )  # fmt: skip
    return await find(viewer, bulk_id)


async def _checked(action: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """What the action needs to know, as JSON holds it; raises Invalid beside the field that lacks it."""
    if action in {"queue", "category"}:
        return await _known(action, value)
    if action == "reply":
        return await replies.checked(value)
    return _plain(action, value)


async def _known(action: str, value: Mapping[str, Any]) -> dict[str, Any]:
    if action == "queue":
        found = await db.fetchval("SELECT name FROM core_queue WHERE id = $1 AND active", value.get("queue"))
        if found is None:
            raise Invalid("Choose the queue the cases move to.", "queue")
        return {"queue": str(value["queue"])}
    known = "SELECT EXISTS (SELECT 1 FROM core_taxonomy_term WHERE kind = 'category' AND code = $1)"
    if not await db.fetchval(known, value.get("category") or ""):
        raise Invalid("Choose what the matters are about.", "category")
    return {"category": value["category"]}


def _plain(action: str, value: Mapping[str, Any]) -> dict[str, Any]:
    if action == "assign":
        if not isinstance(value.get("owner"), UUID):
            raise Invalid("Choose who gets the cases.", "owner")
        return {"owner": str(value["owner"])}
    for field, known in (("priority", PRIORITIES), ("severity", SEVERITIES)):
        if action == field:
            if value.get(field) not in known:
                raise Invalid(sentence("Choose the %(field)s.", field=field), field)
            return {field: value[field]}
    if action == "redress":
        return _redress(value)
    if action in {"tag", "untag"}:
        return {"tags": tags.typed(str(value.get("tags") or ""))}
    if action in {"note", "reopen"}:
        longest = settings().limits.text_chars
        return {"text": clean_text(str(value.get("text") or ""), "text", longest=longest, required=True)}
    return {}


def _redress(value: Mapping[str, Any]) -> dict[str, Any]:
    """The same line for the first open aspect of each case, as text; the note stays until it stands in the cases."""
    line = checked_redress(
        RedressGiven(str(value.get("kind") or ""), typed(str(value.get("amount") or "")),
                     str(value.get("currency") or ""), str(value.get("text") or ""))
    )  # fmt: skip
    amount = "" if line.amount is None else f"{line.amount:f}"
    return {"kind": line.kind, "amount": amount, "currency": line.currency, "text": line.note}


async def _judge(viewer: Viewer, bulk_id: UUID, action: str, value: Mapping[str, Any]) -> None:
    """Writes beside each case whether it can be changed and the version this was said of; hidden cases go."""
    found = await _standings(viewer, bulk_id, value.get("owner"))
    seen = [row["id"] for row in found]
    await db.execute("DELETE FROM core_bulk_row WHERE bulk_id = $1 AND NOT id = ANY($2)", bulk_id, seen)
    owner = await viewer_of_user(UUID(value["owner"])) if action == "assign" else None
    rights: dict[UUID, frozenset[str]] = {row["unit_id"]: rights_in(viewer, row["unit_id"]) for row in found}
    reasons = [_obstacle(viewer, action, value, row, rights[row["unit_id"]], owner) for row in found]
    await db.execute(
        "UPDATE core_bulk_row r SET state = CASE WHEN given.reason = '' THEN 'ready' ELSE 'cannot' END, "
        "reason = given.reason, version = given.version "
        "FROM unnest($2::uuid[], $3::text[], $4::int[]) AS given(id, reason, version) "
        "WHERE r.bulk_id = $1 AND r.id = given.id",
        bulk_id, seen, reasons, [row["version"] for row in found],
    )  # fmt: skip


async def _judge_replies(bulk_id: UUID, found: Mapping[UUID, tuple[str, str, str]]) -> None:
    """What each case would get was worked out before the transaction; a case that cannot be answered stays so."""
    if not found:
        return
    await db.execute(
        "UPDATE core_bulk_row r SET state = given.state, reason = given.reason, "
        "after = CASE WHEN given.hash = '' THEN '{}'::jsonb ELSE jsonb_build_object('hash', given.hash) END "
        "FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) AS given(id, state, reason, hash) "
        "WHERE r.bulk_id = $1 AND r.id = given.id AND r.state = 'ready'",
        bulk_id, list(found), *([each[place] for each in found.values()] for place in range(3)),
    )  # fmt: skip


async def _standings(viewer: Viewer, bulk_id: UUID, owner: str | None) -> list[Record]:
    cases, aspects = decide(viewer, "case.read", "case"), decide(viewer, "case.read", "aspect")
    arguments = Arguments(bulk_id)
    hidden = about_me("c.id", arguments.add(viewer.user_id))
    theirs = about_me("c.id", arguments.add(UUID(owner) if owner else None))
    return await db.fetch(
        "SELECT r.id, c.unit_id, c.status, c.owner_id, c.queue_id, c.priority, c.severity, c.confidential, c.version, "
        f"{hidden} AS hidden, {theirs} AS theirs, {restricted.stopped('c.id')} AS restricted, "
        "(SELECT count(*) FROM core_aspect a WHERE a.case_id = c.id "
        f"AND a.status <> 'closed' AND {aspects.where('a', arguments)}) AS undecided, "
        "(SELECT count(*) FROM core_aspect a WHERE a.case_id = c.id "
        f"AND {aspects.where('a', arguments)}) AS seen_aspects "
        "FROM core_bulk_row r JOIN core_case c ON c.id = r.case_id "
        f"WHERE r.bulk_id = $1 AND {cases.where('c', arguments)}",
        *arguments.values,
    )


def _obstacle(
    viewer: Viewer,
    action: str,
    value: Mapping[str, Any],
    row: Mapping[str, Any],
    rights: frozenset[str],
    owner: Viewer | None,
) -> str:
    """Why this case cannot be changed so, in the words of its own page; empty where it can."""
    mine = row["owner_id"] is not None and row["owner_id"] == viewer.user_id
    standing = Standing(rights, row["status"], row["owner_id"] is not None, mine, row["undecided"], row["hidden"])
    if action == "redress":
        return _no_redress(row, rights)
    if action == "reply" and row["restricted"]:
        return restricted.BULK
    if reason := {each.key: each.reason for each in case_actions(standing)}[ACTIONS[action][1]]:
        return reason
    if action == "assign":
        return _not_theirs(row, owner)
    same = {"queue": str(row["queue_id"] or ""), "priority": row["priority"], "severity": row["severity"]}
    if action in same and same[action] == value[action]:
        return (
            "It is in this queue already."
            if action == "queue"
            else sentence("It has this %(action)s already.", action=action)
        )
    if action == "confidential" and row["confidential"]:
        return "It is confidential already."
    return "It has no open matter." if action == "category" and not row["undecided"] else ""


def _no_redress(row: Mapping[str, Any], rights: frozenset[str]) -> str:
    if "case.decide" not in rights:
        return NO_RIGHT
    if row["status"] == "closed":
        return CLOSED
    return "" if row["seen_aspects"] else "There is no aspect in it that you may see."


def _not_theirs(row: Mapping[str, Any], owner: Viewer | None) -> str:
    if owner is None or row["unit_id"] not in owner.units("case.write"):
        return "This person may not work on cases of this unit. Choose somebody of the team."
    if row["owner_id"] == owner.user_id:
        return "This person owns the case already."
    if row["confidential"] and row["unit_id"] not in owner.units("case.confidential"):
        return "The case is confidential and this person has no right to such cases."
    return "This person cannot take this case. Choose somebody else." if row["theirs"] else ""


async def takers(viewer: Viewer) -> list[Named]:
    """Who may work on cases of the units in which the viewer may give cases away."""
    found = await db.fetch(
        "WITH RECURSIVE up AS (SELECT id, parent_id FROM core_unit WHERE id = ANY($1) "
        "UNION SELECT u.id, u.parent_id FROM core_unit u JOIN up ON u.id = up.parent_id) "
        "SELECT DISTINCT w.id, coalesce(nullif(w.display_name, ''), w.name) AS name FROM core_user w "
        "JOIN core_user_role r ON r.user_id = w.id JOIN up ON up.id = r.unit_id JOIN core_role k ON k.key = r.role "
        "WHERE w.active AND 'case.write' = ANY(k.permissions) ORDER BY 2, 1 LIMIT 500",
        list(viewer.units("case.assign")),
    )
    return [Named(row["id"], row["name"]) for row in found]
