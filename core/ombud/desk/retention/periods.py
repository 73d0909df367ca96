"""When a case has been kept long enough. A period ends with the same date so many years, months or days later, or with
the last day of the month where it has none; that day is still kept whole. Days are those of the unit's time zone. Pure.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ombud.desk.privacy.clocks import months_later


def last_day(start: date, amount: int, span: str) -> date:
    """The last day on which a case that closed on `start` must be there."""
    if span == "days":
        return start + timedelta(days=amount)
    return months_later(start, amount if span == "months" else 12 * amount)


def closed_before(day: date, amount: int, span: str, zone: str) -> datetime:
    """The moment before which a case must have closed so that its period is over when `day` begins."""
    months = amount if span == "months" else 12 * amount
    guess = day - timedelta(days=amount) if span == "days" else months_later(day, -months)
    found = guess + timedelta(days=4)
    while last_day(found, amount, span) >= day:
        found -= timedelta(days=1)
    return datetime.combine(found + timedelta(days=1), time(), ZoneInfo(zone)).astimezone(UTC)
