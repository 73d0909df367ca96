"""Sums that are kept: what was asked, the values of rates used, every line of the working, and the result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.cases import refuse_closed
from ombud.desk.errors import Invalid, NotFound
from ombud.desk.redress import rates, reckoning
from ombud.desk.redress.money import checked_amount, checked_currency
from ombud.desk.redress.reckoning import CannotReckon, Claim, Interest, Line, Reckoned, plain
from ombud.desk.writing import lock_aspect, record
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust.policy import Arguments, Viewer, decide

WORDS = {
    "refund": "Refund",
    "interest": "Interest",
    "distress": "For distress and inconvenience",
    "tax": "Tax withheld from the interest",
    "paid": "Paid already",
}
NOTHING = Decimal(0)


@dataclass(frozen=True)
class Asked:
    """What somebody asks to be reckoned. Interest runs on `base`, or on the refund where that is empty."""

    currency: str
    refund: Decimal | None = None
    base: Decimal | None = None
    start: date | None = None
    end: date | None = None
    rate_id: UUID | None = None
    basis: str = reckoning.ACTUAL_365
    way: str = reckoning.SIMPLE
    distress: Decimal | None = None
    tax_percent: Decimal | None = None
    paid: Decimal | None = None
    rounding: str = "half_up"


@dataclass(frozen=True)
class Worked:
    """The result, and the values of rates that stand in its working, as they are kept with it."""

    reckoned: Reckoned
    rates: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True)
class CalculationShown:
    """A kept sum. `lines`: what, label, amount (text), formula, start, end, percent; `rates`: the values used."""

    id: UUID
    total: Decimal
    exact: str
    currency: str
    rounding: str
    lines: tuple[Mapping[str, Any], ...]
    rates: tuple[Mapping[str, str], ...]
    inputs: Mapping[str, str]
    by: str
    at: datetime
    used: bool


async def work_out(asked: Asked) -> Worked:
    """Reckons with the rates as they stand now; keeps nothing. Raises Invalid naming the field."""
    currency = checked_currency(asked.currency, "currency")
    amounts = {
        name: NOTHING if (value := getattr(asked, name)) is None
        else checked_amount(value, currency, name, or_nothing=True)
        for name in ("refund", "distress", "paid")
    }  # fmt: skip
    tax = _percent(asked.tax_percent)
    used = await rates.rate(asked.rate_id) if asked.rate_id else None
    runs = _interest(asked, currency, amounts["refund"], used)
    try:
        found = reckoning.reckon(
            Claim(currency, amounts["refund"], runs, amounts["distress"], tax, amounts["paid"], asked.rounding)
        )
    except CannotReckon as refusal:
        raise Invalid(str(refusal), refusal.field) from None
    if not found.lines:
        raise Invalid("Give at least one amount.", "refund")
    return Worked(found, _values(used, found.lines))


def _percent(tax: Decimal | None) -> Decimal:
    if tax is not None and (not tax.is_finite() or not 0 <= tax <= 100):
        raise Invalid("Give the share that is withheld in per cent, from 0 to 100.", "tax_percent")
    return tax or NOTHING


def _interest(
    asked: Asked, currency: str, refund: Decimal, used: rates.RateShown | None
) -> tuple[Interest, ...]:  # fmt: skip
    if used is None and asked.start is None and asked.end is None:
        return ()
    if used is None:
        raise Invalid("Choose the rate of interest, or leave the days empty.", "rate")
    if used.retired:
        raise Invalid("This rate is out of use. Choose another one.", "rate")
    if asked.start is None or asked.end is None:
        raise Invalid("Give both days: from when, and until when interest runs.", "start" if not asked.start else "end")
    base = refund if asked.base is None else checked_amount(asked.base, currency, "base")
    if not base:
        raise Invalid("Give the amount on which interest runs.", "base")
    return (Interest(base, asked.start, asked.end, rates.for_reckoning(used), asked.basis, asked.way),)


def _values(used: rates.RateShown | None, lines: Sequence[Line]) -> tuple[Mapping[str, str], ...]:
    if used is None:
        return ()
    versions = {line.version for line in lines if line.version}
    return tuple(
        {"id": str(each.id), "rate": str(used.id), "label": used.label, "valid_from": each.valid_from.isoformat(),
         "percent": plain(each.percent), "source": each.source}
        for each in sorted(used.values, key=lambda each: each.valid_from) if str(each.id) in versions
    )  # fmt: skip


def drawn(line: Line) -> dict[str, Any]:
    """A line of the working as it is kept and shown; amounts as decimal text, cut to what is shown."""
    return {
        "what": line.what, "label": WORDS[line.what], "amount": plain(line.amount), "formula": line.formula,
        "start": line.start.isoformat() if line.start else "", "end": line.end.isoformat() if line.end else "",
        "days": line.days, "percent": "" if line.percent is None else plain(line.percent), "version": line.version,
        "base": "" if line.base is None else plain(line.base),
    }  # fmt: skip


async def keep(viewer: Viewer, aspect_id: UUID, asked: Asked) -> UUID:
    """Reckons and keeps the sum with the aspect, for a line of redress to come from."""
    worked = await work_out(asked)
    found, identity = worked.reckoned, new_id()
    async with db.transaction():
        case, _ = await lock_aspect(viewer, "case.decide", aspect_id)
        refuse_closed(case)
        await db.execute(
            "INSERT INTO core_calculation (id, case_id, aspect_id, inputs, rates, working, exact, total, currency, "
            "created_at, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            identity, case["id"], aspect_id, inputs_of(asked), [dict(each) for each in worked.rates],
            [drawn(each) for each in found.lines], plain(found.exact), found.total, found.currency, now(),
            viewer.user_id,
        )  # fmt: skip
        body = {
            "aspect": str(aspect_id), "calculation": str(identity), "total": f"{found.total:f}",
            "currency": found.currency, "rates": [each["id"] for each in worked.rates],
        }  # fmt: skip
        await record(viewer, case["id"], "redress.reckoned", body)
    return identity


def inputs_of(asked: Asked) -> dict[str, str]:
    """As text, so that the same sum can be asked for again."""
    return {name: _text(getattr(asked, name)) for name in Asked.__dataclass_fields__}


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


_KEPT = """
SELECT c.*, coalesce(nullif(w.display_name, ''), w.name, 'Ombud') AS by,
    EXISTS (SELECT 1 FROM core_redress r WHERE r.calculation_id = c.id AND r.reverses IS NULL
        AND NOT EXISTS (SELECT 1 FROM core_redress b WHERE b.reverses = r.id))
        OR EXISTS (SELECT 1 FROM core_redress_request q WHERE q.calculation_id = c.id AND q.state = 'waiting') AS used
