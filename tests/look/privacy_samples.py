"""Requests about personal data as the pages draw them."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import admin_samples

from ombud.desk.privacy.automated import Done
from ombud.desk.privacy.correcting import Record, Told
from ombud.desk.privacy.destroying import Order
from ombud.desk.privacy.erasing import Certificate, Kept, Preview
from ombud.desk.privacy.figures import FIGURES, YearLine
from ombud.desk.privacy.holds import HoldShown
from ombud.desk.privacy.laws import span_words
from ombud.desk.privacy.marks import MarkShown
from ombud.desk.privacy.reach import CaseReached
from ombud.desk.privacy.shown import RequestLine, RequestShown
from ombud.desk.privacy.signals import OptOut
from ombud.web.pages.privacy import (
    AGENT_WORDS,
    CHANNEL_WORDS,
    CHECK_WORDS,
    DOES_WORDS,
    EMPTY,
    LIST_WORDS,
    OUTCOME_WORDS,
    RESULT_WORDS,
    REVIEW_WORDS,
    TOLD_WORDS,
)
from ombud.web.pages.privacy_laws import PART_WORDS, UNIT_WORDS
from ombud_plugin_api import Ground, Law, RequestFollowed, Right, Span
from ombud_plugin_api.request_form import WORDS as FORM_WORDS

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
        "answered_by": None, "agent_result": "", "agent_checks": [], "agent_until": None, "proved_at": NOW,
        "reviewed_at": None, "reviewed_by": None, "review_result": "", "review": "", **more,
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
        "papers": [{"name": "authority.pdf", "size": 48_000, "what": "Authority", "href": "/privacy/1/files/1",
                    "created_at": NOW}],
        "mail": True, "same_address": True, "checks": list(CHECK_WORDS.items()),
        "agent_results": list(AGENT_WORDS.items()), "details": [], "corrections": [], "tells": True, "told": TOLD,
        "done_by_rules": [], "review_results": list(REVIEW_WORDS.items()), "marked": False,
        "form": {"errors": [], "error_of": {}}, **more,
    }  # fmt: skip


TOLD = [
    (Told(ONE, "crm", "Salesforce", "open", "", None, ""), TOLD_WORDS["open"]),
    (Told(TWO, "case_file", "Ombudsman", "told", "By their form.", NOW, "Ewa Wrona"), TOLD_WORDS["told"]),
]
DETAILS = Record(TWO, 3, {"name": "Helena Marsh", "email": "helena@example.org", "phone": "", "postcode": "LS1 1AA",
                          "address": "", "language": "en"})  # fmt: skip
FIXED = {"changes": {"name": ["Helen Marsh", "Helena Marsh"], "phone": ["", "+44 20 7946 0018"]}, "at": NOW,
         "by": "Ewa Wrona"}  # fmt: skip
FIRED = Done(NOW, "OMB-7F3K2-9", "Urgent words first", "A message came in", ("The text has words: hardship",),
             ("Set the priority to high",), ("close case: a person decides this.",))  # fmt: skip


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
    drawn = {**_lists(), **_requests(), **_working(), **_erasing()}
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
    figures = [YearLine("GDPR", "Erasure", 12, 7, 2, 1, 1, 1, 1, 14.5, 16.2, {"Legal claims": 2})]
    names = {"names": [(name, label) for name, (label, _) in FIGURES.items()], "meanings": list(FIGURES.values()),
             "signals": 31}  # fmt: skip
    wrong = [{"field": "right", "message": "Choose what they ask for."}]
    return {
        "privacy": ("pages/privacy.html", {**usual, "lines": lines}),
        "privacy-empty": ("pages/privacy.html", {**usual, "lines": [], "next_href": "", "has_laws": False}),
        "privacy-new": ("pages/privacy_new.html", {**new, "form": form}),
        "privacy-new-refused": ("pages/privacy_new.html", {
            **new, "form": {**form, "errors": wrong, "error_of": {"right": wrong[0]["message"]}},
        }),
        "privacy-new-no-law": ("pages/privacy_new.html", {**new, "rights": [], "form": form}),
        "privacy-figures": ("pages/privacy_figures.html", {"year": 2026, "years": [2026, 2025], "lines": figures,
                                                           **names}),
        "privacy-figures-none": ("pages/privacy_figures.html", {"year": 2026, "years": [2026], "lines": [],
                                                                **names}),
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


def _working() -> dict[str, Any]:
    """Requests for what is neither collected nor erased, the log of opt-outs, and lifting a mark."""
    page = "pages/privacy_request.html"
    seen = {"agent_seen_at": NOW, "agent_seen_by": ME, "agent_authority": "A signed letter.",
            "agent_checks": ["document", "person_asked"], "agent_until": date(2027, 1, 31)}  # fmt: skip
    correct = _row(does="correct", agent_result="accepted", **seen)
    wrong = {"errors": [{"field": "agent_checks", "message": "Say what you looked at."}],
             "error_of": {"agent_checks": "Say what you looked at."}, "agent_authority": "", "agent_checks": [],
             "person": str(TWO), "name": "Helena M"}  # fmt: skip
    review = _row(does="review", agent_result="refused", reviewed_at=NOW, reviewed_by=ME, review_result="stands",
                  review="The words are there.", **seen)  # fmt: skip
    lines = [
        {"line": OptOut(NOW, "gpc", "browser", ("ccpa", "ccpa.co"), done_at=NOW, outcome="granted"),
         "how": "Global Privacy Control", "who": "A browser", "outcome": "Granted", "href": ""},
        {"line": OptOut(NOW, "form", "person", ("ccpa",), "PD-00018", ONE), "how": "Form", "who": "A person",
         "outcome": "", "href": "/privacy/1"},
    ]  # fmt: skip
    log = {"year": 2026, "years": [2026, 2025], "honoured": ["ccpa"], "browsers": 1}
    mark = {"found": MarkShown(ONE, "restrict", NOW, TWO, "Helena Marsh"), "because": "", "wrong": "", "errors": []}
    return {
        "privacy-request-correct": (page, _request(correct, details=[DETAILS], corrections=[FIXED], form=wrong,
                                                   same_address=False)),
        "privacy-request-review": (page, _request(review, done_by_rules=[FIRED], tells=False, told=[], papers=[])),
        "privacy-request-review-none": (page, _request(_row(does="review", agent_name="", proved_at=None), tells=False,
                                                       told=[], papers=[], mail=False, marked=True)),
        "privacy-opt-outs": ("pages/privacy_opt_outs.html", {**log, "lines": lines}),
        "privacy-opt-outs-none": ("pages/privacy_opt_outs.html", {**log, "lines": [], "honoured": [], "browsers": 0}),
        "privacy-mark": ("pages/privacy_mark.html", mark),
        "privacy-mark-refused": ("pages/privacy_mark.html", {
            **mark, "wrong": "Say why.", "errors": [{"field": "because", "message": "Say why."}],
            "found": MarkShown(ONE, "opt_out", NOW, TWO, None),
        }),
    }  # fmt: skip


def public_pages(public: Callable[..., Any], csrf_field: Callable[[], Any]) -> dict[str, Any]:
    """The form for requests about data, which plugins with laws serve."""
    own = {"lead": "It is free.", "laws": {"gdpr": "European Union"}, "rights": {}}
    texts = {language: {**words, "own": own} for language, words in FORM_WORDS.items()}
    usual = {"shell": public(), "csrf_field": csrf_field, "texts": texts}
    typed = {"law": "gdpr", "right": "", "name": "", "email": "nowhere", "words": WORDS, "who": "other",
             "agent_name": "", "key": "k"}  # fmt: skip
    wrong = {"right": "Choose what you ask for.", "email": "Give an e-mail address.", "authority": "It is empty."}
    problems = [{"field": field, "message": message} for field, message in wrong.items()]
    other = Law("gdpr.uk", "UK GDPR", ("GB",), (ERASURE,))
    form = {**usual, "at": "/p/gdpr/", "laws": (LAW, other), "law": LAW, "typed": typed, "wrong": {}, "problems": []}
    doors = [{"href": "/p/gdpr/", "icon": "shield-lock", "title": "GDPR", "text": "GDPR, UK GDPR"}]
    asked = {**usual, "at": "/p/gdpr/asked/x", "again": "/p/gdpr/", "sent": False, "wrong": "", "problems": [],
             "address": "desk.example/p/gdpr/asked/0123456789012345678901234567890123456789012"}  # fmt: skip
    code = "This is not the code, or it is too old."
    return {
        "rights-form": ("public/rights_form.html", {**form, "wrong": wrong, "problems": problems}),
        "rights-form-polish": ("public/rights_form.html", {**form, "shell": public(language="pl", signal=True)}),
        "rights-form-places": ("public/rights_form.html", {**form, "law": None}),
        "rights-form-none": ("public/rights_form.html", {**form, "laws": (), "law": None}),
        "rights-asked": ("public/rights_asked.html", {**asked, "request_shown": _followed()}),
        "rights-asked-code": ("public/rights_asked.html", {
            **asked, "request_shown": _followed(), "sent": True, "wrong": code,
            "problems": [{"field": "code", "message": code}],
        }),
        "rights-asked-proved": ("public/rights_asked.html", {
            **asked, "request_shown": _followed(proved=True, extended_because="Many messages."),
        }),
        "rights-asked-answered": ("public/rights_asked.html", {
            **asked, "request_shown": _followed(proved=True, state="answered", outcome="partly", answer="Here it is."),
        }),
        "rights-gone": ("public/rights_gone.html", {**usual, "again": "/p/gdpr/"}),
        "front-data": ("pages/front_data.html", {"shell": public(signal=True), "doors": doors}),
    }  # fmt: skip


def _followed(**more: Any) -> RequestFollowed:
    given: dict[str, Any] = {
        "reference": "PD-00017", "law": "gdpr", "right": "erasure", "does": "erase", "received_on": date(2026, 11, 3),
        "answer_by": date(2026, 12, 3), "state": "open", "outcome": "", "organisation": "Harbour Bank",
        "identity": "doubt", "for_somebody": False, "may_prove": True, "proved": False, **more,
    }  # fmt: skip
    return RequestFollowed(**given)


def _erasing() -> dict[str, Any]:
    found = {"reference": "PD-00017", "terms": TERMS, "version": 4, "identity": "confirmed"}
    usual = {"request_id": ONE, "found": found, "keep": {}, "errors": [], "grounds": [("claims", "Legal claims")]}
    hold = HoldShown(ONE, "OMB-7F3K2-9", None, "OMB-7F3K2-9", "Proceedings 4 C 12.", "Order of the court",
                     date(2027, 3, 1), NOW, "Ewa Wrona", None, "")  # fmt: skip
    lifted = HoldShown(TWO, "", TWO, "Helena Marsh", "An audit.", "Audit Act", None, NOW, "Ewa Wrona", NOW, "It ended.")
    form = {"case": "", "person": "", "reason": "", "source": "", "review_on": "", "errors": [], "error_of": {}}
    kept = Order((ONE,), (), (TWO,))
    named: dict[str, str] = {"core_case": "cases"}
    bare: dict[str, dict[str, str]] = {"words": {}}
    return {
        "privacy-erase": ("pages/privacy_erase.html", {**usual, "words": {}, "seen": _preview()}),
        "privacy-erase-held": ("pages/privacy_erase.html", {
            **usual, "words": {}, "seen": _preview(order=kept, held=True, open_cases=["OMB-7F3K2-9"]),
            "errors": [{"field": "sure", "message": "Tick that you read what goes."}],
        }),
        "privacy-certificate": ("pages/privacy_certificate.html", {"found": _certificate(), "words": named}),
        "privacy-certificate-part": ("pages/privacy_certificate.html", {"found": _certificate(whole=False), **bare}),
        "privacy-certificate-waiting": ("pages/privacy_certificate.html", {
            "found": _certificate(state="waiting"), **bare,
        }),
        "privacy-certificate-stopped": ("pages/privacy_certificate.html", {
            "found": _certificate(state="stopped", sources=[SILENT]), "words": {},
        }),
        "privacy-holds": ("pages/privacy_holds.html", {"holds": [hold, lifted], "form": form}),
        "privacy-holds-none": ("pages/privacy_holds.html", {"holds": [], "form": {**form, "person": str(TWO)}}),
    }  # fmt: skip
