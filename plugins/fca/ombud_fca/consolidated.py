"""The consolidated complaints return for periods from 1 January 2027 (PS25/19), as far as it is known: for a legal
entity, fixed half years, nil first, sections by permission, two points on vulnerability. Its taxonomy is loaded data;
no code of it is shipped, because none was seen."""

from collections.abc import Mapping, Sequence
from typing import Any

from ombud_fca import counting, periods
from ombud_fca.codes import Unreadable, slug
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

NIL = "nil"


def taxonomy(lines: Sequence[str]) -> list[tuple[str, Code, frozenset[str]]]:
    """(section, code, categories of the desk) from lines `section | code | name | categories | verified`. Raises
    Unreadable."""
    found: list[tuple[str, Code, frozenset[str]]] = []
    for line in (each for each in lines if each.strip()):
        parts = [each.strip() for each in line.split("|")]
        if len(parts) not in (4, 5) or not all(parts[:3]):
            raise Unreadable(f"Write “{line[:60]}” as section | code | name | categories | verified.")
        section, code, label, categories = parts[:4]
        more = frozenset(each.strip() for each in categories.split(",") if each.strip())
        found.append((section, Code(code, label, section, parts[-1] == "verified"), more | {code}))
    if len({(section, code.code) for section, code, _ in found}) != len(found):
        raise Unreadable("A code stands twice in one section.")
    return found


def vulnerable(case: ReturnCase, period: ReturnPeriod) -> int:
    return int(bool(counting.opened(case, period)) and case.vulnerable)


def ignored(case: ReturnCase, period: ReturnPeriod) -> int:
    return int(bool(counting.opened(case, period)) and case.vulnerability_ignored)


HEADER = (
    Item(NIL, "Is there nothing to report?", "Asked first; with Yes everything else stays blank.", unit="yes_no",
         entered=True),
    Item("outstanding", "Complaints outstanding at the start of the period",
         "Received before the period and not closed before it.", measure=counting.outstanding_before),
    Item("opened", "Complaints opened in the period", "Received in the period.", measure=counting.opened),
    Item("vulnerable", "Complaints of customers in vulnerable circumstances",
         "Opened in the period, where a person of the firm confirmed it, however it was disclosed.",
         measure=vulnerable),
    Item("vulnerability_ignored", "Complaints about a failure to consider vulnerability",
         "Opened in the period, where a person confirmed that this is what it is about; the one does not imply the "
         "other.", measure=ignored),
)  # fmt: skip


def build(settings: Mapping[str, Any]) -> Layout:
    lines = taxonomy(settings.get("taxonomy_2027") or ())
    sections = [each for each in settings.get("permissions_2027") or () if each.strip()]
    tables = tuple(_table(section, lines) for section in dict.fromkeys(sections) if any(
        each == section for each, _, _ in lines))  # fmt: skip
    by_category = {category for section, _, categories in lines if section in sections for category in categories}

    def lacks(case: ReturnCase, period: ReturnPeriod) -> list[str]:
        if not (counting.opened(case, period) or counting.closed(case, period)):
            return []
        if case.main is None or not case.main.category:
            return ["category"]
        return [] if case.main.category in by_category else [f"a place in the taxonomy for {case.main.category}"]

    def loaded(figures: Mapping[str, Any]) -> Sequence[str]:
        if figures.get(NIL) == "Yes":
            return []
        if not tables:
            return ["no section is loaded: put the taxonomy of PS25/19 and your sections into the settings"]
        told, counted = figures.get("opened"), counting.total(figures, tuple(each.key for each in tables), "opened")
        return [] if told == counted else [f"{told} were opened, the sections count {counted}"]

    return Layout(
        "Consolidated complaints return", counting.RULE, HEADER, tables,
        (ReturnCheck("timing", "What was closed", counting.timing_problems),
         ReturnCheck("taxonomy", "Taxonomy", loaded)),
        lacks, ("Items and columns of the consolidated return",), counting.GBP, NIL,
    )  # fmt: skip


def _table(section: str, lines: Sequence[tuple[str, Code, frozenset[str]]]) -> ReturnTable:
    rows = {category: code.code for each, code, categories in lines if each == section for category in categories}
    return ReturnTable(
        slug(section), section, tuple(code for each, code, _ in lines if each == section), counting.COUNTS,
        lambda case, period: rows.get(case.main.category, "") if case.main else "",
    )  # fmt: skip


RETURN = Return(
    "fca.consolidated", "Financial Conduct Authority", "Consolidated complaints return",
    "From 2027: one return for each legal entity, for fixed half years, with the sections of your permissions.",
    (ReturnVersion("ps25-19", "PS25/19", build, valid_from=periods.FIRST_OF_NEW),), periods.half_years,
)  # fmt: skip
