"""What the other side reports: a file that a person reads in, or a signed request. Each row finds its payment by its
key, must name the amount that was handed over where it names one, and is safe to come twice."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.errors import Invalid, NotFound
from ombud.desk.redress.money import amount_of, text_of
from ombud.desk.redress.payments import states
from ombud.desk.redress.payments.moving import locked, move, seen
from ombud.desk.redress.payments.paying import MANAGE
from ombud.desk.writing import demand
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.speech import joined, number, sentence
from ombud.trust.policy import Viewer

MOST = 5000
BIGGEST = 2_000_000
NEEDED = ("key", "status")
# Words of ours, and codes of ISO 20022 pain.002 / camt as banks use them.
MEANS = {
    "paid": "paid", "settled": "paid", "acsc": "paid", "accc": "paid",
    "failed": "failed", "rejected": "failed", "refused": "failed", "rjct": "failed",
    "returned": "returned", "accepted": "accepted", "pending": "accepted", "acsp": "accepted", "actc": "accepted",
    "acwc": "accepted", "pdng": "accepted",
}  # fmt: skip
RESULTS = {
    "paid": ("Paid", "check", "ok"),
    "failed": ("Failed", "alert-circle", "danger"),
    "returned": ("Came back", "alert-circle", "danger"),
    "accepted": ("Still on its way", "send", ""),
    "again": ("Known already", "copy", ""),
    "differs": ("Another amount: in doubt now", "help-circle", "warn"),
    "unknown": ("No such payment", "help-circle", "warn"),
    "unreadable": ("Cannot be read", "alert-circle", "warn"),
    "impossible": ("Does not fit how it stands", "help-circle", "warn"),
}


@dataclass(frozen=True)
class Report:
    """One row. `place`: its line in the file, 1 for the first below the heading."""

    key: str
    status: str
    value_date: str = ""
    amount: str = ""
    currency: str = ""
    reference: str = ""
    reason: str = ""
    place: int = 0


@dataclass(frozen=True)
class Result:
    place: int
    key: str
    code: str
    text: str = ""
    case: str = ""
    amount: Decimal | None = None
    currency: str = ""

    @property
    def label(self) -> str:
        return RESULTS[self.code][0]


Make = Callable[[str, str], Result]


@dataclass(frozen=True)
class Reconciled:
    """`sums`: currency → code → (count, sum); rows whose payment is not known have no sum."""

    results: tuple[Result, ...]
    sums: Mapping[str, Mapping[str, tuple[int, Decimal]]] = field(default_factory=dict)


def parsed(data: bytes) -> list[Report]:
    """The rows of a CSV file with the columns key, status, and where known value_date, amount, currency, reference,
    reason; commas or semicolons between them. Raises Invalid."""
    if len(data) > BIGGEST:
        raise Invalid("The file is larger than 2 MB. Split it.", "file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("The file is not UTF-8. Save it as CSV (UTF-8).", "file") from None
    heading = text.partition("\n")[0]
    table = csv.DictReader(io.StringIO(text), delimiter=";" if heading.count(";") > heading.count(",") else ",")
    names = [name.strip().lower() for name in table.fieldnames or ()]
    if missing := [each for each in NEEDED if each not in names]:
        raise Invalid(
            sentence(
                "The first line must name the columns; these are not there: %(missing)s.", missing=joined(missing)
            ),
            "file",
        )
    table.fieldnames = names
    try:
        rows = [_report(row, place) for place, row in enumerate(table, 1)]
    except csv.Error as problem:
        raise Invalid(sentence("The file cannot be read as CSV: %(what)s.", what=problem), "file") from None
    if len(rows) > MOST:
        raise Invalid(sentence("The file has more than %(most)s rows. Split it.", most=number(MOST)), "file")
    return rows


def _report(row: Mapping[str | None, object], place: int) -> Report:
    def cell(name: str) -> str:
        value = row.get(name)
        return value.strip()[:500] if isinstance(value, str) else ""

    return Report(
        cell("key"), cell("status"), cell("value_date"), cell("amount"), cell("currency"), cell("reference"),
        cell("reason"), place,
    )  # fmt: skip


async def read_in(viewer: Viewer, data: bytes) -> Reconciled:
    """Reads a file in: each row by itself, in a transaction of its own."""
    demand(viewer, MANAGE)
    results = [await one(viewer, each) for each in parsed(data)]
    return Reconciled(tuple(results), summed(results))


def summed(results: Iterable[Result]) -> dict[str, dict[str, tuple[int, Decimal]]]:
    found: dict[str, dict[str, tuple[int, Decimal]]] = {}
    for each in results:
        if each.amount is not None:
            many, total = found.setdefault(each.currency, {}).get(each.code, (0, Decimal(0)))
            found[each.currency][each.code] = (many + 1, total + each.amount)
    return found


async def one(viewer: Viewer, report: Report) -> Result:
    """One row. With a viewer who has no user (the signed request) every payment is in reach."""
    means = MEANS.get(report.status.lower(), "")
    if "\0" in "".join((report.key, report.reference, report.reason)):
        return Result(report.place, "", "unreadable", "It holds a character that cannot be kept.")
    if not means:
        return Result(
            report.place,
            report.key,
            "unreadable",
            sentence("“%(status)s” is no status. Use paid or failed.", status=report.status[:40]),
        )
    identity = await db.fetchval("SELECT id FROM core_payment WHERE key = $1", report.key)
    if identity is None:
        return Result(report.place, report.key, "unknown", "Nothing was handed over with this key.")
    try:
        async with db.transaction():
            row = await _row(viewer, identity)
            return await _apply(viewer, row, report, means)
    except NotFound:
        return Result(report.place, report.key, "unknown", "Nothing was handed over with this key.")


async def _row(viewer: Viewer, identity: UUID) -> Record:
    if viewer.system:
        row = await locked(identity)
        assert row is not None
        return row
    return await seen(viewer, MANAGE, identity)


async def _apply(viewer: Viewer, row: Record, report: Report, means: str) -> Result:
    def result(code: str, text: str) -> Result:
        return Result(
            report.place, report.key, code, text, row["reference"], row["amount"], row["currency"]
        )  # fmt: skip

    if report.key != row["key"]:  # it changed between our look and the lock
        return result("impossible", "It was repeated with another key meanwhile.")
    if other := differs(row, report):
        if states.possible(row["state"], states.DOUBT):
            await move(viewer, row, states.DOUBT, said=other, detail=other, codes={"reported": True})
        return result("differs", other)
    if means == "paid":
        return await _paid(viewer, row, report, result)
    if means == "accepted":
        return result("accepted" if row["state"] in {states.HANDED, states.HANDING} else "again", "")
    return await _not_paid(viewer, row, report, means, result)


def differs(row: Any, report: Report) -> str:
    """Whether it names another amount or currency, in words; empty where it names none."""
    amount, currency = report.amount, report.currency.upper()
    if (amount and amount_of(amount) != row["amount"]) or (currency and currency != row["currency"]):
        ours = f"{text_of(row['amount'], row['currency'])} {row['currency']}"
        return sentence(
            "Reported were %(reported)s, handed over %(ours)s.",
            reported=f"{amount or '?'} {currency or row['currency']}"[:300], ours=ours,
        )  # fmt: skip
    return ""


async def _paid(viewer: Viewer, row: Record, report: Report, result: Make) -> Result:
    if row["state"] == states.PAID:
        return result("again", "")
    try:
        on = date.fromisoformat(report.value_date) if report.value_date else now().date()
    except ValueError:
        return result("unreadable", "The value date is no date. Write it like 2026-11-23.")
    if abs((on - now().date()).days) > 3660:
        return result("unreadable", "The value date lies too far away.")
    if not states.possible(row["state"], states.SETTLE):
        return result("impossible", "It was not handed over.")
    await move(
        viewer, row, states.SETTLE, said=report.reason, value_date=on, remote=report.reference, detail=report.reason,
        codes={"value_date": on.isoformat(), "remote": report.reference, "reported": True},
    )  # fmt: skip
    return result("paid", "")


async def _not_paid(viewer: Viewer, row: Record, report: Report, means: str, result: Make) -> Result:
    event = states.BOUNCE if row["state"] == states.PAID and means == "returned" else states.REFUSE
    if row["state"] == states.FAILED:
        return result("again", "")
    if not states.possible(row["state"], event):
        return result("impossible", "It is paid already; only a status of returned takes that back."
                      if row["state"] == states.PAID else "It was not handed over.")  # fmt: skip
    await move(
        viewer, row, event, said=report.reason, remote=report.reference, detail=report.reason,
        codes={"remote": report.reference, "reported": True},
    )  # fmt: skip
    return result("returned" if event == states.BOUNCE else "failed", "")
