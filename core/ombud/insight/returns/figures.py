"""From frozen facts and a layout to figures with their evidence. Pure; what is a provider's is called by `call`."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from ombud import speech
from ombud.speech import sentence
from ombud_plugin_api.returns import Item, Layout, ReturnCase, ReturnPeriod, ReturnTable, Value

Evidence = list[tuple[str, str, str]]
YES = "Yes"


class Rubbish(ValueError):
    """A provider's answer is not what the contract promises; the text says where."""


@dataclass(frozen=True)
class Figure:
    """`evidence`: (case, main aspect, what it added)."""

    number: str
    label: str
    definition: str
    definition_version: str
    unit: str
    value: Value
    official: bool = False
    section: str = ""
    row: str = ""
    column: str = ""
    entered: bool = False
    evidence: Evidence = field(default_factory=list)


@dataclass(frozen=True)
class Collected:
    """A whole return, as it would be frozen. `problems`: what does not reconcile; `lacking`: case → missing fields."""

    figures: list[Figure]
    problems: list[str]
    lacking: dict[str, list[str]]
    unverified: list[str]
    shape: dict[str, Any]

    def values(self) -> dict[str, Value]:
        return {each.number: each.value for each in self.figures}


def collect(layout: Layout, cases: Sequence[ReturnCase], period: ReturnPeriod, entered: Mapping[str, str]) -> Collected:
    """Every figure in screen order, and what is wrong with them."""
    figures: list[Figure] = []
    nil = bool(layout.nil) and entered.get(layout.nil) == YES
    shut = {item.number for item in layout.items if nil and item.number not in (layout.nil, *layout.always)}
    figures += _line(layout.items, cases, period, entered, shut)
    for table in layout.tables:
        figures += _table(table, cases, period, entered, blank=nil)
    numbers = [each.number for each in figures]
    if len(set(numbers)) != len(numbers):
        raise Rubbish("two figures have one number")
    values = {each.number: each.value for each in figures}
    problems = [f"{check.label}: {each}" for check in layout.checks for each in check.problems(values)]
    problems += [] if nil else [
        sentence("Item %(number)s is not answered yet: %(item)s", number=item.number, item=item.label)
        for item in layout.items
        if item.entered and item.required and values[item.number] is None
    ]  # fmt: skip
    if nil and cases:
        problems.append(
            sentence("It is to be a nil return, yet %(cases)s complaints concern the period.", cases=len(cases))
        )
    lacking = {case.id: list(words) for case in cases if (words := layout.lacks(case, period))}
    return Collected(figures, problems, lacking, _unverified(layout), _shape(layout) | _left_out(layout, cases, period))


def _line(
    items: Sequence[Item], cases: Sequence[ReturnCase], period: ReturnPeriod, entered: Mapping[str, str],
    shut: set[str], place: tuple[str, str, bool] = ("", "", False),
) -> list[Figure]:  # fmt: skip
    """The figures of the header or of a row; what follows from others is reckoned last, wherever it stands."""
    found: dict[str, Value] = {}
    order = sorted(items, key=lambda each: each.derive is not None)
    made = {
        item.number: _one(item, cases, period, entered, found, item.number in shut, place) for item in order
    }  # fmt: skip
    return [made[item.number] for item in items]


def _one(
    item: Item, cases: Sequence[ReturnCase], period: ReturnPeriod, entered: Mapping[str, str],
    found: dict[str, Value], blank: bool, place: tuple[str, str, bool],
) -> Figure:  # fmt: skip
    section, row, official = place
    number = f"{section}/{row}/{item.number}" if section else item.number
    evidence: Evidence = []
    value: Value = None
    if blank:
        pass
    elif item.entered:
        value = typed(item, entered.get(number, ""))
    elif item.derive is not None:
        value = item.derive(found)
    elif item.measure is not None:
        value, evidence = _measured(item, cases, period)
    found[item.number] = value
    return Figure(
        number, item.label, item.definition, item.version, item.unit, value,
        item.official and (official or not section), section, row, item.number if section else "", item.entered,
        evidence,
    )  # fmt: skip


