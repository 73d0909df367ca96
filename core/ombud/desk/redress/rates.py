"""Dated rates of interest that administrators keep: values are added or withdrawn with their source, never edited.

No rate ships with Ombud: what is lawful differs by country, matter and year, and a person has to answer for it.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from asyncpg import Record, UniqueViolationError

from ombud.desk.administration.authority import SET_UP, demand_whole_desk
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotFound, NotNow
from ombud.desk.redress.reckoning import Rate
from ombud.desk.writing import check_version, update
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import Viewer

EVERYWHERE = "Rates count on the whole desk"
STREAM = "setting/rates"
MOST = Decimal(1000)
PLACES = Decimal("0.000001")


@dataclass(frozen=True)
class ValueShown:
    """A rate from a day on. `by`: who recorded it."""

    id: UUID
    valid_from: date
    percent: Decimal
    source: str
    recorded_at: datetime
    by: str
    withdrawn_at: datetime | None


@dataclass(frozen=True)
class RateShown:
    """A rate with its values, the newest first; those withdrawn stand among them. `used`: sums made with it."""

    id: UUID
    label: str
    note: str
    retired: bool
    version: int
    used: int
    values: tuple[ValueShown, ...] = ()

    def holds_on(self, day: date) -> ValueShown | None:
        standing = [each for each in self.values if each.withdrawn_at is None and each.valid_from <= day]
        return max(standing, key=lambda each: each.valid_from, default=None)


_RATES = """
SELECT r.id, r.label, r.note, r.retired_at IS NOT NULL AS retired, r.version,
    (SELECT count(*) FROM core_calculation c WHERE c.rates @> jsonb_build_array(jsonb_build_object('rate', r.id)))
        AS used,
    coalesce((SELECT jsonb_agg(jsonb_build_array(v.id, v.valid_from, v.percent::text, v.source, v.recorded_at,
        coalesce(nullif(w.display_name, ''), w.name, 'Ombud'), v.withdrawn_at)
        ORDER BY v.valid_from DESC, v.recorded_at DESC)
    FROM core_rate_value v LEFT JOIN core_user w ON w.id = v.recorded_by WHERE v.rate_id = r.id), '[]') AS values
