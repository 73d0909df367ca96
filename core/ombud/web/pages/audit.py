"""The audit trail of a case: in plain words, filtered, printed or taken along as a table."""

import csv
import dataclasses
import io
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from litestar import Request, Response, get
from litestar.response import Stream

from ombud.desk.errors import Invalid, NotFound
from ombud.desk.in_view import InView, in_view
from ombud.desk.rules.explained import Because, explain
from ombud.desk.trail.as_of import AspectThen, CaseThen, as_of
from ombud.desk.trail.audit_trail import Wanted, because, choices_of, page_of
from ombud.desk.trail.history import Happened, events
from ombud.desk.words import label
from ombud.speech import Spoken, gettext, noted, sentence
from ombud.trust.canonical import moment_text
from ombud.trust.policy import Arguments, Viewer
from ombud.web.door import viewer_of
from ombud.web.pages.fragments import by_htmx, fragment
from ombud.web.shell import page

Req = Request[Any, Any, Any]
READ = {"permission": "case.history"}
PAGE, WHOLE = 200, 5000
COLUMNS = ("number", "when", "who", "what", "before and after", "why", "kind", "what it says")


@get("/cases/{reference:str}/history", opt=READ)
async def history(
    request: Req, reference: str, before: int | None = None, about: str = "", who: str = "", kind: str = "",
    whole: str = "",
) -> Response[Any]:  # fmt: skip
    """Newest first. `about`: the letter of an aspect; `whole`: everything at once, to print."""
    viewer = viewer_of(request)
    case = await in_view(viewer, reference, "case.history")
    size = WHOLE if whole else PAGE
    found = await page_of(viewer, case, before, size + 1, _wanted(case, about, who, kind))
    entries, more = found[:size], len(found) > size
    asked = {name: value for name, value in (("about", about), ("who", who), ("kind", kind)) if value}
    href = f"/cases/{quote(case.reference)}"
    reasons = await explain([(each.id, each.code, each.body) for each in entries], concerned=case.hidden)
    rules_href = "/rules/" if viewer.may("setting.manage") else ""
    return await page(
        request, "pages/history.html", here="queue", reference=case.reference, href=href, whole=bool(whole),
        entries=[_entry(each) | {"why": why_drawn(reasons.get(each.id), rules_href)} for each in entries],
        filters=await _filters(viewer, case, about, who, kind),
        asked=asked, csv_href=_to(f"{href}/history.csv", asked), print_href=_to(f"{href}/history", asked, whole="1"),
        next_href=_to(f"{href}/history", asked, before=str(entries[-1].id)) if more else "",
    )  # fmt: skip


@get("/cases/{reference:str}/as-of", opt=READ)
async def as_of_page(request: Req, reference: str, at: str = "") -> Response[Any]:
    """The case as it was on a day, or at a time of it, from the ledger alone."""
    viewer, wrong, asked = viewer_of(request), "", at[:40].replace("\0", "")
    try:
        then = await as_of(viewer, reference, asked)
    except Invalid as problem:
        then, wrong = await as_of(viewer, reference), str(problem)
    href = f"/cases/{quote(then.case.reference)}"
    state = then.state
    return await page(
        request, "pages/as_of.html", here="queue", status=422 if wrong else 200, reference=then.case.reference,
        href=href, asked=asked, wrong=wrong, at=then.at, there=state is not None, words=then.words, people=then.people,
        facts=_facts_then(then), aspects=[_aspect_then(each) for each in then.aspects], later=then.later,
        said=[{"kind": each.kind, "author": each.author, "at": each.at, "text": each.text} for each in then.said],
        proof={"entry": then.entry, "hash": then.hash, "checkpoint": then.checkpoint},
    )  # fmt: skip


def _facts_then(then: CaseThen) -> list[tuple[str, Any]]:
    state = then.state
    if state is None:
        return []
    return [
        ("Status", label(state.status)), ("Owner", then.owner or "Nobody"), ("Queue", then.queue or "None"),
        ("Unit", then.unit), ("Priority", label(state.priority)), ("Severity", str(state.severity)),
        ("Confidential", "Yes" if state.confidential else "No"), ("Received", state.received_at),
        *([("Answer by", state.due_at)] if state.due_at else []),
        *([("Tags", ", ".join(sorted(state.tags)))] if state.tags else []),
        *([("Went on in", "another case, or was removed")] if state.gone else []),
    ]  # fmt: skip


