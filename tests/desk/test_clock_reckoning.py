"""Clocks reckoned from their events: pauses, moves, policies and calendars that change, and what the page adds up."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ombud.desk.calendars.arithmetic import Calendar, Hours, add, between
from ombud.desk.clocks.reckoning import Happened, Terms, first_due, reckon
from ombud.desk.clocks.trying import compared

WARSAW = ZoneInfo("Europe/Warsaw")
OFFICE = Calendar("Europe/Warsaw", ((Hours(540, 1020),),) * 5 + ((), ()), key="c", version=1)
SPLIT = Calendar("America/New_York", ((Hours(480, 720), Hours(780, 1020)),) * 6 + ((),), key="d", version=1)
FOUR_HOURS = Terms(working=4 * 3600, warn=(50, 75))
PROVEN = settings(max_examples=60, deadline=None)
MOMENTS = st.datetimes(datetime(2024, 2, 20), datetime(2024, 11, 20)).map(lambda each: each.replace(tzinfo=UTC))
GAPS = st.lists(st.integers(1, 60 * 60), min_size=0, max_size=6)
TERMS = st.one_of(
    st.integers(1, 80).map(lambda hours: Terms(working=hours * 3600)),
    st.integers(0, 30).map(lambda days: Terms(days=days)),
    st.integers(1, 15).map(lambda days: Terms(days=days, business=True)),
)
CALENDARS = st.sampled_from([OFFICE, SPLIT])


def at(day: str, hour: int = 0, minute: int = 0) -> datetime:
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), WARSAW).replace(hour=hour, minute=minute)


def started(when: datetime, terms: Terms = FOUR_HOURS, calendar: Calendar = OFFICE) -> Happened:
    return Happened("started", when, terms=terms, calendar=calendar)


def _paused_now_and_then(start: datetime, gaps: list[int]) -> list[Happened]:
    events, moment = [], start
    for number, minutes in enumerate(gaps):
        moment += timedelta(minutes=minutes)
        events.append(Happened("resumed" if number % 2 else "paused", moment, "customer"))
    return events


@PROVEN
@given(CALENDARS, TERMS, MOMENTS, GAPS)
def test_a_pause_never_brings_the_end_nearer(
    calendar: Calendar, terms: Terms, start: datetime, gaps: list[int]
) -> None:
    events = _paused_now_and_then(start, gaps)
    if len(events) % 2:
        events.pop()
    reading = reckon([started(start, terms, calendar), *events], start + timedelta(days=400))
    assert reading.due_at is not None
    assert reading.due_at >= first_due(terms, calendar, start)


@PROVEN
@given(CALENDARS, TERMS, MOMENTS, GAPS)
def test_a_regulators_clock_runs_through_every_pause(
    calendar: Calendar, terms: Terms, start: datetime, gaps: list[int]
) -> None:
    strict = Terms(working=terms.working, days=terms.days, business=terms.business, regulatory=True)
    events = [started(start, strict, calendar), *_paused_now_and_then(start, gaps)]
    reading = reckon(events, start + timedelta(days=400))
    assert (reading.state, reading.due_at) == ("running", first_due(terms, calendar, start))


@PROVEN
@given(CALENDARS, st.integers(1, 80), MOMENTS, GAPS)
def test_by_the_end_exactly_the_time_allowed_was_worked_outside_pauses(
    calendar: Calendar, hours: int, start: datetime, gaps: list[int]
) -> None:
    terms = Terms(working=hours * 3600)
    events = [started(start, terms, calendar), *_paused_now_and_then(start, gaps)]
    now = start + timedelta(days=400)
    if len(gaps) % 2 and reckon(events, now).state == "paused":
        events.append(Happened("resumed", events[-1].at + timedelta(hours=1)))
    due = reckon(events, now).due_at
    assert due is not None
    reading = reckon(events, max(due, events[-1].at))
    assert reading.used - max(-reading.left, timedelta(0)) == timedelta(hours=hours)
    summed = sum((line.amount for line in reading.lines if line.code in {"worked", "more"}), timedelta(0))
    assert summed == timedelta(hours=hours), "the lines of the page add up"


@PROVEN
@given(CALENDARS, TERMS, MOMENTS, st.integers(0, 60 * 24 * 60))
def test_what_is_used_and_what_is_left_make_the_whole(
    calendar: Calendar, terms: Terms, start: datetime, minutes: int
) -> None:
    moment = start + timedelta(minutes=minutes)
    reading = reckon([started(start, terms, calendar)], moment)
    due = first_due(terms, calendar, start)
    whole = between(calendar, start, due) if terms.working else due - start
    assert reading.used + reading.left == whole
    if reading.late:
        assert moment > due


@PROVEN
@given(CALENDARS, TERMS, MOMENTS, st.dates(date(2024, 2, 20), date(2025, 2, 1)))
def test_a_holiday_added_later_moves_no_running_clock_until_a_person_migrates_it(
    calendar: Calendar, terms: Terms, start: datetime, holiday: date
) -> None:
    more = Calendar(calendar.zone, calendar.week, frozenset({holiday}), key="c", version=2)
    events = [started(start, terms, calendar)]
    assert reckon(events, start).due_at == first_due(terms, calendar, start)
    migrated = Happened("migrated", start + timedelta(minutes=1), terms=terms, calendar=more)
    assert reckon([*events, migrated], start + timedelta(minutes=1)).due_at == first_due(terms, more, start)


@PROVEN
@given(TERMS, TERMS, MOMENTS, st.integers(1, 5000))
def test_a_policy_changed_half_way_counts_from_the_start_once_migrated_and_not_before(
    old: Terms, new: Terms, start: datetime, minutes: int
) -> None:
    half_way = start + timedelta(minutes=minutes)
    events = [started(start, old), Happened("migrated", half_way, terms=new, calendar=OFFICE)]
    assert reckon(events, half_way - timedelta(seconds=1)).due_at == first_due(old, OFFICE, start)
    assert reckon(events, half_way).due_at == first_due(new, OFFICE, start)


@PROVEN
@given(CALENDARS, st.integers(1, 80), MOMENTS)
def test_warnings_come_in_order_and_at_their_share(calendar: Calendar, hours: int, start: datetime) -> None:
    terms = Terms(working=hours * 3600, warn=(90, 50, 75))
    reading = reckon([started(start, terms, calendar)], start)
    assert [step for step, _ in reading.warnings()] == [50, 75, 90]
    for step, moment in reading.warnings():
        assert between(calendar, start, moment) == timedelta(hours=hours) * (step / 100)
        assert moment <= first_due(terms, calendar, start)


def test_friday_afternoon_and_monday_morning_are_added_up_line_by_line() -> None:
    reading = reckon([started(at("2026-11-27", 16, 30))], at("2026-11-27", 18))
    assert reading.due_at == at("2026-11-30", 12, 30)
    shown = [(line.code, line.amount) for line in reading.lines]
    half, rest = timedelta(minutes=30), timedelta(hours=3, minutes=30)
    assert shown == [
        ("started", None),
        ("allowed", timedelta(hours=4)),
        ("worked", half),
        ("worked", rest),
        ("due", None),
    ]
    assert (reading.used, reading.left, reading.share) == (half, rest, 12)


def test_a_pause_at_closing_time_until_opening_time_costs_nothing() -> None:
    overnight = [Happened("paused", at("2026-11-26", 17), "customer"), Happened("resumed", at("2026-11-27", 9))]
    reading = reckon([started(at("2026-11-26", 16)), *overnight], at("2026-11-27", 10))
    assert reading.due_at == add(OFFICE, at("2026-11-26", 16), timedelta(hours=4)) == at("2026-11-27", 12)


def test_a_paused_clock_has_no_end_and_keeps_what_is_left() -> None:
    reading = reckon(
        [started(at("2026-11-26", 10)), Happened("paused", at("2026-11-26", 11), "customer")], at("2026-12-20")
    )
    assert (reading.state, reading.due_at, reading.left) == ("paused", None, timedelta(hours=3))
    assert reading.warnings() == []
    assert reading.lines[-1].code == "held"


def test_days_are_given_back_by_their_number() -> None:
    ten = Terms(days=10)
    events = [started(at("2026-11-02", 10), ten), Happened("paused", at("2026-11-05", 10), "customer"),
              Happened("resumed", at("2026-11-20", 15))]  # fmt: skip
    due = reckon(events, at("2026-11-21")).due_at
    assert due is not None
    assert due.astimezone(WARSAW).date() == date(2026, 11, 27), "seven days were left"
    business = Terms(days=5, business=True)
    events = [started(at("2026-11-02", 10), business), Happened("paused", at("2026-11-03", 10), "customer"),
              Happened("resumed", at("2026-11-06", 10))]  # fmt: skip
    assert reckon(events, at("2026-11-21")).due_at == at("2026-11-12", 17)


def test_a_pause_through_the_change_of_the_clocks_gives_back_working_time_not_hours_of_the_day() -> None:
    for friday, monday in (("2026-03-27", "2026-03-30"), ("2026-10-23", "2026-10-26")):
        events = [started(at(friday, 9)), Happened("paused", at(friday, 12), "x"), Happened("resumed", at(monday, 9))]
        assert reckon(events, at(monday, 9)).due_at == at(monday, 10)


def test_a_pause_over_the_leap_day_gives_it_back() -> None:
    events = [started(at("2028-02-28", 10), Terms(days=2)), Happened("paused", at("2028-02-28", 11), "x"),
              Happened("resumed", at("2028-03-01", 11))]  # fmt: skip
    due = reckon(events, at("2028-03-02")).due_at
    assert due is not None
    assert due.astimezone(WARSAW).date() == date(2028, 3, 3)


def test_a_date_moved_by_a_person_stands_and_the_one_before_is_still_shown() -> None:
    moved = Happened("moved", at("2026-11-26", 11), "person", due_at=at("2026-12-01", 12))
    reading = reckon([started(at("2026-11-26", 10)), moved], at("2026-11-26", 12))
    assert reading.due_at == at("2026-12-01", 12)
    assert [(line.code, line.at or line.until) for line in reading.lines if line.code in {"due", "moved"}] == [
        ("due", at("2026-11-26", 14)), ("moved", at("2026-11-26", 11)), ("due", at("2026-12-01", 12)),
    ]  # fmt: skip


def test_a_clock_that_was_met_keeps_how_it_stood_and_runs_on_when_the_decision_is_taken_back() -> None:
    met = Happened("met", at("2026-11-26", 12), "decided")
    reading = reckon([started(at("2026-11-26", 10)), met], at("2026-12-24"))
    assert (reading.state, reading.late, reading.left) == ("met", False, timedelta(hours=2))
    again = reckon([started(at("2026-11-26", 10)), met, Happened("resumed", at("2026-11-27", 9), "reopened")],
                   at("2026-11-27", 10))  # fmt: skip
    assert (again.state, again.late, again.due_at) == ("running", True, at("2026-11-26", 14))


def test_an_answer_after_the_end_was_late() -> None:
    reading = reckon([started(at("2026-11-26", 10)), Happened("met", at("2026-11-26", 15))], at("2026-12-24"))
    assert reading.late
    assert reading.left == timedelta(hours=-1)


def test_a_holiday_on_the_way_is_named() -> None:
    day = date(2026, 11, 11)
    closed = Calendar("Europe/Warsaw", OFFICE.week, frozenset({day}), names={day: "Independence Day"})
    reading = reckon([started(at("2026-11-10", 16), FOUR_HOURS, closed)], at("2026-11-10", 16))
    assert [(line.day, line.note) for line in reading.lines if line.code == "closed"] == [(day, "Independence Day")]
    assert reading.due_at == at("2026-11-12", 12)


def test_of_many_days_the_first_and_the_last_are_shown_and_the_rest_is_summed() -> None:
    reading = reckon([started(at("2026-11-02", 9), Terms(working=160 * 3600))], at("2026-11-02", 9))
    more = [line for line in reading.lines if line.code == "more"]
    assert [(line.days, line.amount) for line in more] == [(15, timedelta(hours=120))]


@pytest.mark.parametrize("kind", ["met", "stopped"])
def test_what_has_ended_ends_once(kind: str) -> None:
    events = [
        started(at("2026-11-26", 10)),
        Happened(kind, at("2026-11-26", 11)),
        Happened("met", at("2026-11-26", 16)),
    ]
    assert reckon(events, at("2026-12-01")).ended_at == at("2026-11-26", 11)


# A calendar that is tried.
@PROVEN
@given(MOMENTS, GAPS, st.integers(0, 3000), CALENDARS)
def test_a_tried_calendar_gives_what_a_clock_would_have_been_under_it_and_the_same_one_changes_nothing(
    start: datetime, gaps: list[int], later: int, draft: Calendar
) -> None:
    events, moment = [started(start), *_paused_now_and_then(start, gaps)], start + timedelta(hours=later)
    told = compared(events, draft, moment)
    under_it = reckon([started(start, calendar=draft), *events[1:]], moment)
    assert (told.due_would, told.late_would) == (under_it.due_at, under_it.late)
    assert (told.due_was, told.late_was) == (reckon(events, moment).due_at, reckon(events, moment).late)
    same = compared(events, OFFICE, moment)
    assert (same.due_was, same.late_was) == (same.due_would, same.late_would)
    assert not (told.caused and told.avoided)


def test_a_clock_that_was_stopped_counts_as_no_breach_on_either_side() -> None:
    monday = at("2026-11-23", 9)
    stopped = [started(monday), Happened("stopped", at("2026-11-30", 9), "closed")]
    told = compared(stopped, SPLIT, at("2026-12-01"))
    assert not told.late_was
    assert not told.late_would
    assert told.due_was != told.due_would
