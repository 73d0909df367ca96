"""Returns to a regulator: what a plugin says of them. Pure over frozen, coded facts of cases; core collects, checks,
freezes, keeps and writes the files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

Value = int | Decimal | str | None
"""What a figure is. None: blank, which is not nought."""

UNITS = ("count", "money", "per_cent", "per_1000", "code", "yes_no", "text")


class ReturnPeriod(msgspec.Struct, frozen=True, kw_only=True):
    """From the first day to the last, both counted, in the legal entity's zone."""

    first: date
    last: date
    label: str = ""
    due: date | None = None

    def holds(self, day: date | None) -> bool:
        return day is not None and self.first <= day <= self.last


class ReturnAspect(msgspec.Struct, frozen=True, kw_only=True):
    """One matter of a case, as codes. `redress`: money given and not reversed, by currency."""

    id: str
    position: int = 1
    category: str = ""
    cause: str = ""
    outcome: str = ""
    decided_on: date | None = None
    redress: Mapping[str, Decimal] = {}


class ReturnCase(msgspec.Struct, frozen=True, kw_only=True):
    """A complaint, as codes: ids are those of the desk and name nobody. `business_days`: from the day of receipt, which
    is day 0, to that of closing, by the unit's calendar, None while open, at most 99. `vulnerable` and
    `vulnerability_ignored` are the two confirmed answers of support needs, and neither implies the other."""

    id: str
    received_on: date
    closed_on: date | None = None
    business_days: int | None = None
    case_type: str = "complaint"
    channel: str = ""
    aspects: tuple[ReturnAspect, ...] = ()
    fields: Mapping[str, Any] = {}
    vulnerable: bool = False
    vulnerability_ignored: bool = False

    @property
    def main(self) -> ReturnAspect | None:
        """The first aspect in the order that staff gave them: under it the complaint is counted, once."""
        return min(self.aspects, key=lambda each: (each.position, each.id), default=None)

    @property
    def calendar_days(self) -> int | None:
        return None if self.closed_on is None else (self.closed_on - self.received_on).days

    def redress(self, currency: str) -> Decimal:
        return sum((each.redress.get(currency, Decimal(0)) for each in self.aspects), Decimal(0))


Measure = Callable[[ReturnCase, ReturnPeriod], Value]


@dataclass(frozen=True)
class Item:
    """One figure of a return, or one column of a table. `number`: the regulator's own where `official`, else a name of
    the plugin's; `definition` in words, `version` of it. Exactly one of: `measure`, what one case adds (nought or None:
    nothing; for the unit `code` the code it votes for, and the most frequent stands); `derive`, from the other
    figures by number (in a table those of its row); `entered`, a person gives it."""

    number: str
    label: str
    definition: str
    unit: str = "count"
    measure: Measure | None = None
    derive: Callable[[Mapping[str, Value]], Value] | None = None
    entered: bool = False
    required: bool = True
    official: bool = False
    version: str = "1"


@dataclass(frozen=True)
class Code:
    """A row of a code list. `verified`: read in the regulator's own text, or confirmed by an administrator."""

    code: str
    label: str
    group: str = ""
    verified: bool = False


@dataclass(frozen=True)
class ReturnTable:
    """Rows by a code list, the same columns in each. `row_of` gives the row in which a case counts, empty for none. A
    figure's number is `<table>/<row>/<column>`; a row in whose business the firm is not stays blank: `blank(row)`."""

    key: str
    label: str
    rows: tuple[Code, ...]
    columns: tuple[Item, ...]
    row_of: Callable[[ReturnCase, ReturnPeriod], str]
    note: str = ""
    blank: Callable[[str], bool] = lambda row: False


@dataclass(frozen=True)
class ReturnCheck:
    """What must hold. `problems(figures)` says in words what does not, for figures by number."""

    key: str
    label: str
    problems: Callable[[Mapping[str, Value]], Sequence[str]]


@dataclass(frozen=True)
class Layout:
    """A return in the order of the regulator's screen. `lacks(case, period)`: which coded fields of a case are missing,
    in words; `rule`: how complaints are counted, for the page; `nil`: the number of the item that says nothing is to be
    reported; where it says `Yes`, everything but `always` stays blank."""

    title: str
    rule: str
    items: tuple[Item, ...] = ()
    tables: tuple[ReturnTable, ...] = ()
    checks: tuple[ReturnCheck, ...] = ()
    lacks: Callable[[ReturnCase, ReturnPeriod], Sequence[str]] = lambda case, period: ()
    unverified: tuple[str, ...] = ()
    currency: str = ""
    nil: str = ""
    always: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReturnVersion:
    """A taxonomy, for periods that end between two days, both counted. `build(settings)` is pure: the layout with the
    code lists as the administrator corrected them."""

    key: str
    label: str
    build: Callable[[Mapping[str, Any]], Layout]
    valid_from: date | None = None
    valid_to: date | None = None

    def fits(self, period: ReturnPeriod) -> bool:
        after = self.valid_from is None or self.valid_from <= period.last
        return after and (self.valid_to is None or period.last <= self.valid_to)


@dataclass(frozen=True)
class Return:
    """A return that a plugin knows. `key`: the slug, or one that begins with it and a dot; `periods(today, settings)`
    gives those to choose from, the latest first. Core calls nothing of it inside a transaction, and writes the files
    (XLSX in screen order, JSON and CSV by item number) from what it froze."""

    key: str
    regulator: str
    label: str
    summary: str
    versions: tuple[ReturnVersion, ...]
    periods: Callable[[date, Mapping[str, Any]], Sequence[ReturnPeriod]]


class ReturnKept(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a return whose figures stand: frozen, signed or filed. `key`: of the `Return`; `unit`: the name of
    the legal entity; `number`: 1, and one more with each amendment; `figures`: values as written, by the number of the
    item, in a table `<table>/<row>/<item>`; a blank one is left out."""

    id: UUID
    key: str
    unit: str
    first: date
    last: date
    label: str
    number: int
    state: str
    figures: Mapping[str, str]
