from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from ombud.desk.deadlines import clock, due, received_on
from ombud.desk.shown import answered_at

ZONES = st.sampled_from(["UTC", "Europe/Warsaw", "America/New_York", "Pacific/Auckland", "Pacific/Apia"])
MOMENTS = st.datetimes(min_value=datetime(1995, 1, 1), max_value=datetime(2060, 1, 1)).map(
    lambda each: each.replace(tzinfo=UTC)
)


def test_a_complaint_of_late_evening_counts_for_the_day_where_the_firm_is() -> None:
    evening = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    assert received_on(evening, "Europe/Warsaw") == date(2026, 11, 23)
    assert received_on(evening, "America/New_York") == date(2026, 11, 22)


@given(MOMENTS, st.integers(0, 400), ZONES)
def test_the_last_moment_is_the_end_of_the_last_day_whatever_the_clocks_do(at: datetime, days: int, zone: str) -> None:
    last = due(at, days, zone).astimezone(ZoneInfo(zone))
    assert last.date() == received_on(at, zone) + timedelta(days=days)
    assert (last.hour, last.minute, last.second) == (23, 59, 59)


@given(MOMENTS, st.integers(1, 400), ZONES, st.integers(0, 500 * 24))
def test_a_clock_is_late_exactly_when_its_moment_has_passed(at: datetime, days: int, zone: str, hours: int) -> None:
    end, moment = due(at, days, zone), at + timedelta(hours=hours)
    reading = clock(at, end, moment, zone)
    assert (reading.state == "late") == (moment > end)
    assert reading.of_days == days
    assert clock(at, end, end + timedelta(days=9), zone, met_at=at).state == "met"


@given(MOMENTS, st.integers(1, 400), ZONES, st.integers(0, 500 * 24), st.integers(1, 90))
def test_an_answer_stops_its_clock_for_good_also_where_it_was_late(
    at: datetime, days: int, zone: str, hours: int, later: int
) -> None:
    end, answered = due(at, days, zone), at + timedelta(hours=hours)
    reading = clock(at, end, answered, zone, met_at=answered)
    assert reading.state == ("met_late" if answered > end else "met")
    assert clock(at, end, answered + timedelta(days=later), zone, met_at=answered) == reading


def test_a_case_is_answered_with_its_last_decision_and_not_with_the_day_it_was_put_away() -> None:
    first, last, closed = (datetime(2026, 11, day, tzinfo=UTC) for day in (3, 9, 20))
    assert answered_at("closed", closed, [first, last]) == last
    assert answered_at("resolved", None, [first, last]) == last
    assert answered_at("closed", closed, []) == closed
    assert answered_at("in_progress", None, [first]) is None
