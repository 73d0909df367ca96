"""Working time reckoned: pure, to the microsecond, in the calendar's own zone, through every change of its clocks.

Working time is time that really passes: a night shift over the hour that comes twice is an hour longer.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ombud.speech import sentence

DAY = 24 * 60
WEEKDAYS = 7
HORIZON_YEARS = 200
NO_TIME = timedelta(0)
ONE_DAY = timedelta(days=1)
LAST_SECOND = time(23, 59, 59)


class Unworkable(ValueError):
    """What no calendar can be made of, or reckoned with; the message names the remedy, `field` the place."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class Hours(NamedTuple):
    """One interval in minutes from the midnight that begins its day; past 1440 it ends on the day after."""

    opens: int
    closes: int


class Window(NamedTuple):
    """Working time without a break, in UTC, of the local day on which it began."""

    day: date
    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.start


Week = tuple[tuple[Hours, ...], ...]


@dataclass(frozen=True)
class Calendar:
    """`week`: intervals of Monday to Sunday. `exceptions`: days with hours of their own, none of them meaning closed;
    they win over holidays. `names`: what holidays and exceptions are called, for words alone. `key` and `version` name
    it in entries. Raises Unworkable."""

    zone: str
    week: Week
    holidays: frozenset[date] = frozenset()
    exceptions: Mapping[date, tuple[Hours, ...]] = field(default_factory=dict, hash=False)
    key: str = ""
    version: int = 0
    names: Mapping[date, str] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        zone_of(self.zone)
        if len(self.week) != WEEKDAYS:
            raise Unworkable("A week has seven days, from Monday to Sunday. Give each its hours, or none.", "week")
        if not any(self.week):
            raise Unworkable("Without hours no deadline is ever reached. Give it at least one interval.", "week")
        for number, hours in enumerate(self.week):
            check_hours(hours, f"week.{number}")
            _refuse_overlap(hours, self.week[(number + 1) % WEEKDAYS], number)
        for day, hours in self.exceptions.items():
            check_hours(hours, f"exceptions.{day.isoformat()}")

    def add(self, start: datetime, working: timedelta) -> datetime:
        return add(self, start, working)

    def add_days(self, start: datetime, days: int, business: bool) -> datetime:
        return add_days(self, start, days, business)

    def between(self, start: datetime, end: datetime) -> timedelta:
        return between(self, start, end)

    def is_open(self, at: datetime) -> bool:
        return is_open(self, at)

    def next_opening(self, at: datetime) -> datetime:
        return next_opening(self, at)

    def hours_of(self, day: date) -> tuple[Hours, ...]:
        """The intervals that begin on a day."""
        if day in self.exceptions:
            return self.exceptions[day]
        return () if day in self.holidays else self.week[day.weekday()]

    @cached_property
    def _days(self) -> dict[date, Sequence[Window]]:
        """The windows of days that were asked for; they never change."""
        return {}

    @cached_property
    def _tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @cached_property
    def _years(self) -> dict[int, "_Year"]:
        return {}

    def _year(self, number: int) -> "_Year":
        known = self._years.get(number)
        if known is None:
            known = self._years[number] = _Year(list(_windows_of_year(self, number)))
        return known


