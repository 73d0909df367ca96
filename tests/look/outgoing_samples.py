"""Messages on their way, texts to begin with, macros, and the box with all of a reply's choices."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

STATES = {
    "held": ("Leaves by %(way)s", "info", "hourglass", ("back", "now")),
    "waiting_approval": ("Waits for approval by a second person", "warn", "hourglass", ("back", "approve")),
    "scheduled": ("Leaves by %(way)s", "info", "calendar", ("back", "now", "later")),
    "sent": ("Sent by %(way)s, delivered", "ok", "circle-check", ()),
    "unsure": ("Not certain whether it arrived by %(way)s", "warn", "help-circle", ("settle",)),
    "failed": ("Could not be sent by %(way)s", "danger", "alert-circle", ("again", "rewrite", "done")),
}
TEXT = "Dear Ms Marsh,\n\nwe have sent €42.00 back to your account ending 2214."


def way(state: str, at: datetime, number: int = 1, **more: Any) -> dict[str, Any]:
    text, tone, icon, may = STATES[state]
    return {
        "text": text, "way": "E-mail", "tone": tone, "icon": icon, "at": at, "detail": "", "code": "",
        "href": f"/outgoing/0190-{number}", "may": may, "counts_down": state == "held", "letter": "",
        "to": "Helena Marsh", "state": state, "by": "", "let_pass_by": "", "let_pass_why": "",
        **more,
    }  # fmt: skip


def said(state: str, at: datetime, number: int, **more: Any) -> dict[str, Any]:
    return {
        "kind": "out", "id": f"o{number}", "at": at, "author": "You", "channel": "email", "channel_label": "E-mail",
        "text": TEXT, "cut": "", "about": ["A"], "heat": 0, "flag": None, "files": [], "subject": "Your fee",
        "way": way(state, at, number, **more),
    }  # fmt: skip


def sending(**more: Any) -> dict[str, Any]:
    return {
        "ways": [{"key": "page", "label": "Customer's page", "why_not": ""},
                 {"key": "email", "label": "E-mail", "why_not": ""},
                 {"key": "letter", "label": "Letter", "why_not": "postal address"}],
        "channel": "email", "people": [{"id": "1", "name": "Helena Marsh", "role": "Complainant"},
                                       {"id": "2", "name": "Kancelaria Lis", "role": "Representative"}],
        "recipient": "1", "letters": [("reply", "Reply"), ("final_response", "Final response")], "letter": "reply",
        "subject": "Your fee", "files": [{"id": "f1", "name": "statement.pdf", "ticked": True}],
        "leave_on": "2026-11-24",
        "leave_at": "09:00", "ask": True, "hold": 30, "more": True, **more,
    }  # fmt: skip


FINDINGS = [
    {"text": "%(what)s is missing (%(source)s)", "remedy": "Say it in these words or your own, such as: %(example)s",
     "facts": {"what": "Right to go to the ombudsman", "source": "Office, Rule 1", "example": "You can go to them."},
     "blocks": True, "passage": "", "quote": ""},
    {"text": "%(wrong)s is not the redress of aspect %(letter)s; the record says %(right)s",
     "remedy": "Write %(right)s, or correct the redress.",
     "facts": {"wrong": "€24.00", "right": "€42.00", "letter": "A"}, "blocks": True, "passage": "5-12",
     "quote": "€24.00"},
    {"text": "“%(said)s” is a word that customers may not know", "remedy": "Say “%(plain)s”, or leave it out.",
     "facts": {"said": "pursuant to", "plain": "under"}, "blocks": False, "passage": "13-20", "quote": "pursuant to"},
]  # fmt: skip


def gate(**more: Any) -> dict[str, Any]:
    return {
        "on": True, "checked": True, "findings": FINDINGS, "types": [("final_response", "Final response"),
        ("settled", "Short letter")], "letter_type": "settled", "override": "", "may_override": False, "why_not": "",
        **more,
    }  # fmt: skip


TEXTS = [{"key": "standard-reply-en", "name": "Reply", "kind": "Reply", "language": "en"}]


def _line(state: str, at: datetime, number: int) -> dict[str, Any]:
    return {
        "id": str(number), "href": "/outgoing?open=1", "subject": "Our final response to your complaint OMB-4182",
        "author": "Ewa Kruk", "reference": "OMB-4182", "title": "Fee taken twice", "to": "Helena Marsh", "at": at,
        "text": TEXT, "way": way(state, at, number), "letter": "Final response", "leaves": at,
    }  # fmt: skip


def _outgoing(ago: Callable[..., datetime], **more: Any) -> dict[str, Any]:
    codes = (("approval", "Waits for my approval", "hourglass"), ("soon", "Leaving soon", "send"),
             ("unsure", "Not certain", "help-circle"))  # fmt: skip
    return {
        "lists": [{"code": code, "label": words, "icon": icon, "href": f"/outgoing?which={code}"}
                  for code, words, icon in codes],
        "which": "approval", "empty": "When a message needs a second person, it waits here for you.", "waiting": 2,
        "mine": False, "kind": "", "kinds": [("reply", "Reply")], "next_href": "/outgoing?after=1", "problem": "",
        "rows": [_line(state, ago(minutes=number), number) for number, state in enumerate(STATES, 1)],
        "chosen": None, "gate": None, **more,
    }  # fmt: skip


def _chosen(at: datetime, **more: Any) -> dict[str, Any]:
    return {
        "id": "1", "subject": "Our final response", "text": TEXT, "author": "Ewa Kruk", "at": at,
        "reference": "OMB-4182", "case_href": "/cases/OMB-4182", "to": "Helena Marsh", "letter": "Final response",
        "way": way("waiting_approval", at, 9, letter="Final response"), "may_approve": True, "hash": "ab",
        "asks": [{"what": "Statement of October", "of": "Helena Marsh", "by": None}],
        "why": "The rules of the unit ask for a second person.", "mine": False, "waits": True,
        "files": [{"href": "/files/1", "name": "letter.pdf", "size": 51_200}], **more,
    }  # fmt: skip


def _text(at: datetime, **more: Any) -> dict[str, Any]:
    return {
        "key": "own-1", "href": "/templates/own-1", "name": "Fee paid back", "number": 3, "kind": "reply",
        "kind_label": "Reply", "language": "en", "subject": "Your complaint {{ case.reference }}", "retired": False,
        "at": at, "author": "Lena Maj", "ours": False, "case_type": "", "unit": "Cards", **more,
    }  # fmt: skip


def _template(ago: Callable[..., datetime], text: Any, **more: Any) -> dict[str, Any]:
    names = ("name", "kind", "language", "unit", "case_type", "subject", "text", "piece")
    return {
        "text": text, "form": {**dict.fromkeys(names, ""), "errors": [], "error_of": {}, **more.pop("form", {})},
        "kinds": [("reply", "Reply")], "languages": [("en", "English")], "units": [("1", "Cards")],
        "case_types": [("complaint", "Complaint")], "facts": [("case.reference", "The number of the case")],
        "filters": ("upper", "lower"), "preview": None, "reference": "", "versions": [], "compared": None, **more,
    }  # fmt: skip


def pages(
    work: Callable[..., Any], csrf_field: Callable[..., Any], ago: Callable[..., datetime], case: Callable[..., Any],
    composer: Callable[..., Any],
) -> dict[str, Any]:  # fmt: skip
    from markupsafe import Markup

    now = ago(minutes=0)
    places = [
        {"label": "Desk", "places": [{"code": "templates", "label": "Templates", "icon": "template", "href": "/"}]}
    ]
    admin = {
        "shell": work("administration"),
        "csrf_field": csrf_field,
        "places": places,
        "place": "templates",
        "trail": [],
    }
    desk = {"shell": work("outgoing"), "csrf_field": csrf_field}
    full = composer(
        send=sending(), texts=TEXTS, final=True, shared=True, edited_by="Anna Bąk", returned="Lena: name the day"
    )
    shared = {"id": "d1", "author": "Anna Bąk", "subject": "", "text": TEXT, "version": 3, "at": now,
              "edited_by": "Ewa Kruk", "typed": "", "error": ""}  # fmt: skip
    wrong = {**shared, "id": "d2", "typed": "Mine", "error": "Another window holds a newer draft. Compare both."}
    messages = [
        said(state, ago(hours=9 - number), number, detail="451 try again later" if state == "failed" else "")
        for number, state in enumerate(STATES, 1)
    ]
    macro = {"id": "m1", "name": "Ask for a statement", "lines": ["Priority: high", "The case is yours"], "text": True}
    preview = {"problem": "", "subject": "Your complaint OMB-4182", "html": Markup("<p>Dear Ms Marsh</p>")}
    broken = {"problem": "The text needs “firm.phone”, which is not known here.", "subject": "", "html": ""}
    compared = {"number": 2, "newest": 3, "lines": [{"sign": " ", "text": "Dear"}, {"sign": "-", "text": "Old"},
                                                    {"sign": "+", "text": "New"}]}  # fmt: skip
    errors = [{"field": "text", "message": "Line 1 cannot be read."}]
    choice = [("1", "Cards")]
    setup = {"units": choice, "texts": choice, "priorities": choice, "queues": choice, "owners": choice, "chosen": None}
    fields = dict.fromkeys(("name", "unit", "template", "priority", "queue", "owner", "close"), "")
    return {
        "case-sending": ("pages/case.html", case(
            entries=messages, composer=full, shared_drafts=[shared, wrong],
            macros=[{"href": "/cases/OMB-4182/macros/1", "name": "Ask for a statement"}])),
        "case-gate": ("pages/case.html", case(composer=composer(
            send=sending(letter="final_response"), gate=gate(may_override=True, override="Agreed by phone."),
            error="The letter did not leave. Your text is safe: mend what is listed below."))),
        "case-gate-clear": ("pages/case.html", case(composer=composer(
            send=sending(letter="final_response"), gate=gate(findings=[], types=[])))),
        "case-gate-asking": ("pages/case.html", case(composer=composer(
            send=sending(letter="final_response"), gate=gate(checked=False, findings=[], types=[])))),
        "outgoing-gate": ("pages/outgoing.html", {**desk, **_outgoing(
            ago, gate={"findings": FINDINGS, "held": True, "may_override": True}, chosen=_chosen(
                now, way=way("waiting_approval", now, 1, let_pass_by="Ewa Kruk", let_pass_why="Agreed by phone.")))}),
        "outgoing-gate-held": ("pages/outgoing.html", {**desk, **_outgoing(
            ago, gate={"findings": FINDINGS[:1], "held": True, "may_override": False}, chosen=_chosen(now))}),
        "outgoing": ("pages/outgoing.html", {**desk, **_outgoing(ago, chosen=_chosen(now))}),
        "outgoing-mine": ("pages/outgoing.html", {**desk, **_outgoing(ago, chosen=_chosen(
            now, may_approve=False, mine=True, to=None, way=way("scheduled", now, 8)))}),
        "outgoing-empty": ("pages/outgoing.html", {**desk, **_outgoing(ago, rows=[], waiting=0, next_href="")}),
        "templates": ("pages/templates.html", {
            **admin, "texts": [_text(now), _text(now, number=0, ours=True, retired=True)],
                                               "kind": "", "language": "", "kinds": choice, "languages": choice}),
        "templates-none": ("pages/templates.html", {**admin, "texts": [], "kind": "reply", "language": "pl",
                                                    "kinds": [("reply", "Reply")], "languages": [("pl", "Polish")]}),
        "template": ("pages/template.html", {**admin, **_template(
            ago, _text(now), preview=preview, reference="OMB-4182", versions=[_text(now), _text(now, number=2)],
            compared=compared)}),
        "template-wrong": ("pages/template.html", {**admin, **_template(
            ago, None, preview=broken, form={"errors": errors, "error_of": {"text": "Line 1 cannot be read."}})}),
        "macros": ("pages/macros.html", {
            **admin, **setup,
            "macros": [{**macro, "retired": False}, {**macro, "id": "m2", "name": "Old one", "retired": True}],
                                         "form": {**fields, "errors": [], "error_of": {}}}),
        "macros-none": ("pages/macros.html", {**admin, **setup, "macros": [], "form": {
            **fields, "errors": [{"field": "template", "message": "Choose at least one."}],
            "error_of": {"template": "Choose at least one."}}}),
        "macro": ("pages/macro.html", {
            **desk, "case": {"reference": "OMB-4182", "href": "/cases/OMB-4182", "version": 3, "title": "Fee"},
            "macro": macro, "form": {"text": TEXT, "template_id": "", "errors": [], "error_of": {}}, "send": sending(),
            "to": "1"}),
    }  # fmt: skip
