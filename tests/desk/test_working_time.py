"""Working time, whatever the clocks, the calendar and the year do."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ombud.desk.calendars.arithmetic import Calendar, Hours, Unworkable, add, add_days, between, worked

WARSAW = ZoneInfo("Europe/Warsaw")
NINE_TO_FIVE = (Hours(540, 1020),)
OFFICE = (NINE_TO_FIVE,) * 5 + ((), ())
NOBODY: tuple[Hours, ...] = ()
ZONES = ["UTC", "Europe/Warsaw", "America/New_York", "Pacific/Auckland", "Pacific/Apia", "America/Sao_Paulo",
         "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kathmandu"]  # fmt: skip


def office(**changed: object) -> Calendar:
    return Calendar(**{"zone": "Europe/Warsaw", "week": OFFICE, **changed})  # type: ignore[arg-type]


def at(day: str, hour: int = 0, minute: int = 0, zone: ZoneInfo = WARSAW) -> datetime:
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), zone).replace(hour=hour, minute=minute)


@st.composite
def _days(draw: st.DrawFn) -> tuple[Hours, ...]:
    edges = sorted(draw(st.sets(st.integers(0, 95), max_size=6)))
    return tuple(Hours(a * 15, b * 15) for a, b in zip(edges[::2], edges[1::2], strict=False))


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    week = [draw(_days()) for _ in range(7)]
    night = draw(st.integers(0, 6))
    if draw(st.booleans()):  # one shift over midnight, where the day after leaves it room
        first = week[(night + 1) % 7]
        latest = min(1440 + (first[0].opens if first else 360), 2700)  # a day after it began at the most
        week[night] = (*(each for each in week[night] if each.closes <= 1200), Hours(1260, max(1275, latest)))
    days = st.dates(date(2023, 12, 1), date(2024, 12, 31))
    assume(any(week))
    return Calendar(
        draw(st.sampled_from(ZONES)), tuple(week), draw(st.frozensets(days, max_size=8)),
        draw(st.dictionaries(days, _days(), max_size=4)),
    )  # fmt: skip


MOMENTS = st.datetimes(datetime(2023, 12, 20), datetime(2025, 1, 10)).map(lambda each: each.replace(tzinfo=UTC))
AMOUNTS = st.integers(1, 60 * 200).map(lambda each: timedelta(minutes=each))
PROVEN = settings(max_examples=50, deadline=None)


@PROVEN
@given(calendars(), MOMENTS, AMOUNTS)
def test_what_is_added_has_passed_by_then_and_not_a_moment_sooner(
    calendar: Calendar, start: datetime, amount: timedelta
) -> None:
    end = add(calendar, start, amount)
    assert between(calendar, start, end) == amount
    assert between(calendar, start, end - timedelta(seconds=1)) < amount


@PROVEN
@given(calendars(), MOMENTS, AMOUNTS)
def test_what_is_taken_away_lies_as_late_as_it_can(calendar: Calendar, end: datetime, amount: timedelta) -> None:
    start = add(calendar, end, -amount)
    assert between(calendar, start, end) == amount
    assert between(calendar, start + timedelta(seconds=1), end) < amount


@PROVEN
@given(calendars(), st.lists(MOMENTS, min_size=3, max_size=3))
def test_times_add_up_and_never_exceed_what_passes(calendar: Calendar, moments: list[datetime]) -> None:
    first, second, third = sorted(moments)
    whole = between(calendar, first, third)
    assert whole == between(calendar, first, second) + between(calendar, second, third)
    assert timedelta(0) <= whole <= third - first
    assert between(calendar, third, first) == -whole


@PROVEN
@given(calendars(), MOMENTS, MOMENTS, AMOUNTS, AMOUNTS)
def test_who_starts_later_or_needs_more_ends_no_sooner(
    calendar: Calendar, one: datetime, other: datetime, less: timedelta, more: timedelta
) -> None:
    early, late = sorted((one, other))
    less, more = sorted((less, more))
    assert add(calendar, early, less) <= add(calendar, late, less)
    assert add(calendar, early, less) <= add(calendar, early, more)
    assert add(calendar, add(calendar, early, less), more) == add(calendar, early, less + more)


@PROVEN
@given(calendars(), MOMENTS, MOMENTS)
def test_the_windows_shown_are_the_time_that_is_counted(calendar: Calendar, one: datetime, other: datetime) -> None:
    start, end = sorted((one, other))
    shown = list(worked(calendar, start, end))
    assert sum((each.length for each in shown), timedelta(0)) == between(calendar, start, end)
    assert all(before.end <= after.start for before, after in pairwise(shown))
    assert all(calendar.is_open(each.start) for each in shown)


@PROVEN
@given(calendars(), MOMENTS)
def test_the_next_opening_is_open_and_nothing_is_worked_before_it(calendar: Calendar, moment: datetime) -> None:
    opening = calendar.next_opening(moment)
    assert calendar.is_open(opening)
    assert between(calendar, moment, opening) == timedelta(0)


@PROVEN
@given(calendars(), MOMENTS, AMOUNTS, st.dates(date(2023, 12, 20), date(2025, 1, 10)))
def test_a_holiday_added_later_never_brings_a_deadline_forward(
    calendar: Calendar, start: datetime, amount: timedelta, holiday: date
) -> None:
    more = Calendar(calendar.zone, calendar.week, calendar.holidays | {holiday}, calendar.exceptions)
    assert add(more, start, amount) >= add(calendar, start, amount)


@PROVEN
@given(calendars(), MOMENTS, st.integers(-30, 60), st.booleans())
def test_days_are_counted_in_order(calendar: Calendar, start: datetime, days: int, business: bool) -> None:
    assert add_days(calendar, start, days, business) <= add_days(calendar, start, days + 1, business)
    assert days < 0 or add_days(calendar, start, days, business) >= start.replace(microsecond=0)


def test_what_comes_before_the_weekend_ends_after_it() -> None:
    due = add(office(), at("2026-11-27", 16, 30), timedelta(hours=4))
    assert due == at("2026-11-30", 12, 30)


def test_an_amount_that_ends_at_closing_time_ends_that_day() -> None:
    assert add(office(), at("2026-11-27", 16), timedelta(hours=1)) == at("2026-11-27", 17)
    assert add(office(), at("2026-11-27", 17), timedelta(minutes=1)) == at("2026-11-30", 9, 1)


def test_lunch_is_no_working_time() -> None:
    split = office(week=((Hours(480, 720), Hours(780, 1020)),) * 5 + (NOBODY, NOBODY))
    assert add(split, at("2026-11-26", 11, 30), timedelta(hours=1)) == at("2026-11-26", 13, 30)
    assert not split.is_open(at("2026-11-26", 12, 15))


def test_a_holiday_is_left_out_and_an_exception_wins_over_it() -> None:
    independence = date(2026, 11, 11)
    closed = office(holidays=frozenset({independence}))
    assert add(closed, at("2026-11-10", 16), timedelta(hours=2)) == at("2026-11-12", 10)
    manned = office(holidays=frozenset({independence}), exceptions={independence: (Hours(600, 720),)})
    assert add(manned, at("2026-11-10", 16), timedelta(hours=2)) == at("2026-11-11", 11)
    shut = office(exceptions={date(2026, 11, 12): NOBODY})
    assert add(shut, at("2026-11-11", 16), timedelta(hours=2)) == at("2026-11-13", 10)


def test_a_night_shift_is_an_hour_shorter_in_spring_and_longer_in_autumn() -> None:
    night = office(week=(NOBODY,) * 5 + ((Hours(1320, 1800),), NOBODY))  # Saturday 22:00 to Sunday 06:00
    assert between(night, at("2026-03-28"), at("2026-03-30")) == timedelta(hours=7)
    assert between(night, at("2026-10-24"), at("2026-10-26")) == timedelta(hours=9)
    assert between(night, at("2026-11-14"), at("2026-11-16")) == timedelta(hours=8)


def test_hours_of_the_office_are_the_same_on_both_sides_of_the_change() -> None:
    for friday, monday in (("2026-03-27", "2026-03-30"), ("2026-10-23", "2026-10-26")):
        assert add(office(), at(friday, 16), timedelta(hours=2)) == at(monday, 10)


def test_what_opens_in_the_hour_that_is_left_out_opens_when_the_clocks_go_forward() -> None:
    early = office(week=(NOBODY,) * 6 + ((Hours(150, 240),),))  # Sunday 02:30 to 04:00
    assert early.next_opening(at("2026-03-28", 12)) == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert between(early, at("2026-03-29"), at("2026-03-30")) == timedelta(hours=1)
    closing = office(week=(NOBODY,) * 6 + ((Hours(60, 150),),))  # until 02:30
    assert between(closing, at("2026-03-29"), at("2026-03-30")) == timedelta(hours=1)
    assert between(closing, at("2026-10-25"), at("2026-10-26")) == timedelta(hours=2, minutes=30)


def test_the_leap_day_is_worked_like_any_other() -> None:
    assert add(office(), at("2028-02-28", 16), timedelta(hours=9)) == at("2028-02-29", 17)
    assert add_days(office(), at("2028-02-28", 10), 1, False) == at("2028-02-29", 23, 59) + timedelta(seconds=59)
    assert add_days(office(), at("2027-02-28", 10), 1, False).astimezone(WARSAW).date() == date(2027, 3, 1)


def test_a_desk_that_never_closes_counts_what_passes() -> None:
    always = office(week=((Hours(0, 1440),),) * 7)
    assert add(always, at("2026-12-31", 23), timedelta(days=3)) - at("2026-12-31", 23) == timedelta(days=3)


def test_business_days_end_when_their_last_interval_closes() -> None:
    friday = at("2026-11-27", 16, 30)
    assert add_days(office(), friday, 1, True) == at("2026-11-30", 17)
    assert add_days(office(), friday, 0, True) == at("2026-11-27", 17)
    assert add_days(office(), at("2026-11-27", 17), 0, True) == at("2026-11-30", 17)
    assert add_days(office(), at("2026-11-28", 12), 3, True) == at("2026-12-02", 17)
    assert add_days(office(), friday, -1, True) == at("2026-11-26", 17)


def test_a_calendar_without_hours_is_refused_with_the_remedy() -> None:
    with pytest.raises(Unworkable, match="Give it at least one interval"):
        office(week=(NOBODY,) * 7)
    with pytest.raises(Unworkable, match="seven days"):
        office(week=(NINE_TO_FIVE,))


def test_intervals_over_one_another_are_refused_also_over_midnight() -> None:
    with pytest.raises(Unworkable, match="overlap"):
        office(week=((Hours(540, 700), Hours(690, 800)),) * 7)
    with pytest.raises(Unworkable, match="reaches into"):
        office(week=((Hours(0, 60), Hours(1320, 1800)),) * 7)
    with pytest.raises(Unworkable, match="at most 24 hours"):
        office(week=((Hours(540, 540),),) * 7)
    with pytest.raises(Unworkable, match="Europe/Warsaw"):
        office(zone="Mars/Olympus")


def test_more_than_can_ever_be_worked_is_refused_not_sought_for_ever() -> None:
    rare = office(week=(NOBODY,) * 6 + ((Hours(0, 1),),))
    with pytest.raises(Unworkable, match="does not fit"):
        add(rare, at("2026-01-01"), timedelta(days=365))
