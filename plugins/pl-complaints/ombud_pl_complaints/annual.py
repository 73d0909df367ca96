"""The yearly report to the Financial Ombudsman (Rzecznik Finansowy). Its form was not at hand: items have names of
ours, and the report calls itself a draft until an administrator compared them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from ombud_pl_complaints.deadlines import concerns, days_of, is_payment
from ombud_plugin_api import (
    Code,
    Item,
    Layout,
    Return,
    ReturnCase,
    ReturnCheck,
    ReturnPeriod,
    ReturnTable,
    ReturnVersion,
)

PLN, VERIFIED, MOST, DAYS_TO_FILE, YEARS = "PLN", "verified", 200, 45, 6
_CODE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,59}\Z")
RULE = (
    "A complaint counts once, under its main part: the first of its aspects in the order that staff gave them. It is "
    "received in the year of its receipt, and answered, upheld and paid in the year in which it was closed. In part "
    "upheld is a line of its own. Outside the report stay what was found not to be for the firm, and case types that "
    "the settings do not name."
)


class Unreadable(ValueError):
    """A line that says nothing; the text names the remedy."""


@dataclass(frozen=True)
class Product:
    code: str
    label: str
    categories: frozenset[str]
    verified: bool


def products(lines: Iterable[str]) -> list[Product]:
    """Raises Unreadable for the first line that cannot be read."""
    found: dict[str, Product] = {}
    for line in (each.strip() for each in lines if each.strip()):
        parts = [each.strip() for each in line.split("|")]
        if len(parts) not in (3, 4) or not _CODE.match(parts[0]) or parts[0] in found or not parts[1]:
            raise Unreadable(f"Write “{line[:60]}” as code | name | categories | verified, each code once.")
        more = frozenset(each.strip() for each in parts[2].split(",") if each.strip())
        found[parts[0]] = Product(parts[0], parts[1], more | {parts[0]}, parts[-1] == VERIFIED and len(parts) == 4)
    return list(found.values())


def years(today: date, settings: Mapping[str, Any]) -> list[ReturnPeriod]:
    """Calendar years, the latest first; the one that runs stands first."""
    return [
        ReturnPeriod(first=date(year, 1, 1), last=date(year, 12, 31), label=str(year),
                     due=date(year, 12, 31) + timedelta(days=DAYS_TO_FILE))
        for year in range(today.year, today.year - YEARS, -1)
    ]  # fmt: skip


class Counting:
    """What a complaint adds, by the settings."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    def counts(self, case: ReturnCase) -> bool:
        inside = case.main is None or case.main.outcome != "out_of_scope"
        return inside and concerns(case.case_type, self.settings)

    def received(self, case: ReturnCase, period: ReturnPeriod) -> int:
        return int(self.counts(case) and period.holds(case.received_on))

    def open_before(self, case: ReturnCase, period: ReturnPeriod) -> int:
        waiting = case.closed_on is None or case.closed_on >= period.first
        return int(self.counts(case) and case.received_on < period.first and waiting)

    def answered(self, case: ReturnCase, period: ReturnPeriod) -> int:
        return int(self.counts(case) and period.holds(case.closed_on))

    def with_outcome(self, *outcomes: str) -> Any:
        def measure(case: ReturnCase, period: ReturnPeriod) -> int:
            return int(bool(self.answered(case, period)) and case.main is not None and case.main.outcome in outcomes)

        return measure

    def in_time(self, case: ReturnCase, period: ReturnPeriod) -> int:
        """Within the days that there are without an extension."""
        if not self.answered(case, period):
            return 0
        if is_payment({each.category for each in case.aspects}, self.settings):
            return int(case.business_days is not None and case.business_days <= days_of(self.settings, "days_payment"))
        return int(case.calendar_days is not None and case.calendar_days <= days_of(self.settings, "days_usual"))

    def later(self, case: ReturnCase, period: ReturnPeriod) -> int:
        return self.answered(case, period) - self.in_time(case, period)

    def paid(self, case: ReturnCase, period: ReturnPeriod) -> Any:
        return case.redress(PLN) if self.answered(case, period) else 0

    def lacks(self, case: ReturnCase, period: ReturnPeriod) -> list[str]:
        if not self.answered(case, period):
            return []
        return [] if case.main is not None and case.main.outcome else ["outcome"]


