"""Settings as their own code draws them from a schema, for the samples of the pages."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from ombud.desk.settings.changes import Standing
from ombud.desk.settings.form import Asked
from ombud.desk.settings.groups import Group
from ombud.desk.settings.history import Changed, Line
from ombud.desk.settings.places import DESK, Place
from ombud.kernel.setting_schema import read_schema
from ombud.trust.group_settings import Level, SecretSet
from ombud.web.pages.settings_drawn import conflict_drawn, form_drawn, options_of

AT = datetime(2026, 11, 20, 9, 31, tzinfo=UTC)
SCHEMA = read_schema(
    {
        "intro": {
            "type": "string",
            "maxlength": 600,
            "default": "",
            "meta": {
                "label": "Words above the form",
                "multiline": True,
                "group": "Words",
                "placeholder": "What you cannot decide",
                "help": "For example, what you cannot decide and who can.",
            },
        },
        "needed": {
            "type": "list",
            "allowed": ["email", "phone", "postcode"],
            "default": ["email"],
            "meta": {"label": "People must give", "group": "Words", "choices": {"email": "E-mail"}},
        },
        "takes_files": {
            "type": "boolean",
            "default": True,
            "meta": {"label": "Take files", "help": "Turned off, the step is left out."},
        },
        "file_mb": {
            "type": "integer",
            "min": 1,
            "max": 10,
            "default": 10,
            "required": True,
            "meta": {"label": "Largest file", "suffix": "MB"},
        },
        "limit": {
            "type": "decimal",
            "default": Decimal("12.50"),
            "meta": {"label": "Small claims up to", "suffix": "EUR"},
        },
        "since": {"type": "date", "nullable": True, "meta": {"label": "Used since"}},
        "tone": {"type": "string", "allowed": ["warm", "plain"], "default": "warm", "meta": {"label": "Tone"}},
        "speed": {
            "type": "string",
            "allowed": ["slow", "fast"],
            "default": "slow",
            "required": True,
            "meta": {"label": "Speed"},
        },
        "hosts": {
            "type": "list",
            "default": [],
            "meta": {"label": "Hosts", "scope": "deployment", "help": "Where it sends."},
        },
        "products": {
            "type": "list",
            "default": ["savings | Savings | isa | verified", "pets | Pets | |"],
            "meta": {
                "label": "Products",
                "help": "What a complaint counts under.",
                "columns": [
                    {"label": "Code", "code": True},
                    {"label": "Name"},
                    {"label": "Categories", "terms": "category", "many": True},
                    {"label": "Checked", "tick": "verified"},
                ],
            },
        },
        "password": {"type": "string", "meta": {"label": "Password", "secret": True, "help": "Of the print house."}},
        "token": {"type": "string", "meta": {"label": "Token", "secret": True}},
    }
)
GROUP = Group(
    "p-form", "Complaint form", "The public form: several matters in one complaint.", "puzzle", SCHEMA, "form", print
)
TERMS = {"category": [("isa", "Cash ISA"), ("loans", "Loans › Personal loans")]}
DIRECT = Place(UUID(int=2), "direct", "Modra Direct", 1)
PLACES = [DESK, Place(UUID(int=1), "modra", "Modra Bank"), DIRECT]
HERE = Level(
    DIRECT.id,
    DIRECT.name,
    {"file_mb": 5, "intro": "We cannot decide on tax."},
    {"password": SecretSet("Ewa Kruk", AT)},
    3,
    "Ewa Kruk",
    AT,
)
ABOVE = Level(UUID(int=1), "Modra Bank", {"tone": "plain"}, {}, 1, "Adam", AT)
ALL = Level(None, "", {"takes_files": False}, {"token": SecretSet("Adam", AT)}, 2, "Adam", AT)
IN_UNIT = Standing(GROUP, DIRECT, HERE, (ABOVE, ALL))
EVERYWHERE = Standing(GROUP, DESK, ALL, ())


def _group(now: Standing, asked: Asked = Asked(), wrong: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "group": {
            "label": GROUP.label, "summary": GROUP.summary, "href": "/settings/p-form", "tries": True, "replays": True,
            "history_href": "/settings/history?group=p-form",
        },
        "where": now.place.name, "form": {**form_drawn(now, asked, wrong, TERMS), "months": "3", "months_error": ""},
        "trial": {"state": "none"},
        "conflict": None, "tried": None,
        "unit_options": options_of(PLACES), **more,
    }  # fmt: skip


def settings_pages(
    work: Callable[[str], dict[str, Any]], csrf: Callable[[], Any]
) -> dict[str, tuple[str, dict[str, Any]]]:
    place = {"code": "settings", "label": "Settings", "icon": "adjustments-horizontal", "href": "/settings"}
    around = {
        "shell": work("administration"), "csrf_field": csrf, "place": "settings",
        "places": [{"label": "Desk", "places": [place]}],
    }  # fmt: skip
    typed = Asked(
        {"file_mb": 8},
        {"password": "x"},
        frozenset({"intro"}),
        {"since": "This is not a date. Write it like 2026-11-23."},
        {"file_mb": ["8"], "since": ["soon"]},
    )
    groups = [
        {
            "label": "Promises to complainants",
            "summary": "By when you answer.",
            "icon": "calendar-due",
            "href": "/settings/promises",
            "plugin": False,
            "count": 4,
        },
        {
            "label": GROUP.label,
            "summary": GROUP.summary,
            "icon": "puzzle",
            "href": "/settings/p-form",
            "plugin": True,
            "count": 1,
        },
    ]
    lines = (Line("Largest file", "10 MB", "5 MB"), Line("Password", what="was replaced"))
    entries = [
        Changed(12, AT, "Ewa Kruk", GROUP.label, "Modra Direct", lines, True),
        Changed(11, AT, "Adam", GROUP.label, DESK.name, (Line("Take files", "yes", "no"),), False),
    ]
    history = {
        "group": "", "unit": "", "group_options": [("", "All settings"), ("p-form", GROUP.label)],
        "unit_options": [("", "Everywhere"), ("direct", "Modra Direct")], "next_href": "/settings/history?before=11",
    }  # fmt: skip

    def said(code: str, message: str, saving: bool = False) -> dict[str, Any]:
        return {"code": code, "message": message, "saving": saving, "plugin": GROUP.label}

    works = said("works", "The form asks for a name.")
    broken = said("failed", "The server did not answer. Check its name.", saving=True)
    hung = said("fault", "took longer than 10 s")
    drawn = {
        "settings": ("pages/settings.html", {"groups": groups}),
        "settings-unit": ("pages/settings_group.html", _group(IN_UNIT)),
        "settings-desk": ("pages/settings_group.html", _group(EVERYWHERE, tried=works)),
        "settings-refused": ("pages/settings_group.html", _group(IN_UNIT, typed, {"file_mb": "Give at most 10 MB."})),
        "settings-not-working": ("pages/settings_group.html", _group(IN_UNIT, tried=broken)),
        "settings-fault": ("pages/settings_group.html", _group(IN_UNIT, tried=hung)),
        "settings-conflict": (
            "pages/settings_group.html",
            _group(IN_UNIT, typed, conflict=conflict_drawn(IN_UNIT, typed)),
        ),
        "settings-history": ("pages/settings_history.html", {**history, "entries": entries}),
        "settings-history-empty": ("pages/settings_history.html", {**history, "entries": [], "next_href": ""}),
    }
    return {name: (template, {**around, **context}) for name, (template, context) in drawn.items()}
