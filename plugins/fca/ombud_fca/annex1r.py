"""The complaints return DISP 1 Annex 1R, for periods until the end of 2026. Header items carry the official numbers;
those of the tables' cells were not found, so cells have names of ours."""

from collections.abc import Mapping, Sequence
from typing import Any

from ombud_fca import counting, periods
from ombud_fca.codes import CREDIT, Lists, lists, slug
from ombud_plugin_api import (
    Item,
    Layout,
    Return,
    ReturnCase,
    ReturnCheck,
    ReturnPeriod,
    ReturnTable,
    ReturnVersion,
)

MANY, MANY_YEARLY = 500, 1000
NIL = "2"
A1, A2, B, CONTEXT = "part_a1", "part_a2", "part_b", "context"
TABLES = (A1, A2, B)

HEADER = (
    Item("1", "Does this return cover more than one entity?", "Yes or No.", unit="yes_no", entered=True, official=True),
    Item("34", "Firm reference numbers of the further entities", "The numbers, with commas between.", unit="text",
         entered=True, required=False, official=True),
    Item("2", "Is this a nil return?", "With Yes every table stays blank, contextual metrics too.", unit="yes_no",
         entered=True, official=True),
    Item("3", "Complaints outstanding at the start of the period",
         "Received before the period and not closed before it.", measure=counting.outstanding_before, official=True),
    Item("49", "Complaints opened in the period", "Received in the period.", measure=counting.opened, official=True),
    Item("47", "Does the firm consent to publication by the FCA first?",
         "Only with 500 complaints or more in a half year, or 1,000 in a year.", unit="yes_no", entered=True,
         required=False, official=True),
    Item("48", "Do these figures match those that the firm will publish?", "Yes or No; asked as item 47 is.",
         unit="yes_no", entered=True, required=False, official=True),
)  # fmt: skip
PROVISION = Item("provision", "Provision, at the end of the period", "Accounts, balances or policies, by group.",
                 entered=True, required=False)  # fmt: skip
INTERMEDIATION = Item("intermediation", "Intermediation, within the period", "Such as policies sold.", entered=True,
                      required=False)  # fmt: skip


def build(settings: Mapping[str, Any]) -> Layout:
    found = lists(settings)
    by_group = settings.get("part") != "A-2"
    vote = Item("main_cause", "Main cause", "The most frequent cause of the main part among complaints opened.",
                unit="code", measure=lambda case, period: cause(found, case, period))  # fmt: skip
    columns = (*counting.COUNTS, vote)
    credit = tuple(row for row in found.rows() if row.group == CREDIT)
    rows = tuple(row for row in (found.groups() if by_group else found.rows()) if CREDIT not in (row.label, row.group))
    key, label = (A1, "Part A-1: complaints by product group") if by_group else (A2, "Part A-2: complaints by product")
    whole = table_of(found, by_group=by_group)
    tables = (
        ReturnTable(key, label, rows, columns, whole, blank=blank(found, by_group)),
        ReturnTable(CONTEXT, f"Table {3 if by_group else 6}: contextual metrics", found.groups()[:-1] if _credit_last(
            found) else found.groups(), (PROVISION, INTERMEDIATION), lambda case, period: ""),
        ReturnTable(B, "Part B: credit-related complaints", credit, columns, table_of(found, by_group=False),
                    blank=blank(found, False)),
    )  # fmt: skip
    return Layout(
        "Complaints return (DISP 1 Annex 1R)", counting.RULE, HEADER, tables, checks(settings, by_group),
        lambda case, period: lacks(found, case, period), unverified(found, settings), counting.GBP, NIL, ("1",),
    )  # fmt: skip


def _credit_last(found: Lists) -> bool:
    groups = found.groups()
    return bool(groups) and groups[-1].label == CREDIT


def table_of(found: Lists, *, by_group: bool) -> Any:
    by_category = {category: each for each in found.products for category in each.categories}

    def row(case: ReturnCase, period: ReturnPeriod) -> str:
        product = by_category.get(case.main.category) if case.main else None
        if product is None:
            return ""
        return slug(product.group) if by_group else product.code

    return row