def _columns(count: Counting) -> tuple[Item, ...]:
    return (
        Item("received", "Received", "Complaints received in the year.", measure=count.received),
        Item("answered", "Answered", "Complaints closed in the year.", measure=count.answered),
        Item("upheld", "Upheld", "Closed in the year with the main part upheld, deemed upheld included.",
             measure=count.with_outcome("upheld")),
        Item("partly_upheld", "Upheld in part", "Closed in the year with the main part upheld in part.",
             measure=count.with_outcome("partly_upheld")),
        Item("not_upheld", "Not upheld", "Closed in the year with the main part not upheld.",
             measure=count.with_outcome("not_upheld")),
        Item("withdrawn", "Withdrawn", "Closed in the year because the client took it back.",
             measure=count.with_outcome("withdrawn")),
    )  # fmt: skip


def _header(count: Counting) -> tuple[Item, ...]:
    return (
        Item("open_before", "Open at the start of the year", "Received before the year and not closed before it.",
             measure=count.open_before),
        *_columns(count),
        Item("in_time", "Answered without an extension's time", "Closed within the days of a reply without extension.",
             measure=count.in_time),
        Item("later", "Answered later", "Closed after those days.", measure=count.later),
        Item("paid", "Paid to clients (PLN)", "Money given in complaints closed in the year and not reversed.",
             unit="money", measure=count.paid),
        Item("lawsuits", "Lawsuits after complaints", "Brought by clients in the year; the desk does not know them.",
             entered=True, required=False),
        Item("lawsuits_sum", "Sums claimed in lawsuits (PLN)", "Of these lawsuits.", unit="money", entered=True,
             required=False),
        Item("awarded_sum", "Sums awarded by courts (PLN)", "In the year, with final effect.", unit="money",
             entered=True, required=False),
    )  # fmt: skip


def build(settings: Mapping[str, Any]) -> Layout:
    count, listed = Counting(settings), products(settings.get("products") or ())
    places = {category: each.code for each in listed for category in each.categories}

    def row(case: ReturnCase, period: ReturnPeriod) -> str:
        return places.get(case.main.category, "") if case.main is not None else ""

    rows = tuple(Code(each.code, each.label, "", each.verified) for each in listed)
    tables = (ReturnTable("products", "By product", rows, _columns(count), row),) if rows else ()

    def lacks(case: ReturnCase, period: ReturnPeriod) -> list[str]:
        missing = count.lacks(case, period)
        counted = count.received(case, period) or count.answered(case, period)
        return missing + (["a product for its category"] if rows and counted and not row(case, period) else [])

    told = () if settings.get("layout_confirmed") else ("Items of the yearly report",)
    return Layout(
        "Yearly report to the Financial Ombudsman", RULE, _header(count), tables,
        (ReturnCheck("answered", "What was answered", _adds_up),), lacks, told, PLN,
    )  # fmt: skip


def _adds_up(figures: Mapping[str, Any]) -> Sequence[str]:
    whole, by_outcome = figures.get("answered"), ("upheld", "partly_upheld", "not_upheld", "withdrawn")
    parts = [value for name in by_outcome if isinstance(value := figures.get(name), int)]
    if not isinstance(whole, int) or len(parts) != len(by_outcome) or sum(parts) == whole:
        return []
    return [f"{whole} were answered, and {sum(parts)} have one of the outcomes of the report"]


RETURN = Return(
    "pl-complaints.annual", "Rzecznik Finansowy", "Yearly report",
    "Once a year, within 45 days of its end: complaints, outcomes, lawsuits and sums.",
    (ReturnVersion("annual-1", "First layout, not compared with the form", build),), years,
)  # fmt: skip
