"""One realistic context for every page template, as its first comment describes it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import admin_samples
import attainment_samples
import clock_samples
import crm_samples
import evidence_samples
import inbox_samples
import matter_samples
import notice_samples
import outgoing_samples
import privacy_samples
import redress_samples
import retention_samples
import return_samples
import routing_samples
import rule_samples
import viewing_samples
from markupsafe import Markup
from settings_samples import settings_pages

from ombud.desk.fields import FormField
from ombud.desk.routing.shown import Glance
from ombud.desk.trail.timeline import AskedIn
from ombud.web import keys

NOW = datetime(2026, 11, 23, 8, 31, tzinfo=UTC)
ZONE = "Europe/Warsaw"


def csrf_field() -> Markup:
    return Markup('<input type="hidden" name="_csrf_token" value="sample">')


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def due(spent: int, label: str = "", **span: float) -> dict[str, Any]:
    left = timedelta(**span)
    state = "late" if left < timedelta(0) else "soon" if left < timedelta(days=3) else "running"
    return {"state": state, "due_at": NOW + left, "spent": spent, "label": label}


def marks(letters: str) -> list[dict[str, Any]]:
    """`aB` is A decided and B open."""
    return [{"letter": letter.upper(), "decided": letter.islower()} for letter in letters]


SHELL = {"language": "en", "theme": "auto", "density": "standard", "contrast": "auto", "organisation": "Modra Bank"}


def work(here: str, **more: Any) -> dict[str, Any]:
    nav = [
        {"code": "intake", "label": "Inbox", "icon": "inbox", "href": "/intake", "count": 9},
        {"code": "queue", "label": "Queue", "icon": "stack-2", "href": "/queues"},
        {"code": "parties", "label": "Parties", "icon": "users", "href": "/parties"},
        {"code": "csv", "label": "Import", "icon": "upload", "href": "/p/csv-import/"},
        {"code": "extensions", "label": "Plugins", "icon": "puzzle", "href": "/plugins"},
    ]
    user = {"name": "Ewa Kruk", "role": "Agent, Cards and fees", "email": "ewa.kruk@modra.example"}
    keysheet = keys.sheet({"reply": "w"})
    return {
        **SHELL, "user": user, "nav": nav, "here": here, "single_keys": True, "toasts": [], "keysheet": keysheet, **more
    }  # fmt: skip


def public(**more: Any) -> dict[str, Any]:
    return {
        **SHELL,
        "home": "/",
        "languages": [{"code": "pl", "label": "Polski", "href": "?lang=pl"}],
        "contact": "Phone: 58 000 20 20, every day 8 am to 8 pm",
        "links": [{"label": "Accessibility", "href": "/a"}, {"label": "Your data", "href": "/d"}],
        **more,
    }


ME = {"id": "1", "name": "Ewa Kruk"}
PIOTR = {"id": "2", "name": "Piotr Maj"}
ANNA = {"id": "3", "name": "Anna Bąk"}


def row(number: int, title: str, customer: str, letters: str, heat: int, clock: Any, **more: Any) -> dict[str, Any]:
    given = {"owner": ME, "last": {"channel": "email", "at": ago(hours=number % 60)}, **more}
    return {
        "reference": f"OMB-{number}",
        "href": f"/cases/OMB-{number}",
        "title": title,
        "customer": customer,
        "aspects": marks(letters),
        "heat": heat,
        "clock": clock,
        "mine": given["owner"] is ME,
        "version": 3,
        **given,
    }


LATE = [
    row(
        4107,
        "Mortgage rate changed without the letter we promised",
        "Marek Wójcik",
        "AB",
        4,
        due(100, days=-1),
        last={"channel": "phone", "at": ago(minutes=39)},
    ),
    row(
        4121,
        "Refund agreed in October has not arrived",
        "Kancelaria Lis for O. Lis",
        "aB",
        3,
        due(100, hours=-3),
        last={"channel": "letter", "at": ago(hours=20)},
    ),
]
NEXT = [
    row(4169, "Cash machine kept €200", "Jakub Sroka", "A", 2, due(94, hours=6), owner=PIOTR),
    row(
        4174,
        "Wrong name on the joint account, third request",
        "Nina and Adam Reut",
        "AB",
        3,
        due(91, hours=9),
        unread=True,
    ),
    row(
        4150,
        "Statement sent to an old address",
        "Barbara Kott",
        "AB",
        2,
        due(86, days=1),
        escalated=2,
        here=[{"letter": "B", "title": "The data went to a neighbour", "due_at": NOW + timedelta(days=9)}],
    ),
    row(
        4188,
        "Rude answer at the counter in Sopot",
        "Leon Dudek",
        "A",
        2,
        due(84, days=1, hours=2),
        owner=None,
        unread=True,
    ),
    row(
        4182,
        "Overdraft fee taken twice, then the card was blocked",
        "Helena Marsh",
        "aBC",
        4,
        due(88, days=2, hours=4),
        flag="Health",
        unread=True,
    ),
]
LATER = [
    row(4136, "Insurance added to the loan without consent", "Iwona Pala", "ABC", 3, due(72, days=3)),
    row(
        4190,
        "App shows another customer’s payee",
        "Sami Lind",
        "A",
        3,
        due(70, days=3, hours=6),
        owner=ANNA,
        flag="Data",
    ),
    row(4143, "Early repayment fee not explained", "Grażyna Cis", "AB", 1, due(61, days=4), confidential=True),
    row(
        4159,
        "Direct debit taken after it was cancelled",
        "Oleh Bondar",
        "aB",
        1,
        {"state": "paused", "restarts_on": date(2026, 11, 26)},
    ),
    row(4162, "Queue of 50 minutes at the branch in Gdynia", "Zofia Lech", "A", 0, None, last=None),
    row(
        4128,
        "Loan certificate came in the wrong language",
        "Anders Holm",
        "a",
        1,
        {"state": "met", "day": 12, "of": 30},
    ),
    row(
        4119,
        "The key of the safe was given to somebody else",
        "Ruta Balsys",
        "ab",
        2,
        {"state": "met_late", "day": 33, "of": 30},
    ),
]
GROUPS = [
    {"label": "Late", "count": 2, "cases": LATE},
    {"label": "Next three days", "count": 5, "cases": NEXT},
    {"label": "Later", "count": 16, "cases": LATER},
]
STATES = [("new", "new"), ("open", "open"), ("resolved", "resolved")]


def queue(**more: Any) -> dict[str, Any]:
    def entry(code: str, label: str, icon: str, count: int | None, group: str = "") -> dict[str, Any]:
        return {"code": code, "label": label, "icon": icon, "href": f"/queues/{code}", "count": count, "group": group}

    undo = {"action": "/cases/OMB-4169/owner", "fields": {"version": 4, "owner": "1"}}
    return {
        "shell": work("queue", toasts=[{"text": "OMB-4169 assigned to Piotr Maj", "undo": undo}]),
        "csrf_field": csrf_field,
        "queue": {"code": "mine", "label": "My queue", "total": 23, "total_exact": True},
        "queues": [
            entry("mine", "My queue", "user", 23),
            entry("team", "My team", "users", 148),
            entry("unowned", "No owner", "circle-dashed", 12),
            entry("flags", "Red flags", "flag-3", 3),
            entry("cards", "Cards and fees", "users", 64, "Teams"),
            entry("mortgages", "Mortgages", "users", 38, "Teams"),
            entry("data", "Data protection", "users", None, "Teams"),
        ],
        "counted_at": ago(minutes=2),
        "filters": [
            {"name": "status", "label": "Status", "value": "open", "options": STATES},
            {
                "name": "clock",
                "label": "Clock",
                "value": "",
                "options": [("late", "late"), ("soon", "next three days")],
            },
            {"name": "heat", "label": "Heat", "value": "", "options": [("4", "angry")]},
            {"name": "owner", "label": "Owner", "value": "", "options": [("none", "nobody")]},
        ],
        "more_filters": [
            {"name": "unit", "label": "Unit", "value": "", "options": [("main", "Modra Bank"), ("cards", "Cards")]},
            {"name": "received_from", "label": "Received from", "value": "2026-11-01", "options": []},
            {"name": "order", "label": "Order", "value": "due", "options": [("due", "the clock that runs out first")]},
        ],
        "more_set": 1,
        "view": None,
        "search": "",
        "sort": "clock",
        "fresh": 3,
        "may_file": True,
        "may_take": True,
        "may_change": True,
        "narrowed": "owner=me&status=open&order=due",
        "nothing": "",
        "groups": GROUPS,
        "next_href": "/queues/mine?after=abc",
        **more,
    }


STEPS = [
    {"label": "Name your organisation", "text": "Its name stands in letters.", "href": "/units/1", "done": True},
    {"label": "Add the people who work here", "text": "Each with a role.", "href": "/users/new", "done": False},
]
VIEW = {"id": "3", "name": "Late letters", "may_change": True, "version": 1, "unit": ""}


def saved_views() -> dict[str, Any]:
    views = [
        {"id": "3", "name": "Late letters", "href": "/queues/view-3", "unit": "", "said": ["Clock: late"],
         "may_change": True},
        {"id": "4", "name": "Angry and urgent", "href": "/queues/view-4", "unit": "Cards", "said": [],
         "may_change": False},
    ]  # fmt: skip
    landings = [("mine", "My cases"), ("view-3", "Late letters")]
    return {"shell": work("queue"), "csrf_field": csrf_field, "views": views, "landing": "view-3", "landings": landings}


def saved_view() -> dict[str, Any]:
    return {
        "shell": work("queue"), "csrf_field": csrf_field, "said": ["Status: not closed", "Clock: late"],
        "view": {"id": "3", "name": "Late letters", "version": 2, "href": "/queues/view-3"}, "other": None,
        "filters": "status=open&due=late", "units": [("1", "Modra Bank")], "may_change": True,
        "form": {"name": "", "unit": "", "errors": [{"field": "name", "message": "This is empty."}],
                 "error_of": {"name": "This is empty."}},
    }  # fmt: skip


def own_keys() -> dict[str, Any]:
    line = {"code": "reply", "label": "Write a reply", "key": "n", "usual": "R", "own": True}
    wrong = "N is the key of “Write a note”. Choose another one."
    return {
        "shell": work("me"), "csrf_field": csrf_field, "off": True, "fixed": [{"label": "Actions", "words": "Ctrl K"}],
        "groups": [{"label": "In a case", "keys": [line, {**line, "code": "note", "key": "n", "own": False}]}],
        "form": {"errors": [{"field": "key-reply", "message": wrong}], "error_of": {"reply": wrong}},
    }  # fmt: skip


def bulk(state: str, **counts: int) -> dict[str, Any]:
    labels = {"ready": "These change", "cannot": "These stay as they are", "done": "Done", "refused": "Not done"}
    groups = [
        {"state": code, "label": labels[code], "icon": "check", "tone": "ok" if code in {"ready", "done"} else "warn",
         "reason": "" if code in {"ready", "done"} else "Somebody else owns this case. Ask them to hand it over.",
         "count": count, "more": 0,
         "cases": [{"reference": f"OMB-41{n}", "title": "The fee came twice", "href": "/cases/1"} for n in range(2)]}
        for code, count in counts.items() if code in labels
    ]  # fmt: skip
    every = {code: counts.get(code, 0) for code in ("ready", "cannot", "done", "refused", "undone", "stayed")}
    about = {
        "id": "7", "href": "/bulk/7", "state": state, "total": sum(counts.values()), "cut": True, "most": 1000,
        "origin": "/queues/all", "worked": 23, "of": 63, "may_undo": state == "done", "until": ago(hours=-24),
        "background": True, "messages": False, **every,
    }  # fmt: skip
    return {
        "shell": work("queue"), "csrf_field": csrf_field, "bulk": about, "what": "Give to somebody: Piotr Maj",
        "actions": [("take", "Take", ""), ("assign", "Give to somebody", "")], "people": [("2", "Piotr Maj")],
        "queues": [("1", "Cards and fees")], "priorities": [("high", "High")], "groups": groups,
        "texts": [("ours", "Reply: We look into it (en)")], "letters": [("reply", "Reply")],
        "severities": [("3", "3, serious")], "categories": [("cards", "Cards")],
        "form": {"action": "assign", "owner": "2", "queue": "", "priority": "", "severity": "", "category": "",
                 "text": "", "errors": [], "error_of": {}},
    }  # fmt: skip


def said(at: datetime, kind: str, author: str, channel: str, text: str, about: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"{kind}-{at:%d%H%M}",
        "at": at,
        "kind": kind,
        "author": author,
        "channel": channel,
        "text": text,
        "about": list(about),
        "heat": 0,
        "flag": None,
        "files": [],
        **more,
    }


MISSED = [
    {"kind": "event", "id": f"e9{place}", "at": ago(days=16), "icon": "alert-circle",
     "text": f"A deadline of {place} Oct was missed"} for place in (2, 3, 4)
]  # fmt: skip
ENTRIES = [
    {
        "kind": "event",
        "id": "e1",
        "at": ago(days=17),
        "icon": "history",
        "text": "Case opened from the web form, 3 aspects",
    },
    {
        "kind": "event",
        "at": ago(days=16),
        "icon": "alert-circle",
        "text": "3 deadlines were missed",
        "folded": MISSED,
    },
    said(
        ago(days=4, hours=11),
        "in",
        "@helena_m",
        "x",
        "Three days with a blocked card and nobody at @ModraBank can tell me why.",
        "C",
        public=True,
    ),
    said(
        ago(days=3),
        "in",
        "Helena Marsh",
        "letter",
        "I enclose both statements. The fee of €42.00 appears on 2 and on 3 October, as you can see.",
        "AB",
        channel_label="Letter, scanned",
        files=[
            {"name": "Letter, 2 pages", "href": "/f/1", "size": 312_400},
            {"name": "statement.html", "href": "/f/2", "size": 2_400, "warning": "page"},
        ],
        pieces=[
            ("I enclose both statements. ", ""),
            ("The fee of €42.00", "A, B"),
            (" appears on 2 and on 3 October.", ""),
        ],
        cut="I should like to have it back before the end of the month.",
    ),
    said(
        ago(days=2, hours=18),
        "out",
        "Piotr Maj",
        "phone",
        "Second visit cancelled by text, one hour before. She wants a written apology.",
        "B",
        channel_label="called Helena, 6 min",
    ),
    said(
        ago(minutes=77),
        "in",
        "Helena Marsh",
        "email",
        "The card is still blocked. I could not buy my insulin on Friday and I had to borrow money from a neighbour. "
        "I asked for one simple thing: give the €42 back and let me pay.",
        "CA",
        channel_label="E-mail",
        heat=4,
        flag={"word": "health at risk", "text": "Call before you write. Debt letters are on hold."},
    ),
    {
        "kind": "event",
        "id": "e2",
        "at": ago(minutes=76),
        "text": "Rule “Health words” raised the flag and told Anna Bąk",
    },
    said(
        ago(minutes=29),
        "out",
        "You",
        "phone",
        "Card works again, she can pay at the pharmacy. Wants the answer in writing.",
        "C",
        asks=[AskedIn(UUID(int=7), "C", "Receipt of the pharmacy", "Helena Marsh", date(2026, 12, 1), "asked")],
        channel_label="called Helena, 4 min 30 s",
    ),
    said(
        ago(minutes=11),
        "note",
        "Anna Bąk",
        "note",
        "Block came from rule CB-7. I lean to “upheld” and €50 for distress.",
        "C",
    ),
]


def aspect(letter: str, title: str, **more: Any) -> dict[str, Any]:
    return {
        "id": letter.lower() * 8,
        "letter": letter,
        "title": title,
        "decided": False,
        "state_label": "Open",
        "tone": "",
        "icon": "circle-dashed",
        "owner": ME,
        "mine": True,
        "href": f"/cases/OMB-4182/aspects/{letter}",
        "version": 2,
        "redress": [],
        "may_decide": True,
        "staff": False,
        "outcome_label": "",
        "reason": "",
        "cause_label": "",
        "text": "My card was blocked on Friday and nobody told me.",
        "concerns": None,
        "decided_at": None,
        "decided_by": None,
        "clock": due(57, days=13),
        "may": dict.fromkeys(("decide", "reopen", "redress", "assign", "take", "change"), True),
        **more,
    }


ASPECTS = [
    aspect(
        "A",
        "Overdraft fee taken twice",
        decided=True,
        state_label="Upheld",
        tone="ok",
        icon="check",
        clock={"state": "met", "day": 17, "of": 30},
        redress=[{"text": "Refund", "amount": "42.00", "currency": "EUR", "paid_at": ago(hours=2)}],
        cause_label="double fee run",
    ),
    aspect(
        "B",
        "Branch cancelled two visits",
        owner=PIOTR,
        mine=False,
        clock=due(57, days=13),
        missing="Waiting for the branch manager since 20 Nov",
    ),
    aspect(
        "C",
        "Card blocked, no notice",
        lead=True,
        state_label="Drafting",
        tone="info",
        icon="pencil",
        clock=due(88, days=2, hours=4),
        missing="No outcome, redress or cause yet",
    ),
]
CHIPS = [
    {"letter": letter, "decided": letter == "A", "title": title, "count": count, "id": letter, "may_pin": True,
     "href": f"/cases/OMB-4182/aspects/{letter}"}
    for letter, title, count in (("A", "Double fee", 6), ("B", "Branch visit", 3), ("C", "Card block", 5))
]  # fmt: skip


def composer(**more: Any) -> dict[str, Any]:
    return {
        "may_reply": True,
        "reply_why_not": "",
        "kind": "reply",
        "text": "Dear Ms Marsh,\n\nThank you for talking to me this morning. I am sorry that you were left without "
        "your card. It works again. You were charged twice. We have sent €42.00 back to your account ending 2214. "
        "It will be there by ",
        "about": ["A", "C"],
        "draft_version": 7,
        "saved_at": NOW,
        "key": "0190",
        "warning": "C has no outcome yet",
        "error": "",
        "kept_files": [{"id": "1", "name": "statement of October.pdf", "size": 182_400}],
        "asks": {
            "lines": [
                {"what": "Statement of October", "of": "Helena Marsh", "by": "2026-12-01", "for": "A", "need": ""},
                {"what": "", "of": "Helena Marsh", "by": "", "for": "", "need": ""},
            ],
            "kept": 1,
            "aspects": [("A", "A: Double fee"), ("C", "C: Card block")],
            "href": "/cases/OMB-4182/asks",
        },
        "gate": outgoing_samples.gate(on=False, checked=False, findings=[], types=[], letter_type=""),
        **more,
    }


CONFLICT = {
    "who": "Anna Bąk",
    "at": ago(minutes=2),
    "version": 9,
    "yours": [{"label": "Reason", "value": "The block had no cause. We were wrong."}],
    "theirs": [{"label": "Reason", "value": "Rule CB-7 fired by mistake."}],
}


def case(**more: Any) -> dict[str, Any]:
    return {
        "shell": work("queue"),
        "csrf_field": csrf_field,
        "back": {"href": "/queues/mine", "label": "My queue"},
        "routing": Glance(),
        "case": {
            "reference": "OMB-4182",
            "title": "Overdraft fee taken twice, then the card was blocked",
            "version": 8,
            "href": "/cases/OMB-4182",
            "status": "in_progress",
            "status_label": "In progress",
            "customer": {"name": "Helena Marsh", "href": "/parties/1"},
            "heat": 4,
            "flag": "health",
            "confidential": False,
            "clock": due(88, "to the first answer due", days=2, hours=4),
            "owner": ME,
            "mine": True,
            "decided": 1,
            "next_clock": {"label": "First reply", "letter": "", "clock": due(40, hours=4)},
            "facts": [
                {"label": "Received", "value": "6 Nov 2026, web form"},
                {"label": "Final day", "value": "6 Dec 2026"},
                {"label": "Answer by", "value": "E-mail, in Polish"},
                {"label": "Queue", "value": "Cards and fees", "href": "/queues/cards"},
                {"label": "Priority", "value": "High"},
                {"label": "Promises", "value": "1 to keep", "href": "/cases/OMB-4182/promises"},
                {"label": "Tags", "value": "Add some", "href": "/cases/OMB-4182/tags"},
            ],
            "linked": [
                {
                    "reference": "OMB-3907",
                    "title": "Fee, March",
                    "href": "",
                    "tag": "Merged into this",
                    "at": ago(days=2),
                    "icon": "arrow-merge",
                    "by": "Ewa Kruk",
                    "undo": "/undo/merges/1",
                },
                {
                    "reference": "OMB-3911",
                    "title": "Double fee run",
                    "href": "/cases/OMB-3911",
                    "icon": "arrows-split",
                    "tag": "Went on by itself",
                    "at": ago(days=1),
                    "by": "Ewa Kruk",
                    "undo": "",
                },
            ],
        },
        "next_step": {
            "text": "Decide aspect C. Then the reply can go out.",
            "label": "Decide aspect C",
            "href": "/cases/OMB-4182/aspects/C/decide",
            "key": "D",
            "icon": "scale",
            "dialog": True,
            "meta": "Called today at 09:02. Reply promised by 12:00.",
        },
        "people": [ME, PIOTR, ANNA],
        "moves": [{"status": "resolved", "label": "Resolve"}],
        "may_close_why": "Aspects B and C have no outcome yet.",
        "priorities": [("normal", "Normal"), ("high", "High")],
        "priority": "high",
        "severities": [("low", "Low"), ("high", "High")],
        "severity": "high",
        "may": dict.fromkeys(("change", "note", "history", "mark_confidential", "confirm_needs"), True),
        "may_change": True,
        "aspects": ASPECTS,
        "may_add_aspect": True,
        "kept": {},
        "refused": None,
        "new_aspect": {},
        "new_party": {},
        "party_error_of": {},
        "parties": [
            {
                "name": "Helena Marsh",
                "role_label": "complainant",
                "href": "/parties/1",
                "contact": "helena.marsh@example.org",
            },
            {
                "name": "Kancelaria Lis",
                "role_label": "representative",
                "href": "/parties/2",
                "authority": "Until 6 Dec 2026",
            },
        ],
        "party_roles": [("joint", "Joint complainant"), ("representative", "Representative")],
        "needs": {"text": "Health condition, told us", "source": "Confirmed by Ewa Kruk", "at": ago(minutes=29)},
        "data": [
            {"label": "Card ••2214", "value": "Active", "source": "Card system", "fetched_at": ago(minutes=1)},
            {"label": "Balance", "value": "−€128.40", "source": "Core ledger", "fetched_at": ago(minutes=4)},
            {
                "label": "Address",
                "value": "ul. Długa 8, Gdańsk",
                "source": "CRM",
                "fetched_at": ago(days=275),
                "stale": True,
            },
            {"label": "Employer", "value": None, "source": "CRM", "fetched_at": ago(days=1)},
        ],
        "slots": [
            {"title": "Payments panel", "state": "fault", "href": "/s/1", "text": "At 09:12 it showed 2 payments."},
            {"title": "Credit file", "state": "loading", "href": "/s/2"},
        ],
        "jobs": [],
        "about": "",
        "chips": CHIPS,
        "said": 14,
        "customer": "Helena Marsh",
        "offered": [{"aspect": ASPECTS[2], "needs": [{"key": "statement", "label": "Statement of the month"}]}],
        "entries": ENTRIES,
        "earlier_href": "/cases/OMB-4182?all=1",
        "composer": composer(),
        "conflict": None,
        **more,
    }


def decide(**more: Any) -> dict[str, Any]:
    whole = case()
    form = {"outcome": "", "reason": "", "cause": "", "note": "", "errors": [], "error_of": {}}
    line = {"kind": "refund", "amount": "50.00", "currency": "EUR"}
    return {
        **whole,
        "aspect": ASPECTS[2],
        "form": {**form, "lines": [line, {"kind": "", "amount": "", "currency": "EUR"}], **more.pop("form", {})},
        "outcomes": [
            ("upheld", "Upheld"),
            ("partly", "Partly upheld"),
            ("not_upheld", "Not upheld"),
            ("out", "Out of scope"),
        ],
        "causes": [("fee-run", "Double fee run"), ("rule", "Faulty rule")],
        "redress_kinds": [("refund", "Refund"), ("distress", "Distress and inconvenience")],
        "currencies": [("EUR", "EUR"), ("PLN", "PLN")],
        **more,
    }


def refused_decision() -> dict[str, Any]:
    words = {"outcome": "Choose an outcome.", "reason": "Give the reason for the outcome."}
    errors = [{"field": field, "message": message} for field, message in words.items()]
    return decide(form={"errors": errors, "error_of": words}, conflict=CONFLICT)


def whole_aspect(**more: Any) -> dict[str, Any]:
    form = {
        "title": "Overdraft fee taken twice",
        "category": "",
        "priority": "normal",
        "severity": "2",
        "due": "2026-12-06",
        "reason": "",
        "errors": [],
        "error_of": {},
    }
    return {
        **decide(),
        "aspect": aspect("A", "Overdraft fee taken twice", decided=True, state_label="Upheld", outcome_label="Upheld",
                         reason="The fee was taken twice.", decided_at=ago(hours=2), decided_by=ME, may_decide=False),
        "parts": [{"code": "matter", "label": "Matter", "href": "/cases/OMB-4182/aspects/A"},
                  {"code": "other", "label": "Evidence", "href": "/cases/OMB-4182/aspects/A/evidence"}],
        "part": "matter",
        "form": form,
        "people": [("1", "Ewa Kruk"), ("2", "Piotr Maj")],
        "staff": [("2", "Piotr Maj")],
        "conflict": None,
        **more,
    }  # fmt: skip


def change_case(**more: Any) -> dict[str, Any]:
    form = {"title": "Overdraft fee taken twice", "priority": "high", "severity": "high", "mood": "angry", "queue": "1"}
    return {
        **case(),
        "form": {**form, "errors": [], "error_of": {}},
        "moods": [("angry", "Angry")],
        "queues": [("1", "Cards and fees")],
        "own_fields": [],
        "masked": False,
        **more,
    }


STOPPED = "The case that should hold both is closed. Reopen it first, with the reason."
MERGED = {
    "absorbed": {"reference": "OMB-4182", "title": "Overdraft fee taken twice", "href": "#", "customer": "Helena Marsh",
                 "aspects": ["Fee taken twice", "Nobody called back"], "messages": 3, "received": date(2026, 10, 2)},
    "kept": {"reference": "OMB-7F3K2-9", "title": "Fee again", "href": "#", "customer": "Jan Kowal",
             "aspects": ["The letter was rude"], "messages": 1, "received": date(2026, 10, 9)},
    "stops": "", "warning": "Different people complain in these cases. Say that this is meant.", "clock": True,
}  # fmt: skip


def merging(**more: Any) -> dict[str, Any]:
    alike = [
        {"reference": "OMB-7F3K2-9", "title": "Fee again", "href": "#", "received_at": ago(days=3), "why": why}
        for why in ("Same e-mail address", "Much the same words")
    ]
    shown = {"alike": [] if more.get("look") else alike, "into": "", "unknown": "", "look": None, "reason": ""}
    return {**case(), **shown, "form": {"message": "", "errors": [], "error_of": {}}, **more}


def splitting(**more: Any) -> dict[str, Any]:
    listed = [("1", "A Fee taken twice", ""), ("2", "B Nobody called back", "")]
    form = {"message": "", "errors": [], "error_of": {}}
    return {**case(), "aspects": listed, "chosen": ["2"], "form": form, "reason": "", **more}


def history(**more: Any) -> dict[str, Any]:
    words = "Ewa Kruk decided aspect A: upheld"
    entry = {"id": 7, "at": ago(hours=2), "actor_name": "Ewa Kruk", "icon": "scale", "text": words,
             "code": "aspect.decided", "because": "", "changes": [], "values": {}}  # fmt: skip
    changed = {"label": "Outcome", "before": "None", "after": "Upheld"}
    return {
        "shell": work("queue"),
        "csrf_field": csrf_field,
        "reference": "OMB-4182",
        "href": "/cases/OMB-4182",
        "whole": False,
        "asked": {"about": "A"},
        "filters": [
            {"name": "about", "label": "About", "value": "A", "options": [("A", "Aspect A"), ("B", "Aspect B")]},
            {"name": "who", "label": "Who", "value": "", "options": [("user/1", "Ewa Kruk")]},
            {"name": "kind", "label": "What", "value": "", "options": [("aspect.decided", "Aspect decided")]},
        ],
        "csv_href": "/cases/OMB-4182/history.csv",
        "print_href": "/cases/OMB-4182/history?whole=1",
        "entries": [
            {**entry, "changes": [changed], "values": {"reason": "The fee was taken twice."}},
            {**entry, "id": 1, "because": "Automatic, because a complaint came in"},
        ],
        "next_href": "/cases/OMB-4182/history?before=6",
        **more,
    }


def administration(place: str, **more: Any) -> dict[str, Any]:
    """Around a page of the administration."""
    watch = [("ledger", "Ledger", "shield-check"), ("health", "Health", "stethoscope"), ("jobs", "Jobs", "repeat")]
    places = [{"code": code, "label": label, "icon": icon, "href": f"/{code}"} for code, label, icon in watch]
    desk = [{"code": "look", "label": "Look", "icon": "palette", "href": "/administration/look"}]
    return {
        "shell": work("administration"), "csrf_field": csrf_field, "place": place,
        "places": [{"label": "Desk", "places": desk}, {"label": "Watch", "places": places}], **more,
    }  # fmt: skip


def piece(state: str, **more: Any) -> dict[str, Any]:
    return {
        "id": "0190a3", "href": f"/jobs/{state}-1", "what": "Verify the ledger", "subscriber": "job/ledger.verify",
        "plugin": "", "whose": "Ombud itself", "state": state, "attempts": 2, "kills": 1, "why": "", "done": 0,
        "total": 0, "note": "", "since": ago(minutes=4), "next_at": None, "worker": "", **more,
    }  # fmt: skip


WHY = "What it needs did not answer for seven days."
JOB_STATES = {
    "parked": "Parked",
    "running": "Running",
    "waiting": "Waiting",
    "done": "Done lately",
    "given_up": "Given up",
}


def jobs(state: str, *pieces: dict[str, Any], **more: Any) -> dict[str, Any]:
    views = [
        {"label": label, "icon": "hourglass", "href": f"/jobs?show={code}", "count": 12, "more": code == "done",
         "current": code == state}
        for code, label in JOB_STATES.items()
    ]  # fmt: skip
    options = [("core", "Ombud itself"), ("letterpress", "Letter press")]
    return administration(
        "jobs", state=state, at=NOW, first=True, asked={"plugin": "", "kind": ""}, refresh_href="/jobs", views=views,
        filters=[{"name": "plugin", "label": "Whose", "value": "core", "options": options}],
        groups=[{"label": "Print letters", "count": 11, "href": "/jobs/again?kind=x"}] if pieces else [],
        pieces=list(pieces), next_href="/jobs?after=x" if pieces else "", **more,
    )  # fmt: skip


def one_job(state: str, wrong: str = "") -> dict[str, Any]:
    shown = piece(state, why=WHY, done=120, total=400, worker="otter, process 4711" if state == "running" else "")
    return administration(
        "jobs", job=shown, error="Transient: print.example did not answer" if state == "parked" else "",
        remedy="Mend the cause, then run it again." if state == "parked" else "", ids=[("kind", "case.opened")],
        unshown=2, wrong=wrong, reason="", created_at=ago(days=8), finished_at=ago(hours=2), plugin_href="/plugins",
        faults_href="/jobs/faults?plugin=core",
    )  # fmt: skip


def schedule(*entries: dict[str, Any]) -> dict[str, Any]:
    return administration("jobs", entries=list(entries))


PLANNED = {"what": "Count the queues", "name": "queues.fold", "whose": "Ombud itself", "rhythm": "Every 20 seconds",
           "last_at": ago(minutes=3), "next_at": ago(minutes=2), "late": True}  # fmt: skip
FAULT = {"whose": "Letter press", "href": "/jobs/faults?plugin=letterpress", "kind": "Took too long", "place": "send",
         "error": "no answer within 5 s", "count": 3, "last": ago(minutes=9)}  # fmt: skip


def check(code: str, label: str, state: str, said: str, remedy: str = "", href: str = "") -> dict[str, Any]:
    return {"code": code, "label": label, "group": "Database", "means": "Everything is kept here.", "state": state,
            "said": said, "remedy": remedy, "facts": [("Free", "12 GB")], "href": href}  # fmt: skip


def health_page(*bad: dict[str, Any]) -> dict[str, Any]:
    good = check("database.server", "Server", "good", "PostgreSQL 17.2 answers; the database holds 4.1 GB.")
    counts = {"good": 1, "look": sum(each["state"] == "look" for each in bad)}
    worst = "bad" if any(each["state"] == "bad" for each in bad) else "look" if bad else "good"
    return administration(
        "health", worst=worst, counts={**counts, "bad": len(bad) - counts["look"]}, at=NOW, first=list(bad),
        groups=[{"label": "Database", "checks": [good, *bad]}],
    )  # fmt: skip


TROUBLED = (
    check("jobs.parked", "Parked work", "bad", "12 pieces of work failed for good.", "Run them again.", "/jobs"),
    check("disk", "Disk", "look", "3.1 GB of 90 GB are free.", "Give the data folder more room."),
)


def ledger_page(**more: Any) -> dict[str, Any]:
    result = {"at": ago(hours=1), "who": "Anna Bąk", "whole": True, "reference": "", "holds": True, "entries": 4182,
              "streams": 633, "checkpoints": 41, "published": 41, "newer": 3, "sealed": True, "opened": 902,
              "erased": 4, "where": "", "broken": "", "advice": ""}  # fmt: skip
    broken = {"holds": False, "whole": False, "reference": "OMB-4182", "where": "entry case/0190 6",
              "broken": "entry case/0190 6: due_at is changed", "advice": "A record was changed."}  # fmt: skip
    marks = [{"n": n, "at": ago(minutes=10 * (42 - n)), "size": 12, "root": "d0880a70d17c84c0" * 4,
              "published": n < 41} for n in (41, 40)]  # fmt: skip
    usual = {
        "wrong": {"verify_reference": "", "export_reference": "", "since": "", "until": ""}, "typed": "",
        "days": {"since": "", "until": ""},
        "stamp": {"n": 41, "at": ago(hours=1)}, "stamp_url": "tsa.example",
        "may_whole": True, "running": None,
        "results": [result, {**result, **broken}], "checkpoints": marks, "publish_file": "/srv/checkpoints.jsonl",
        "trouble": "", "public_key": "ab12" * 16, "key_id": "ab12" * 4, "minutes": 10,
    }  # fmt: skip
    return administration("ledger", **{**usual, **more})


def ledger_entries(**more: Any) -> dict[str, Any]:
    entry = {"number": 4182, "stream": "user/0190a3", "seq": 2, "at": ago(hours=3), "text": "%(actor)s added a user",
             "values": {"actor": "Ewa Kruk"}, "icon": "user-plus", "who": "Ewa Kruk", "actor": "user/0190a1",
             "kind": "user.added", "hash": "d088" * 16, "sealed": ["name"], "codes": '{"role":"agent"}',
             "cause": "command/1"}  # fmt: skip
    usual = {"asked": {"kind": "user."}, "errors": {}, "entries": [entry], "next_href": "?before=1",
             "cut_short": False, "window": 100_000}  # fmt: skip
    return administration("ledger", **{**usual, **more})


def looks(**more: Any) -> dict[str, Any]:
    def theme(name: str, **given: Any) -> dict[str, Any]:
        usual = {"name": name, "label": name.capitalize(), "summary": "Black and white.", "version": "0.1.0",
                 "problem": "", "in_force": False, "previewed": False}  # fmt: skip
        preview = f"/administration/look?theme-preview={name}"
        return {**usual, "preview": preview, "preview_front": f"/?theme-preview={name}", **given}

    those = [theme("plain", in_force=True), theme("contrast"), theme("night", problem="It has no theme.toml.")]
    return administration(
        "look", **{"themes": those, "wanted": "plain", "problem": "", "wrong": "", "previewed": "", **more}
    )  # fmt: skip


def needs_form(**wrong: str) -> dict[str, Any]:
    words = [{"field": field, "message": message} for field, message in wrong.items()]
    form = {"in_vulnerable_circumstances": True, "complains_of_our_response": False, "adjustments": "Large print",
            "lawful_basis": "", "review_on": "", "errors": words, "error_of": wrong}  # fmt: skip
    party = {"name": "Helena Marsh", "role_label": "Complainant", "href": "/cases/OMB-4182/parties/1/needs"}
    return {**case(), "party": party, "form": form}


def tokens() -> dict[str, Any]:
    listed = {"id": "1", "name": "Export every night", "mark": "9f03", "scopes": ("case.read",), "used_at": None,
              "created_at": ago(days=2), "expires_at": NOW + timedelta(days=30)}  # fmt: skip
    ended = {**listed, "id": "2", "mark": "77aa"}
    return {
        "shell": work("me"),
        "csrf_field": csrf_field,
        "plain": "omb_9f03_0123456789",
        "tokens": [{"listed": listed, "state": "holds"}, {"listed": ended, "state": "revoked"}],
        "scopes": [("case.read", "See cases", "")],
        "days": [("30", "30 days"), ("0", "Until it is revoked")],
        "form": {"name": "", "days": "30", "scopes": [], "errors": [], "error_of": {}},
    }


def new_case(**wrong: str) -> dict[str, Any]:
    return {
        "shell": work("queue"),
        "csrf_field": csrf_field,
        "form": {
            "channel": "letter",
            "received_on": "2026-11-20",
            "name": "Renata Olszak",
            "email": "",
            "phone": "",
            "unit": "1",
            "case_type": "complaint",
            "summary": "",
            "confidential": False,
            "key": "0190-key",
            "matters": [
                {"text": "You closed my account while I was in hospital.", "category": ""},
                {"text": "", "category": ""},
            ],
            "errors": [{"field": field.replace("_", "-"), "message": message} for field, message in wrong.items()],
            "error_of": {field.replace("_", "-"): message for field, message in wrong.items()},
        },
        "channels": [("letter", "Letter"), ("phone", "Phone"), ("visit", "Visit")],
        "units": [("1", "Cards and fees")],
        "case_types": [("complaint", "Complaint")],
        "categories": [("account", "Account"), ("card", "Card")],
        "own_fields": [
            FormField("account", "Account", "As on the statement.", "text", True, (), ""),
            FormField("branch", "Branch", "", "select", False, ("Gdynia", "Sopot"), "Sopot"),
            FormField("called", "Called before", "", "checkbox", False, (), True),
        ],
        "may_hide": True,
        "may_add": True,
        "draft": {"draft_version": 3, "saved_at": NOW},
        "begun": 1,
        "begun_href": "/cases/new?draft=2",
    }


def plugin(slug: str, label: str, state: str, icon: str, summary: str, reach: str, **more: Any) -> dict[str, Any]:
    acts = [{"action": "disable", "label": "Turn off"}] if state == "enabled" else []
    given = {"version": "1.4.1", "author": "Ombud project", "why": "", "settings_href": "", "acts": acts, **more}
    return {"slug": slug, "label": label, "state": state, "icon": icon, "summary": summary, "reach": reach, **given}


def plugins() -> dict[str, Any]:
    def view(label: str, icon: str, count: int, group: str = "", current: bool = False) -> dict[str, Any]:
        return {"label": label, "icon": icon, "href": "/plugins", "count": count, "group": group, "current": current}

    needing = [
        plugin(
            "payments",
            "Payments panel",
            "fault",
            "building-bank",
            "Shows the last payments in the 360 panel.",
            "Reads account number. Writes nothing.",
            why="It stopped by itself at 09:12, after 5 answers in a row took longer than 3 seconds. Cases work; only "
            "this panel is missing. Check that payments.internal answers, then start it again.",
            acts=[{"action": "restart", "label": "Start again", "main": True}],
        ),
        plugin(
            "letterpress",
            "Letter press",
            "upgrade_needed",
            "printer",
            "Prints, folds and posts letters through your print house.",
            "Reads letters and addresses. Sends them to one host.",
            why="Version 2.0 asks for one new right: read case deadlines.",
            acts=[],
            preview_href="/plugins/letterpress/enable",
            preview_label="Upgrade to 2.0",
        ),
    ]
    working = [
        plugin(
            "x",
            "X channel",
            "enabled",
            "brand-x",
            "Brings public posts and direct messages into the inbox.",
            "Reads posts that name you. Writes replies you approve.",
            settings_href="/plugins/x/settings",
        )
    ]
    off = [
        plugin(
            "night",
            "Night shift theme",
            "disabled",
            "moon",
            "A warmer dark theme.",
            "Reads nothing. Writes nothing.",
            acts=[{"action": "enable", "label": "Turn on"}],
        )
    ]
    return {
        "shell": work("extensions"),
        "csrf_field": csrf_field,
        "place": "plugins",
        "places": [
            {
                "label": "Desk",
                "places": [{"code": "plugins", "label": "Plugins", "icon": "puzzle", "href": "/plugins"}],
            }
        ],
        "counts": {"installed": 11, "needing": 2},
        "unknown": "",
        "views": [
            view("Installed", "puzzle", 11, current=True),
            view("Faults", "alert-circle", 1),
            view("Channels", "tag", 4, "Kind"),
        ],
        "groups": [
            {"label": "Needs you", "count": 2, "plugins": needing},
            {"label": "Working", "count": 8, "plugins": working},
            {"label": "Turned off", "count": 1, "plugins": off},
        ],
    }


def intake() -> dict[str, Any]:
    def receipt(number: int, channel: str, sender: str, subject: str, state: str, **more: Any) -> dict[str, Any]:
        return {
            "id": str(number),
            "href": f"/intake?open={number}",
            "channel": channel,
            "channel_label": "E-mail",
            "sender": sender,
            "subject": subject,
            "at": ago(minutes=30 + number),
            "step_label": "reading the attachment",
            "state": state,
            **more,
        }

    first = receipt(1, "email", "Renata Olszak", "You closed my account while I was in hospital", "fault")
    return {
        "shell": work("intake"),
        "csrf_field": csrf_field,
        "waiting": 3,
        "oldest_at": ago(hours=1, minutes=50),
        "receipts": [
            first,
            receipt(2, "letter", "Letter, no sender", "Scan 2026-11-23-07, 3 pages", "waiting"),
            receipt(
                3,
                "email",
                "Kancelaria Lis",
                "Power of attorney, O. Lis",
                "possible",
                guess="Possibly belongs to OMB-4121",
            ),
        ],
        "chosen": {
            **first,
            "fault": "The attachment is not a PDF, although its name says so.",
            "remedy": "Open it as it came, or ask the sender for another copy.",
            "attempts": 3,
            "size": 48_200,
            "raw_href": "/intake/1/raw",
            "preview": "Hello,\n\nI was in hospital from 2 to 16 November. When I came home my account was closed.",
            "may_act": True,
            "may_place": True,
        },
        "next_href": "",
    }


def parties() -> dict[str, Any]:
    return {
        "shell": work("parties"),
        "csrf_field": csrf_field,
        "search": "",
        "parties": [
            {
                "name": "Helena Marsh",
                "href": "/parties/1",
                "kind": "person",
                "email": "helena.marsh@example.org",
                "cases": 3,
                "last_at": ago(hours=1),
            },
            {
                "name": "Kancelaria Lis",
                "href": "/parties/2",
                "kind": "organisation",
                "email": "",
                "cases": 12,
                "last_at": None,
            },
        ],
        "next_href": "",
    }


def party() -> dict[str, Any]:
    whole = case()
    role = {
        "reference": "OMB-4182",
        "title": "Overdraft fee taken twice, then the card was blocked",
        "href": "/cases/OMB-4182",
        "role_label": "Complainant",
        "status_label": "In progress",
        "aspects": marks("aBC"),
        "received_at": ago(days=17),
    }
    facts = [{"label": "E-mail", "value": "helena.marsh@example.org"}, {"label": "Language", "value": "Polish"}]
    about = {
        "name": "Helena Marsh",
        "kind": "person",
        "since": date(2014, 3, 2),
        "facts": facts,
        "needs": whole["needs"],
        "version": 3,
        "href": "/parties/1",
    }
    form = {"name": "Helena Marsh", "email": None, "phone": "", "postcode": "80-831", "address": ""}
    return {
        "shell": work("parties"),
        "csrf_field": csrf_field,
        "party": about,
        "roles": [role],
        "data": whole["data"],
        "slots": [],
        "may_change": True,
        "form": {**form, "errors": [], "error_of": {}},
        "conflict": None,
        **admin_samples.person(),
    }


def sign_in(**form: str) -> dict[str, Any]:
    return {
        "shell": SHELL,
        "csrf_field": csrf_field,
        "form": {"login": "", "next": "/queues", "error": "", **form},
        "wait": 0,
    }


WHERE = [
    {"session": {"id": "a" * 64, "created_at": ago(hours=2), "seen_at": ago(minutes=1), "new_browser": False},
     "browser": "Firefox", "system": "Linux", "here": True},
    {"session": {"id": "b" * 64, "created_at": ago(days=1), "seen_at": ago(hours=3), "new_browser": True},
     "browser": "Safari", "system": "iPhone", "here": False},
    {"session": {"id": "c" * 64, "created_at": ago(days=1), "seen_at": ago(hours=9), "new_browser": False},
     "browser": "", "system": "", "here": False},
]  # fmt: skip
CODES = [f"{each}{each}{each}{each}-k7mq-29xp" for each in "abcdefghjk"]
NO_CODE = "This code does not fit. Type the one the app shows now; each counts once."


def second_factor(**more: Any) -> dict[str, Any]:
    return {
        "shell": work("me"), "csrf_field": csrf_field, "user": "ewa", "since": None, "codes_left": 0, "secret": "",
        "codes": [], "required": False, "errors": [], "error_of": {}, **more,
    }  # fmt: skip


def user_access(**more: Any) -> dict[str, Any]:
    user = {"id": "7", "name": "ewa", "display_name": "Ewa Kruk", "active": True, "has_password": True}
    return {
        "shell": work("administration"), "csrf_field": csrf_field, "place": "users", "user": user, "link": "",
        "hours": 24, "open_until": None, "factor_since": None, "sessions": [], "wrong": "",
        "places": [{"label": "Desk", "places": [
            {"code": "users", "label": "Users", "icon": "users", "href": "/users"},
            {"code": "plugins", "label": "Plugins", "icon": "puzzle", "href": "/plugins"},
        ]}], **more,
    }  # fmt: skip


def reset(purpose: str = "reset", **wrong: str) -> dict[str, Any]:
    return {
        "shell": SHELL, "csrf_field": csrf_field, "token": "x" * 43, "shortest": 15,
        "reset": {"name": "ewa", "purpose": purpose, "expires_at": NOW + timedelta(hours=20)}, "error_of": wrong,
        "errors": [{"field": field, "message": message} for field, message in wrong.items()],
    }  # fmt: skip


DOORS = [
    {
        "href": "/p/webform/",
        "icon": "writing",
        "title": "Make a complaint",
        "text": "It takes about ten minutes. You can save it and come back.",
    },
    {
        "href": "/p/portal/",
        "icon": "search",
        "title": "Follow my complaint",
        "text": "See what happens next and when, or add something. You need your case number.",
    },
]

API_PROBLEMS = {"conflict": ("Conflict", "Compare both sides and send it again with the new version.")}
API_SECTIONS = [
    {
        "title": "Complaints",
        "operations": [
            {
                "id": "file_complaint",
                "method": "POST",
                "path": "/api/v1/complaints",
                "words": "Files a complaint. The same `Idempotency-Key` gives the same answer.",
                "parameters": [
                    {"name": "Idempotency-Key", "place": "header", "required": True, "words": "1 to 200 visible signs."}
                ],
                "body": [
                    {
                        "name": "channel",
                        "kind": "text",
                        "required": True,
                        "words": "How it came.",
                        "choices": ["api", ""],
                    }
                ],
            }
        ],
    }
]


def pieces(text: str) -> list[dict[str, Any]]:
    """`[word]` is one that answers the search."""
    parts = text.replace("]", "[").split("[")
    return [{"text": part, "found": place % 2 == 1} for place, part in enumerate(parts) if part]


def search(**more: Any) -> dict[str, Any]:
    kinds = [("", "All", "search", None), ("case", "Cases", "briefcase", 2), ("message", "Messages", "messages", 50),
             ("person", "People", "users", 1)]  # fmt: skip
    case_hit = {
        "href": "/cases/OMB-4182", "title": pieces("[Opłata] za kartę pobrana dwa razy"),
        "reference": pieces("OMB-4182"), "customer": pieces("Helena Marsh"), "status_label": "In progress",
        "unit": "Cards and fees", "received_at": ago(days=3), "confidential": True,
        "snippet": pieces("… w marcu bank pobrał [opłatę] za kartę dwa razy, choć [opłaty] miało nie być …"),
    }  # fmt: skip
    said = {
        "href": "/cases/OMB-4182#entry-1", "title": pieces("[Opłata] za kartę"), "reference": "OMB-4182",
        "direction": "Note", "channel": "note", "channel_label": "Desk", "at": ago(hours=2),
        "snippet": pieces("Zwrot [opłaty] zlecony."), "files": pieces("[oplata].pdf"),
    }  # fmt: skip
    somebody = {"href": "/parties/1", "kind": "person", "name": pieces("Jan [Opłatek]"),
                "contacts": [pieces("jan@example.org"), pieces("600 700 800")], "cases": 2}  # fmt: skip
    parts = [
        {"kind": "case", "label": "Cases", "count": 2, "more": False, "hits": [case_hit, case_hit], "all_href": ""},
        {"kind": "message", "label": "Messages", "count": 50, "more": True, "hits": [said], "all_href": "/search?q=x"},
        {"kind": "person", "label": "People", "count": 1, "more": False, "hits": [somebody], "all_href": ""},
    ]
    status = {"name": "status", "label": "Status", "value": "open", "options": [("open", "not closed")]}
    standing = {"behind": 3, "built": True, "building_since": NOW, "done": 12_000, "total": 655_000}
    return {
        "shell": work("search"), "csrf_field": csrf_field, "search": "opłata", "kind": "", "filtered": True,
        "further": False,
        "kinds": [{"code": code, "label": label, "icon": icon, "href": "/search?q=x", "count": count,
                   "more": code == "message"} for code, label, icon, count in kinds],
        "filters": {"selects": [status], "received_from": "2026-01-01", "received_to": ""}, "standing": standing,
        "wrong": "", "failed": "", "nothing": False, "left_out": ["za"], "parts": parts, "next_href": "/search?after=x",
        **more,
    }  # fmt: skip


CLAIM = {"name": "Piotr Maj", "mine": False, "since": ago(minutes=4), "until": NOW + timedelta(minutes=6),
         "aspect_id": "a" * 8, "letter": "A"}  # fmt: skip
MY_CLAIM = {**CLAIM, "name": "Ewa Kruk", "mine": True, "aspect_id": "b" * 8, "letter": "B"}
MATTERS = [{"id": letter.lower() * 8, "letter": letter} for letter in "ABC"]
CLASH = {
    **CONFLICT,
    "yours": [],
    "theirs": [],
    "choices": [
        {"name": "choice.title", "label": "Title", "mine": "Fee taken twice, card blocked", "theirs": "Fee and card"},
        {"name": "choice.queue", "label": "Queue", "mine": "Cards and fees", "theirs": "–"},
    ],
}
DRAFTS = [
    {"id": "1", "what": "Answer to Helena Marsh", "where": "OMB-4182 Overdraft fee taken twice", "closed": True,
     "href": "/cases/OMB-4182#composer", "at": ago(hours=1), "text": "Dear Ms Marsh,\n\nthank you for waiting."},
    {"id": "2", "what": "Complaint being written down", "where": "", "closed": False, "href": "/cases/new?draft=2",
     "at": ago(days=2), "text": "Leon Dudek\nThe clerk laughed."},
    {"id": "3", "what": "Draft", "where": "A case you may not see any more", "closed": False, "href": "",
     "at": ago(days=9), "text": ""},
]  # fmt: skip


def bulk_messages() -> dict[str, Any]:
    whole = bulk("planned", ready=2, cannot=1)
    return {**whole, "bulk": {**whole["bulk"], "messages": True}, "what": "Write to the customers",
            "form": {**whole["form"], "action": "reply"}}  # fmt: skip


def bulk_message(**more: Any) -> dict[str, Any]:
    message = {"subject": "Your complaint", "text": "Dear Ms Marsh,\nwe look into it.", "way": "E-mail",
               "to": "Helena Marsh", "letter": "Reply", "waits": True, "problem": "", **more}  # fmt: skip
    return {"shell": work("queue"), "csrf_field": csrf_field, "href": "/bulk/7", "message": message,
            "case": {"reference": "OMB-4182", "href": "/cases/OMB-4182"}}  # fmt: skip


def asks(**more: Any) -> dict[str, Any]:
    whole = case()
    needs = [{"key": "statement", "label": "Statement of the month"}]
    return {**whole, "offered": [{"aspect": ASPECTS[2], "needs": needs}], "customer": "Helena Marsh", **more}


PAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "queue": ("pages/queue.html", queue()),
    "asks": ("pages/asks.html", asks()),
    "asks-none": ("pages/asks.html", asks(offered=[])),
    "queue-empty": ("pages/queue.html", queue(groups=[], next_href="", fresh=0)),
    "queue-first": ("pages/queue.html", queue(groups=[], next_href="", fresh=0, nothing="first")),
    "queue-first-steps": (
        "pages/queue.html",
        queue(groups=[], next_href="", fresh=0, nothing="first", first_steps=STEPS),
    ),
    "queue-hidden": ("pages/queue.html", queue(groups=[], next_href="", fresh=0, nothing="hidden", view=VIEW)),
    "views": ("pages/views.html", saved_views()),
    "views-none": ("pages/views.html", {**saved_views(), "views": []}),
    "view": ("pages/view.html", saved_view()),
    "view-new": ("pages/view.html", {**saved_view(), "view": None, "other": {"id": "3", "name": "Mine", "version": 1}}),
    "keys": ("pages/keys.html", own_keys()),
    "bulk-choosing": ("pages/bulk.html", bulk("choosing", chosen=3)),
    "bulk-message": ("pages/bulk_message.html", bulk_message()),
    "bulk-message-none": ("pages/bulk_message.html", bulk_message(problem="The case is closed.")),
    "bulk-planned-messages": ("pages/bulk.html", bulk_messages()),
    "bulk-planned": ("pages/bulk.html", bulk("planned", ready=2, cannot=1)),
    "bulk-running": ("pages/bulk.html", bulk("running", ready=40, done=23)),
    "bulk-done": ("pages/bulk.html", bulk("done", done=2, refused=1)),
    "queue-search": ("pages/queue.html", queue(groups=[], next_href="", search="pension", fresh=0)),
    "case": ("pages/case.html", case()),
    "case-conflict": ("pages/case.html", case(conflict=CONFLICT, composer=composer(theirs="Dear Helena", warning=""))),
    "case-reader": (
        "pages/case.html",
        case(
            people=[],
            may={},
            moves=[],
            may_close_why="",
            may_change=False,
            may_add_aspect=False,
            next_step=None,
            needs=None,
            data=[],
            slots=[],
            composer=composer(
                may_reply=False, reply_why_not="You may not write to customers.", kind="note", text="", saved_at=None
            ),
        ),
    ),
    "case-live": (
        "pages/case.html",
        case(
            case={**case()["case"], "claims": [CLAIM], "may_claim": True},
            now_there={
                "others": [
                    {"name": "Piotr Maj", "writing": True, "until": NOW},
                    {"name": "Anna Bąk", "writing": False, "until": NOW},
                ]
            },
            composer=composer(apart=1, to="1"),
        ),
    ),
    "decide": ("pages/decide.html", decide()),
    "decide-claimed": ("pages/decide.html", decide(aspect={**decide()["aspect"], "claim": CLAIM})),
    "decide-refused": ("pages/decide.html", refused_decision()),
    "aspect": ("pages/aspect.html", whole_aspect()),
    "aspect-clocks": ("pages/aspect_clocks.html", whole_aspect(**clock_samples.clocks())),
    "aspect-no-clocks": ("pages/aspect_clocks.html", whole_aspect(**{**clock_samples.clocks(), "clocks": []})),
    "case-clocks": ("pages/case_clocks.html", {**case(), **clock_samples.clocks()}),
    "case-no-clocks": ("pages/case_clocks.html", {**case(), **clock_samples.clocks(), "clocks": []}),
    "aspect-conflict": ("pages/aspect.html", whole_aspect(conflict=CONFLICT)),
    "case-change": ("pages/case_change.html", change_case()),
    "case-change-clash": ("pages/case_change.html", change_case(conflict=CLASH)),
    "case-tags": (
        "pages/case_tags.html",
        {
            **case(),
            "was": "late-fee",
            "form": {"tags": "late-fee, branch", "errors": [], "error_of": {}},
        },
    ),
    "case-tags-wrong": (
        "pages/case_tags.html",
        {
            **case(),
            "was": "late-fee",
            "form": {
                "tags": "ünd!",
                "errors": [{"field": "tags", "message": "“ünd!” is no tag."}],
                "error_of": {"tags": "“ünd!” is no tag."},
            },
        },
    ),
    "case-merge": ("pages/case_merge.html", merging()),
    "case-merge-look": ("pages/case_merge.html", merging(into="OMB-7F3K2-9", look=MERGED)),
    "case-merge-stops": ("pages/case_merge.html", merging(into="OMB-7F3K2-9", look={**MERGED, "stops": STOPPED})),
    "case-split": ("pages/case_split.html", splitting()),
    "case-split-one": ("pages/case_split.html", splitting(aspects=[("1", "A Fee", "")])),
    "aspect-clash": ("pages/aspect.html", whole_aspect(conflict=CLASH)),
    "drafts": ("pages/drafts.html", {"shell": work("me"), "csrf_field": csrf_field, "drafts": DRAFTS}),
    "drafts-none": ("pages/drafts.html", {"shell": work("me"), "csrf_field": csrf_field, "drafts": []}),
    "case-link": (
        "pages/case_link.html",
        {**case(), "reference": "OMB-4182", "link": "modra.example/track/abc"},
    ),
    "history": ("pages/history.html", history()),
    "history-none": ("pages/history.html", history(entries=[], next_href="")),
    "jobs": ("pages/jobs.html", jobs("parked", piece("parked", why=WHY), piece("parked"))),
    "jobs-running": (
        "pages/jobs.html",
        jobs("running", piece("running", done=120, total=400, note="entries", worker="otter, process 4711")),
    ),
    "jobs-waiting": ("pages/jobs.html", jobs("waiting", piece("waiting", next_at=NOW))),
    **{f"jobs-none-{state}": ("pages/jobs.html", jobs(state)) for state in JOB_STATES},
    "job": ("pages/job.html", one_job("parked")),
    "job-refused": ("pages/job.html", one_job("parked", "Say why nobody needs this any more.")),
    "job-running": ("pages/job.html", one_job("running")),
    "job-again": (
        "pages/job_again.html",
        administration("jobs", kind="job/x", plugin="", what="Print letters", count=11),
    ),
    "job-again-none": ("pages/job_again.html", administration("jobs", kind="", plugin="", what="", count=0)),
    "schedule": ("pages/job_schedule.html", schedule(PLANNED, {**PLANNED, "last_at": None, "next_at": None})),
    "schedule-none": ("pages/job_schedule.html", schedule()),
    "faults": ("pages/job_faults.html", administration("jobs", plugin="Letter press", faults=[FAULT])),
    "faults-none": ("pages/job_faults.html", administration("jobs", plugin="", faults=[])),
    "health": ("pages/health.html", health_page(*TROUBLED)),
    "health-good": ("pages/health.html", health_page()),
    "ledger": ("pages/ledger.html", ledger_page()),
    "ledger-verifying": (
        "pages/ledger.html",
        ledger_page(
            running={"state": "running", "done": 1200, "total": 4182, "since": ago(minutes=1)},
            wrong={"verify_reference": "There is no such case.", "export_reference": "", "since": "", "until": ""},
            typed="OMB-1",
            results=[],
            trouble="The last line is no checkpoint.",
        ),
    ),
    "ledger-entries": ("pages/ledger_entries.html", ledger_entries()),
    "ledger-entries-none": ("pages/ledger_entries.html", ledger_entries(entries=[], next_href="")),
    "ledger-entries-further": (
        "pages/ledger_entries.html",
        ledger_entries(cut_short=True, errors={"since": "This is not a date."}),
    ),
    "looks": ("pages/looks.html", looks()),
    "looks-preview": (
        "pages/looks.html",
        looks(previewed="Contrast", problem="It has no theme.toml.", wrong="Nothing was changed."),
    ),
    "needs": ("pages/needs.html", needs_form()),
    "needs-refused": ("pages/needs.html", needs_form(lawful_basis="This is empty. Write at least a few words.")),
    "tokens": ("pages/tokens.html", tokens()),
    "tokens-none": ("pages/tokens.html", {**tokens(), "tokens": [], "plain": ""}),
    "password": (
        "pages/password.html",
        {"shell": work("me"), "csrf_field": csrf_field, "form": {"errors": [], "error_of": {}}},
    ),
    "case-new": ("pages/case_new.html", new_case()),
    "case-new-refused": (
        "pages/case_new.html",
        new_case(summary="Say in one line what it is about.", matter_2="Say what happened."),
    ),
    "parties": ("pages/parties.html", parties()),
    "party": ("pages/party.html", party()),
    "search": ("pages/search.html", search()),
    "search-empty": ("pages/search.html", search(parts=[], search="", filtered=False, standing=None)),
    "search-nothing": ("pages/search.html", search(parts=[], nothing=True, may_break_glass=True)),
    "search-first": (
        "pages/search.html",
        search(parts=[], nothing=True, standing={"behind": 0, "built": False, "done": 3, "total": 9}),
    ),
    "search-failed": ("pages/search.html", search(parts=[], failed="The search is not answering. Try again.")),
    "search-refused": ("pages/search.html", search(parts=[], wrong="This says only what to leave out.")),
    "plugins": ("pages/plugins.html", plugins()),
    **settings_pages(work, csrf_field),
    "intake": ("pages/intake.html", intake()),
    "sign-in": ("pages/sign_in.html", sign_in()),
    "sign-in-refused": ("pages/sign_in.html", sign_in(error="That did not match")),
    "sign-in-code": (
        "pages/sign_in_code.html",
        {"shell": SHELL, "csrf_field": csrf_field, "form": {"next": "/queues", "error": ""}, "wait": 0},
    ),
    "sign-in-code-refused": (
        "pages/sign_in_code.html",
        {"shell": SHELL, "csrf_field": csrf_field, "form": {"next": "/queues", "error": NO_CODE}, "wait": 0},
    ),
    "forgot-password": ("pages/forgot_password.html", {"shell": {**SHELL, "contact": "Phone: 58 000 20 20"}}),
    "reset": ("pages/reset.html", reset()),
    "invite-refused": ("pages/reset.html", reset("invite", new="Choose a password of at least 15 characters.")),
    "confirm": (
        "pages/confirm.html",
        {"shell": work("me"), "csrf_field": csrf_field, "form": {"next": "/me/tokens", "error": ""}, "with_code": True},
    ),
    "confirm-refused": (
        "pages/confirm.html",
        {
            "shell": work("me"),
            "csrf_field": csrf_field,
            "with_code": False,
            "form": {"next": "/me/tokens", "error": "This is not your password. Type the one you use now."},
        },
    ),
    "sessions": ("pages/sessions.html", {"shell": work("me"), "csrf_field": csrf_field, "sessions": WHERE}),
    "second-factor": ("pages/second_factor.html", second_factor(required=True)),
    "second-factor-setup": (
        "pages/second_factor.html",
        second_factor(
            secret="ABCD EFGH IJKL MNOP QRST UVWX YZ23 4567",
            errors=[{"field": "code", "message": NO_CODE}],
            error_of={"code": NO_CODE},
        ),
    ),
    "second-factor-codes": ("pages/second_factor.html", second_factor(since=ago(days=1), codes_left=10, codes=CODES)),
    "user-access": (
        "pages/user_access.html",
        user_access(open_until=NOW + timedelta(hours=20), factor_since=ago(days=30), sessions=WHERE),
    ),
    "user-access-link": ("pages/user_access.html", user_access(link=f"//desk.example.org/reset/{'x' * 43}")),
    "front": ("pages/front.html", {"shell": public(), "doors": DOORS, "sign_in": "/sign-in"}),
    "error": (
        "pages/error.html",
        {
            "shell": SHELL,
            "status": 404,
            "title": "This page is not here",
            "what": "The address may be old, or the case may belong to another team.",
            "safe": "Nothing was changed.",
            "ways": [{"label": "Go to my queue", "href": "/queues", "main": True}, {"label": "Go back", "href": "/"}],
            "number": "0190a3",
        },
    ),
    "api-docs": ("pages/api_docs.html", {"shell": public(), "sections": API_SECTIONS, "problems": API_PROBLEMS}),
    "document": (
        "pages/document.html",
        {"shell": public(), "heading": "Ombud API", "body": Markup("<p>Read <code>/api/openapi.json</code>.</p>")},
    ),
    "live": (
        "samples/live.html",
        {
            **case(case={**case()["case"], "claims": [CLAIM, MY_CLAIM], "matters": MATTERS, "may_claim": True}),
            "now_there": {
                "others": [{"name": "Piotr Maj", "writing": True, "until": NOW}],
                "lines": ["Anna Bąk changed the case (priority: urgent)", "Anna Bąk decided aspect A: upheld"],
                "changes": 4,
                "messages": 1,
                "seq": 12,
            },
            "code": "mine",
            "counts": [("cards", 64)],
            "counted_at": NOW,
            "differs": {"fresh": ["OMB-1", "OMB-2", "OMB-3"], "changed": ["OMB-4"], "gone": ["OMB-5"]},
        },
    ),
    # What a plugin of the public side draws with core's layout and components.
    "public-form": ("samples/form.html", {"shell": public(), "csrf_field": csrf_field}),
    "public-tracking": ("samples/tracking.html", {"shell": public(), "csrf_field": csrf_field}),
}
PAGES |= admin_samples.pages(work, csrf_field)
PAGES |= attainment_samples.pages(work, csrf_field, ago)
PAGES |= crm_samples.pages(work, csrf_field, ago)
PAGES |= evidence_samples.pages(work, csrf_field, ago, administration)
PAGES |= inbox_samples.pages(work, csrf_field, ago)
PAGES |= notice_samples.pages(work, csrf_field, ago)
PAGES |= matter_samples.pages(
    whole_aspect,
    {"shell": work("administration"), "csrf_field": csrf_field, "places": PAGES["users"][1]["places"]},
    ago,
)
PAGES |= outgoing_samples.pages(work, csrf_field, ago, case, composer)
PAGES |= privacy_samples.pages(work, csrf_field) | privacy_samples.public_pages(public, csrf_field)
PAGES |= retention_samples.pages(work, csrf_field)
PAGES |= routing_samples.pages(work, csrf_field, ago, case)
PAGES |= rule_samples.pages(work, csrf_field, ago, administration("rules"), [])
PAGES |= viewing_samples.pages(work, csrf_field, ago, administration, case)
PAGES |= redress_samples.pages(work, administration, whole_aspect, csrf_field, ago)
PAGES |= return_samples.pages(work, csrf_field, ago)