def zone_of(name: str) -> ZoneInfo:
    """Raises Unworkable for a name that is no time zone."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Unworkable("Name a time zone such as Europe/Warsaw.", "zone") from None


def check_hours(hours: tuple[Hours, ...], place: str) -> None:
    """Refuses intervals that are empty, longer than a day, out of order or over one another."""
    last = -1
    for opens, closes in hours:
        if not 0 <= opens < DAY or not opens < closes <= opens + DAY:
            raise Unworkable("An interval begins within its day and lasts at most 24 hours. Correct its times.", place)
        if opens < last:
            raise Unworkable("Two intervals of one day overlap. Let each begin after the one before it ends.", place)
        last = closes


def _refuse_overlap(hours: tuple[Hours, ...], following: tuple[Hours, ...], number: int) -> None:
    if hours and following and hours[-1].closes - DAY > following[0].opens:
        raise Unworkable(
            "The last interval reaches into the first one of the day after. Let it end before that begins.",
            f"week.{number}",
        )


def add(calendar: Calendar, start: datetime, working: timedelta) -> datetime:
    """The earliest moment by which that much working time has passed since `start`, in UTC; with a negative amount
    the latest moment from which that much passes until `start`."""
    start = start.astimezone(UTC)
    if working == NO_TIME:
        return start
    forwards = working > NO_TIME
    left, first = abs(working), local_day(calendar, start).year
    for distance in range(-1, HORIZON_YEARS):
        number = first + distance if forwards else first - distance
        if not 1900 <= number <= 9000:
            break
        year = calendar._year(number)
        done = year.until(start)
        there = year.total - done if forwards else done
        if there >= left:
            return year.reached(done + left) if forwards else year.reached_from(done - left)
        left -= there
    raise Unworkable(
        sentence("That much working time does not fit into %(years)s years. Choose less.", years=HORIZON_YEARS),
        "working",
    )


def between(calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    """Working time from `start` to `end`; negative if `end` is the earlier one."""
    if end < start:
        return -between(calendar, end, start)
    years = range(local_day(calendar, start).year - 1, local_day(calendar, end).year + 1)
    return sum(((year := calendar._year(each)).until(end) - year.until(start) for each in years), NO_TIME)


def add_days(calendar: Calendar, start: datetime, days: int, business: bool) -> datetime:
    """The end of the day `days` days after that of `start`, which is day 0, in UTC.

    Calendar days end with their last second, wherever they fall. Business days are those with hours: they end when
    the last of these closes, and day 0 is the first one that is not over at `start`. Negative: days before.
    """
    day = local_day(calendar, start)
    if not business:
        return _at_last_second(calendar, day + timedelta(days=days))
    if days == 0:
        return _first_not_over(calendar, day, start)
    step, left = (ONE_DAY, days) if days > 0 else (-ONE_DAY, -days)
    for _ in range(366 * HORIZON_YEARS):
        day += step
        left -= bool(windows(calendar, day))
        if not left:
            return windows(calendar, day)[-1].end
    raise Unworkable(
        sentence("That many business days do not fit into %(years)s years. Choose fewer.", years=HORIZON_YEARS), "days"
    )


def _at_last_second(calendar: Calendar, day: date) -> datetime:
    """The later one where the clocks show it twice, which some zones do."""
    last = datetime.combine(day, LAST_SECOND, calendar._tz)
    return max(last.astimezone(UTC), last.replace(fold=1).astimezone(UTC))


def _first_not_over(calendar: Calendar, day: date, start: datetime) -> datetime:
    for distance in range(366 * HORIZON_YEARS):
        found = windows(calendar, day + timedelta(days=distance))
        if found and found[-1].end > start:
            return found[-1].end
    raise Unworkable("This calendar has no day left with hours. Give it some.", "week")


def is_open(calendar: Calendar, at: datetime) -> bool:
    """Whether work is done at this moment; the moment of closing is closed."""
    found = _window_after(calendar, at)
    return found.start <= at


def next_opening(calendar: Calendar, at: datetime) -> datetime:
    """`at` itself while it is open, else when it opens next, in UTC."""
    return max(_window_after(calendar, at).start, at.astimezone(UTC))


def _window_after(calendar: Calendar, at: datetime) -> Window:
    """The first one that ends after `at`."""
    first = local_day(calendar, at).year
    for number in range(first - 1, first + HORIZON_YEARS):
        year = calendar._year(number)
        place = bisect_right(year.ends, at)
        if place < len(year.windows):
            return year.windows[place]
    raise Unworkable("This calendar has no day left with hours. Give it some.", "week")


def worked(calendar: Calendar, start: datetime, end: datetime) -> Iterator[Window]:
    """The working time from `start` to `end`, window by window: what `between` sums up."""
    for number in range(local_day(calendar, start).year - 1, local_day(calendar, end).year + 1):
        year = calendar._year(number)
        for place in range(bisect_right(year.ends, start), bisect_left(year.starts, end)):
            day, opens, closes = year.windows[place]
            yield Window(day, max(opens, start.astimezone(UTC)), min(closes, end.astimezone(UTC)))


def local_day(calendar: Calendar, at: datetime) -> date:
    """The day it is at this moment where the calendar is."""
    return at.astimezone(calendar._tz).date()


def windows(calendar: Calendar, day: date) -> Sequence[Window]:
    """The windows that begin on a day. What the day before reaches into is not counted twice."""
    known = calendar._days.get(day)
    if known is None:
        known = calendar._days[day] = tuple(_windows(calendar, day))
    return known


def _windows(calendar: Calendar, day: date) -> list[Window]:
    before = _raw(calendar, day - ONE_DAY)
    taken = before[-1].end if before else None
    found = _raw(calendar, day)
    if taken is not None:
        found = [Window(day, max(each.start, taken), each.end) for each in found if each.end > taken]
    return found


def _raw(calendar: Calendar, day: date) -> list[Window]:
    made = [
        Window(day, wall(calendar._tz, day, opens, opening=True), wall(calendar._tz, day, closes, opening=False))
        for opens, closes in calendar.hours_of(day)
    ]
    return [each for each in made if each.start < each.end]


def wall(zone: ZoneInfo, day: date, minutes: int, *, opening: bool) -> datetime:
    """What the clock on the wall shows `minutes` into a day, in UTC. An hour that comes twice lies within what opens or
    closes in it; one that is left out becomes the moment at which the clocks go forward."""
    at = datetime.combine(day, time(), zone) + timedelta(minutes=minutes)
    first, second = at.replace(fold=0).astimezone(UTC), at.replace(fold=1).astimezone(UTC)
    if first <= second:
        return first if opening else second
    return _forward(zone, second, first)


def _forward(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The moment between two at which the zone's clocks go forward, to the second."""
    new = after.astimezone(zone).utcoffset()
    low, high = 0, int((after - before).total_seconds())
    while low < high:
        middle = (low + high) // 2
        if (before + timedelta(seconds=middle)).astimezone(zone).utcoffset() == new:
            high = middle
        else:
            low = middle + 1
    return before + timedelta(seconds=low)