def _aspect_then(each: AspectThen) -> dict[str, Any]:
    facts = each.facts
    return {
        "letter": each.letter, "title": each.words.title, "text": each.words.text, "reason": each.words.reason,
        "erased": each.words.erased, "status": label(facts.status), "owner": each.owner,
        "category": label(facts.category) if facts.category else "",
        "outcome": label(facts.outcome) if facts.outcome else "", "cause": label(facts.cause) if facts.cause else "",
        "redress": [{"kind": label(one.kind), "amount": f"{one.amount} {one.currency}".strip() if one.amount else "",
                     "at": one.day} for one in each.redress],
    }  # fmt: skip


def why_drawn(why: Because | None, rules_href: str) -> dict[str, Any] | None:
    """As fragments/because.html takes it."""
    if why is None:
        return None
    return {**dataclasses.asdict(why), "href": f"{rules_href}{quote(why.rule)}" if rules_href else ""}


@get("/cases/{reference:str}/why/{entry:str}", opt={"permission": "case.read"})
async def why(request: Req, reference: str, entry: str) -> Response[Any]:
    """Why one entry is there, as a page or, for the timeline, the piece alone. Not for whom an aspect is about."""
    viewer = viewer_of(request)
    case = await in_view(viewer, reference, "case.read")
    number = int(entry) if entry.isascii() and entry.isdigit() and len(entry) < 10 else 0

    def this_one(arguments: Arguments) -> str:
        return f" AND e.seq = {arguments.add(number)}"

    found = await events(viewer, case.id, case.letters, case.unit_id, further=this_one, limit=1)
    reasons = await explain([(each.id, each.code, each.body) for each in found], concerned=case.hidden)
    drawn = why_drawn(reasons.get(number), "/rules/" if viewer.may("setting.manage") else "")
    if drawn is None:
        raise NotFound("No rule did this, or it is not open to you.")
    if by_htmx(request):
        return await fragment(request, "fragments/because.html", why=drawn)
    return await page(
        request, "pages/why.html", here="queue", reference=case.reference, href=f"/cases/{quote(case.reference)}",
        entry=_entry(found[0]), why=drawn,
    )  # fmt: skip


def _to(path: str, asked: Mapping[str, str], **more: str) -> str:
    parts = {**asked, **more}
    return f"{path}?{urlencode(parts)}" if parts else path


def _wanted(case: InView, about: str, who: str, kind: str) -> Wanted:
    aspect = next((identity for identity, letter in case.letters.items() if letter == about), "")
    return Wanted(aspect if aspect or not about else "none", who[:200].replace("\0", ""), kind[:100].replace("\0", ""))


async def _filters(viewer: Viewer, case: InView, about: str, who: str, kind: str) -> list[dict[str, Any]]:
    choices = await choices_of(viewer, case)
    kinds = [(each, _kind_words(each)) for each in choices.kinds]
    letters = [(letter, sentence("Aspect %(letter)s", letter=letter)) for letter in case.letters.values()]
    return [
        {"name": "about", "label": "About", "value": about, "options": letters},
        {"name": "who", "label": "Who", "value": who, "options": list(choices.actors)},
        {"name": "kind", "label": "What", "value": kind, "options": sorted(kinds, key=lambda each: each[1])},
    ]


def _kind_words(kind: str) -> str:
    subject, _, what = kind.partition(".")
    english = f"{subject} {what}".replace("_", " ").replace(".", " ").capitalize()
    return Spoken(english, lambda: _said_apart(subject, what, english))


def _said_apart(subject: str, what: str, english: str) -> str:
    """Where there is a word for both, what it is about and what was done; else as it is called."""
    subject, what = (each.replace("_", " ").replace(".", " ") for each in (subject, what))
    about, done = gettext(subject.capitalize()), gettext(what)
    return english if done == what else f"{about}: {done}"


