"""A clock's sum in words, in the time of the calendar it runs by."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime

from ombud.desk.clocks.acting import REASONS
from ombud.desk.clocks.listing import ClockRead
from ombud.desk.clocks.reckoning import Line, Reading
from ombud.desk.words import label
from ombud.speech import counted, joined, sentence, word
from ombud.writing import locale_of

STATES = {"running": "Running", "paused": "Held", "met": "Met", "stopped": "Stopped"}
TONES = {"running": ("", "clock"), "paused": ("warn", "player-pause"), "met": ("ok", "circle-check"),
         "stopped": ("", "player-stop"), "late": ("danger", "alert-circle")}  # fmt: skip
_WHY = {
    **REASONS, "closed": "The case or aspect was closed", "merged": "The case was merged into another one",
    "moved": "The aspect went to another case", "not_wanted": "Its policy asks for it no more",
    "over": "That time is over", "reopened": "It was opened again", "person": "By a person",
    "changed": "The date was changed", "facts": "What its policy looks at changed",
}  # fmt: skip
_LINES = {
    "started": ("Begins %(at)s", "clock"),
    "allowed": ("Allowed: %(amount)s", "hourglass"),
    "worked": ("%(day)s, %(from)s to %(to)s: %(amount)s", "check"),
    "more": ("%(days)s more days: %(amount)s", "dots"),
    "closed": ("%(day)s: closed %(note)s", "lock"),
    "counted": ("Counted to %(day)s: %(amount)s", "calendar"),
    "paused": ("Held %(at)s: %(note)s", "player-pause"),
    "resumed": ("Runs on %(at)s", "player-play"),
    "reopened": ("Opened again %(at)s, its time ran on", "refresh"),
    "ignored": ("Asked to be held %(at)s, but nothing holds this clock", "info-circle"),
    "due": ("Ends %(at)s", "calendar-due"),
    "moved": ("Moved on %(at)s to %(until)s: %(note)s", "calendar-due"),
    "migrated": ("Goes by other terms since %(at)s: %(note)s", "refresh"),
    "held": ("Left when it runs on: %(amount)s", "hourglass"),
    "met": ("Met %(at)s", "circle-check"),
    "stopped": ("Stopped %(at)s: %(note)s", "player-stop"),
}  # fmt: skip


def drawn(clock: ClockRead, case_href: str, language: str, letters: Mapping[Any, str]) -> dict[str, Any]:
    """A clock for components/clock_card.html."""
    reading = clock.reading
    state = "late" if reading.late and reading.state != "stopped" else reading.state
    tone, icon = TONES[state]
    return {
        "id": str(clock.id), "label": clock.label, "key": clock.key, "version": clock.version, "shown": clock.shown,
        "state": reading.state, "late": reading.late, "tone": tone, "icon": icon,
        "letter": letters.get(clock.aspect_id, ""),
        "state_label": _state_words(reading), "open": clock.open, "regulatory": reading.terms.regulatory,
        "holdable": reading.terms.holdable, "left": span(reading.left if not reading.late else -reading.left),
        "working": bool(reading.terms.working), "lines": [line(each, reading, language) for each in reading.lines],
        "zone": reading.calendar.zone, "calendar_version": reading.calendar.version,
        "policy": sentence("%(policy)s, version %(number)s", policy=clock.policy,
            number=clock.policy_version), "href": f"{case_href}/clocks/{clock.id}",
        "due": _day_of(reading), "answer": clock.key == "answer", "may_go_over": clock.open and clock.key != "answer",
        "warnings": ", ".join(f"{step}%" for step in sorted(reading.terms.warn)), "warned": clock.warned,
    }  # fmt: skip


def _state_words(reading: Reading) -> str:
    if reading.late and reading.state == "running":
        return "Late"
    if reading.late and reading.state == "met":
        return "Met, late"
    return STATES[reading.state]


def _day_of(reading: Reading) -> str:
    if reading.due_at is None:
        return ""
    return reading.due_at.astimezone(ZoneInfo(reading.calendar.zone)).date().isoformat()


def line(each: Line, reading: Reading, language: str) -> dict[str, Any]:
    """`text` for the translator with `values`."""
    text, icon = _LINES[each.code]
    zone = ZoneInfo(reading.calendar.zone)
    values = {
        "at": _moment(each.at, zone, language), "until": _moment(each.until, zone, language),
        "day": _day(each.day, language), "from": _time(each.at, zone), "to": _time(each.until, zone),
        "amount": _days(each) if each.amount is None else span(each.amount), "days": str(each.days),
        "note": _note(each),
    }  # fmt: skip
    return {"text": text, "values": values, "icon": icon, "sum": each.code == "due"}


def _days(each: Line) -> str:
    if each.code == "counted":
        return counted("1 calendar day", "%(num)s calendar days", each.days)
    if each.note == "business":
        return counted("1 business day", "%(num)s business days", each.days)
    return counted("1 day", "%(num)s days", each.days)


def _note(each: Line) -> str:
    if each.code == "closed":
        return joined(("(", word(each.note), ")"), "") if each.note else ""
    return word(_WHY.get(each.note, label(each.note))) if each.note else ""


def _moment(at: datetime | None, zone: ZoneInfo, language: str) -> str:
    return str(format_datetime(at.astimezone(zone), "EEE d MMM y, HH:mm", locale=locale_of(language))) if at else ""


def _day(day: date | None, language: str) -> str:
    return str(format_date(day, "EEE d MMM", locale=locale_of(language))) if day else ""


def _time(at: datetime | None, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%H:%M}" if at else ""


def span(amount: timedelta | None) -> str:
    """`3 h 30 min`; days of 24 hours are not said, since working time has none."""
    if amount is None:
        return ""
    minutes = int(amount.total_seconds() // 60)
    hours, rest = divmod(minutes, 60)
    if not minutes:
        return f"{int(amount.total_seconds())} s" if amount else word("nothing")
    if hours and rest:
        return sentence("%(hours)s h %(minutes)s min", hours=hours, minutes=rest)
    return sentence("%(hours)s h", hours=hours) if hours else sentence("%(minutes)s min", minutes=rest)
