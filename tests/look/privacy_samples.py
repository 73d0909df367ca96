"""Requests about personal data as the pages draw them."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import admin_samples

from ombud.desk.privacy.destroying import Order
from ombud.desk.privacy.erasing import Certificate, Kept, Preview
from ombud.desk.privacy.holds import HoldShown
from ombud.desk.privacy.laws import span_words
from ombud.desk.privacy.reach import CaseReached
from ombud.desk.privacy.shown import RequestLine, RequestShown, YearLine
from ombud.web.pages.privacy import CHANNEL_WORDS, DOES_WORDS, EMPTY, LIST_WORDS, OUTCOME_WORDS, RESULT_WORDS
from ombud.web.pages.privacy_laws import PART_WORDS, UNIT_WORDS
from ombud_plugin_api import Ground, Law, Right, Span

NOW = datetime(2026, 11, 23, 8, 31, tzinfo=UTC)
ONE, TWO, ME = UUID(int=1), UUID(int=2), UUID(int=3)
MONTH = Span(1, "months", "GDPR Art. 12(3)", "secondary")
MORE = Span(2, "months", "GDPR Art. 12(3)", "corrected")
CLAIMS = Ground("claims", "Legal claims", "GDPR Art. 17(3)(e)", "secondary", ("erase",))
ERASURE = Right("erasure", "Erasure", "erase", "GDPR Art. 17", MONTH, MONTH, MORE, "For complex requests.")
LAW = Law("gdpr", "GDPR", ("EU",), (ERASURE,), (CLAIMS,), "One month runs from receipt.")
TERMS: dict[str, Any] = {
    "law": "GDPR", "right": "Erasure", "source": "GDPR Art. 17", "identity": "doubt", "agent": "A signed letter.",
    "extension_rule": "For complex requests.",
    "answer": {"amount": 1, "unit": "months", "source": "GDPR Art. 12(3)", "provenance": "secondary"},
    "acknowledge": {"amount": 10, "unit": "days", "source": "Act s. 2", "provenance": "corrected"},
    "extension": {"amount": 2, "unit": "months", "source": "GDPR Art. 12(3)", "provenance": "official"},
}  # fmt: skip
WORDS = "Please erase everything you keep of me. I closed my account in May and want no letters any more."


def _line(**more: Any) -> RequestLine:
    given: dict[str, Any] = {
        "id": ONE, "reference": "PD-00017", "law": "GDPR", "right": "Erasure", "does": "erase", "name": "Helena Marsh",
        "received_at": NOW, "due_at": NOW + timedelta(days=20), "state": "open", "outcome": "", "identity": "",
        "person_known": True, **more,
    }  # fmt: skip
    return RequestLine(**given)


def _row(**more: Any) -> dict[str, Any]:
    return {
        "id": ONE, "reference": "PD-00017", "terms": TERMS, "state": "open", "outcome": "", "does": "erase",
        "person_id": TWO, "name": "Helena Marsh", "contact": "helena@example.org", "words": WORDS, "version": 4,
        "identity": "confirmed", "identity_how": "Called back on the number we know.", "identity_by": ME,
        "identity_at": NOW, "agent_name": "Marsh & Sons, solicitors", "agent_authority": "", "agent_seen_by": None,
        "agent_seen_at": None, "received_at": NOW, "due_at": NOW + timedelta(days=20),
        "acknowledge_by": NOW + timedelta(days=10), "acknowledged_at": None, "extended_at": None,
        "extended_because": "", "grounds": [], "grounds_words": "", "answer": "", "answered_at": None,
        "answered_by": None, **more,
    }  # fmt: skip


GATHERED: dict[str, Any] = {
    "state": "complete", "current": True, "missing": [], "redactions": 12, "by": "Ewa Wrona", "asked_at": NOW,
    "sources": [{"source": "core", "label": "Ombud", "state": "answered", "why": "", "items": 48},
                {"source": "phone", "label": "Phone", "state": "answered", "why": "", "items": 1}],
}  # fmt: skip
SILENT = {"source": "webform", "label": "Unsent complaints", "state": "off", "items": 0,
          "why": "The plugin is off and keeps something that only it can look up. Turn it on, then ask "
                 "again."}  # fmt: skip


def _certificate(**more: Any) -> Certificate:
    given: dict[str, Any] = {
        "id": ONE, "request_id": TWO, "reference": "PD-00017", "state": "done", "ordered_at": NOW, "done_at": NOW,
        "whole": True, "gone": {"core_person": 1, "core_message": 14, "phone_recording": 1},
        "sources": [{"source": "webform", "label": "Unsent complaints", "state": "answered", "why": "", "items": 1}],
        "kept": [{"what": "OMB-7F3K2-9", "why": "legal hold", "source": "Order of the court"}], "keys": 3,
        "journal_line": 7, "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "by": "Ewa Wrona", "file": b"{}", **more,
    }  # fmt: skip
    return Certificate(**given)


def _request(row: dict[str, Any], **more: Any) -> dict[str, Any]:
    line = _line(state=row["state"], outcome=row["outcome"])
    found = RequestShown(row, line, "Helena Marsh", "Harbour Bank", False, {str(ME): "Ewa Wrona"})
    return {
        "found": found, "row": row, "terms": TERMS, "late": False, "does": DOES_WORDS["erase"],
        "channel": CHANNEL_WORDS["letter"],
        "spans": {"answer": span_words(MONTH), "acknowledge": "10 days", "extension": span_words(MORE)},
        "outcome": OUTCOME_WORDS.get(row["outcome"], ""), "result": RESULT_WORDS.get(row["identity"], ""),
        "results": list(RESULT_WORDS.items()), "outcomes": list(OUTCOME_WORDS.items()),
        "grounds": [("claims", "Legal claims", "GDPR Art. 17(3)(e), not checked against the law's text")],
        "gathered": GATHERED, "may_erase": True, "erasures": [], "trail": admin_samples.TRAIL,
        "people": [{"id": str(TWO), "name": "Helena Marsh", "chosen": True, "cases": ["OMB-7F3K2-9"]},
                   {"id": str(ONE), "name": "H. Marsh", "chosen": False, "cases": []}],
        "form": {"errors": [], "error_of": {}}, **more,
    }  # fmt: skip


def _preview(**more: Any) -> Preview:
    case = CaseReached(TWO, "OMB-7F3K2-9", "The fee was taken twice", ONE, "closed", False, True, False)
    given: dict[str, Any] = {
        "order": Order((ONE,), (TWO,)), "gone": [("messages", 14), ("files", 3), ("who they are", 1)],
        "plugins": {"phone_recording": 1}, "asked": ["Web form"], "cases": [case], "open_cases": [], "held": False,
        "kept": [Kept("OMB-8G4L3-0", "legal hold", "Order of the court", str(ONE))], **more,
    }  # fmt: skip
    return Preview(**given)


def pages(work: Callable[..., Any], csrf_field: Callable[[], Any]) -> dict[str, Any]:
    around = {"shell": work("privacy"), "csrf_field": csrf_field}
    inside = {"shell": work("administration"), "csrf_field": csrf_field, "places": [{"label": "Desk", "places": []}]}
    drawn = {**_lists(), **_requests(), **_erasing()}
    found = {name: (template, {**around, **context}) for name, (template, context) in drawn.items()}
    laws = {"place": "laws", "may_change": True, "trail": admin_samples.TRAIL, "units": UNIT_WORDS, **_laws()}
    found["privacy-laws"] = ("pages/privacy_laws.html", {**inside, **laws})
    found["privacy-laws-none"] = ("pages/privacy_laws.html", {**inside, **laws, "laws": [], "times": []})
    return found


def _laws() -> dict[str, Any]:
    times = [
        {"label": PART_WORDS[part], "words": span_words(span), "source": span.source, "provenance": span.provenance}
        for part, span in (("answer", MONTH), ("extension", MORE))
    ]
    return {
        "laws": [{"law": LAW, "rights": [{"right": ERASURE, "times": times}]}],
        "times": [("gdpr/erasure/answer", "GDPR: Erasure, answer")],
        "form": {"time": "", "amount": "0", "unit": "days", "source": "",
                 "errors": [{"field": "amount", "message": "Give a whole number from 1 to 3650."}],
                 "error_of": {"amount": "Give a whole number from 1 to 3650."}},
    }  # fmt: skip


def _lists() -> dict[str, Any]:
    lists = [{"code": code, "label": words, "icon": icon, "href": f"/privacy?which={code}", "count": 2}
             for code, (words, icon) in LIST_WORDS.items()]  # fmt: skip
    lines = [
        {"line": _line(), "href": "/privacy/1", "late": False, "outcome": ""},
        {"line": _line(name="", person_known=False, identity="confirmed"), "href": "/privacy/2", "late": True,
         "outcome": ""},
        {"line": _line(name=None, state="answered", outcome="partly"), "href": "/privacy/3", "late": False,
         "outcome": "Granted in part"},
    ]  # fmt: skip
    usual = {"which": "open", "lists": lists, "next_href": "/privacy?at=2", "may_erase": True, "has_laws": True,
             "year": 2026, "empty": EMPTY["open"]}  # fmt: skip
    form = {"right": "gdpr/erasure", "unit": "1", "name": "", "contact": "", "words": "", "channel": "letter",
            "received_on": "", "agent_name": "", "person": str(TWO), "errors": [], "error_of": {}}  # fmt: skip
    new = {"rights": [("gdpr/erasure", "GDPR: Erasure", "1 month. With exceptions.")], "units": [("1", "Harbour Bank")],
           "channels": list(CHANNEL_WORDS.items()), "person_name": "Helena Marsh",
           "today": date(2026, 11, 23)}  # fmt: skip
    figures = [YearLine("GDPR", "Erasure", 12, 7, 2, 1, 1, 1, 1, 14.5, {"Legal claims": 2})]
    wrong = [{"field": "right", "message": "Choose what they ask for."}]
    return {
        "privacy": ("pages/privacy.html", {**usual, "lines": lines}),
        "privacy-empty": ("pages/privacy.html", {**usual, "lines": [], "next_href": "", "has_laws": False}),
        "privacy-new": ("pages/privacy_new.html", {**new, "form": form}),
        "privacy-new-refused": ("pages/privacy_new.html", {
            **new, "form": {**form, "errors": wrong, "error_of": {"right": wrong[0]["message"]}},
        }),
        "privacy-new-no-law": ("pages/privacy_new.html", {**new, "rights": [], "form": form}),
        "privacy-figures": ("pages/privacy_figures.html", {"year": 2026, "years": [2026, 2025], "lines": figures}),
        "privacy-figures-none": ("pages/privacy_figures.html", {"year": 2026, "years": [2026], "lines": []}),
    }  # fmt: skip


def _requests() -> dict[str, Any]:
    page = "pages/privacy_request.html"
    answered = _row(
        state="answered", outcome="partly", answer="We erased what we may.", answered_by=ME, answered_at=NOW,
        grounds=[{"key": "claims", "label": "Legal claims", "source": "GDPR Art. 17(3)(e)"}], extended_at=NOW,
        extended_because="Six hundred messages.", acknowledged_at=NOW, agent_seen_at=NOW, agent_seen_by=ME,
        agent_authority="A signed letter of 3 May.",
    )  # fmt: skip
    wrong = {"errors": [{"field": "how", "message": "Say how."}], "error_of": {"how": "Say how."}, "how": ""}
    missing = {**GATHERED, "state": "missing", "missing": [SILENT], "current": False}
    return {
        "privacy-request": (page, _request(_row(), erasures=[_certificate(state="stopped")])),
        "privacy-request-missing": (page, _request(_row(identity="", identity_at=None, identity_how=""),
                                                   gathered=missing, form=wrong, late=True)),
        "privacy-request-waiting": (page, _request(_row(identity="asked"), gathered={**GATHERED, "state": "waiting"},
                                                   people=[], erasures=[_certificate(state="waiting")])),
        "privacy-request-answered": (page, _request(answered, erasures=[_certificate()])),
        "privacy-request-withdrawn": (page, _request(_row(state="withdrawn", agent_name="", identity="failed"),
                                                     gathered=None, may_erase=False)),
    }  # fmt: skip


def _erasing() -> dict[str, Any]:
    found = {"reference": "PD-00017", "terms": TERMS, "version": 4, "identity": "confirmed"}
    usual = {"request_id": ONE, "found": found, "keep": {}, "errors": [], "grounds": [("claims", "Legal claims")]}
    hold = HoldShown(ONE, "OMB-7F3K2-9", None, "OMB-7F3K2-9", "Proceedings 4 C 12.", "Order of the court",
                     date(2027, 3, 1), NOW, "Ewa Wrona", None, "")  # fmt: skip
    lifted = HoldShown(TWO, "", TWO, "Helena Marsh", "An audit.", "Audit Act", None, NOW, "Ewa Wrona", NOW, "It ended.")
    form = {"case": "", "person": "", "reason": "", "source": "", "review_on": "", "errors": [], "error_of": {}}
    kept = Order((ONE,), (), (TWO,))
    return {
        "privacy-erase": ("pages/privacy_erase.html", {**usual, "seen": _preview()}),
        "privacy-erase-held": ("pages/privacy_erase.html", {
            **usual, "seen": _preview(order=kept, held=True, open_cases=["OMB-7F3K2-9"]),
            "errors": [{"field": "sure", "message": "Tick that you read what goes."}],
        }),
        "privacy-certificate": ("pages/privacy_certificate.html", {"found": _certificate()}),
        "privacy-certificate-part": ("pages/privacy_certificate.html", {"found": _certificate(whole=False)}),
        "privacy-certificate-waiting": ("pages/privacy_certificate.html", {"found": _certificate(state="waiting")}),
        "privacy-certificate-stopped": ("pages/privacy_certificate.html", {
            "found": _certificate(state="stopped", sources=[SILENT]),
        }),
        "privacy-holds": ("pages/privacy_holds.html", {"holds": [hold, lifted], "form": form}),
        "privacy-holds-none": ("pages/privacy_holds.html", {"holds": [], "form": {**form, "person": str(TWO)}}),
    }  # fmt: skip
