"""Redress as one viewer may see it: of an aspect with all that waits and is paid, what waits for approval, payments."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import Record

from ombud.desk.redress import limits
from ombud.desk.redress.granting import granted_so_far
from ombud.desk.redress.requests import content_hash
from ombud.desk.shown import read_cursor, write_cursor
from ombud.desk.words import label
from ombud.kernel.database import db
from ombud.trust.policy import Arguments, Viewer, about_me, decide, mask_in

SIZE = 50
STATE_WORDS: Mapping[str, tuple[str, str, str]] = {
    "waiting": ("Waits for a second person", "hourglass", "warn"),
    "approved": ("Approved", "check", "ok"),
    "refused": ("Refused", "ban", "danger"),
    "withdrawn": ("Withdrawn", "arrow-back-up", ""),
    "intended": ("Not paid yet", "clock", ""),
    "handing": ("Is being handed over", "send", ""),
    "handed_over": ("Handed over", "send", "info"),
    "paid": ("Paid", "check", "ok"),
    "failed": ("Failed", "alert-circle", "danger"),
    "unsure": ("Not certain", "help-circle", "warn"),
    "cancelled": ("Cancelled", "ban", ""),
}


@dataclass(frozen=True)
class RequestShown:
    """Redress that needs a second person. `hash`: of what is shown, for the approval; `may_approve`: not by whoever
    asked; whether the limit is enough is said when it is tried, and by `limit` and `so_far` beside it."""

    id: UUID
    reference: str
    title: str
    aspect_id: UUID
    aspect: str
    kind: str
    amount: Decimal
    currency: str
    note: str
    calculation_id: UUID | None
    state: str
    by: str
    mine: bool
    at: datetime
    decided_by: str
    decided_at: datetime | None
    reason: str
    version: int
    hash: str
    unit_id: UUID
    case_id: UUID

    @property
    def kind_label(self) -> str:
        return label(self.kind)


@dataclass(frozen=True)
class PaymentShown:
    """A payment; `hint`: the end of the account, None where the viewer may not see people's details; `holder`: whose
    account it is, where that is somebody else than the payee."""

    id: UUID
    line_id: UUID
    reference: str
    aspect_id: UUID
    amount: Decimal
    currency: str
    way: str
    state: str
    key: str
    attempt: int
    payee: str | None
    hint: str | None
    holder: str
    batch_id: UUID | None
    at: datetime
    handed_at: datetime | None
    value_date: date | None
    remote: str
    detail: str
    by: str
    version: int


@dataclass(frozen=True)
class Room:
    """How much the viewer may still give in a case, in one currency."""

    limit: Decimal
    so_far: Decimal
    currency: str

    @property
    def left(self) -> Decimal:
        return max(self.limit - self.so_far, Decimal(0))


_REQUESTS = """
SELECT q.*, c.reference, CASE WHEN {mine} THEN c.reference ELSE c.title END AS title, c.unit_id, a.title AS aspect,
    coalesce(nullif(w.display_name, ''), w.name, 'Ombud') AS by,
    coalesce(nullif(d.display_name, ''), d.name, '') AS decider
FROM core_redress_request q JOIN core_aspect a ON a.id = q.aspect_id JOIN core_case c ON c.id = q.case_id
LEFT JOIN core_user w ON w.id = q.requested_by LEFT JOIN core_user d ON d.id = q.decided_by
WHERE {which} AND {rows} ORDER BY q.requested_at, q.id LIMIT {limit}
"""


async def requests_of(viewer: Viewer, aspect_id: UUID) -> list[RequestShown]:
    """All of an aspect, also those decided."""
    arguments = Arguments()
    return await _requests(viewer, "case.read", f"q.aspect_id = {arguments.add(aspect_id)}", arguments)


async def waiting(viewer: Viewer) -> list[RequestShown]:
    """What waits in the units where the viewer decides, the oldest first; their own too, marked."""
    return await _requests(viewer, "case.decide", "q.state = 'waiting'", Arguments())


async def _requests(viewer: Viewer, permission: str, which: str, arguments: Arguments) -> list[RequestShown]:
    me = arguments.add(viewer.user_id)
    sql = _REQUESTS.format(
        which=which, mine=about_me("c.id", me), limit=arguments.add(500),
        rows=decide(viewer, permission, "aspect").where("a", arguments),
    )  # fmt: skip
    return [_request(viewer, row) for row in await db.fetch(sql, *arguments.values)]


def _request(viewer: Viewer, row: Record) -> RequestShown:
    return RequestShown(
        id=row["id"], reference=row["reference"], title=row["title"], aspect_id=row["aspect_id"], aspect=row["aspect"],
        kind=row["kind"], amount=row["amount"], currency=row["currency"], note=row["note"],
        calculation_id=row["calculation_id"], state=row["state"], by=row["by"],
        mine=row["requested_by"] is not None and row["requested_by"] == viewer.user_id, at=row["requested_at"],
        decided_by=row["decider"], decided_at=row["decided_at"], reason=row["reason"], version=row["version"],
        hash=content_hash(row), unit_id=row["unit_id"], case_id=row["case_id"],
    )  # fmt: skip


async def count_waiting(viewer: Viewer) -> int:
    """What waits for this very viewer: in their units, not their own. One statement, counted to a hundred."""
    if not viewer.may("case.decide"):
        return 0
    arguments = Arguments()
    me = arguments.add(viewer.user_id)
    rows = decide(viewer, "case.decide", "aspect").where("a", arguments)
    found = await db.fetchval(
        "SELECT count(*) FROM (SELECT 1 FROM core_redress_request q JOIN core_aspect a ON a.id = q.aspect_id "
        f"WHERE q.state = 'waiting' AND q.requested_by IS DISTINCT FROM {me}::uuid AND {rows} LIMIT 100) waits",
        *arguments.values,
    )
    return int(found)


async def room(viewer: Viewer, unit_id: UUID, case_id: UUID, currency: str) -> Room:
    return Room(
        await limits.limit_of(viewer, unit_id, currency), await granted_so_far(case_id, currency), currency
    )  # fmt: skip


_PAYMENTS = """
SELECT p.*, c.reference, c.unit_id, coalesce(y.name, '') AS payee,
    coalesce(nullif(w.display_name, ''), w.name, 'Ombud') AS by
