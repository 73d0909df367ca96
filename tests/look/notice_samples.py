"""Notices as the pages draw them."""

from collections.abc import Callable
from typing import Any

from ombud.desk.notices.staff import KINDS, WAYS


def pages(work: Callable[..., Any], csrf_field: Callable[[], Any], ago: Callable[..., Any]) -> dict[str, Any]:
    listed = [
        {
            "text": each.told, "icon": each.icon, "reference": "" if kind == "red" else "OMB-7F3K2-9",
            "title": "Overdraft fee taken twice although the branch said that it would not be", "href": "#",
            "at": ago(hours=place), "new": place < 2,
        }
        for place, (kind, each) in enumerate(KINDS.items())
    ]  # fmt: skip
    around = {"shell": work("notices"), "csrf_field": csrf_field}
    rows = [{"kind": kind, "label": each.label, "way": each.usual} for kind, each in KINDS.items()]
    choices = {**around, "rows": rows, "ways": list(WAYS.items()), "error": ""}
    return {
        "notices": ("pages/notices.html", {**around, "notices": listed, "next_href": "/me/notices?after=x"}),
        "notices-none": ("pages/notices.html", {**around, "notices": [], "next_href": ""}),
        "notice-choices": ("pages/notice_choices.html", choices),
        "notice-choices-refused": (
            "pages/notice_choices.html",
            {**choices, "error": "Choose one of the ways of the list."},
        ),
    }
