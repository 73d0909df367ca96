"""A clock reckoned from its events: when it is due, how it stands, and the sum line by line. Pure.

The same events give the same reading for ever: the terms and the calendar stand in the event that brought them, and a
change of either reaches a running clock only by a further event. A pause never stops a clock that a regulator set.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

import msgspec

from ombud.desk.calendars.arithmetic import (
    NO_TIME,
    Calendar,
    Window,
    add,
    add_days,
    between,
    local_day,
    windows,
    worked,
)

FIRST, LAST = 3, 2
"""Days of work that are shown of many: the first ones and the last ones."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How long a clock runs: `working` seconds of working time, or `days` (business days, or all), or `until` a fixed
    moment. `regulatory`: no pause stops it. `met_by`: what meets it. `warn`: at which shares of its time, in per cent.
    """

    working: int = 0
    days: int | None = None
    business: bool = False
    until: datetime | None = None
    regulatory: bool = False
    met_by: str = "decision"
    warn: tuple[int, ...] = ()

    @property
    def holdable(self) -> bool:
        """Whether a pause moves its end."""
        return not self.regulatory and self.until is None


class Happened(NamedTuple):
    """One event of a clock. `started` and `migrated` bring terms and calendar; `moved` the new end; `reason` is a
    code."""

    kind: str
    at: datetime
    reason: str = ""
    due_at: datetime | None = None
    terms: Terms | None = None
    calendar: Calendar | None = None


class Line(NamedTuple):
    """One line of the sum. `code`: started, allowed, worked, more, closed, counted, paused, resumed, reopened, ignored,
    due, moved, migrated, held, met, stopped."""

    code: str
    at: datetime | None = None
    until: datetime | None = None
    amount: timedelta | None = None
    day: date | None = None
    days: int = 0
    note: str = ""


@dataclass(frozen=True)
class Reading:
    """A clock at a moment. `due_at`: None while a pause holds it. `used` and `left`: working time, or time for terms in
    days; `left` is negative once it is late. `paused`: how long it was held, in all time."""

    state: str
    terms: Terms
    calendar: Calendar
    started_at: datetime
    due_at: datetime | None
    ended_at: datetime | None
    used: timedelta
    left: timedelta
    paused: timedelta
    lines: tuple[Line, ...]

    @property
    def share(self) -> int:
        """How much of its time is used, from 0 to 100."""
        whole = self.used + max(self.left, NO_TIME)
        return 100 if whole <= NO_TIME else max(0, min(100, round(100 * (self.used / whole))))

    @property
    def late(self) -> bool:
        return self.left < NO_TIME

    def warnings(self) -> list[tuple[int, datetime]]:
        """When which share of its time is used, in order; none while a pause holds it."""
        if self.due_at is None:
            return []
        return [(step, self._before_due(step)) for step in sorted(self.terms.warn)]

    def _before_due(self, step: int) -> datetime:
        assert self.due_at is not None
        rest = (100 - step) / 100
        if self.terms.working:
            return add(self.calendar, self.due_at, -((self.used + self.left) * rest))
        return self.due_at - (self.due_at - self.started_at) * rest


def first_due(terms: Terms, calendar: Calendar, start: datetime) -> datetime:
    """When a clock that starts now is due if nothing happens."""
    if terms.until is not None:
        return terms.until
    if terms.days is not None:
        return add_days(calendar, start, terms.days, terms.business)
    return add(calendar, start, timedelta(seconds=terms.working))


def reckon(events: Sequence[Happened], at: datetime) -> Reading:
    """Reads a clock at a moment from what had happened by then, in order; the first event is `started`."""
    walk = _Walk([each for each in events if each.at <= at or each.kind == "started"], at)
    return walk.reading()


@dataclass
class _Walk:
    """Goes through the events once."""

    events: Sequence[Happened]
    at: datetime
    lines: list[Line] = field(default_factory=list)
    state: str = "running"
    due: datetime | None = None
    since: datetime | None = None  # a stretch of running whose work is not written down yet
    running_since: datetime | None = None
    paused_at: datetime | None = None
    ended_at: datetime | None = None
    held: timedelta | int = NO_TIME
    used: timedelta = NO_TIME
    paused: timedelta = NO_TIME

    def __post_init__(self) -> None:
        bringing = [place for place, each in enumerate(self.events) if each.terms is not None]
        self.base = bringing[-1]
        event = self.events[self.base]
        assert event.terms is not None
        assert event.calendar is not None
        self.terms, self.calendar, self.start = event.terms, event.calendar, self.events[0].at

    def reading(self) -> Reading:
        self._begin()
        for place, event in enumerate(self.events[1:], 1):
            getattr(self, f"_{event.kind}")(event, place)
        self._finish()
        moment = self.ended_at or self.at
        if self.running_since is not None:
            self.used += self._passed(self.running_since, max(moment, self.running_since))
        left = self._held_time() if self.paused_at is not None else self._passed(moment, self._due())
        return Reading(
            self.state, self.terms, self.calendar, self.start, self.due, self.ended_at, self.used, left, self.paused,
            tuple(self.lines),
        )  # fmt: skip

    def _begin(self) -> None:
        self.due = first_due(self.terms, self.calendar, self.start)
        self.since = self.running_since = self.start
        self.lines.append(Line("started", self.start))
        if self.terms.until is None:
            amount = timedelta(seconds=self.terms.working) if self.terms.days is None else None
            note = "business" if self.terms.business else ""
            self.lines.append(Line("allowed", amount=amount, days=self.terms.days or 0, note=note))

    def _due(self) -> datetime:
        assert self.due is not None
        return self.due

    def _passed(self, start: datetime, end: datetime) -> timedelta:
        return between(self.calendar, start, end) if self.terms.working else end - start

    def _paused(self, event: Happened, place: int) -> None:
        if not self.terms.holdable:
            self.lines.append(Line("ignored", event.at, note=event.reason))
        elif self.state == "running" and event.at < self._due():
            self._write_down(event.at)
            assert self.running_since is not None
            self.used += self._passed(self.running_since, event.at)
            self.held, self.paused_at, self.running_since = self._left_at(event.at), event.at, None
            self.state, self.due = "paused", None
            self.lines.append(Line("paused", event.at, note=event.reason))

    def _left_at(self, at: datetime) -> timedelta | int:
        """What is to be given back: working time, or days by their number."""
        if self.terms.days is None:
            return between(self.calendar, at, self._due())
        first, last = local_day(self.calendar, at), local_day(self.calendar, self._due())
        if not self.terms.business:
            return (last - first).days
        return sum(bool(windows(self.calendar, first + timedelta(days=n))) for n in range(1, (last - first).days + 1))

    def _extended(self, at: datetime) -> datetime:
        if isinstance(self.held, int):
            return add_days(self.calendar, at, self.held, self.terms.business)
        return add(self.calendar, at, self.held)

    def _held_time(self) -> timedelta:
        if not isinstance(self.held, int):
            return self.held
        assert self.paused_at is not None
        return self._extended(self.paused_at) - self.paused_at

    def _resumed(self, event: Happened, place: int) -> None:
        if self.paused_at is not None:
            self._go_on(event.at)
            self.state = "running"
            self.lines.append(Line("resumed", event.at, note=event.reason))
        elif self.state in {"met", "stopped"}:  # a decision was taken back: its time ran on
            self.state, self.ended_at = "running", None
            self.lines.append(Line("reopened", event.at, note=event.reason))

    def _go_on(self, at: datetime) -> None:
        assert self.paused_at is not None
        self.paused += at - self.paused_at
        self.due, self.paused_at = self._extended(at), None
        self.since = self.running_since = at

    def _met(self, event: Happened, place: int) -> None:
        self._end("met", event)

    def _stopped(self, event: Happened, place: int) -> None:
        self._end("stopped", event)

    def _end(self, state: str, event: Happened) -> None:
        if self.state in {"met", "stopped"}:
            return
        if self.paused_at is not None:
            self._go_on(event.at)
            self.since = None
        self.state, self.ended_at = state, event.at
        self._write_down(self._due())
        self.lines.append(Line("due", self.due))
        self.lines.append(Line(state, event.at, note=event.reason))

    def _moved(self, event: Happened, place: int) -> None:
        if place < self.base or event.due_at is None:
            return  # what came after was reckoned anew from the start
        if self.paused_at is not None:
            self.due = event.due_at
            self.held, self.due = self._left_at(self.paused_at), None
        else:
            self._write_down(self._due())
            self.lines.append(Line("due", self.due))
            self.due = event.due_at
        self.lines.append(Line("moved", event.at, event.due_at, note=event.reason))

    def _migrated(self, event: Happened, place: int) -> None:
        self.lines.append(Line("migrated", event.at, note=event.reason))

    def _started(self, event: Happened, place: int) -> None:
        """Only the first one starts it."""

    def _finish(self) -> None:
        if self.state == "paused":
            held = self.held if isinstance(self.held, timedelta) else None
            self.lines.append(Line("held", amount=held, days=self.held if isinstance(self.held, int) else 0))
        elif self.state == "running":
            self._write_down(self._due())
            self.lines.append(Line("due", self.due))

    def _write_down(self, end: datetime) -> None:
        """The work of the stretch that ends here, day by day."""
        if self.since is None:
            return
        start, self.since = self.since, None
        if self.terms.working:
            self.lines += _worked_lines(self.calendar, start, end)
        elif self.terms.days is not None and end > start:
            first, last = local_day(self.calendar, start), local_day(self.calendar, end)
            self.lines.append(Line("counted", start, end, day=last, days=(last - first).days))


def _worked_lines(calendar: Calendar, start: datetime, end: datetime) -> list[Line]:
    days = list(_by_day(calendar, start, end))
    shown = [_line_of(each) for each in days]
    if len(days) > FIRST + LAST + 1:
        middle = days[FIRST:-LAST]
        amount = sum((each.length for day in middle for each in day), NO_TIME)
        more = Line("more", middle[0][0].start, middle[-1][-1].end, amount, days=len(middle))
        return [*shown[:FIRST], more, *shown[-LAST:]]
    closed = _closed_lines(calendar, start, end)
    return sorted([*shown, *closed], key=lambda line: (line.day or date.min, line.code))


def _by_day(calendar: Calendar, start: datetime, end: datetime) -> Iterator[list[Window]]:
    day: list[Window] = []
    for each in worked(calendar, start, end):
        if day and day[0].day != each.day:
            yield day
            day = []
        day.append(each)
    if day:
        yield day


def _line_of(day: Sequence[Window]) -> Line:
    """Several intervals of a day make one line; their sum leaves the break out."""
    amount = sum((each.length for each in day), NO_TIME)
    return Line("worked", day[0].start, day[-1].end, amount, day[0].day)


def _closed_lines(calendar: Calendar, start: datetime, end: datetime) -> list[Line]:
    """Days in between on which the week's hours did not hold, by name."""
    first, last = local_day(calendar, start), local_day(calendar, end)
    every = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return [
        Line("closed", day=day, note=calendar.names.get(day, ""))
        for day in every
        if calendar.week[day.weekday()] and not calendar.hours_of(day)
    ]