def _measured(item: Item, cases: Sequence[ReturnCase], period: ReturnPeriod) -> tuple[Value, Evidence]:
    assert item.measure is not None
    evidence: Evidence = []
    votes: Counter[str] = Counter()
    total: int | Decimal = 0
    for case in cases:
        adds = item.measure(case, period)
        if adds is None or adds in (0, "", False):
            continue
        main = case.main
        evidence.append((case.id, main.id if main else "", str(adds)))
        if item.unit == "code":
            votes[str(adds)] += 1
        elif isinstance(adds, int | Decimal):
            total += adds
        else:
            raise Rubbish(f"{item.number} adds {adds!r:.40}, which is no number")
    if item.unit != "code":
        return total, evidence
    # Of several that are equally frequent the first by its code stands, so that the same facts give the same.
    best = min(votes, key=lambda code: (-votes[code], code), default=None)
    return best, evidence


def _table(
    table: ReturnTable, cases: Sequence[ReturnCase], period: ReturnPeriod, entered: Mapping[str, str], *, blank: bool
) -> list[Figure]:
    rows: dict[str, list[ReturnCase]] = {row.code: [] for row in table.rows}
    for case in cases:
        code = table.row_of(case, period)
        if code in rows:
            rows[code].append(case)
    figures: list[Figure] = []
    for row in table.rows:
        empty = blank or (table.blank(row.code) and not rows[row.code])
        shut = {item.number for item in table.columns} if empty else set()
        place = (table.key, row.code, row.verified)
        figures += _line(table.columns, rows[row.code], period, entered, shut, place)
    return figures


def typed(item: Item, text: str) -> Value:
    """What a person entered; blank where it is not of the item's unit."""
    text = text.strip()
    if not text:
        return None
    if item.unit in ("yes_no", "text", "code"):
        return text if item.unit != "yes_no" or text in (YES, "No") else None
    try:
        number = Decimal(text)
    except ArithmeticError:
        return None
    if not number.is_finite() or number < 0 or (item.unit == "count" and number != int(number)):
        return None
    return int(number) if item.unit == "count" else number


def _left_out(layout: Layout, cases: Sequence[ReturnCase], period: ReturnPeriod) -> dict[str, Any]:
    """Money given in complaints closed in the period that is of another currency than the return: nobody takes a nought
    for what was paid."""
    items = [*layout.items, *(item for table in layout.tables for item in table.columns)]
    if not layout.currency or not any(item.unit == "money" and item.measure for item in items):
        return {}
    closed = [case for case in cases if period.holds(case.closed_on)]
    others = sorted({each for case in closed for aspect in case.aspects for each in aspect.redress} - {layout.currency})
    told = []
    for currency in others:
        sums = [amount for case in closed if (amount := case.redress(currency))]
        if sums:
            told.append({"currency": currency, "cases": len(sums), "sum": written(sum(sums, Decimal(0)))})
    return {"left_out": told} if told else {}


def _unverified(layout: Layout) -> list[str]:
    codes = [
        f"{table.label}: {row.label}" for table in layout.tables for row in table.rows if not row.verified
    ]  # fmt: skip
    return [*layout.unverified, *codes]


def _shape(layout: Layout) -> dict[str, Any]:
    """What the pages and files need besides the figures."""
    return {
        "title": layout.title, "rule": layout.rule, "currency": layout.currency, "unverified": _unverified(layout),
        "tables": [
            {"key": table.key, "label": table.label, "note": table.note,
             "rows": [{"code": row.code, "label": row.label, "group": row.group, "verified": row.verified}
                      for row in table.rows],
             "columns": [{"number": item.number, "label": item.label, "unit": item.unit} for item in table.columns]}
            for table in layout.tables
        ],
    }  # fmt: skip


def written(value: Value) -> str | None:
    """A figure as it is kept and exported; money and shares with their decimals."""
    return None if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


def share(part: int, whole: int, places: int = 2) -> Decimal | None:
    """In per cent, by ordinary rounding; blank where there is nothing to share."""
    if whole == 0:
        return None
    return (Decimal(100 * part) / whole).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def digest(collected: Collected, cases: Sequence[ReturnCase]) -> str:
    """SHA-256 over what is frozen, in a fixed order."""
    told = {
        "figures": [[each.number, each.definition_version, written(each.value), each.evidence] for each in
                    collected.figures],
        "cases": sorted((speech.builtins_of(case) for case in cases), key=lambda each: each["id"]),
        "shape": collected.shape,
    }  # fmt: skip
    return hashlib.sha256(speech.encoded(told, order="sorted")).hexdigest()
