"""Sample contexts of the pages of deadlines kept."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from ombud.insight.attainment import OUTCOMES
from ombud.web.pages.attainment import BY, TONES, WORDS


def _line(label: str, *counts: int) -> dict[str, Any]:
    of = sum(counts[:3])
    cells = [
        {"outcome": each, "count": count, "href": f"/deadlines/clocks?outcome={each}"}
        for each, count in zip(OUTCOMES, counts, strict=True)
    ]
    return {"label": label, "kept": f"{100 * counts[0] / of:.1f}" if of else "", "of": of,
            "of_href": "/deadlines/clocks?outcome=counted", "cells": cells}  # fmt: skip


def pages(
    work: Callable[..., Any], csrf_field: Any, ago: Callable[..., datetime]
) -> dict[str, tuple[str, dict[str, Any]]]:
    shown = {
        "shell": work("deadlines"), "csrf_field": csrf_field,
        "typed": {"from": "2026-06", "to": "2026-11", "unit": "", "clock": "", "by": "clock"},
        "units": [("main", "Alder Bank plc"), ("cards", "Cards")],
        "clocks": [("acknowledge", "First word"), ("answer", "Full answer"), ("sla.reply", "First reply, gold")],
        "ways": list(BY.items()),
        "by": "Clock",
        "words": WORDS,
        "outcomes": OUTCOMES,
        "all": _line("All", 1412, 84, 21, 310, 4, 17),
        "months": [
            _line("October 2026", 702, 40, 12, 0, 0, 9), _line("November 2026", 710, 44, 9, 310, 0, 8),
            _line("Held, so in no month", 0, 0, 0, 0, 4, 0),
        ],
        "groups": [
            _line("Full answer", 700, 60, 20, 200, 0, 2), _line("First word", 702, 14, 1, 10, 0, 15),
            _line("First reply, gold", 10, 10, 0, 100, 4, 0),
        ],
        "more": 2,
        "any": True,
        "download": "/deadlines/figures.csv?from=2026-06",
        "errors": [],
        "error_of": {},
    }  # fmt: skip
    wrong = {"from": "This is not a month. Write it like 2026-11."}
    none = {**shown, "any": False, "months": [], "groups": [], "more": 0, "all": _line("All", 0, 0, 0, 0, 0, 0)}
    errors = [{"field": "from", "message": wrong["from"]}]
    listed = {
        "shell": work("deadlines"), "csrf_field": csrf_field, "words": "Counted",
        "month": "October 2026", "back": "/deadlines",
        "further": False, "next_href": "/deadlines/clocks?after=x",
        "clocks": [
            _clock("OMB-4182", "A", "Full answer", "in_time", ago(hours=20), ("early", "3 d 4 h")),
            _clock("OMB-4175", "", "First reply, gold", "late", ago(hours=30), ("late", "2 h 5 min")),
            _clock("OMB-4170", "B", "Full answer", "missed", None, ("late", "12 d")),
            {**_clock("Not shown to you", "", "Not shown to you", "missed", None, ("late", "1 d")), "href": ""},
        ],
    }  # fmt: skip
    held = {**_clock("OMB-4169", "", "First reply", "held", None, ("", "")), "due_at": None, "due": ""}
    return {
        "deadlines": ("pages/attainment.html", shown),
        "deadlines-none": ("pages/attainment.html", none),
        "deadlines-wrong": ("pages/attainment.html", {**shown, "errors": errors, "error_of": wrong}),
        "deadlines-clocks": ("pages/attainment_clocks.html", listed),
        "deadlines-held": ("pages/attainment_clocks.html", {**listed, "clocks": [held], "words": "Held", "month": ""}),
        "deadlines-clocks-none": ("pages/attainment_clocks.html", {**listed, "clocks": [], "next_href": ""}),
    }


def _clock(
    reference: str, letter: str, label: str, outcome: str, ended_at: datetime | None, by: tuple[str, str]
) -> dict[str, Any]:
    tone, icon = TONES[outcome]
    due = datetime.fromisoformat("2026-10-20T16:00:00+00:00")
    return {
        "reference": reference, "letter": letter, "label": label, "outcome": WORDS[outcome], "tone": tone, "icon": icon,
        "href": f"/cases/{reference}/clocks", "due_at": due, "due": "20 Oct 2026, 17:00", "ended_at": ended_at,
        "ended": "17 Oct 2026, 13:00" if ended_at else "", "zone": "Europe/London",
        "by": {"side": by[0], "time": by[1]},
    }  # fmt: skip
