"""What a second person must see before it leaves, and their yes or no."""

from decimal import Decimal
from uuid import UUID

from asyncpg import Record

from ombud.desk.outgoing.rules import Rules
from ombud.kernel.database import db

REASONS = {
    "kind": "The rules of the unit ask for a second person.",
    "amount": "The redress reaches the limit from which a second person approves.",
    "asked": "The writer asked for it.",
    "gate": "Nobody wrote it, and the gate holds it: read what it found.",
}


async def needed(case: Record, rules: Rules, kind: str, *, asked: bool) -> str:
    """Why a second person must approve it: kind, amount, asked; empty where nobody must."""
    if kind in rules.approval_kinds:
        return "kind"
    limit = rules.approval_from if kind == "final_response" else None
    if limit is not None and await _reaches(case["id"], case["unit_id"], limit):
        return "amount"
    return "asked" if asked else ""


async def _reaches(case_id: UUID, unit_id: UUID, limit: Decimal) -> bool:
    """The sum of standing redress in the unit's currency; what is in another cannot be compared and counts as much."""
    row = await db.fetchrow(
        "SELECT coalesce(sum(r.amount) FILTER (WHERE r.currency = u.currency), 0) AS total, "
        "coalesce(bool_or(r.currency <> u.currency), FALSE) AS foreign FROM core_unit u "
        "LEFT JOIN core_redress r ON r.case_id = $1 AND r.kind = 'money' AND r.reverses IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM core_redress b WHERE b.reverses = r.id) WHERE u.id = $2",
        case_id, unit_id,
    )  # fmt: skip
    return row is not None and bool(row["foreign"] or (row["total"] > 0 and row["total"] >= limit))
