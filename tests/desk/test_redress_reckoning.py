"""Reckoning what a customer is owed: published examples, and what must hold for all sums."""

from datetime import date, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ombud.desk.redress.reckoning import (
    ACTUAL_365,
    ACTUAL_ACTUAL,
    BASES,
    DAILY,
    MONTHLY,
    SIMPLE,
    THIRTY_360,
    WAYS,
    YEARLY,
    CannotReckon,
    Claim,
    Interest,
    Rate,
    days,
    interest_lines,
    months_later,
    reckon,
    rounded,
    shares,
    smallest,
)

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""On a machine with much else to do."""

LONG_AGO = date(1950, 1, 1)
TINY = Fraction(1, 10**30)
"""What fifty digits leave open."""


def _rate(percent, since=LONG_AGO, version=""):
    return Rate(since, Decimal(percent), version)


def _interest(amount, start, end, *rates, basis=ACTUAL_365, way=SIMPLE):
    lines = interest_lines(Interest(Decimal(amount), start, end, rates, basis, way))
    with localcontext(prec=50):
        return sum((each.amount for each in lines), Decimal(0))


# --- Published examples -----------------------------------------------------------------------------------------------


def test_eight_per_cent_simple_a_year_as_the_uk_ombudsman_and_the_county_courts_add():
    """gov.uk, "Make a court claim for money: claim the interest": 1,000 at 8 % is 80 a year, 22p a day. The Financial
    Ombudsman Service adds the same 8 % simple."""
    assert rounded(_interest("1000", date(2025, 3, 1), date(2026, 3, 1), _rate("8")), "GBP") == Decimal("80.00")
    assert rounded(_interest("1000", date(2025, 3, 1), date(2025, 3, 2), _rate("8")), "GBP") == Decimal("0.22")
    assert rounded(_interest("1000", date(2025, 3, 1), date(2025, 4, 20), _rate("8")), "GBP") == Decimal("10.96")


def test_late_commercial_payment_of_the_uk():
    """gov.uk, "Late commercial payments": 8 % above a base rate of 0.5 % on 1,000 is 85 a year, 23p a day."""
    assert rounded(_interest("1000", date(2021, 1, 1), date(2022, 1, 1), _rate("8.5")), "GBP") == Decimal("85.00")
    assert rounded(_interest("1000", date(2021, 1, 1), date(2021, 1, 2), _rate("8.5")), "GBP") == Decimal("0.23")


def test_actual_actual_as_in_the_memorandum_of_isda():
    """ISDA, "EMU and market conventions: recent developments" (1998): 10,000 at 10 % from 1 November 2003 to 1 May 2004
    bears 61/365 + 121/366 of a year: 497.72."""
    earned = _interest("10000", date(2003, 11, 1), date(2004, 5, 1), _rate("10"), basis=ACTUAL_ACTUAL)
    assert rounded(earned, "EUR") == Decimal("497.72")
    line = interest_lines(
        Interest(Decimal("10000"), date(2003, 11, 1), date(2004, 5, 1), (_rate("10"),), ACTUAL_ACTUAL)
    )[0]
    assert line.formula == "10000 × 10 % × (61/365 + 121/366)"


@pytest.mark.parametrize(
    ("start", "end", "many"),
    [  # ISDA, "30/360 day count conventions" (table of 2008), column 30E/360
        (date(2007, 1, 15), date(2007, 1, 30), 15), (date(2007, 1, 15), date(2007, 2, 15), 30),
        (date(2007, 9, 30), date(2008, 3, 31), 180), (date(2007, 9, 30), date(2007, 10, 31), 30),
        (date(2007, 1, 31), date(2007, 2, 28), 28), (date(2008, 2, 28), date(2008, 8, 31), 182),
        (date(2006, 2, 28), date(2007, 2, 28), 360),
    ],
)  # fmt: skip
def test_thirty_360_counts_as_isdas_table_does(start, end, many):
    assert days(start, end, THIRTY_360) == many


def test_compound_interest_follows_the_formula_of_the_textbooks():
    assert rounded(
        _interest("1000", date(2022, 1, 1), date(2025, 1, 1), _rate("5"), basis=THIRTY_360, way=YEARLY), "EUR"
    ) == Decimal("157.63")
    monthly = _interest("1000", date(2022, 1, 1), date(2023, 1, 1), _rate("12"), basis=THIRTY_360, way=MONTHLY)
    assert rounded(monthly, "EUR") == Decimal("126.83")
    daily = _interest("1000", date(2022, 1, 1), date(2023, 1, 1), _rate("10"), way=DAILY)
    assert rounded(daily, "EUR") == Decimal("105.16")


def test_a_rate_that_changes_is_used_from_its_day_on_and_the_working_says_which_value():
    lines = interest_lines(
        Interest(
            Decimal("3650"),
            date(2026, 1, 1),
            date(2026, 1, 31),
            (_rate("10", version="one"), _rate("20", date(2026, 1, 11), "two")),
        )
    )
    assert [(each.start, each.end, each.days, each.version, each.amount) for each in lines] == [
        (date(2026, 1, 1), date(2026, 1, 11), 10, "one", Decimal(10)),
        (date(2026, 1, 11), date(2026, 1, 31), 20, "two", Decimal(40)),
    ]


def test_refund_interest_distress_tax_and_what_was_paid_already_make_one_sum():
    found = reckon(
        Claim(
            "GBP", refund=Decimal("1000"), distress=Decimal("150"), tax_percent=Decimal("20"), paid=Decimal("50"),
            interest=(Interest(Decimal("1000"), date(2025, 3, 1), date(2026, 3, 1), (_rate("8"),)),),
        )
    )  # fmt: skip
    assert [each.what for each in found.lines] == ["refund", "interest", "distress", "tax", "paid"]
    assert found.lines[3].amount == Decimal("-16")
    assert found.total == Decimal("1164.00")
    assert found.interest == Decimal(80)


def test_a_leap_day_bears_interest_by_actual_365_and_the_year_is_whole_by_actual_actual():
    leap = (date(2024, 1, 1), date(2025, 1, 1))
    assert rounded(_interest("365", *leap, _rate("100")), "EUR") == Decimal("366.00")
    assert rounded(_interest("365", *leap, _rate("100"), basis=ACTUAL_ACTUAL), "EUR") == Decimal("365.00")
    assert rounded(_interest("365", *leap, _rate("100"), basis=THIRTY_360), "EUR") == Decimal("365.00")


def test_a_month_after_the_last_of_january_is_the_last_of_february():
    assert months_later(date(2024, 1, 31), 1) == date(2024, 2, 29)
    assert months_later(date(2023, 1, 31), 1) == date(2023, 2, 28)
    assert months_later(date(2024, 2, 29), 12) == date(2025, 2, 28)
    assert months_later(date(2024, 11, 30), 1) == date(2024, 12, 30)
    assert months_later(date(2024, 12, 31), 2) == date(2025, 2, 28)


# --- Refusals ---------------------------------------------------------------------------------------------------------


def test_what_cannot_be_reckoned_is_refused_with_its_field():
    start, end = date(2026, 1, 1), date(2026, 2, 1)
    for wanted, field in [
        (Interest(Decimal(1), end, start, (_rate("8"),)), "end"),
        (Interest(Decimal(1), start, end, ()), "rate"),
        (Interest(Decimal(1), start, end, (_rate("8", date(2026, 1, 2)),)), "rate"),
        (Interest(Decimal(-1), start, end, (_rate("8"),)), "amount"),
        (Interest(Decimal("NaN"), start, end, (_rate("8"),)), "amount"),
        (Interest(Decimal(1), start, end, (_rate("8"),), "actual/364"), "basis"),
        (Interest(Decimal(1), start, end, (_rate("8"),), way="hourly"), "way"),
        (Interest(Decimal(1), date(1950, 1, 1), end, (_rate("8"),)), "start"),
    ]:
        with pytest.raises(CannotReckon) as refusal:
            interest_lines(wanted)
        assert refusal.value.field == field
    for claim, field in [
        (Claim("EUR", refund=Decimal(10), paid=Decimal(11)), "paid"),
        (Claim("EUR", refund=Decimal(-1)), "refund"),
        (Claim("EUR", tax_percent=Decimal(101)), "tax_percent"),
        (Claim("EUR", rounding="sideways"), "rounding"),
    ]:
        with pytest.raises(CannotReckon) as refusal:
            reckon(claim)
        assert refusal.value.field == field


# --- What holds for all sums ------------------------------------------------------------------------------------------

DAYS = st.dates(date(1996, 1, 1), date(2032, 12, 31))
AMOUNTS = st.decimals("0.01", "1000000", places=2)
PERCENTS = st.decimals("0", "25", places=3)
BASIS = st.sampled_from(list(BASES))


@st.composite
def _spans(draw, most=4000):
    start = draw(DAYS)
    return start, start + timedelta(days=draw(st.integers(0, most)))


@UNHURRIED
@given(_spans(), st.integers(0, 4000), BASIS)
def test_a_split_interval_has_the_same_share_of_a_year(span, cut, basis):
    start, end = span
    middle = min(start + timedelta(days=cut), end)
    assert _share(start, middle, basis) + _share(middle, end, basis) == _share(start, end, basis)


def _share(start, end, basis):
    return sum((Fraction(*each) for each in shares(start, end, basis)), Fraction(0))


@UNHURRIED
@given(AMOUNTS, _spans(), st.integers(0, 4000), BASIS, PERCENTS, PERCENTS, DAYS)
def test_simple_interest_of_the_parts_is_that_of_the_whole_before_rounding(amount, span, cut, basis, one, two, change):
    start, end = span
    middle, rates = min(start + timedelta(days=cut), end), (_rate(one), _rate(two, change))
    parts = [_interest(amount, *each, *rates, basis=basis) for each in ((start, middle), (middle, end))]
    assert abs(sum(parts) - _interest(amount, start, end, *rates, basis=basis)) < Decimal("1e-20")


@UNHURRIED
@given(AMOUNTS, _spans(1500), BASIS, st.sampled_from(list(WAYS)), PERCENTS, PERCENTS)
def test_a_higher_rate_never_gives_less(amount, span, basis, way, one, two):
    low, high = sorted((one, two))
    assert _interest(amount, *span, _rate(low), basis=basis, way=way) <= _interest(
        amount, *span, _rate(high), basis=basis, way=way
    )


@UNHURRIED
@given(AMOUNTS, _spans(1200), st.integers(0, 400), BASIS, st.sampled_from(list(WAYS)), PERCENTS)
def test_a_longer_time_never_gives_less(amount, span, more, basis, way, percent):
    start, end = span
    shorter, longer = (
        _interest(amount, start, end + timedelta(days=each), _rate(percent), basis=basis, way=way) for each in (0, more)
    )
    assert Fraction(shorter) <= Fraction(longer) + TINY


@UNHURRIED
@given(AMOUNTS, _spans(1500), BASIS, PERCENTS)
def test_compound_interest_over_whole_periods_is_no_less_than_simple(amount, span, basis, percent):
    start, end = span
    simple = _interest(amount, start, end, _rate(percent), basis=basis)
    for way in (YEARLY, MONTHLY, DAILY):
        found = _interest(amount, start, end, _rate(percent), basis=basis, way=way)
        assert Fraction(found) >= Fraction(simple) - TINY


@UNHURRIED
@given(AMOUNTS, _spans(1200), st.integers(0, 1200), BASIS, PERCENTS)
def test_daily_compounding_goes_on_where_it_was_cut(amount, span, cut, basis, percent):
    """Interest on the balance of the first part is that of the whole: no day is lost or counted twice."""
    start, end = span
    middle = min(start + timedelta(days=cut), end)
    first = _interest(amount, start, middle, _rate(percent), basis=basis, way=DAILY)
    second = _interest(amount + first, middle, end, _rate(percent), basis=basis, way=DAILY)
    whole = _interest(amount, start, end, _rate(percent), basis=basis, way=DAILY)
    assert abs(first + second - whole) < Decimal("1e-20")


@UNHURRIED
@given(
    st.lists(st.tuples(AMOUNTS, _spans(800), PERCENTS), max_size=4), AMOUNTS, AMOUNTS,
    st.sampled_from(["EUR", "JPY", "KWD", "GBP"]), st.sampled_from(["half_up", "half_even", "up", "down"]),
)  # fmt: skip
def test_the_sum_is_rounded_once_at_the_end_and_the_lines_add_up_to_it(parts, refund, distress, currency, rounding):
    runs = tuple(Interest(amount, *span, (_rate(percent),)) for amount, span, percent in parts)
    found = reckon(Claim(currency, refund, runs, distress, rounding=rounding))
    assert abs(sum((each.amount for each in found.lines), Decimal(0)) - found.exact) < Decimal("1e-15")
    assert found.total == rounded(found.exact, currency, rounding)
    assert abs(found.total - found.exact) < smallest(currency)
    assert found.total == found.total.quantize(smallest(currency))


@UNHURRIED
@given(st.decimals("0", "1000000", places=6), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_rounding_up_never_gives_less_than_rounding_down_and_both_are_a_unit_apart_at_most(amount, currency):
    low, high = rounded(amount, currency, "down"), rounded(amount, currency, "up")
    assert low <= amount <= high
    assert high - low <= smallest(currency)


@UNHURRIED
@given(st.dates(date(1996, 1, 1), date(2032, 12, 31)), st.integers(0, 240))
def test_so_many_months_later_is_in_the_right_month_and_never_past_its_end(day, months):
    later = months_later(day, months)
    assert later.year * 12 + later.month == day.year * 12 + day.month + months
    assert later.day == day.day or (later.day < day.day and (later + timedelta(days=1)).day == 1)
