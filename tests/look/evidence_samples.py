"""What leaves the desk as evidence, as the pages draw it."""

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

from ombud.desk.casefile.making import FileMade
from ombud.desk.trail.as_of import Words
from ombud.insight.compliance import CORE, Control, Holding, Report

HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def pages(
    work: Callable[..., Any], csrf_field: Any, ago: Callable[..., Any], administration: Callable[..., Any]
) -> dict[str, Any]:
    """`work`: the shell of a page; `ago`: a moment before now; `administration`: what its pages share."""
    drawn = _Drawn(work, csrf_field, ago)
    return {**drawn.case_files(), **drawn.as_of(), **drawn.compliance(administration)}


class _Drawn:
    def __init__(self, work: Callable[..., Any], csrf_field: Any, ago: Callable[..., Any]) -> None:
        self.work, self.csrf_field, self.ago = work, csrf_field, ago

    def case_files(self) -> dict[str, Any]:
        def drawn(wrong: dict[str, str] | None = None, form: dict[str, Any] | None = None, **more: Any) -> Any:
            errors = [{"field": field, "message": text} for field, text in (wrong or {}).items()]
            usual = {
                "shell": self.work("queue"),
                "csrf_field": self.csrf_field,
                "case": {"reference": "OMB-4182", "title": "Fee taken twice", "href": "/cases/OMB-4182"},
                "profile": {
                    "key": "ombudsman-file",
                    "label": "Ombudsman's file",
                    "recipient": "Financial Ombudsman Service",
                },
                "others": [("pl", "Akta dla Rzecznika")],
                "cover": [("Firm number", "123456"), ("Represented", "No")],
                "missing": ["No final response was sent, and the 56 days are over."],
                "trouble": "",
                "aspects": [
                    {
                        "id": "1",
                        "letter": "A",
                        "title": "Overdraft fee taken twice",
                        "outcome": "Upheld",
                        "ticked": True,
                    },
                    {"id": "2", "letter": "B", "title": "A rude call", "outcome": "", "ticked": False},
                ],
                "items": self._items(),
                "size": 48_000,
                "outsiders": ["witness"],
                "made": [],
                "marked": [("m:1", "2026-11-03: Message to us")],
                "form": {
                    "marked": "",
                    "reason": "",
                    "lift": False,
                    **(form or {}),
                    "errors": errors,
                    "error_of": wrong or {},
                },
            }
            return ("pages/case_file.html", {**usual, **more})

        return {
            "case-file": drawn(),
            "case-file-made": drawn(made=self._made(), missing=[], aspects=[], others=[]),
            "case-file-none": drawn(items=[], marked=[], missing=[], cover=(), outsiders=[], size=0),
            "case-file-refused": drawn(
                {"reason": "This is empty. Write at least a few words."},
                {"marked": "m:1", "reason": ""},
                trouble="Ombudsman's file could not say what belongs on the cover. The file goes without it.",
            ),
            "case-file-lift": drawn(
                {"reason": "This is empty. Write at least a few words."}, {"marked": "m:4", "lift": True}
            ),
        }

    def _items(self) -> list[dict[str, Any]]:
        usual = {
            "key": "m:1",
            "kind": "Message to us",
            "title": "Fee taken twice",
            "who": "Helena Marsh",
            "at": self.ago(days=20),
            "text": "You took the overdraft fee twice, on 3 and on 4 October.",
            "about": ["A"],
            "included": True,
            "may": True,
            "why": "",
            "reason": "",
            "size": None,
            "privileged": False,
            "href": "",
        }
        out = {"included": False, "at": self.ago(days=9)}
        return [
            usual,
            {
                **usual,
                "key": "f:2",
                "kind": "File",
                "title": "Statement October 2026.pdf",
                "text": "",
                "size": 48_000,
                "href": "/files/2",
            },
            {
                **usual,
                **out,
                "key": "m:3",
                "kind": "Note",
                "title": "Note",
                "who": "Ewa Kruk",
                "about": [],
                "text": "The branch confirms both bookings.",
                "why": "A note for staff alone",
            },
            {
                **usual,
                **out,
                "key": "m:4",
                "kind": "Message from us",
                "title": "Message from us",
                "who": "Piotr Maj",
                "text": "",
                "why": "Legally privileged",
                "reason": "Advice of counsel to the firm",
                "may": False,
                "privileged": True,
            },
            {
                **usual,
                **out,
                "key": "m:5",
                "kind": "Message to us",
                "title": "The call",
                "about": ["B"],
                "may": False,
                "text": "Your colleague shouted at me.",
                "why": "About aspects that are not part of this file",
            },
        ]

    def _made(self) -> list[dict[str, Any]]:
        def one(number: int, state: str, trouble: str = "") -> dict[str, Any]:
            ready = state == "ready"
            shown = FileMade(
                UUID(int=number),
                "ombudsman-file",
                state,
                trouble,
                64_000 if ready else 0,
                12 if ready else 0,
                3 if ready else 0,
                HASH if ready else "",
                "Anna Bąk",
                self.ago(hours=number),
                self.ago(hours=number),
            )
            return {"label": "Ombudsman's file", "shown": shown}

        return [
            one(1, "waiting"),
            one(2, "ready"),
            one(3, "failed", "You cannot do this in this case. Ask your leader."),
        ]

    def as_of(self) -> dict[str, Any]:
        usual = {
            "shell": self.work("queue"),
            "csrf_field": self.csrf_field,
            "reference": "OMB-4182",
            "href": "/cases/OMB-4182",
            "asked": "2026-11-20",
            "wrong": "",
            "at": self.ago(days=3),
            "there": True,
            "words": Words("Overdraft fee taken twice", erased=True),
            "people": ["Helena Marsh"],
            "facts": [("Status", "In progress"), ("Owner", "Ewa Kruk"), ("Received", self.ago(days=20))],
            "aspects": [
                {
                    "letter": "A", "title": "Overdraft fee", "text": "You took the fee twice.", "erased": True,
                    "reason": "It was booked twice.", "status": "Closed", "owner": "Ewa Kruk", "category": "Fees",
                    "outcome": "Upheld", "cause": "System fault",
                    "redress": [{"kind": "Money", "amount": "40.00 EUR", "at": self.ago(days=4)}],
                },
                {
                    "letter": "B", "title": "", "text": "", "erased": False, "reason": "", "status": "Open",
                    "owner": "", "category": "", "outcome": "", "cause": "", "redress": [],
                },
            ],
            "said": [
                {"kind": "in", "author": "Helena Marsh", "at": self.ago(days=20), "text": "You took the fee twice."},
                {"kind": "note", "author": "Ewa Kruk", "at": self.ago(days=9), "text": "I rang the branch."},
            ],
            "later": 4,
            "proof": {"entry": 12, "hash": HASH, "checkpoint": (41, self.ago(days=3))},
        }  # fmt: skip
        none = {"there": False, "words": Words(), "facts": [], "people": [], "aspects": [], "said": [],
                "proof": {"entry": 0, "hash": "", "checkpoint": None}}  # fmt: skip
        return {
            "as-of": ("pages/as_of.html", usual),
            "as-of-none": ("pages/as_of.html", {**usual, **none}),
            "as-of-wrong": (
                "pages/as_of.html",
                {**usual, "asked": "yesterday", "wrong": "This is not a day and time. Write it like 2026-11-23."},
            ),
        }

    def compliance(self, administration: Callable[..., Any]) -> dict[str, Any]:
        controls = (
            Control(
                "received", "Receipt: complaints registered", "412", "", "/administration/compliance/cases/received"
            ),
            Control("late", "Response: not answered in time", "3", "The answer came, or comes, too late.", "/x"),
            Control("users", "Active users", "14", "", ""),
        )
        plugin = Holding(
            "Salesforce",
            "Accounts and contacts beside the case",
            False,
            ("salesforce_seen: name, email (delete)",),
            ("example.org",),
            "",
            "It sends data outside, and names nobody to tell of a leak.",
        )
        groups = (("Handling of complaints (stages after ISO 10002)", controls),)
        report = Report(date(2026, 1, 1), date(2026, 6, 30), self.ago(hours=1), "Modra Bank", groups, (CORE, plugin))
        usual = {
            **administration("compliance"),
            "csrf_field": self.csrf_field,
            "report": report,
            "whole": True,
            "note": "",
            "typed": {"since": "2026-01-01", "until": "2026-06-30"},
            "errors": [],
            "error_of": {},
            "download": "/administration/compliance/report.html",
        }
        bare = Report(
            date(2026, 1, 1), date(2026, 6, 30), self.ago(hours=1), "Modra Bank", (("Access", controls[:1]),), ()
        )
        wrong = {"note": "This is empty. Write at least a few words."}
        errors = [{"field": "note", "message": wrong["note"]}]
        ground = {
            **administration("compliance"),
            "words": "Response: not answered in time",
            "shown": 2,
            "back": "?since=2026-01-01",
            "cases": [
                {
                    "reference": "OMB-4182",
                    "title": "Fee taken twice",
                    "status": "Open",
                    "day": date(2026, 3, 3),
                    "href": "/c",
                },
                {
                    "reference": "OMB-4183",
                    "title": "Card lost",
                    "status": "Closed",
                    "day": date(2026, 3, 1),
                    "href": "",
                },
            ],
        }
        return {
            "compliance": ("pages/compliance.html", usual),
            "compliance-bare": ("pages/compliance.html", {**usual, "report": bare, "whole": False}),
            "compliance-refused": ("pages/compliance.html", {**usual, "errors": errors, "error_of": wrong}),
            "compliance-cases": ("pages/compliance_cases.html", ground),
            "compliance-cases-none": ("pages/compliance_cases.html", {**ground, "cases": []}),
        }