def blank(found: Lists, by_group: bool) -> Any:
    """A group stays blank where the firm does none of its business."""
    groups: dict[str, set[str]] = {}
    for each in found.products:
        groups.setdefault(slug(each.group), set()).add(each.code)

    def stays(row: str) -> bool:
        return groups.get(row, {row}) <= found.nowhere if by_group else row in found.nowhere

    return stays


def cause(found: Lists, case: ReturnCase, period: ReturnPeriod) -> str:
    """Its words, for those opened in the period whose cause is known."""
    if not counting.opened(case, period) or case.main is None:
        return ""
    return next((each.label for each in found.causes if each.desk == case.main.cause), "")


def lacks(found: Lists, case: ReturnCase, period: ReturnPeriod) -> list[str]:
    """What keeps a complaint that counts in this period out of a table."""
    counts = counting.opened(case, period) or counting.closed(case, period)
    if not counts:
        return []
    missing = []
    if case.main is None or not case.main.category:
        missing.append("category")
    elif found.product_of(case.main.category) is None:
        words = case.main.category.replace("_", " ").capitalize()
        missing.append(f"a product that takes the category {words} ({case.main.category}), in the plugin's settings")
    if counting.closed(case, period) and case.main is not None and not case.main.outcome:
        missing.append("outcome")
    if counting.closed(case, period) and case.main is not None and not case.main.cause:
        missing.append("cause")
    return missing


def unverified(found: Lists, settings: Mapping[str, Any]) -> tuple[str, ...]:
    told = [] if settings.get("columns_confirmed") else ["Columns and cells of the tables"]
    told += [f"Cause: {each.label}" for each in found.causes if not each.verified]
    return tuple(dict.fromkeys(told))


def checks(settings: Mapping[str, Any], by_group: bool) -> tuple[ReturnCheck, ...]:
    yearly = settings.get("frequency") == "yearly"
    many = MANY_YEARLY if yearly else MANY

    def opened_add_up(figures: Mapping[str, Any]) -> Sequence[str]:
        told, counted = figures.get("49"), counting.total(figures, TABLES, "opened")
        return [] if told is None or told == counted else [f"item 49 says {told}, the tables {counted}"]

    def right_part(figures: Mapping[str, Any]) -> Sequence[str]:
        told = figures.get("49")
        if not isinstance(told, int):
            return []
        wanted = "A-1" if told < many else "A-2"
        have = "A-1" if by_group else "A-2"
        return [] if wanted == have else [f"{told} complaints go into Part {wanted}; choose it in the settings"]

    def consent(figures: Mapping[str, Any]) -> Sequence[str]:
        told = figures.get("49")
        missing = [each for each in ("47", "48") if figures.get(each) is None]
        return [f"item {each} is to be answered" for each in missing] if isinstance(told, int) and told >= many else []

    def nil_and_entities(figures: Mapping[str, Any]) -> Sequence[str]:
        if figures.get("2") == "Yes" and figures.get("1") == "Yes":
            return ["a nil return says No to item 1"]
        if figures.get("1") == "Yes" and not figures.get("34"):
            return ["item 34 names the further entities"]
        return []

    return (
        ReturnCheck("timing", "What was closed", counting.timing_problems),
        ReturnCheck("opened", "What was opened", opened_add_up), ReturnCheck("part", "The part", right_part),
        ReturnCheck("consent", "Publication", consent), ReturnCheck("nil", "Entities", nil_and_entities),
    )  # fmt: skip


RETURN = Return(
    "fca.annex1r", "Financial Conduct Authority", "Complaints return (Annex 1R)",
    "Twice a year, or yearly, within 30 business days of the period's end; the last period ends in 2026.",
    (ReturnVersion("annex1r-2026", "Annex 1R as of 2026", build, valid_to=periods.LAST_OF_OLD),),
    periods.by_reference_date,
)  # fmt: skip