FROM core_calculation c JOIN core_aspect a ON a.id = c.aspect_id LEFT JOIN core_user w ON w.id = c.created_by
WHERE c.aspect_id = {aspect} AND {rows} ORDER BY c.created_at DESC, c.id DESC LIMIT 100
"""


async def kept(viewer: Viewer, aspect_id: UUID) -> list[CalculationShown]:
    """The sums of an aspect, the newest first."""
    arguments = Arguments()
    sql = _KEPT.format(
        aspect=arguments.add(aspect_id), rows=decide(viewer, "case.read", "aspect").where("a", arguments)
    )
    return [_shown(row) for row in await db.fetch(sql, *arguments.values)]


async def one(viewer: Viewer, aspect_id: UUID, calculation_id: UUID) -> CalculationShown:
    for each in await kept(viewer, aspect_id):
        if each.id == calculation_id:
            return each
    raise NotFound("There is no such sum that you may see. The aspect's redress shows those there are.")


def _shown(row: Record) -> CalculationShown:
    return CalculationShown(
        row["id"], row["total"], row["exact"], row["currency"], row["inputs"].get("rounding", "half_up"),
        tuple(row["working"]), tuple(row["rates"]), row["inputs"], row["by"], row["created_at"], row["used"],
    )  # fmt: skip
