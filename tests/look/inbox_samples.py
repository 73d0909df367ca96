"""The inbox as its templates are drawn: rows of every kind, a message with everything, decisions, a sample."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

REASONS = [("question", "A question or a request for service"), ("praise", "Thanks or praise"),
           ("other", "Another reason")]  # fmt: skip
ROLES = [("complainant", "Complainant"), ("representative", "Representative")]


def row(number: int, sender: str, subject: str, at: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": f"m{number}", "href": f"/inbox?open=m{number}", "channel": "email", "sender": sender, "subject": subject,
        "at": at, "heat": 0, "unread": number % 2 == 0, "files": 0, "note": "No case yet", "late": False, "robot": "",
        "held": False, "after_close": False, **more,
    }  # fmt: skip


def message(ago: Callable[..., Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "m1", "channel": "email", "channel_label": "E-mail", "sender": "Renata Olszak",
        "address": "renata.olszak@example.org", "subject": "You closed my account while I was in hospital",
        "at": ago(hours=1), "sent_at": ago(hours=2), "account": "care@modra.example",
        "text": "I was in hospital for two weeks. When I came home my account was closed.\n\nRenata Olszak",
        "quoted": "-- \nSent from my telephone", "heat": 4, "html_href": "", "raw_href": "/inbox/m1/raw",
        "files": [{"name": "letter with a long name of its own.pdf", "href": "/files/1", "size": 82_000}],
        "marks": [{"key": "dkim", "label": "DKIM: signed by its domain", "tone": "ok"},
                  {"key": "spf", "label": "SPF: not from its domain", "tone": "warn"}],
        "robot": "", "robot_reason": "", "held": False, "waits": True, "decision": "", "case": "", "case_href": "",
        "matched": "", "matched_with": "", "after_close": False, "closed": False, "possible": "", "possible_href": "",
        "possible_why": "", "possible_closed": False, "possible_hidden": False, "due_at": ago(hours=-23),
        "late": False, "unit": "Modra Direct", "queue": "Accounts",
        "copies": [{"label": "cards@modra.example", "at": ago(minutes=58)}], "decisions": [], "may_decide": True,
        "read_by": "Ewa Kruk", "read_at": ago(minutes=5), **more,
    }  # fmt: skip


def decision(ago: Callable[..., Any], words: str, **more: Any) -> dict[str, Any]:
    return {"words": words, "reason": "", "because": "", "wording": "", "rule": "", "by": "Ewa Kruk",
            "at": ago(hours=3), "case": "", "case_href": "", **more}  # fmt: skip


def inbox(work: Callable[..., Any], csrf_field: Any, ago: Callable[..., Any], **more: Any) -> dict[str, Any]:
    filters = SimpleNamespace(show="open", channel="", text="", told=lambda: {})
    views = [("open", "To decide", "inbox", 9), ("robots", "Machines", "robot", 2),
             ("held", "Held back", "hand-stop", 0), ("aside", "Not a complaint", "ban", None)]  # fmt: skip
    rows = [
        row(1, "Renata Olszak", "You closed my account while I was in hospital", ago(hours=1), heat=4, files=2),
        row(2, "Otto Reim", "Case OMB-4121", ago(hours=2), heat=3, note="Possibly belongs to OMB-4121", late=True),
        row(3, "Sender not known", "Scan of this morning, page 3", ago(hours=3), channel="letter", heat=2),
        row(4, "Mira Tal", "Re: Your complaint", ago(hours=4), after_close=True, note="Answered after closing"),
        row(5, "Money Weekly", "Seven funds to watch", ago(hours=5), robot="Mailing list"),
        row(6, "Ada Kos", "Test", ago(hours=6), held=True, note="Loans"),
    ]  # fmt: skip
    return {
        "shell": work("inbox"), "csrf_field": csrf_field, "filters": filters, "back": "show=open",
        "views": [{"code": code, "label": label, "icon": icon, "href": f"/inbox?show={code}", "count": count,
                   "here": code == "open"} for code, label, icon, count in views],
        "channels": [{"code": "email", "label": "E-mail", "href": "/inbox?channel=email", "count": 7, "here": False},
                     {"code": "letter", "label": "Letters", "href": "/inbox", "count": 2, "here": False}],
        "side": SimpleNamespace(total=9, more=False, oldest_at=ago(hours=6)),
        "narrowing": [{"name": "mood", "label": "Mood", "value": "angry", "options": [("angry", "Angry")]},
                      {"name": "queue", "label": "Queue", "value": "", "options": [("loans", "Loans")]}],
        "rows": rows, "first": True, "next_href": "/inbox?after=1", "chosen": None, "next_id": "m2",
        "reasons": REASONS, "roles": ROLES, "may_decide": True, "may_report": True,
        "wrong": SimpleNamespace(errors=[], error_of={}), "kept": {}, **more,
    }  # fmt: skip


def pages(work: Callable[..., Any], csrf_field: Any, ago: Callable[..., Any]) -> dict[str, Any]:
    def drawn(**more: Any) -> dict[str, Any]:
        return inbox(work, csrf_field, ago, **more)

    possible = {"possible": "OMB-4121", "possible_href": "/cases/OMB-4121", "possible_closed": True, "late": True,
                "possible_why": "It answers a message of this case, but its sender is no party to it."}  # fmt: skip
    placed = {"case": "OMB-4077", "case_href": "/cases/OMB-4077", "matched": "it answers a message of this case",
              "matched_with": "ours@desk.example", "after_close": True, "closed": True, "waits": False,
              "decisions": [decision(ago, "Part of a case", by="", rule="The messages that it answers",
                                     case="OMB-4077", case_href="/cases/OMB-4077")]}  # fmt: skip
    aside = {"decision": "not_complaint", "robot": "Mailing list", "robot_reason": "List-Id: weekly", "waits": False,
             "html_href": "/inbox/m1/html",
             "decisions": [decision(ago, "Not a complaint", reason="Advertising or spam", because="A newsletter.",
                                    wording="Seven funds to watch")]}  # fmt: skip
    stranger = {"form": "join", "reference": "OMB-4121", "role": "representative", "why": "", "stranger": "yes"}
    wrong = SimpleNamespace(errors=[{"field": "reference", "message": "The sender is no party of this case."}],
                            error_of={"reference": "The sender is no party of this case."})  # fmt: skip
    held = SimpleNamespace(show="held", channel="", text="", told=lambda: {"show": "held"})
    samples = {
        "list": drawn(), "open": drawn(chosen=message(ago)), "possible": drawn(chosen=message(ago, **possible)),
        "placed": drawn(chosen=message(ago, **placed)), "aside": drawn(chosen=message(ago, **aside)),
        "stranger": drawn(chosen=message(ago, **possible), kept=stranger, wrong=wrong),
        "held": drawn(filters=held, chosen=message(ago, held=True)),
        "empty": drawn(rows=[], next_href="", side=SimpleNamespace(total=0, more=False, oldest_at=None)),
    }  # fmt: skip
    found = {f"inbox-{name}": ("pages/inbox.html", context) for name, context in samples.items()}
    around = {"shell": work("inbox"), "csrf_field": csrf_field}
    found["inbox-case"] = ("pages/inbox_case.html", {**around, **_case(ago)})
    found["inbox-decisions"] = ("pages/inbox_decisions.html", {**around, **_decisions(ago)})
    found["inbox-decisions-none"] = ("pages/inbox_decisions.html", {**around, **_decisions(ago, 0)})
    found["inbox-sample"] = ("pages/inbox_sample.html", {**around, **_sample(ago)})
    found["inbox-live"] = ("samples/inbox_live.html", {**around, "fresh": 3, "gone": 1, "href": "/inbox"})
    return found


def _case(ago: Callable[..., Any]) -> dict[str, Any]:
    matters = [{"text": "My account was closed.", "category": "accounts"}, {"text": "", "category": ""}]
    wrong = [{"field": "name", "message": "This is empty. Write at least a few words."}]
    return {
        "message": {"id": "m1", "sender": "Renata Olszak", "at": ago(hours=1), "subject": "Account", "text": "Hello.",
                    "files": 2},
        "form": {"name": "", "email": "renata.olszak@example.org", "phone": "", "unit": "modra", "case_type":
                 "complaint", "title": "You closed my account", "confidential": False, "matters": matters,
                 "errors": wrong, "error_of": {"name": wrong[0]["message"]}, "back": "show=open", "next": "m2"},
        "units": [("modra", "Modra Bank"), ("cards", "Card services")],
        "case_types": [("complaint", "Complaint"), ("card", "Card dispute")], "categories": ["accounts", "fees"],
        "may_add": True, "may_hide": True, "own_fields": [],
    }  # fmt: skip


def _decisions(ago: Callable[..., Any], count: int = 8) -> dict[str, Any]:
    measured = {"wrong": 1, "looked_at": 20, "share": "5.0", "low": "0.9", "high": "23.6"}

    def line(label: str, number: int, **more: Any) -> dict[str, Any]:
        return {"label": label, "month": None, "count": number, "overturned": 1, "rate": None, **more}

    choices = [{"name": "decision", "label": "Decision", "options": [("joined", "Part of a case")]},
               {"name": "reason", "label": "Reason", "options": REASONS}]  # fmt: skip
    return {
        "filters": {"decision": "joined", "reason": "", "by": "", "unit": "", "since": "2026-11-01", "until": ""},
        "query": "decision=joined", "choices": choices, "all": line("All decisions", count),
        "by_reason": [line("Part of a case", 5, rate=measured), line("Not a complaint: thanks or praise", 3)],
        "by_unit": [line("Modra Direct", 8)], "by_month": [line("", 8, month=ago(days=20).date())],
        "samples": [{"href": "/inbox/samples/1", "by": "Celia Moss", "at": ago(days=1), "size": 20, "left": 4,
                     "population": 312}], "may_read": True, "most": 200,
        "wrong": SimpleNamespace(errors=[], error_of={}),
    }  # fmt: skip


def _sample(ago: Callable[..., Any]) -> dict[str, Any]:
    def drawn(place: int, **more: Any) -> dict[str, Any]:
        return {
            "id": f"r{place}", "place": place, "decided": "Not a complaint", "reason": "Thanks or praise",
            "because": "", "wording": "Thank you", "rule": "", "at": ago(days=2), "verdict": "", "said": "",
            "changed": False,
            "channel": "email", "channel_label": "E-mail", "sender": "Bruno Halm", "subject": "Thank you",
            "text": "Thank you for the quick answer.", "came_at": ago(days=3), "case": "", "becomes_case": True,
            "leaves_case": False, **more,
        }  # fmt: skip

    rows = [
        drawn(1),
        drawn(2, becomes_case=False, leaves_case=True, decided="Part of a case", reason="", rule="Its thread"),
        drawn(3, verdict="confirmed"), drawn(4, verdict="overturned", said="It is about the tone."),
        drawn(5, changed=True),
    ]  # fmt: skip
    return {"sample_id": "s1", "left": 2, "rows": rows}
