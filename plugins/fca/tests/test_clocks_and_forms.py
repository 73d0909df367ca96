"""The clocks of DISP, the periods, and the forms as data."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from ombud.insight.returns.figures import collect
from ombud_fca import annex1r, consolidated, periods
from ombud_fca.codes import PRODUCTS, Unreadable, products
from ombud_fca.deadlines import due, six_months
from ombud_plugin_api import AspectFacts, CaseFacts, ReturnAspect, ReturnCase, ReturnPeriod
from ombud_plugin_api.testing.kinds.deadlines import AlwaysOpen

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def clocks(settings: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    aspects = more.pop("aspects", (AspectFacts(id="a", category="card_payments"),))
    facts = CaseFacts(id="c", received_at=NOON, opened_at=NOON, at=NOON, aspects=aspects, **more)
    return {each.clock: each for each in due(facts, AlwaysOpen(), settings or {})}


def test_a_complaint_has_three_business_days_and_eight_weeks_and_nothing_holds_them() -> None:
    found = clocks()
    assert set(found) == {"third_day", "eight_weeks"}
    assert (found["third_day"].days, found["third_day"].business) == (3, True)
    assert (found["eight_weeks"].days, found["eight_weeks"].business) == (56, False)
    assert all(each.regulatory and each.met_by == "decision" for each in found.values())


def test_a_payment_complaint_has_15_business_days_and_35_where_it_is_exceptional() -> None:
    settings = {"payment_categories": ["card_payments"]}
    assert set(clocks(settings)) == {"third_day", "payment_15"}
    found = clocks(settings, tags=frozenset({"exceptional"}))
    assert (found["payment_15"].days, found["payment_15"].met_by) == (15, "word")
    assert (found["payment_35"].days, found["payment_35"].met_by) == (35, "decision")


def test_the_ombudsman_has_six_months_after_the_newest_final_response_and_closing_does_not_end_it() -> None:
    decided = (AspectFacts(id="a", status="closed", outcome="upheld"),)
    assert "ombudsman" not in clocks(aspects=decided, last_out_at=NOON), "a word about the weather is no response"
    found = clocks(aspects=decided, final_response_at=NOON, status="closed")["ombudsman"]
    assert (found.until, found.met_by) == (datetime(2026, 9, 2, 23, 59, 59, tzinfo=UTC), "time")
    later = clocks(aspects=decided, final_response_at=NOON + timedelta(days=1))["ombudsman"]
    assert later.policy != found.policy, "a later response begins it anew"
    assert six_months(datetime(2026, 8, 31, 12, tzinfo=UTC), "UTC").date() == date(2027, 2, 28)


class NineToFive(AlwaysOpen):
    """Every day from 9 to 17, in UTC."""

    def is_open(self, at: datetime) -> bool:
        return 9 <= at.hour < 17

    def add(self, start: datetime, working: timedelta) -> datetime:
        if self.is_open(start):
            return start + working
        return start.replace(hour=9, minute=0) + timedelta(days=start.hour >= 17) + working


def test_what_comes_at_night_counts_from_the_next_morning_only_where_the_firm_says_so() -> None:
    night = NOON.replace(hour=22)
    facts = CaseFacts(id="c", received_at=night, opened_at=night, at=night)
    for settings, begins in (({}, None), ({"next_day": True}, NOON.replace(hour=9) + timedelta(days=1))):
        found = {each.starts_at for each in due(facts, NineToFive(), settings)}
        assert found == {begins}
    day = CaseFacts(id="c", received_at=NOON, opened_at=NOON, at=NOON)
    assert {each.starts_at for each in due(day, NineToFive(), {"next_day": True})} == {None}


def test_other_case_types_have_none() -> None:
    assert clocks({"case_types": ["banking"]}) == {}
    assert "eight_weeks" in clocks({"case_types": ["complaint"]})


def test_periods_follow_the_accounting_reference_date_and_end_with_the_regime() -> None:
    found = periods.by_reference_date(date(2026, 11, 26), {"reference_date": "03-31"})
    assert (found[0].first, found[0].last) == (date(2026, 4, 1), date(2026, 9, 30))
    assert (found[1].first, found[1].last) == (date(2025, 10, 1), date(2026, 3, 31))
    late = periods.by_reference_date(date(2028, 5, 1), {})
    assert late[0].last == date(2026, 12, 31)
    yearly = periods.by_reference_date(date(2026, 11, 26), {"frequency": "yearly"})
    assert (yearly[0].first, yearly[0].last) == (date(2026, 1, 1), date(2026, 12, 31))


def test_a_summary_is_published_by_the_end_of_august_or_february() -> None:
    found = periods.for_publication(date(2026, 11, 26), {})
    assert [each.due for each in found[:2]] == [date(2027, 2, 28), date(2026, 8, 31)]


def test_from_2027_periods_are_fixed_half_years() -> None:
    found = periods.half_years(date(2027, 8, 1), {"reference_date": "03-31"})
    assert [(each.first, each.last) for each in found] == [
        (date(2027, 7, 1), date(2027, 12, 31)), (date(2027, 1, 1), date(2027, 6, 30)),
    ]  # fmt: skip
    assert consolidated.RETURN.versions[0].fits(found[1])
    assert not annex1r.RETURN.versions[0].fits(found[1])


def test_the_header_has_the_official_items_in_order_and_no_cell_claims_a_number() -> None:
    layout = annex1r.build({})
    assert [(each.number, each.official) for each in layout.items] == [
        (number, True) for number in ("1", "34", "2", "3", "49", "47", "48")
    ]
    assert not any(item.official for table in layout.tables for item in table.columns)


H1 = ReturnPeriod(first=date(2026, 1, 1), last=date(2026, 6, 30))


def case(number: int, category: str = "savings", **more: Any) -> ReturnCase:
    main = ReturnAspect(id=f"a{number}", category=category, cause="delay", outcome="upheld")
    given: dict[str, Any] = {"received_on": date(2026, 3, 2), "closed_on": date(2026, 3, 4), "business_days": 2, **more}
    return ReturnCase(id=f"c{number}", aspects=(main,), **given)


@pytest.mark.parametrize(("days", "column"), [(3, "closed_3_days"), (4, "closed_8_weeks")])
def test_the_third_business_day_still_counts(days: int, column: str) -> None:
    found = collect(annex1r.build({}), [case(1, business_days=days)], H1, {}).values()
    assert found[f"part_a1/banking_and_credit_cards/{column}"] == 1


def test_an_outstanding_complaint_counts_when_it_closes_and_not_as_opened() -> None:
    old = case(1, received_on=date(2025, 12, 1), closed_on=date(2026, 2, 27), business_days=60)
    found = collect(annex1r.build({}), [old], H1, {}).values()
    row = "part_a1/banking_and_credit_cards"
    assert (found["3"], found["49"], found[f"{row}/opened"], found[f"{row}/closed_later"]) == (1, 0, 0, 1)


def test_a_business_the_firm_does_not_do_stays_blank_and_others_say_nought() -> None:
    settings = {"no_business": ["investments"]}
    found = collect(annex1r.build(settings), [], H1, {}).values()
    assert found["part_a1/investments/opened"] is None
    assert found["part_a1/home_finance/opened"] == 0


def test_500_complaints_go_into_part_a2_and_ask_for_consent() -> None:
    many = [case(number) for number in range(500)]
    told = " ".join(collect(annex1r.build({}), many, H1, {"1": "No", "2": "No"}).problems)
    assert "Part A-2" in told
    assert "item 47 is to be answered" in told
    fine = collect(annex1r.build({"part": "A-2"}), many, H1, {"1": "No", "2": "No", "47": "No", "48": "Yes"})
    assert fine.problems == []
    assert fine.values()["part_a2/savings/opened"] == 500


def test_the_two_points_on_vulnerability_are_independent() -> None:
    settings = {"permissions_2027": ["Savings"], "taxonomy_2027": ["Savings | S1 | Deposits | savings | verified"]}
    given = [case(1, vulnerable=True), case(2, vulnerability_ignored=True), case(3)]
    found = collect(consolidated.build(settings), given, H1, {"nil": "No"})
    assert found.problems == []
    assert (found.values()["vulnerable"], found.values()["vulnerability_ignored"]) == (1, 1)
    assert found.values()["savings/S1/opened"] == 3


def test_from_2027_no_code_is_shipped_and_without_a_taxonomy_nothing_reconciles() -> None:
    found = collect(consolidated.build({}), [case(1)], H1, {"nil": "No"})
    assert any("no section is loaded" in each for each in found.problems)
    assert found.unverified
    nil = collect(consolidated.build({}), [], H1, {"nil": "Yes"})
    assert nil.problems == []
    assert [each.number for each in nil.figures if each.value is not None] == ["nil"]


@pytest.mark.parametrize("line", ["savings", "Savings | Savings | Banking |", "a | | b |"])
def test_a_line_that_cannot_be_read_names_the_remedy(line: str) -> None:
    with pytest.raises(Unreadable):
        products([line])


def test_the_shipped_products_can_be_read() -> None:
    assert len(products(PRODUCTS)) == len(PRODUCTS)