# What can be done to something, as the kinds of entries end.
DONE = (
    noted("accepted"), noted("acknowledged"), noted("added"), noted("answered"), noted("approved"), noted("asked"),
    noted("assigned"), noted("breached"), noted("cancelled"), noted("changed"), noted("claimed"), noted("classified"),
    noted("closed"), noted("confirmed"), noted("decided"), noted("done"), noted("dropped"), noted("escalated"),
    noted("escalation ended"), noted("exported"), noted("failed"), noted("given up"), noted("handed over"),
    noted("held"), noted("intended"), noted("kept"), noted("left"), noted("linked"), noted("made"), noted("met"),
    noted("mood"), noted("moved"), noted("opened"), noted("paid"), noted("parted"), noted("paused"), noted("pinned"),
    noted("promised"), noted("proposed"), noted("put off"), noted("read"), noted("received"), noted("recorded"),
    noted("refused"), noted("rejected"), noted("relied"), noted("removed"), noted("reopened"), noted("reordered"),
    noted("requested"), noted("restored"), noted("resumed"), noted("reversed"), noted("revoked"), noted("seen"),
    noted("sending"), noted("sent"), noted("split"), noted("started"), noted("status changed"), noted("stopped"),
    noted("tagged"), noted("taken back"), noted("taken over"), noted("unlinked"), noted("unpinned"), noted("unsure"),
    noted("untagged"), noted("waits"), noted("warned"), noted("withdrawn"), noted("written"), noted("applied"),
    noted("shadowed"), noted("delivery changed"), noted("delivery reported"), noted("concerns staff"),
    noted("merged"), noted("absorbed"),
)  # fmt: skip
ABOUT = (
    "Case", "Aspect", "Aspects", "Clock", "Message", "Note", "Redress", "Payment", "Party", "Link", "Rule",
    "Evidence", "Task", "Passage", "Proposal", "Support needs", "Claim", "Escalation", "Emergency", "Crm",
    "Step", "Protocol", "Setting", "Ledger",
)  # fmt: skip


def _entry(each: Happened) -> dict[str, Any]:
    return {
        "id": each.id, "at": each.at, "actor_name": each.actor_name, "icon": each.icon, "text": each.text,
        "phrase": {"text": each.phrase.text, "values": each.phrase.values},
        "code": each.code, "values": each.values, "because": because(each),
        "changes": [{"label": one.label, "before": one.before, "after": one.after} for one in each.changes],
    }  # fmt: skip


@get("/cases/{reference:str}/history.csv", opt=READ)
async def history_csv(request: Req, reference: str, about: str = "", who: str = "", kind: str = "") -> Stream:
    """The same as a table for other programs, UTF-8 with a mark that spreadsheets know."""
    viewer = viewer_of(request)
    case = await in_view(viewer, reference, "case.history")
    name = f"audit-trail-{case.reference}.csv"
    return Stream(
        _rows(viewer, case, _wanted(case, about, who, kind)),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


async def _rows(viewer: Viewer, case: InView, wanted: Wanted) -> AsyncIterator[bytes]:
    yield b"\xef\xbb\xbf" + _line(COLUMNS)
    before = None
    while found := await page_of(viewer, case, before, PAGE, wanted):
        yield b"".join(_line(_cells(each)) for each in found)
        before = found[-1].id


def _cells(each: Happened) -> tuple[str, ...]:
    changes = "; ".join(f"{one.label}: {one.before or '–'} → {one.after}" for one in each.changes)
    said = "; ".join(f"{name}: {value}" for name, value in each.values.items())
    return (
        str(each.id), moment_text(each.at), each.actor_name, each.text, changes, because(each), each.code, said
    )  # fmt: skip


def _line(cells: tuple[str, ...]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerow([_harmless(cell) for cell in cells])
    return out.getvalue().encode()


def _harmless(cell: str) -> str:
    """A spreadsheet must not take somebody's words for a formula."""
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell


handlers = [history, history_csv, as_of_page, why]
