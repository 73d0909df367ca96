"""A line of redress: what it may say, and how it stands in tables and ledger. Written in the caller's transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid
from ombud.desk.redress.money import checked_amount, checked_currency
from ombud.desk.words import REDRESS_KINDS
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id

NEEDS_AMOUNT = ("money", "waiver")
MAY_HAVE_AMOUNT = (*NEEDS_AMOUNT, "goods")


@dataclass(frozen=True)
class RedressGiven:
    """One line of redress. `amount` in the currency's major unit: money and a waiver need it, goods may have a value.
    `calculation`: the kept working it comes from."""

    kind: str
    amount: Decimal | None = None
    currency: str = ""
    note: str = ""
    calculation: UUID | None = None


def checked_redress(line: RedressGiven, place: int = 0) -> RedressGiven:
    """The line with a valid kind, and where it is worth something an amount the currency can pay."""
    if line.kind not in REDRESS_KINDS:
        raise Invalid("Choose what kind of redress it is.", f"redress.{place}.kind")
    note = clean_text(line.note, f"redress.{place}.note", longest=1000)
    valued = line.kind in NEEDS_AMOUNT or (line.kind in MAY_HAVE_AMOUNT and line.amount is not None)
    if not valued:
        return RedressGiven(line.kind, None, "", note)
    currency = checked_currency(line.currency, f"redress.{place}.currency")
    amount = checked_amount(line.amount, currency, f"redress.{place}.amount")
    return RedressGiven(line.kind, amount, currency, note, line.calculation)


_IN_USE = """
SELECT EXISTS (SELECT 1 FROM core_redress r WHERE r.calculation_id = $1 AND r.reverses IS NULL
    AND NOT EXISTS (SELECT 1 FROM core_redress b WHERE b.reverses = r.id))
OR EXISTS (SELECT 1 FROM core_redress_request q WHERE q.calculation_id = $1 AND q.state = 'waiting')
"""


async def checked_calculation(aspect_id: UUID, line: RedressGiven) -> None:
    """Refuses a line that says it comes from a sum of another aspect, is not that sum, or gives it a second time."""
    if line.calculation is None:
        return
    row = await db.fetchrow(
        "SELECT total, currency FROM core_calculation WHERE id = $1 AND aspect_id = $2", line.calculation, aspect_id
    )
    if row is None:
        raise Invalid("There is no such sum for this aspect. Reckon it again.", "amount")
    if (row["total"], row["currency"]) != (line.amount, line.currency):
        raise Invalid("The amount is not the one that was reckoned. Reckon it again, or give it without.", "amount")
    if await db.fetchval(_IN_USE, line.calculation):
        raise Invalid("This sum was given or asked for already. Reckon another one, or take that back first.", "amount")


async def put(
    case_id: UUID, aspect_id: UUID, line: RedressGiven, by: UUID | None, *, reverses: UUID | None = None,
    approved_by: UUID | None = None,
) -> UUID:  # fmt: skip
    """Writes the row; its ledger entry is the caller's."""
    identity = new_id()
    await db.execute(
        "INSERT INTO core_redress (id, case_id, aspect_id, kind, amount, currency, note, reverses, created_at, "
        "created_by, calculation_id, approved_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        identity, case_id, aspect_id, line.kind, line.amount, line.currency, line.note, reverses, now(), by,
        line.calculation, approved_by,
    )  # fmt: skip
    return identity


def redress_code(identity: UUID, kind: str, amount: Decimal | None, currency: str) -> dict[str, Any]:
    """The codes of a line in the ledger; the amount as decimal text."""
    return {
        "line": str(identity),
        "kind": kind,
        "amount": "" if amount is None else f"{amount:f}",
        "currency": currency,
    }


def because_of(line: RedressGiven) -> Mapping[str, str]:
    """Which kept sum it comes from, for its entry."""
    return {"calculation": str(line.calculation)} if line.calculation else {}
