"""Two states of a return side by side: which figures differ, and which cases made them differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ombud.desk.words import label
from ombud.insight.returns import kept
from ombud.insight.returns.figures import Collected, Figure, written
from ombud.insight.returns.kept import Head
from ombud.trust.policy import Viewer
from ombud_plugin_api.returns import ReturnCase


@dataclass(frozen=True)
class Changed:
    """A figure before and after; empty where it was blank or not there."""

    number: str
    label: str
    unit: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Difference:
    """`cases`: changed ones that the reader may see, each with its codes before and after; `hidden`: how many more."""

    figures: list[Changed]
    cases: list[dict[str, Any]]
    hidden: int


async def between(viewer: Viewer, earlier: Head, later: Head | None) -> Difference:
    """Between a frozen return and a later version, or the desk as it stands (`later` None, or a draft)."""
    before, old = await kept.frozen(earlier), await kept.frozen_cases(earlier.id)
    if later is not None and not later.is_draft:
        after, new = await kept.frozen(later), await kept.frozen_cases(later.id)
    else:
        after, cases = await kept.now_collected(later or earlier)
        new = {case.id: case for case in cases}
    changed = {each: (old.get(each), new.get(each)) for each in {*old, *new} if old.get(each) != new.get(each)}
    return await _shown(viewer, figures(before, after), changed)


def figures(before: Collected, after: Collected) -> list[Changed]:
    """Those that differ, in the order of the later one."""
    old = {each.number: each for each in before.figures}
    new = {each.number: each for each in after.figures}
    rows = {**_rows(before), **_rows(after)}
    return [
        _changed(old.get(number), new.get(number), rows)
        for number in dict.fromkeys([*new, *old])
        if _value(old.get(number)) != _value(new.get(number))
    ]


def _rows(collected: Collected) -> dict[tuple[str, str], str]:
    """What the rows of the tables are called."""
    return {
        (table["key"], row["code"]): row["label"]
        for table in collected.shape.get("tables", ())
        for row in table["rows"]
    }


def _value(figure: Figure | None) -> str | None:
    return None if figure is None else written(figure.value)


def _changed(before: Figure | None, after: Figure | None, rows: Mapping[tuple[str, str], str]) -> Changed:
    known = after or before
    assert known is not None
    row = rows.get((known.section, known.row), "")
    return Changed(
        known.number, f"{row}: {known.label}" if row else known.label, known.unit, _value(before), _value(after)
    )


async def _shown(
    viewer: Viewer, figures: list[Changed], changed: Mapping[str, tuple[ReturnCase | None, ReturnCase | None]]
) -> Difference:
    asked = [(UUID(each), _main(*pair)) for each, pair in changed.items()]
    rows = await kept.seen(viewer, asked)
    sides = [{**row, "lines": lines(*changed[str(row["id"])])} for row in rows]
    return Difference(figures, sides, len(changed) - len(sides))


def _main(before: ReturnCase | None, after: ReturnCase | None) -> UUID | None:
    main = next((each.main for each in (after, before) if each is not None and each.main is not None), None)
    return UUID(main.id) if main else None


_CASE = ("received_on", "closed_on", "business_days", "case_type", "channel")
_ASPECT = ("category", "cause", "outcome")


def lines(before: ReturnCase | None, after: ReturnCase | None) -> list[tuple[str, str, str]]:
    """(field, before, after) for what differs in the case and its main aspect. Support needs are never named."""
    old, new = _fields(before), _fields(after)
    return [(name, old.get(name, ""), new.get(name, "")) for name in dict.fromkeys([*old, *new])
            if old.get(name, "") != new.get(name, "")]  # fmt: skip


def word(code: str) -> str:
    return label(code) if code else ""


def _fields(case: ReturnCase | None) -> dict[str, str]:
    if case is None:
        return {}
    found = {name: str(getattr(case, name) if getattr(case, name) is not None else "") for name in _CASE}
    if case.main is not None:
        found |= {name: word(getattr(case.main, name)) for name in _ASPECT}
        found["redress"] = ", ".join(f"{amount} {currency}" for currency, amount in case.main.redress.items())
    return found
