"""Clocks computed from the day a complaint was received: pure, in calendar days of the unit's own zone."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

END_OF_DAY = time(23, 59, 59)
SOON = timedelta(days=3)
NOTHING_LEFT = timedelta(0)


def received_on(received_at: datetime, zone: str) -> date:
    """The calendar day on which the complaint reached the firm, where the firm is."""
    return received_at.astimezone(ZoneInfo(zone)).date()


def due(received_at: datetime, days: int, zone: str) -> datetime:
    """The last second of the day `days` calendar days after receipt, in UTC; the day of receipt is day 0."""
    last = received_on(received_at, zone) + timedelta(days=days)
    return datetime.combine(last, END_OF_DAY, ZoneInfo(zone)).astimezone(UTC)


class Clock(msgspec.Struct, frozen=True):
    """How a clock stands. `state`: running, soon (three days or less), late, met, met_late. `remaining`: negative where
    it is or was late."""

    due_at: datetime
    state: str
    remaining: timedelta
    day: int
    of_days: int


def clock(received_at: datetime, due_at: datetime, at: datetime, zone: str, met_at: datetime | None = None) -> Clock:
    """Reads a clock at a moment; `met_at` stops it."""
    moment = met_at or at
    start, end = received_on(received_at, zone), received_on(due_at, zone)
    remaining = due_at - moment
    return Clock(
        due_at, _state(remaining, met_at), remaining, (received_on(moment, zone) - start).days, (end - start).days
    )


def _state(remaining: timedelta, met_at: datetime | None) -> str:
    if met_at is not None:
        return "met_late" if remaining < NOTHING_LEFT else "met"
    if remaining < NOTHING_LEFT:
        return "late"
    return "soon" if remaining <= SOON else "running"
