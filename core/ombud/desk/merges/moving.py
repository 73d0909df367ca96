"""Moves what belongs to a case into another one, and writes down row by row what was moved."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from ombud.desk.opening import moment
from ombud.desk.words import is_code
from ombud.desk.writing import update
from ombud.kernel.database import db

TABLES = {
    "aspect": "core_aspect",
    "message": "core_message",
    "attachment": "core_attachment",
    "redress": "core_redress",
    "finding": "core_finding",
    "party": "core_party",
    "support": "core_support_needs",
    "draft": "core_draft",
}
# What the other case has already stays where it is.
_KNOWN = {
    "party": "o.person_id = t.person_id AND o.role = t.role",
    "support": "o.person_id = t.person_id",
    "draft": "o.user_id = t.user_id AND o.purpose = t.purpose",
}
# Where it belonged first, kept over later moves.
_SETS = {
    "message": ", origin_case_id = coalesce(t.origin_case_id, $1)",
    "aspect": ", origin_case_id = coalesce(t.origin_case_id, $1), position = moved.behind, version = t.version + 1",
}
_PLACES = """t.position AS place, row_number() OVER (ORDER BY t.position)
    + (SELECT coalesce(max(position), 0) FROM core_aspect WHERE case_id = $2) AS behind"""


async def move(merge_id: UUID, source: UUID, target: UUID, kinds: Sequence[str] = tuple(TABLES)) -> None:
    """All rows of these kinds; aspects go behind those of the target in their order."""
    for what in kinds:
        await _move(what, "TRUE", source, target, merge_id)
    await follow_messages(source)
    await follow_aspects(source)


async def move_some(merge_id: UUID, source: UUID, target: UUID, what: str, ids: Sequence[UUID]) -> None:
    await _move(what, "t.id = ANY($4::uuid[])", source, target, merge_id, list(ids))


async def _move(what: str, which: str, *arguments: Any) -> None:
    table = TABLES[what]
    if what in _KNOWN:
        which += f" AND NOT EXISTS (SELECT 1 FROM {table} o WHERE o.case_id = $2 AND {_KNOWN[what]})"
    await db.execute(
        f"""
        WITH moved AS (SELECT t.id, {_PLACES if what == "aspect" else "0 AS place"} FROM {table} t
            WHERE t.case_id = $1 AND {which}),
        noted AS (INSERT INTO core_merge_row (id, merge_id, what, row_id, place)
            SELECT gen_random_uuid(), $3, '{what}', id, place FROM moved)
        UPDATE {table} t SET case_id = $2{_SETS.get(what, "")} FROM moved WHERE t.id = moved.id
        """,
        *arguments,
    )


async def follow_messages(*cases: UUID) -> None:
    """What is on its way stays with its message, whichever case holds that."""
    await db.execute(
        "UPDATE core_outgoing o SET case_id = m.case_id FROM core_message m "
        "WHERE m.id = o.id AND o.case_id = ANY($1::uuid[]) AND o.case_id <> m.case_id",
        list(cases),
    )


_OF_ASPECTS = ("core_redress", "core_redress_request", "core_calculation", "core_payment", "core_escalation")


async def follow_aspects(*cases: UUID) -> None:
    """What is given, asked for, reckoned, paid and escalated stays with its aspect, whichever case holds that."""
    for table in _OF_ASPECTS:
        await db.execute(
            f"UPDATE {table} t SET case_id = a.case_id FROM core_aspect a "
            "WHERE a.id = t.aspect_id AND t.case_id = ANY($1::uuid[]) AND t.case_id <> a.case_id",
            list(cases),
        )


async def move_back(merge_id: UUID, source: UUID, target: UUID) -> None:
    """What the merge moved and nobody moved on since, from the target back to where it was; and what was said later
    and belongs to what came from there."""
    for what, table in TABLES.items():
        sets = "case_id = $2"
        if what == "aspect":
            sets += ", position = noted.place, version = t.version + 1"
        if what in {"aspect", "message"}:
            sets += ", origin_case_id = nullif(t.origin_case_id, $2)"
        await db.execute(
            f"UPDATE {table} t SET {sets} FROM core_merge_row noted WHERE noted.merge_id = $3 "
            f"AND noted.what = '{what}' AND t.id = noted.row_id AND t.case_id = $1",
            target, source, merge_id,
        )  # fmt: skip
    await db.execute(_SAID_LATER, target, source)
    await db.execute(_ITS_FILES, source, target)
    await follow_messages(source, target)
    await follow_aspects(source, target)


_CAME_FROM = """
WITH RECURSIVE below AS (SELECT $2::uuid AS id
    UNION SELECT c.id FROM core_case c JOIN below ON c.merged_into = below.id)