FROM core_payment p JOIN core_aspect a ON a.id = p.aspect_id JOIN core_case c ON c.id = p.case_id
LEFT JOIN core_person y ON y.id = p.person_id LEFT JOIN core_user w ON w.id = p.created_by
WHERE {which} AND {rows} ORDER BY {order} LIMIT {limit}
"""


async def payments_of(viewer: Viewer, aspect_id: UUID) -> list[PaymentShown]:
    """Those of an aspect, the newest first."""
    arguments = Arguments()
    which = f"p.aspect_id = {arguments.add(aspect_id)}"
    rows = await _payments(viewer, "case.read", which, "p.created_at DESC, p.id DESC", arguments, 200)
    return [_payment(viewer, row) for row in rows]


class _Place(msgspec.Struct, array_like=True):
    at: datetime
    id: UUID


LISTS: Mapping[str, str] = {
    "ready": "p.state = 'intended' AND p.way = 'file' AND p.batch_id IS NULL",
    "leaving": "p.state IN ('intended', 'handing') AND (p.way = 'webhook' OR p.batch_id IS NOT NULL)",
    "handed": "p.state = 'handed_over'",
    "unsure": "p.state = 'unsure'",
    "failed": "p.state = 'failed'",
    "paid": "p.state = 'paid'",
}


async def payments(viewer: Viewer, which: str, cursor: str = "", size: int = SIZE) -> tuple[list[PaymentShown], str]:
    """One of the lists, the newest first, and the cursor of the next page."""
    arguments, where = Arguments(), LISTS[which]
    if cursor:
        place = read_cursor(cursor, _Place)
        where += f" AND (p.created_at, p.id) < ({arguments.add(place.at)}, {arguments.add(place.id)})"
    order = "p.created_at DESC, p.id DESC"
    rows = await _payments(viewer, "payment.manage", where, order, arguments, size + 1)
    shown = [_payment(viewer, row) for row in rows[:size]]
    last = rows[size - 1] if len(rows) > size else None
    return shown, write_cursor(_Place(last["created_at"], last["id"])) if last else ""


async def payments_in(viewer: Viewer, batch_id: UUID) -> list[PaymentShown]:
    """Those of a batch in the order of its file."""
    arguments = Arguments()
    which = f"p.batch_id = {arguments.add(batch_id)}"
    rows = await _payments(viewer, "payment.manage", which, "p.id", arguments, 2000)
    return [_payment(viewer, row) for row in rows]


async def _payments(
    viewer: Viewer, permission: str, which: str, order: str, arguments: Arguments, limit: int
) -> list[Record]:  # fmt: skip
    sql = _PAYMENTS.format(
        which=which, order=order, limit=arguments.add(limit),
        rows=decide(viewer, permission, "aspect").where("a", arguments),
    )  # fmt: skip
    return await db.fetch(sql, *arguments.values)


def _payment(viewer: Viewer, row: Record) -> PaymentShown:
    mask = mask_in(viewer, row["unit_id"])
    hidden = "address" in mask and not viewer.may_in("payment.manage", row["unit_id"])
    end, _, holder = row["payee_hint"].partition(" ")
    return PaymentShown(
        id=row["id"], line_id=row["line_id"], reference=row["reference"], aspect_id=row["aspect_id"],
        amount=row["amount"], currency=row["currency"], way=row["way"], state=row["state"], key=row["key"],
        attempt=row["attempt"], payee=None if "name" in mask else row["payee"],
        hint=None if hidden else end, holder="" if hidden or "name" in mask else holder,
        batch_id=row["batch_id"], at=row["created_at"],
        handed_at=row["handed_at"], value_date=row["value_date"], remote=row["remote"], detail=row["detail"],
        by=row["by"], version=row["version"],
    )  # fmt: skip


_COUNTS = """
SELECT p.state, p.currency, count(*) AS many, sum(p.amount) AS total, p.way = 'file' AND p.batch_id IS NULL AS loose
FROM core_payment p JOIN core_aspect a ON a.id = p.aspect_id WHERE p.state <> 'cancelled' AND {rows}
GROUP BY p.state, p.currency, 5 ORDER BY p.state, p.currency
"""


async def payment_sums(viewer: Viewer) -> dict[str, list[tuple[str, int, Decimal]]]:
    """By list: (currency, count, sum), so that whoever reconciles sees what must come out."""
    arguments = Arguments()
    rows = await db.fetch(
        _COUNTS.format(rows=decide(viewer, "payment.manage", "aspect").where("a", arguments)), *arguments.values
    )
    found: dict[str, dict[str, tuple[int, Decimal]]] = {}
    for row in rows:
        name = _list_of(row)
        many, total = found.setdefault(name, {}).get(row["currency"], (0, Decimal(0)))
        found[name][row["currency"]] = (many + row["many"], total + row["total"])
    return {name: [(code, many, total) for code, (many, total) in sums.items()] for name, sums in found.items()}


def _list_of(row: Any) -> str:
    if row["state"] == "intended" and row["loose"]:
        return "ready"
    names = {"intended": "leaving", "handing": "leaving", "handed_over": "handed"}
    return names.get(str(row["state"]), str(row["state"]))