FROM core_rate r WHERE $1::uuid IS NULL OR r.id = $1 ORDER BY r.retired_at IS NOT NULL, lower(r.label), r.id
"""


async def all_rates(*, in_use: bool = False) -> list[RateShown]:
    """Every rate, those in use first; `in_use`: only these. Rates are no secret: whoever reckons sees them."""
    found = [_shown(row) for row in await db.fetch(_RATES, None)]
    return [each for each in found if not each.retired] if in_use else found


async def rate(rate_id: UUID) -> RateShown:
    row = await db.fetchrow(_RATES, rate_id)
    if row is None:
        raise NotFound("There is no such rate. The list shows those there are.")
    return _shown(row)


def _shown(row: Record) -> RateShown:
    values = tuple(
        ValueShown(
            UUID(identity), date.fromisoformat(day), Decimal(percent), source, datetime.fromisoformat(at), by,
            datetime.fromisoformat(withdrawn) if withdrawn else None,
        )
        for identity, day, percent, source, at, by, withdrawn in row["values"]
    )  # fmt: skip
    return RateShown(row["id"], row["label"], row["note"], row["retired"], row["version"], row["used"], values)


def for_reckoning(shown: RateShown) -> tuple[Rate, ...]:
    """Its standing values, as the pure reckoning takes them."""
    return tuple(Rate(each.valid_from, each.percent, str(each.id)) for each in shown.values if not each.withdrawn_at)


async def add(viewer: Viewer, label: str, note: str) -> UUID:
    await demand_whole_desk(viewer, SET_UP, EVERYWHERE)
    label, note = clean_text(label, "label", longest=100, required=True), clean_text(note, "note", longest=500)
    identity = new_id()
    async with db.transaction():
        await db.execute(
            "INSERT INTO core_rate (id, label, note, created_at, created_by, version) VALUES ($1, $2, $3, $4, $5, 1)",
            identity, label, note, now(), viewer.user_id,
        )  # fmt: skip
        await _tell(viewer, "rate.added", {"rate": str(identity)})
    return identity


async def change(viewer: Viewer, rate_id: UUID, label: str, note: str, version: int | None) -> None:
    await demand_whole_desk(viewer, SET_UP, EVERYWHERE)
    label, note = clean_text(label, "label", longest=100, required=True), clean_text(note, "note", longest=500)
    async with db.transaction():
        row = await _locked(rate_id)
        check_version("The rate", row, version, {"label": label, "note": note})
        await update("core_rate", rate_id, {"label": label, "note": note})
        await _tell(viewer, "rate.changed", {"rate": str(rate_id)})


async def _locked(rate_id: UUID) -> Record:
    row = await db.fetchrow("SELECT * FROM core_rate WHERE id = $1 FOR UPDATE", rate_id)
    if row is None:
        raise NotFound("There is no such rate. The list shows those there are.")
    return row


async def add_value(
    viewer: Viewer, rate_id: UUID, valid_from: date | None, percent: Decimal | None, source: str
) -> UUID:
    """From a day on, until the next value; with where it was published."""
    await demand_whole_desk(viewer, SET_UP, EVERYWHERE)
    if valid_from is None or not 1900 <= valid_from.year <= 2200:
        raise Invalid("Give the day from which it holds.", "valid_from")
    if percent is None or not percent.is_finite() or not 0 <= percent <= MOST or percent != percent.quantize(PLACES):
        raise Invalid("Give the yearly rate in per cent, such as 8 or 5.25, with at most six decimals.", "percent")
    source = clean_text(source, "source", longest=500, required=True)
    identity = new_id()
    try:
        async with db.transaction():
            await _locked(rate_id)
            await db.execute(
                "INSERT INTO core_rate_value (id, rate_id, valid_from, percent, source, recorded_at, recorded_by) "
                "VALUES ($1, $2, $3, $4, $5, $6, $7)",
                identity, rate_id, valid_from, percent, source, now(), viewer.user_id,
            )  # fmt: skip
            await _tell(
                viewer, "rate.value_added",
                {"rate": str(rate_id), "value": str(identity), "valid_from": valid_from.isoformat(),
                 "percent": f"{percent:f}"},
            )  # fmt: skip
    except UniqueViolationError:
        raise Invalid("A value for this day stands already. Withdraw it first, if it is wrong.", "valid_from") from None
    return identity


async def withdraw_value(viewer: Viewer, rate_id: UUID, value_id: UUID) -> None:
    """It is used no more; sums made with it keep it."""
    await demand_whole_desk(viewer, SET_UP, EVERYWHERE)
    async with db.transaction():
        await _locked(rate_id)
        gone = await db.execute(
            "UPDATE core_rate_value SET withdrawn_at = $3, withdrawn_by = $4 "
            "WHERE id = $1 AND rate_id = $2 AND withdrawn_at IS NULL",
            value_id, rate_id, now(), viewer.user_id,
        )  # fmt: skip
        if gone == "UPDATE 0":
            raise NotNow("There is no such value that stands. Open the rate again.")
        await _tell(viewer, "rate.value_withdrawn", {"rate": str(rate_id), "value": str(value_id)})


async def switch(viewer: Viewer, rate_id: UUID, *, retired: bool) -> None:
    """Out of use, so that nobody reckons with it any more; or into use again."""
    await demand_whole_desk(viewer, SET_UP, EVERYWHERE)
    async with db.transaction():
        row = await _locked(rate_id)
        if (row["retired_at"] is not None) == retired:
            return
        await update("core_rate", rate_id, {"retired_at": now() if retired else None})
        await _tell(viewer, "rate.retired" if retired else "rate.restored", {"rate": str(rate_id)})


async def _tell(viewer: Viewer, kind: str, body: dict[str, str]) -> None:
    await append(actor=viewer.actor, entries=[NewEntry(STREAM, kind, body)])
