"""Who looked at cases, emergency access and the reasons for seeing a case, as the pages draw them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

WHY = "The customer stands at the counter and says that he will hurt himself; I must know what we promised."


def pages(
    work: Callable[..., Any],
    csrf_field: Callable[[], Any],
    ago: Callable[..., Any],
    administration: Callable[[str], Any],
    case: Callable[..., Any],
) -> dict[str, Any]:
    here = {"shell": work("queue"), "csrf_field": csrf_field}
    return {**_views(here, administration, ago), **_emergencies(here, administration, ago), **_reasons(here, ago, case)}


def _views(here: dict[str, Any], administration: Callable[[str], Any], ago: Callable[..., Any]) -> dict[str, Any]:
    usual = {"who": "Ewa Wrona", "person": "1", "program": False, "token": "", "reference": "OMB-7K2QF-9",
             "href": "/cases/OMB-7K2QF-9", "part": "The case", "emergency": False, "first_at": ago(hours=2),
             "last_at": ago(hours=1), "times": 3}  # fmt: skip
    lines = [
        usual, {**usual, "who": "Piotr Maj", "program": True, "token": "Nightly report of the contact centre"},
        {**usual, "part": "A message as it came in", "emergency": True, "times": 1},
        {**usual, "program": True, "part": "Recordings of calls"},
    ]  # fmt: skip
    of_case = {**here, "reference": "OMB-7K2QF-9", "href": "/cases/OMB-7K2QF-9", "lines": lines,
               "csv_href": "/cases/OMB-7K2QF-9/viewers.csv",
               "next_href": "/cases/OMB-7K2QF-9/viewers?after=x"}  # fmt: skip
    of_all = {**administration("viewing"), "asked": {"person": "1", "since": "2026-11-01", "until": ""},
              "error_of": {}, "people": [("1", "Ewa Wrona"), ("2", "Piotr Maj")], "lines": lines,
              "csv_href": "/administration/viewing/views.csv?",
              "next_href": "/administration/viewing?after=x"}  # fmt: skip
    wrong = {"since": "The first day comes after the last one. Change one of them."}
    return {
        "viewers": ("pages/viewers.html", of_case),
        "viewers-none": ("pages/viewers.html", {**of_case, "lines": [], "next_href": ""}),
        "viewing": ("pages/viewing.html", of_all),
        "viewing-none": ("pages/viewing.html", {**of_all, "lines": [], "next_href": ""}),
        "viewing-refused": ("pages/viewing.html", {**of_all, "lines": [], "next_href": "", "error_of": wrong}),
    }


def _emergencies(here: dict[str, Any], administration: Callable[[str], Any], ago: Callable[..., Any]) -> dict[str, Any]:
    usual = {"id": "1", "reference": "OMB-7K2QF-9", "href": "/cases/OMB-7K2QF-9", "who": "Ewa Wrona", "person": "1",
             "reason": WHY, "opened_at": ago(hours=1), "over_at": ago(hours=-1), "open": True, "ended_early": False,
             "looks": 4, "late": False, "reviewed_at": None, "reviewer": "", "justified": None, "words": "",
             "own": False}  # fmt: skip
    over = {**usual, "open": False, "over_at": ago(days=9)}
    rows = [
        usual, {**over, "id": "2", "late": True, "looks": 1}, {**usual, "id": "3", "own": True},
        {**over, "id": "4", "reviewed_at": ago(days=1), "reviewer": "Anna Bąk", "justified": True,
         "words": "He was called back within the hour."},
        {**over, "id": "5", "reviewed_at": ago(days=1), "justified": False, "ended_early": True,
         "words": "Nobody stood at the counter."},
    ]  # fmt: skip
    errors = [{"field": "words-2", "message": "This is empty. Write at least a few words."}]
    wrong = {"words": errors[0]["message"]}
    listed = {**administration("emergencies"), "csrf_field": here["csrf_field"], "rows": rows, "whole": False, "of": "",
              "kept": {}, "errors": [], "error_of": {}, "next_href": "/administration/emergencies?after=x"}  # fmt: skip
    refused = {**listed, "of": "2", "kept": {"justified": "no", "words": ""}, "errors": errors, "error_of": wrong}
    form = {"reference": "OMB-7K2QF-9", "reason": WHY, "hours": "2", "errors": [], "error_of": {}}
    missing = "No case OMB-7K2QF-9 can be opened in an emergency. Check the reference, or ask your compliance officer."
    asked = {**here, "form": form, "own": [usual, *rows[3:]],
             "hours": [("1", "1 hour"), ("2", "2 hours"), ("4", "4 hours"), ("8", "8 hours")]}  # fmt: skip
    refusal = {**form, "errors": [{"field": "reference", "message": missing}], "error_of": {"reference": missing}}
    return {
        "emergencies": ("pages/emergencies.html", listed),
        "emergencies-refused": ("pages/emergencies.html", refused),
        "emergencies-none": ("pages/emergencies.html", {**listed, "rows": [], "next_href": ""}),
        "emergencies-all": ("pages/emergencies.html", {**listed, "rows": rows[3:], "whole": True, "next_href": ""}),
        "emergency": ("pages/emergency.html", asked),
        "emergency-refused": ("pages/emergency.html", {**asked, "own": [], "form": refusal}),
    }


def _reasons(here: dict[str, Any], ago: Callable[..., Any], case: Callable[..., Any]) -> dict[str, Any]:
    roles = [{"role": "Team leader", "unit": "Harbour Bank"}]
    fields = [
        {"label": "Names of people", "shown": True, "given": roles, "roles": [], "people": []},
        {"label": "E-mail addresses", "shown": False, "given": [], "roles": ["Agent", "Team leader"],
         "people": ["Ewa Wrona", "Piotr Maj"]},
        {"label": "Support needs", "shown": False, "given": [], "roles": [], "people": []},
    ]  # fmt: skip
    ways = [
        {"icon": "users", "text": "Your role shows you the cases of this unit.", "roles": roles},
        {"icon": "urgent", "text": "You opened it by emergency access, for reading alone. It ends by itself, and "
         "somebody reviews it.", "roles": [], "until": ago(hours=-1)},
    ]  # fmt: skip
    why = {**here, "reference": "OMB-7K2QF-9", "href": "/cases/OMB-7K2QF-9", "unit": "Harbour Bank", "ways": ways,
           "fields": fields, "masked": 2, "program": False}  # fmt: skip
    emergency = {"until": ago() + timedelta(hours=1), "left": "59 min", "end": "/cases/OMB-7K2QF-9/emergency/end"}
    return {
        "case-access": ("pages/case_access.html", why),
        "case-access-whole": ("pages/case_access.html", {**why, "masked": 0, "fields": fields[:1], "program": True,
                                                         "ways": ways[:1]}),
        "case-emergency": ("pages/case.html", case(emergency=emergency, masked=True, may_see_viewers=True)),
    }  # fmt: skip
