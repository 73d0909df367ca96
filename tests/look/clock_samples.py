"""Sample contexts for calendars and clocks."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from ombud.desk.calendars.arithmetic import Calendar, Hours
from ombud.desk.calendars.versions import OFFICE, Content, Kept, OwnDay
from ombud.desk.clocks.acting import REASONS
from ombud.desk.clocks.listing import ClockRead
from ombud.desk.clocks.reckoning import Happened, Terms, reckon
from ombud.web.pages.calendars import WEEKDAYS, _months, _own_days
from ombud.web.pages.clock_words import drawn

NOW = datetime(2026, 11, 23, 8, 31, tzinfo=UTC)
ONE, TWO = UUID(int=1), UUID(int=2)
FREE = {date(2026, 11, 11): "Independence Day", date(2026, 12, 26): "Second Day of Christmas"}
WARSAW = Calendar("Europe/Warsaw", OFFICE, frozenset(FREE), key=str(ONE), version=3, names=FREE)
BREAK = (Hours(540, 720), Hours(780, 1020))


def _form(**given: Any) -> dict[str, Any]:
    return {"errors": [], "error_of": {}, **given}


def calendar_pages() -> dict[str, tuple[str, str, dict[str, Any]]]:
    content = Content(
        "Europe/Warsaw", "PL", "", (BREAK,) * 5 + ((), ()),
        {date(2026, 12, 24): OwnDay("Christmas Eve", (Hours(540, 720),)), date(2026, 12, 31): OwnDay("Stocktaking")},
    )  # fmt: skip
    kept = Kept(ONE, ONE, 3, content, FREE, 2034)
    hours = {f"day_{number}": "09:00-12:00, 13:00-17:00" if number < 5 else "" for number in range(7)}
    form = _form(zone="Europe/Warsaw", country="PL", part="", day="", name="", hours="", months="3", **hours)
    wrong = {"day_2": "Write hours such as 9:00-12:00, 13:00-17:00; “nine” cannot be read."}
    held = {"unit": "Cards", "own": True, "from_name": ""}
    clock = {"label": "First reply", "reference": "OMB-48210-K", "title": "The fee was taken twice", "href": "#",
             "was": NOW, "would": NOW + timedelta(hours=3), "caused": True, "avoided": False}  # fmt: skip
    trial = {
        "state": "done", "months": 3, "asked_at": NOW, "said": ["Monday to Friday 09:00-15:00"], "clocks": 412,
        "cases": 204, "moved": 61, "caused": 4, "avoided": 1, "late": (12, 15), "lacking": 1, "hidden": 2,
        "units": [("Modra Bank", 12, 15)], "began": 3, "dropped": 2, "unanswered": [("it gave no list", 2)],
        "shown": [clock, {**clock, "caused": False, "avoided": True}, {**clock, "caused": False, "would": None}] * 15,
    }  # fmt: skip
    one = {
        "held": held, "href": "/administration/calendars/1", "version": 3, "weekdays": WEEKDAYS, "parts": (),
        "zones": [("Europe/Warsaw", "Europe/Warsaw")], "countries": [("PL", "Poland"), ("GB", "United Kingdom")],
        "own_days": _own_days(content), "year": 2026, "months": _months(kept, 2026), "form": form,
        "trial": trial,
    }  # fmt: skip
    row = {"unit": "Modra Bank", "href": "/administration/calendars/1", "own": True, "from_name": "", "version": 3,
           "zone": "Europe/Warsaw", "country": "Poland", "week": [("Monday to Friday", "09:00-17:00")]}  # fmt: skip
    rows = [row, {**row, "unit": "Modra Bank › Cards", "own": False, "from_name": "Modra Bank"},
            {**row, "unit": "London", "own": False, "country": ""}]  # fmt: skip
    return {
        "calendars": ("pages/calendars.html", "calendars", {"rows": rows}),
        "calendar": ("pages/calendar.html", "calendars", one),
        "calendar-wrong": (
            "pages/calendar.html", "calendars",
            {**one, "trial": {**trial, "state": "running", "said": []},
             "held": {**held, "own": False, "from_name": "Modra Bank"}, "parts": ("ENG", "SCT"), "own_days": [],
             "months": [], "form": {**form, "day_2": "nine", "error_of": wrong,
                                    "errors": [{"field": "day_2", "message": wrong["day_2"]}]}},
        ),
    }  # fmt: skip


def clocks() -> dict[str, Any]:
    """A regulator's, one that runs, one that is held, one that was met late."""
    friday = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
    answer = Terms(days=35, regulatory=True, warn=(75, 90))
    reply = Terms(working=4 * 3600, met_by="reply", warn=(50, 80))
    held = (Happened("paused", NOW, "customer"),)
    late = (Happened("met", NOW + timedelta(days=1)),)
    made = [
        _clock("answer", "Full answer", answer, friday), _clock("levels.first", "First reply", reply, friday),
        _clock("levels.next", "Next reply", reply, friday, *held),
        _clock("levels.old", "Resolution", Terms(working=3600), friday, *late, aspect=TWO),
        _clock("levels.much", "Review", Terms(working=160 * 3600), friday),
    ]  # fmt: skip
    return {
        "clocks": [drawn(each, "/cases/OMB-48210-K", "en", {TWO: "B"}) for each in made], "may_act": True,
        "reasons": list(REASONS.items()), "form": _form(clock="", reason="", note="", because="", due=""),
    }  # fmt: skip


def _clock(
    key: str, label: str, terms: Terms, start: datetime, *more: Happened, aspect: UUID | None = None
) -> ClockRead:
    events = (Happened("started", start, terms=terms, calendar=WARSAW), *more)
    number = UUID(int=sum(key.encode()))
    return ClockRead(number, key, label, aspect, 1, key, 1, 0, None, reckon(events, NOW + timedelta(days=2)), events)
