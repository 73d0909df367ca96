"""The FCA's firm-level workbooks, read as a benchmark: how the market's firms closed and upheld, by product group.

Each period names its sheets otherwise (`% upheld `, `upheld `, `Upheld`), and one claims a million rows; so sheets are
found by what their names mean, and reading ends where the firms do. The workbooks are the FCA's: attribute them.
"""

import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from ombud_plugin_api import Permanent

SOURCE = "Financial Conduct Authority, firm-level complaints data"
MOST_FIRMS, MOST_EMPTY, LARGEST = 2000, 20, 20_000_000
GROUPS = {
    "banking and credit cards": "banking_and_credit_cards", "decumulation pensions": "decumulation_and_pensions",
    "home finance": "home_finance", "insurance pure protection": "insurance_and_pure_protection",
    "investments": "investments",
}  # fmt: skip


@dataclass(frozen=True)
class Firm:
    """What a firm published for a product group; None where it says nothing. `upheld`, `soon` and `later` are shares of
    what was closed, 0 to 1."""

    name: str
    period: str
    opened: int | None = None
    closed: int | None = None
    soon: Decimal | None = None
    later: Decimal | None = None
    upheld: Decimal | None = None


@dataclass(frozen=True)
class Market:
    """By product group the firms that published."""

    firms: Mapping[str, list[Firm]] = field(default_factory=dict)

    def upheld_share(self, group: str) -> Decimal | None:
        """In per cent of all that the group's firms closed: each firm weighs by what it closed."""
        known = [each for each in self.firms.get(group, []) if each.closed and each.upheld is not None]
        closed = sum((each.closed or 0 for each in known), 0)
        upheld = sum(((each.closed or 0) * (each.upheld or Decimal(0)) for each in known), Decimal(0))
        return (100 * upheld / closed).quantize(Decimal("0.01")) if closed else None

    def half_year(self) -> tuple[date, date]:
        """The half year in which most periods of its firms end. Raises Permanent where none names its days."""
        ends = Counter(
            each for firms in self.firms.values() for firm in firms if (each := _last_day(firm.period)) is not None
        )
        if not ends:
            raise Permanent("No firm of this workbook names the days of its reporting period.")
        halves = Counter[tuple[int, bool]]()
        for day, many in ends.items():
            halves[day.year, day.month > 6] += many
        (year, second), _ = max(halves.items(), key=lambda each: (each[1], each[0]))
        return (date(year, 7, 1), date(year, 12, 31)) if second else (date(year, 1, 1), date(year, 6, 30))


_DAYS = re.compile(r"(\d{4})-(\d{2})-(\d{2})|(\d{1,2})[/.](\d{1,2})[/.](\d{4})")


def _last_day(period: str) -> date | None:
    """The last day that a text such as `2022-01-01 to 2022-06-30` or `01/01/2022 - 30/06/2022` names."""
    found = list(_DAYS.finditer(period))
    if not found:
        return None
    year, month, day, d, m, y = found[-1].groups()
    try:
        return date(int(year or y), int(month or m), int(day or d))
    except ValueError:
        return None


def kind_of(sheet: str) -> str:
    """What a sheet of firms tells: opened, closed, soon, later or upheld; empty for others."""
    name = re.sub(r"\s+", " ", sheet.lower()).strip()
    if any(each in name for each in ("context", "credit", "joint", "trading", "note")):
        return ""
    if "upheld" in name:
        return "upheld"
    if ">3" in name or "after 3" in name:
        return "later"
    if "3 days" in name:
        return "soon"
    return name if name in ("opened", "closed") else ""


def read(workbook: bytes) -> Market:
    """Raises Permanent for what is no such workbook."""
    from openpyxl import DEFUSEDXML, load_workbook  # long to import, and needed once in half a year

    if not DEFUSEDXML:  # without it a workbook could grow without end
        raise Permanent("Install defusedxml, so that workbooks can be read safely.")
    if len(workbook) > LARGEST:
        raise Permanent("The workbook is larger than 20 MB; the FCA's are not.")
    try:
        book = load_workbook(io.BytesIO(workbook), read_only=True, data_only=True)
    except Exception as problem:
        raise Permanent(f"This is no Excel workbook that can be read: {type(problem).__name__}.") from None
    sheets = {kind: book[name] for name in book.sheetnames if (kind := kind_of(name))}
    missing = sorted({"opened", "closed", "soon", "later", "upheld"} - set(sheets))
    if missing:
        raise Permanent(f"The workbook has no sheet for: {', '.join(missing)}. Take a firm-level one of the FCA.")
    told: dict[tuple[str, str, str], dict[str, Any]] = {}
    for kind, sheet in sheets.items():
        for name, period, group, value in _values(sheet, kind):
            told.setdefault((group, name, period), {})[kind] = value
    firms: dict[str, list[Firm]] = {}
    for (group, name, period), values in sorted(told.items()):
        firms.setdefault(group, []).append(Firm(name, period, **values))
    return Market(firms)


def _values(sheet: Any, kind: str) -> Iterator[tuple[str, str, str, Any]]:
    rows = sheet.iter_rows(values_only=True, max_row=MOST_FIRMS)
    heads = [_plain(each) for each in next(rows, ())]
    columns = {place: GROUPS[each] for place, each in enumerate(heads) if each in GROUPS}
    if not columns or "reporting period" not in heads:
        raise Permanent(f"The sheet {sheet.title!r} has no product groups in its first row.")
    when, empty = heads.index("reporting period"), 0
    for row in rows:
        if not row or not row[0] or len(row) <= when:
            empty += 1
            if empty > MOST_EMPTY:
                return
            continue
        empty = 0
        for place, group in columns.items():
            value = _number(row[place] if place < len(row) else None, whole=kind in ("opened", "closed"))
            if value is not None:
                yield str(row[0]).strip(), str(row[when] or "").strip(), group, value


def _plain(head: Any) -> str:
    return " ".join(re.findall(r"[a-z]+", str(head or "").lower().replace("&", " ")))


def _number(value: Any, *, whole: bool) -> int | Decimal | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return round(value) if whole else Decimal(str(value))
