"""Reads the dates people put into spreadsheets. Never guesses between day and month: the mapping says which."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
NUMERIC = re.compile(
    r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})"
    r"(?:,?[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?: ?([AaPp])\.?[Mm]\.?)?)?"
)
WORDED = ("%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y", "%d-%b-%Y")


class DateError(ValueError):
    """The words name the value and the remedy."""


def read_date(text: str, formats: Sequence[str], day_first: bool, zone: str) -> datetime:
    """An aware UTC time. A date alone is midnight in the zone. Raises DateError."""
    words = " ".join(text.split())
    found = _by_formats(words, formats) or _numeric(words, day_first) or _iso(words) or _by_formats(words, WORDED)
    if found is None:
        order = "day first" if day_first else "month first"
        raise DateError(f"{text[:40]!r} is not a date, read {order}. Correct it, or name its format in the mapping.")
    try:
        moment = (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    except OverflowError:
        moment = datetime.min.replace(tzinfo=UTC)
    if moment < EARLIEST:
        raise DateError(f"{text[:40]!r} lies before 1900. Correct the year.")
    return moment


def gives_a_day(pattern: str) -> bool:
    """Whether strptime can read day, month and year by this pattern; strptime itself trips over some (`%d %d`)."""
    day = datetime(2001, 2, 3)
    try:
        return datetime.strptime(day.strftime(pattern), pattern).date() == day.date()
    except (ValueError, re.error):
        return False


def _by_formats(words: str, formats: Sequence[str]) -> datetime | None:
    for pattern in formats:
        try:
            return datetime.strptime(words, pattern)
        except ValueError:
            continue
    return None


def _iso(words: str) -> datetime | None:
    if not re.match(r"\d{4}-\d{2}-\d{2}|\d{8}T", words):
        return None
    try:
        return datetime.fromisoformat(words)
    except ValueError:
        return None


def _numeric(words: str, day_first: bool) -> datetime | None:
    match = NUMERIC.fullmatch(words)
    if match is None:
        return None
    one, _, two, year, hour, minute, second, half = match.groups()
    day, month = (one, two) if day_first else (two, one)
    try:
        clock = time(_hour(int(hour or 0), half), int(minute or 0), int(second or 0))
        return datetime.combine(datetime(int(year), int(month), int(day)), clock)
    except ValueError:
        return None


def _hour(hour: int, half: str | None) -> int:
    """On a twelve-hour clock 12 is the hour before 1; what does not fit that clock becomes no valid hour."""
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        return -1
    return hour % 12 + (12 if half in "Pp" else 0)
