"""The clock of the reply, the contents of a reply, and the yearly report. Pure."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from ombud.desk.gate.checking import check
from ombud.desk.gate.findings import AspectFact, Letter, Record
from ombud.insight.returns.figures import collect
from ombud_pl_complaints import annual
from ombud_pl_complaints.annual import Unreadable, products
from ombud_pl_complaints.deadlines import due
from ombud_pl_complaints.letters import EXTENSION, FINAL, REQUIREMENTS
from ombud_plugin_api import AspectFacts, CaseFacts, ResponseRequirement, ReturnAspect, ReturnCase, ReturnPeriod
from ombud_plugin_api.responses import unfit
from ombud_plugin_api.testing.kinds.deadlines import AlwaysOpen

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PAYMENT = {"payment_categories": ["transfers"]}


def clock(settings: Mapping[str, Any] | None = None, category: str = "loans", **more: Any) -> Any:
    aspects = (AspectFacts(id="a", category=category),)
    facts = CaseFacts(id="c", received_at=NOON, opened_at=NOON, at=NOON, aspects=aspects, **more)
    found = due(facts, AlwaysOpen(), settings or {})
    return found[0] if found else None


def told(until: str) -> dict[str, Any]:
    return {"recorded": {"pl_complaints.extended": {"until": until, "told": "2026-03-20"}}}


def test_a_reply_has_30_days_and_one_about_payments_15_business_days() -> None:
    assert (clock().days, clock().business, clock().regulatory, clock().met_by) == (30, False, True, "decision")
    paid = clock(PAYMENT, "transfers")
    assert (paid.days, paid.business, paid.policy) == (15, True, "payment")


def test_an_extension_ends_on_the_day_it_names_and_never_after_the_last_lawful_one() -> None:
    assert clock(**told("2026-04-20")).until == datetime(2026, 4, 20, 23, 59, 59, tzinfo=UTC)
    assert clock(**told("2027-04-20")).until == datetime(2026, 5, 1, 23, 59, 59, tzinfo=UTC)
    assert clock(PAYMENT, "transfers", **told("2027-04-20")).until == AlwaysOpen().add_days(NOON, 35, True)
    assert clock(**told("2026-04-20")).policy != clock().policy, "so that the clock goes over by itself"


def test_days_are_the_administrators() -> None:
    assert clock({"days_usual": 14}).days == 14
    assert clock({"days_extended": 40}, **told("2027-01-01")).until.date() == date(2026, 4, 11)


def test_what_the_act_is_not_for_has_no_clock() -> None:
    assert clock(tags=frozenset({"not-covered"})) is None
    assert clock({"case_types": ["banking"]}) is None
    assert clock({"case_types": ["complaint"]}) is not None


def record(outcome: str = "not_upheld") -> Record:
    return Record("OMB-1", date(2026, 3, 2), date(2026, 4, 1), (AspectFact("a", "A", "Double fee", outcome),))


def lacking(requirement: ResponseRequirement, text: str, language: str, outcome: str = "not_upheld") -> list[str]:
    letter = Letter(text, "OMB-1", language, (), requirement.letter)
    found = check(letter, record(outcome), [requirement])
    return sorted(p.label for p in requirement.parts if any(p.label in f.facts.values() for f in found))


@pytest.mark.parametrize("language", ["pl", "en"])
@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda each: each.letter)
def test_the_examples_lack_nothing_and_an_empty_letter_everything(
    requirement: ResponseRequirement, language: str
) -> None:
    assert unfit(requirement) == ""
    parts = [each for each in requirement.parts if each.when != "redress"]
    whole = "\n\n".join(each.example[language] for each in parts)
    assert lacking(requirement, whole, language) == []
    empty = {"pl": "Szanowna Pani, dziękujemy za list.", "en": "Dear Ms Marsh, thank you for writing."}[language]
    assert lacking(requirement, empty, language) == sorted(each.label for each in parts)


@pytest.mark.parametrize("language", ["pl", "en"])
@pytest.mark.parametrize("part", [p for p in FINAL.parts if p.when == "refused"], ids=lambda each: each.key)
def test_each_part_of_a_refusal_is_missed_alone(part: Any, language: str) -> None:
    rest = "\n\n".join(p.example[language] for p in FINAL.parts if p is not part and p.when != "redress")
    assert lacking(FINAL, rest, language) == [part.label]


@pytest.mark.parametrize("language", ["pl", "en"])
def test_a_reply_that_upholds_needs_no_way_to_court(language: str) -> None:
    kept = "\n\n".join(each.example[language] for each in FINAL.parts if each.when == "always")
    assert lacking(FINAL, kept, language, "upheld") == []


def test_nothing_calls_itself_official() -> None:
    assert (FINAL.provenance, EXTENSION.provenance) == ("secondary", "unverified")
    assert set(FINAL.languages) == {"pl", "en"}


YEAR = ReturnPeriod(first=date(2026, 1, 1), last=date(2026, 12, 31))


def case(number: int, outcome: str = "upheld", **more: Any) -> ReturnCase:
    main = ReturnAspect(id=f"a{number}", category="loans", outcome=outcome, redress={"PLN": Decimal(20)})
    given: dict[str, Any] = {
        "received_on": date(2026, 3, 2),
        "closed_on": date(2026, 3, 30),
        "business_days": 20,
        **more,
    }
    return ReturnCase(id=f"c{number}", aspects=(main,), **given)


def test_the_year_counts_received_answered_and_outcomes() -> None:
    made = [
        case(1), case(2, "partly_upheld"), case(3, "not_upheld", closed_on=date(2026, 4, 30)), case(4, "withdrawn"),
        case(5, "out_of_scope"), case(6, received_on=date(2025, 12, 20), closed_on=date(2026, 1, 5)),
    ]  # fmt: skip
    found = collect(annual.build({}), made, YEAR, {})
    assert found.problems == []
    figures = found.values()
    counted = {name: figures[name] for name in ("open_before", "received", "answered", "upheld", "partly_upheld",
                                                "not_upheld", "withdrawn", "in_time", "later")}  # fmt: skip
    assert counted == {"open_before": 1, "received": 4, "answered": 5, "upheld": 2, "partly_upheld": 1,
                       "not_upheld": 1, "withdrawn": 1, "in_time": 4, "later": 1}  # fmt: skip
    assert figures["paid"] == Decimal(100)
    assert figures["lawsuits"] is None, "what the desk does not know is blank until somebody enters it"


def test_a_payment_complaint_is_in_time_by_business_days() -> None:
    payments = {"payment_categories": ["loans"]}
    found = collect(annual.build(payments), [case(1), case(2, business_days=15)], YEAR, {}).values()
    assert (found["in_time"], found["later"]) == (1, 1)


def test_it_is_a_draft_until_somebody_compared_it_with_the_form() -> None:
    assert collect(annual.build({}), [], YEAR, {}).unverified
    assert collect(annual.build({"layout_confirmed": True}), [], YEAR, {}).unverified == []
    listed = {"layout_confirmed": True, "products": ["loans | Kredyty | ", "cards | Karty | credit | verified"]}
    found = collect(annual.build(listed), [case(1)], YEAR, {})
    assert found.values()["products/loans/upheld"] == 1
    assert [each for each in found.unverified if "Kredyty" in each]
    assert not [each for each in found.unverified if "Karty" in each]


def test_a_case_without_an_outcome_or_a_product_is_named() -> None:
    listed = {"products": ["cards | Karty | | verified"]}
    found = collect(annual.build(listed), [case(1, "")], YEAR, {})
    assert found.lacking == {"c1": ["outcome", "a product for its category"]}


def test_a_year_is_due_45_days_after_its_end() -> None:
    first = annual.years(date(2026, 11, 26), {})[0]
    assert (first.label, first.due) == ("2026", date(2027, 2, 14))


@pytest.mark.parametrize("line", ["loans", "a | | b", "a | b | c | d | e"])
def test_a_line_that_cannot_be_read_names_the_remedy(line: str) -> None:
    with pytest.raises(Unreadable, match="code"):
        products([line])
