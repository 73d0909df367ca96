"""Sample contexts of the pages of returns to regulators."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any


def pages(
    work: Callable[..., Any], csrf_field: Any, ago: Callable[..., datetime]
) -> dict[str, tuple[str, dict[str, Any]]]:
    at = ago(hours=2)

    def around(**more: Any) -> dict[str, Any]:
        return {"shell": work("returns"), "csrf_field": csrf_field, **more}

    line = {
        "href": "/returns/1", "label": "Complaints return (Annex 1R)", "regulator": "Financial Conduct Authority",
        "unit": "Alder Bank plc", "period": "1 January 2026 – 30 June 2026", "due_on": date(2026, 8, 11), "number": 1,
        "state": "draft", "state_label": "Draft", "tone": "warn", "icon": "edit", "filed_on": None,
        "filed_reference": "",
    }  # fmt: skip
    filed = {**line, "state": "filed", "state_label": "Filed", "tone": "ok", "icon": "send", "number": 2,
             "filed_on": date(2026, 7, 20), "filed_reference": "REG-77"}  # fmt: skip
    kind = {
        "key": "fca.annex1r",
        "label": line["label"],
        "regulator": line["regulator"],
        "summary": "Twice a year, within 30 business days of the period's end.",
        "href": "/returns/new/fca.annex1r",
    }
    whole = {"id": "1", "version": 3, "taxonomy": "annex1r-2026", "digest": "", "amends": "", "amended_by": "",
             "is_draft": True}  # fmt: skip
    draft = {**line, **whole}
    done = {**filed, **whole, "digest": "ab" * 32, "amends": "/returns/0", "is_draft": False}

    def figure(number: str, label: str, value: str | None, unit: str = "count", **more: Any) -> dict[str, Any]:
        return {"number": number, "label": label, "value": value, "unit": unit, "definition": "Received in the period.",
                "definition_version": "1", "official": True, "entered": False, "name": f"item.{number}",
                "href": f"/returns/1/figures?number={number}" if value else "", **more}  # fmt: skip

    header = [
        figure("1", "Does this return cover more than one entity?", None, "yes_no", entered=True),
        figure("47", "Brands", None, "text", entered=True),
        figure("49", "Complaints opened", "598"),
    ]
    cells = [figure("part_a1/banking/opened", "Opened", "598"), figure("part_a1/banking/share", "Upheld", "56.59",
             "per_cent"), figure("part_a1/banking/provision", "Provision", None, entered=True)]  # fmt: skip
    table = {
        "key": "part_a1",
        "label": "Part A-1: complaints by product group",
        "note": "Shares are of what was closed.",
        "columns": [
            {"number": each, "label": each.capitalize(), "unit": "count"} for each in ("opened", "upheld", "provision")
        ],
        "rows": [],
        "live": 1,
        "lines": [
            {"code": "banking", "label": "Banking and credit cards", "group": "", "verified": True, "cells": cells},
            {"code": "motor", "label": "Motor", "group": "Insurance", "verified": False, "cells": cells},
        ],
    }
    labels = ("Collected", "Frozen", "Signed", "Filed")
    steps = [{"label": label, "at": at, "by": "Anna Maj", "state": state, "is_day": False}
             for label, state in zip(labels, ("done", "next", "later", "later"), strict=True)]  # fmt: skip
    ended = [{"label": label, "at": date(2026, 7, 20) if label == "Filed" else at, "by": "Anna Maj", "state": "done",
              "is_day": label == "Filed"} for label in labels]  # fmt: skip
    case = {"reference": "OMB-4182", "href": "/cases/OMB-4182"}
    shown = {
        "head": draft, "steps": steps, "failed": "", "problems": ["What was opened: item 49 says 598, the tables 597"],
        "lacking": [{"lacks": "category", "count": 3, "hidden": 2, "more": 0, "cases": [case]},
                    {"lacks": "cause", "count": 212, "hidden": 0, "more": 12, "cases": [case]}],
        "runs_until": None, "late": True, "signs_second": False, "settings_href": "/settings/p-fca",
        "left_out": [{"currency": "EUR", "cases": 12, "sum": "1834.50"}], "today": "2026-08-20",
        "unverified": ["Columns and cells of the tables", "Motor"],
        "title": "Complaints return (DISP 1 Annex 1R)", "rule": "A complaint counts once, under its main part.",
        "currency": "GBP", "header": header, "tables": [table], "standing": "draft: not frozen", "may_prepare": True,
        "may_sign": True, "may_freeze": False, "trail": [],
        "form": {"item.1": "No", "filed_on": "", "filed_reference": "", "reason": ""}, "errors": [], "error_of": {},
    }  # fmt: skip
    sound = {**shown, "problems": [], "lacking": [], "late": False, "left_out": [], "settings_href": ""}
    frozen = {**sound, "head": {**done, "state": "frozen", "amends": ""}, "standing": "official", "unverified": []}
    changed = {"number": "part_a1/banking/upheld", "label": "Banking: Upheld", "before": "339", "after": "338"}
    begin = {"action": "/returns/new/fca.annex1r", "label": line["label"], "regulator": line["regulator"],
             "summary": kind["summary"]}  # fmt: skip
    return {
        "returns": ("pages/returns.html", around(returns=[line, filed], kinds=[kind], may_prepare=True,
                                               errors=[])),
        "returns-none": ("pages/returns.html", around(returns=[], kinds=[], may_prepare=False, errors=[])),
        "return-new": ("pages/return_new.html", around(**begin,
            units=[("1", "Alder Bank plc")], periods=[("a", "1 January 2026 – 30 June 2026")],
            form={"unit": "", "period": "", "errors": [], "error_of": {}})),
        "return-new-none": ("pages/return_new.html", around(**begin, units=[],
            periods=[], form={"unit": "", "period": "", "errors": [], "error_of": {}})),
        "return-draft": ("pages/return.html", around(**shown)),
        "return-ready": ("pages/return.html", around(**{**sound, "may_freeze": True})),
        "return-runs": ("pages/return.html", around(**{**sound, "runs_until": date(2026, 12, 31)})),
        "return-second": ("pages/return.html", around(**{**frozen, "signs_second": True})),
        "return-frozen": ("pages/return.html", around(**frozen)),
        "return-signed": ("pages/return.html", around(**{**frozen, "head": {**done, "state": "signed"}})),
        "return-filed": ("pages/return.html", around(**{**frozen, "head": done, "steps": ended})),
        "return-failed": ("pages/return.html", around(**{**sound, "failed": "The plugin is off.",
                                                                 "header": [], "tables": [], "may_prepare": False})),
        "return-figure": ("pages/return_figure.html", around(
            head=draft, figure=header[2], place=("Part A-1", "Banking and credit cards"), more=3, unseen=2,
            rule=shown["rule"],
            cases=[{"reference": "OMB-41", "href": "/cases/OMB-41", "received_on": date(2026, 3, 2), "adds": "1"}])),
        "return-difference": ("pages/return_difference.html", around(
            head=done, sides=("Version 1", "As the desk stands"), figures=[changed],
            cases=[{"reference": "OMB-4182", "href": "/cases/OMB-4182", "lines": [("outcome", "Upheld", "Not upheld")]},
                   {"reference": "OMB-4183", "href": "/cases/OMB-4183", "lines": []}], unseen=1)),
        "return-difference-none": ("pages/return_difference.html", around(
            head=done, sides=("Version 1", "Version 2"), figures=[], cases=[], unseen=0)),
    }  # fmt: skip