class _Year:
    """All windows that begin in one local year, with the working time before each: bisected, not walked."""

    __slots__ = ("before", "ends", "starts", "total", "windows")

    def __init__(self, windows: list[Window]) -> None:
        self.windows = windows
        self.starts = [each.start for each in windows]
        self.ends = [each.end for each in windows]
        self.before: list[timedelta] = []
        self.total = NO_TIME
        for each in windows:
            self.before.append(self.total)
            self.total += each.length

    def until(self, at: datetime) -> timedelta:
        """Working time of this year that lies before a moment."""
        place = bisect_right(self.starts, at) - 1
        if place < 0:
            return NO_TIME
        return self.before[place] + (min(at, self.ends[place]) - self.starts[place])

    def reached(self, amount: timedelta) -> datetime:
        """The earliest moment with that much, more than nothing, before it."""
        place = bisect_left(self.before, amount) - 1
        return self.starts[place] + (amount - self.before[place])

    def reached_from(self, amount: timedelta) -> datetime:
        """The latest moment with that much, less than all, before it."""
        place = bisect_right(self.before, amount) - 1
        return self.starts[place] + (amount - self.before[place])


def _windows_of_year(calendar: Calendar, number: int) -> Iterator[Window]:
    day = date(number, 1, 1)
    while day.year == number:
        yield from windows(calendar, day)
        day += ONE_DAY