"""
_SAID_LATER = f"""
{_CAME_FROM} UPDATE core_message m SET case_id = $2, origin_case_id = nullif(m.origin_case_id, $2)
WHERE m.case_id = $1 AND m.origin_case_id IN (SELECT id FROM below)
"""
_ITS_FILES = """
UPDATE core_attachment f SET case_id = $1 FROM core_message m
WHERE f.message_id = m.id AND m.case_id = $1 AND f.case_id = $2
"""


async def close_ranks(case_id: UUID) -> None:
    """Positions without gaps, in two steps because a place is taken once."""
    await db.execute("UPDATE core_aspect SET position = -position WHERE case_id = $1", case_id)
    await db.execute(
        "UPDATE core_aspect a SET position = new.place FROM (SELECT id, row_number() OVER (ORDER BY -position) "
        "AS place FROM core_aspect WHERE case_id = $1) new WHERE a.id = new.id",
        case_id,
    )


async def count_again(case_id: UUID, values: dict[str, Any]) -> dict[str, Any]:
    """Writes how many aspects the case has and has decided, with the other values; returns those counts."""
    row = await db.fetchrow(
        "SELECT count(*) AS total, count(*) FILTER (WHERE status = 'closed') AS closed FROM core_aspect "
        "WHERE case_id = $1",
        case_id,
    )
    assert row is not None
    counts = {"aspects_total": row["total"], "aspects_closed": row["closed"]}
    await update("core_case", case_id, {**values, **counts})
    return counts


_TOLD = """
SELECT a.id, a.position, a.status, a.owner_id, a.outcome, a.priority, a.severity, a.due_at, a.cause,
    a.category, a.concerns_user_id,
    (SELECT e.stream || '/' || e.seq FROM core_ledger_entry e WHERE e.kind = 'aspect.decided' AND a.status = 'closed'
        AND e.stream = ANY($2::text[]) AND e.body->>'aspect' = a.id::text
        ORDER BY e.at DESC, e.seq DESC LIMIT 1) AS reason,
    (SELECT jsonb_agg(jsonb_build_object('line', r.id, 'kind', r.kind, 'amount', coalesce(r.amount::text, ''),
        'currency', r.currency) ORDER BY r.created_at, r.id) FROM core_redress r WHERE r.aspect_id = a.id) AS redress
FROM core_aspect a WHERE a.id = ANY($1::uuid[]) ORDER BY a.position
"""


async def aspects_told(ids: Sequence[UUID], cases: Sequence[UUID]) -> list[dict[str, Any]]:
    """Aspects as the entry of the case that gets them tells them, so that its entries alone still say all of it.
    `reason`: the entry that sealed the reason of a decision, in one of these cases' streams."""
    rows = await db.fetch(_TOLD, list(ids), [f"case/{each}" for each in cases])
    return [_told(row) for row in rows]


def _told(row: Any) -> dict[str, Any]:
    return {
        "id": str(row["id"]), "position": row["position"], "status": row["status"], "owner": str(row["owner_id"] or ""),
        "outcome": row["outcome"], "priority": row["priority"], "severity": row["severity"],
        "due_at": moment(row["due_at"]) if row["due_at"] else "", "cause": row["cause"],
        "category": row["category"] if is_code(row["category"]) else "",
        "about": str(row["concerns_user_id"] or ""), "reason": row["reason"] or "",
        "redress": [dict(each) for each in row["redress"] or ()],
    }  # fmt: skip
