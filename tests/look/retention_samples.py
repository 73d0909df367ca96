"""Retention as the pages draw it: what is over, the runs with their certificates, and the rules."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import admin_samples

from ombud.desk.retention.due import CaseDue, RuleCount
from ombud.desk.retention.rules import Layout, Rule
from ombud.desk.retention.shown import Preview, RunShown
from ombud.desk.retention.words import FROM_WORDS, KIND_WORDS, LINES, SPAN_WORDS, period_words, reason_words

NOW = datetime(2026, 11, 23, 8, 31, tzinfo=UTC)
DAY = date(2026, 11, 23)
ONE, TWO, THREE = UUID(int=1), UUID(int=2), UUID(int=3)
SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
LAID = Layout({ONE: {"name": "Harbour Bank", "parent_id": None, "country": "GB", "time_zone": "Europe/London"}},
              {"complaint": "Complaint", "card": "Card or payment"})  # fmt: skip
SOURCES = ("DISP 1.9: three years", "PSD2 art. 71: payments may be disputed for 13 months")
RULES = (
    Rule(ONE, None, "", "", 3, "years", "closed", SOURCES[0], True, NOW, "Adam Rey", 2),
    Rule(TWO, ONE, "GB", "card", 13, "months", "last_word", SOURCES[1], False, NOW, "", 1),
)


def _told(rule: Rule) -> dict[str, Any]:
    return {"amount": rule.amount, "span": rule.span, "counts_from": rule.counts_from}


def _preview(**more: Any) -> Preview:
    given: dict[str, Any] = {
        "day": DAY, "laid": LAID, "rules": RULES, "cases": (), "after": None, "bare": (),
        "counts": {ONE: RuleCount(ONE, 1000, 12, True), TWO: RuleCount(TWO, 1, 1, False)}, **more,
    }  # fmt: skip
    return Preview(**given)


def _case(number: int, *reasons: str, href: str = "/cases/OMB-7F3K2-9") -> dict[str, Any]:
    case = CaseDue(UUID(int=number), f"OMB-7F3K{number}-9", "The fee was taken twice", ONE, "complaint",
                   None if "open" in reasons else NOW - timedelta(days=1500), NOW, DAY - timedelta(days=number), ONE,
                   reasons)  # fmt: skip
    return {"reference": case.reference, "title": case.title, "href": href, "closed_at": case.closed_at,
            "until": case.until, "rule": "All cases", "reasons": [reason_words(each) for each in reasons]}  # fmt: skip


def _over(found: Preview, **more: Any) -> dict[str, Any]:
    return {
        "found": found, "later": False, "chosen": "", "all_href": "/privacy/retention", "next_href": "", "bare": [],
        "may_run": True, "may_write": True, "cases": [], "form": {"day": "2026-11-23", "errors": [], "error_of": {}},
        "rules": [{"words": LAID.words(each), "period": period_words(_told(each)), "source": each.source,
                   "automatic": each.automatic, "due": found.counts[each.id].due, "held": found.counts[each.id].held,
                   "more": found.counts[each.id].more, "href": "/privacy/retention?rule=1"} for each in found.rules],
        **more,
    }  # fmt: skip


def _over_pages() -> dict[str, Any]:
    page = "pages/retention.html"
    cases = [_case(1), _case(2, "hold", "request"), _case(3, "open", href=""), _case(4, "redress"), _case(5, "promise"),
             _case(6, "message"), _case(7, "shared")]  # fmt: skip
    wrong = "This is not a date. Write it like 2026-11-23."
    refused = {"day": "soon", "errors": [{"field": "day", "message": wrong}], "error_of": {"day": wrong}}
    return {
        "retention": (page, _over(_preview(), cases=cases, next_href="/privacy/retention?after=x",
                                  bare=["Harbour Bank: Card or payment"])),
        "retention-of-a-rule": (page, _over(_preview(), cases=cases[:1], chosen="All cases", later=True)),
        "retention-refused": (page, _over(_preview(), form=refused, may_run=False)),
        "retention-none": (page, _over(_preview(rules=(), counts={}))),
        "retention-none-here": (page, _over(_preview(rules=(), counts={}), may_write=False)),
    }  # fmt: skip


def _run(**more: Any) -> RunShown:
    given: dict[str, Any] = {
        "id": ONE, "kind": "person", "state": "done", "day": DAY, "began_at": NOW, "ended_at": NOW, "by": "Celia Moss",
        "destroyed": 2, "held": 1, "more": False, "sha256": SHA, **more,
    }  # fmt: skip
    return RunShown(**given)


def _certificate(**more: Any) -> dict[str, Any]:
    rule = {"id": str(ONE), "unit": str(ONE), "country": "GB", "case_type": "card", "version": 2, "source": SOURCES[0],
            "written_by": "Adam Rey", **_told(RULES[0])}  # fmt: skip
    return {
        "rules": [rule, {**rule, "id": str(TWO), "unit": "", "country": "", "case_type": "", "written_by": ""}],
        "destroyed": [{"case": str(each), "rule": str(ONE), "cases": each.int - 1} for each in (TWO, THREE)],
        "held_back": [{"case": str(ONE), "rule": str(ONE), "reasons": ["hold", "plugin webform"]}],
        "counts": {"destroyed": 2, "held_back": 1, "people": 2, "keys": 7},
        "tables": {"core_message": 14, "phone_call": 1}, "ledger": {"n": 42, "root": SHA}, **more,
    }  # fmt: skip


def _of_run(run: RunShown, told: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "run": run, "told": told, "signature": {"public_key": SHA} if told else None, "kinds": KIND_WORDS,
        "href": "/privacy/retention/runs/1", "unit_names": LAID.unit_names, "type_names": LAID.types, "lines": LINES,
        "periods": {str(ONE): period_words(_told(RULES[0])), str(TWO): period_words(_told(RULES[1]))},
        "sources": {str(ONE): SOURCES[0], str(TWO): SOURCES[1]}, "reason_of": reason_words,
    }  # fmt: skip


def _run_pages() -> dict[str, Any]:
    one, many = "pages/retention_run.html", "pages/retention_runs.html"
    nothing = _certificate(rules=[], destroyed=[], held_back=[], tables={}, ledger={})
    runs = [_run(), _run(kind="schedule", by="", more=True), _run(kind="command", by="", state="running")]
    return {
        "retention-run": (one, _of_run(_run(), _certificate())),
        "retention-run-more": (one, _of_run(_run(kind="schedule", by="", more=True, held=3), _certificate())),
        "retention-run-nothing": (one, _of_run(_run(destroyed=0, held=0), nothing)),
        "retention-run-waiting": (one, _of_run(_run(state="running"), None)),
        "retention-runs": (many, {"kinds": KIND_WORDS, "next_href": "/privacy/retention/runs?after=x",
                                  "runs": [{"run": each, "href": "/privacy/retention/runs/1"} for each in runs]}),
        "retention-runs-none": (many, {"kinds": KIND_WORDS, "next_href": "", "runs": []}),
    }  # fmt: skip


def _rule_pages() -> dict[str, Any]:
    wrong = "Say on which law or reason the period rests."
    empty = {"unit": "", "country": "", "case_type": "", "amount": "", "span": "years", "counts_from": "closed",
             "source": "", "automatic": "", "errors": [], "error_of": {}}  # fmt: skip
    refused = {**empty, "amount": "3", "errors": [{"field": "source", "message": wrong}], "error_of": {"source": wrong}}
    drawn = [
        {"id": str(each.id), "words": LAID.words(each), "period": period_words(_told(each)), "source": each.source,
         "automatic": each.automatic, "by": each.by, "changed_at": NOW, "version": each.version, "may": each.automatic,
         "form": {**empty, "amount": str(each.amount), "source": each.source, "automatic": "on"}}
        for each in RULES
    ]  # fmt: skip
    usual = {
        "place": "retention", "rules": drawn, "bare": ["Harbour Bank: Complaint"],
        "units": [("", "All units"), ("1", "Harbour Bank")], "countries": [("GB", "United Kingdom")],
        "types": [("card", "Card or payment")], "spans": [(code, words[1]) for code, words in SPAN_WORDS.items()],
        "froms": list(FROM_WORDS.items()), "settles": 7, "may_see": True, "trail": admin_samples.TRAIL, "form": empty,
    }  # fmt: skip
    page = "pages/retention_rules.html"
    return {
        "retention-rules": (page, usual),
        "retention-rules-refused": (page, {**usual, "form": refused}),
        "retention-rules-none": (page, {**usual, "rules": [], "bare": [], "may_see": False}),
    }  # fmt: skip


def pages(work: Callable[..., Any], csrf_field: Callable[[], Any]) -> dict[str, Any]:
    around = {"shell": work("privacy"), "csrf_field": csrf_field}
    inside = {"shell": work("administration"), "csrf_field": csrf_field, "places": [{"label": "Desk", "places": []}]}
    found = {name: (page, {**around, **context}) for name, (page, context) in {**_over_pages(), **_run_pages()}.items()}
    return found | {name: (page, {**inside, **context}) for name, (page, context) in _rule_pages().items()}
