"""Rules as the pages draw them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from ombud.desk.engine.events import ANCHORS, EVENTS
from ombud.desk.engine.terms import Definition
from ombud.desk.engine.vocabulary import vocabulary
from ombud.desk.rules import form as forms
from ombud.desk.rules.names import Known
from ombud.desk.rules.wording import summary

WORDS = vocabulary()
KNOWN = Known(
    {
        "queues": {"q1": "Senior team", "q2": "New complaints"},
        "channels": {f"c{number}": f"Channel {number}" for number in range(12)},
        "units": {"u1": "Modra Bank"},
    }
)
RED = Definition(
    key="red", label="Red to the senior team", when={"event": ["case.changed:mood", "support_needs.confirmed"]},
    conditions={"all": [
        {"is": "mood", "moods": ["angry"]}, {"is": "support_needs"},
        {"any": [{"is": "channel", "channels": ["c1"]}, {"not": {"is": "age", "amount": 2, "unit": "days"}},
                 {"not": {"any": [{"is": "tag", "tag": "vip"}]}}]},
    ]},
    actions=({"do": "put_in_queue", "queue": "q1"},
             {"do": "answer_within", "clock": "senior", "amount": 1, "unit": "hours", "business": True},
             {"do": "gone.plugin"}),
)  # fmt: skip
TIMED = Definition(
    key="waits", label="Waits", when={"time": {"after": "P2D", "of": "clock:answer", "business": True}}, stop=True
)
CHOICES = {
    "events": list(EVENTS.items()), "anchors": [*ANCHORS.items(), ("clock", "a clock is due")],
    "units": [("u1", "Modra Bank")], "conditions": forms.groups_of(WORDS.conditions, "Case"),
    "actions": forms.groups_of(WORDS.actions, "Do"), "groups": list(forms.GROUPS.items()),
    "periods": list(forms.UNITS.items()),
}  # fmt: skip


def state(code: str, text: str, tone: str, icon: str) -> dict[str, str]:
    return {"code": code, "text": text, "tone": tone, "icon": icon}


def replayed(at: datetime, **more: Any) -> dict[str, Any]:
    shown = {
        "reference": "OMB-7F3K2-9", "title": "The fee was taken twice", "href": "#", "at": at,
        "added": ["assign queue: Senior team", "start clock: senior, 3600"], "dropped": ["set priority: low"],
        "matched": ["the customer's tone is Angry"], "late": True, "caused": True, "avoided": True,
    }  # fmt: skip
    return {
        "state": "done", "months": 3, "asked_at": at, "cases": 204, "seconds": 1.2, "asked": 9, "found_anew": 9,
        "differing": 0, "changed": 38, "times": 41, "same": 3, "dropped": 1, "halted": 0, "late": 12, "acted_before": 4,
        "caused": 1, "avoided": 1, "load": [{"name": "Senior team", "was": 3, "would": 12, "more": 9}],
        "units": [("Modra Bank", 38)], "lacking": [("coded", 4)], "untried": 3,
        "unanswered": [("sla.missed: KeyError: level", 12)], "shown": [shown] * 14, "hidden": 2, **more,
    }  # fmt: skip


def pages(
    work: Callable[..., Any], csrf_field: Callable[[], Any], ago: Callable[..., Any], admin: dict[str, Any],
    trail: list[Any],
) -> dict[str, Any]:  # fmt: skip
    at = ago(hours=2)
    names = KNOWN.names
    why = {
        "rule": "red", "label": RED.label, "version": 2, "when": "When the customer's tone changes", "shadow": False,
        "due": "", "href": "/rules/red", "matched": [{"text": "the customer's tone is Angry", "value": "angry"}],
        "changes": ["assign queue: Senior team"], "refused": [("escalate", "Nothing on this desk can do that.")],
    }  # fmt: skip
    on, draft = state("on", "On", "ok", "circle-check"), state("draft", "Draft", "", "edit")
    listed = {"key": "red", "href": "/rules/red", "label": RED.label, "shipped": True, "state": on, "number": 3,
              "says": summary(RED, WORDS, names), "draft": 4, "unit": "Modra Bank"}  # fmt: skip
    rule = {"key": "red", "version": 3, "number": 4, "fresh": True, "shipped": False, "state": on, "shadowing": True,
            "can_begin": True, "in_force": 3, "running": True, "begins": None, "built_in": True}  # fmt: skip
    version = {"number": 4, "made_at": at, "made_by": "Ewa K.", "valid_from": None, "valid_to": None,
               "shadow_from": None, "shadow_to": None, "fresh": True, "holds": False, "says": "When …",
               "changes": [("If", "always", "the case is confidential"), ("Then", "tag it x", "")]}  # fmt: skip
    held = {**version, "number": 3, "fresh": False, "holds": True, "valid_from": at, "valid_to": at, "changes": []}
    shadow = {
        "total": 4,
        "halted": 1,
        "applied": 7,
        "shown": [
            {"reference": "OMB-7F3K2-9", "href": "#", "at": at, "changes": ["tag it x"], "matched": ["it is urgent"]}
        ],
    }
    form = {**forms.drawn(RED, WORDS, KNOWN, {}), "errors": [], "error_of": {}}
    wrong = {
        "when.amount": "Give a whole number.",
        "label": "Give the rule a name.",
        "n.0.0.a.moods": "This is needed.",
    }
    refused = {**forms.drawn(TIMED, WORDS, KNOWN, wrong), "error_of": wrong,
               "errors": [{"field": name, "message": words} for name, words in wrong.items()]}  # fmt: skip
    around = {**admin, "place": "rules", "choices": CHOICES}
    none = {"state": "none", "months": 3}
    clash = {"rule": "calm", "label": "Calm down", "thing": "the priority", "mine": "set priority: urgent",
             "theirs": "set priority: low", "wins": True}  # fmt: skip
    one = {**around, "clashes": [clash, {**clash, "wins": False}], "rule": rule,
           "says": summary(RED, WORDS, names), "form": form, "unfit": [], "trail": trail,
           "replay": replayed(at), "shadow": shadow, "versions": [version, held, {**held, "number": 2}]}  # fmt: skip
    new = {**around, "clashes": [], "rule": None, "says": summary(TIMED, WORDS, names),
           "form": refused, "unfit": [], "trail": [],
           "replay": none, "shadow": None, "versions": []}  # fmt: skip
    return {
        "rules": ("pages/rules.html", {
            **around, "rules": [listed, {**listed, "key": "b", "draft": 0, "unit": "", "state": draft}],
            "replay": replayed(at)}),
        "rules-none": ("pages/rules.html", {**around, "rules": [], "replay": {"state": "running", "months": 3}}),
        "rule": ("pages/rule.html", one),
        "rule-unfit": ("pages/rule.html", {**one, "unfit": ["Add an action."], "replay": {**none, "state": "failed"},
                                           "rule": {**rule, "begins": at}}),
        "rule-new": ("pages/rule.html", new),
        "why": ("pages/why.html", {
            "shell": work("queue"), "csrf_field": csrf_field, "reference": "OMB-7F3K2-9", "href": "#",
            "entry": {"at": at, "text": "The rule acted", "icon": "route"}, "why": why}),
    }  # fmt: skip
