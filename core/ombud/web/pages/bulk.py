"""One change of many cases: choose what to do, see what would happen, do it, read the result of each, take it back."""

import csv
import io
from collections.abc import Mapping
from itertools import groupby
from typing import Any
from urllib.parse import parse_qsl, quote
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk import choices, taxonomies
from ombud.desk.bulk import plan as bulk
from ombud.desk.bulk import replies
from ombud.desk.bulk import run as bulk_run
from ombud.desk.bulk.plan import Bulk, Row
from ombud.desk.case_list import CaseFilters
from ombud.desk.errors import Invalid, NotFound, NotNow
from ombud.desk.outgoing import templates
from ombud.desk.outgoing.rules import KIND_WORDS
from ombud.desk.undo import KEPT_FOR
from ombud.desk.words import PRIORITIES, REDRESS_KINDS, label
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.speech import counted, joined, word
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages.access import inside
from ombud.web.pages.case_drawn import SEVERITY_WORDS
from ombud.web.pages.decide import CURRENCIES
from ombud.web.pages.fragments import asks_for, by_htmx, fragment
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given, refused
from ombud.web.shell import go, page, undo_address

Req = Request[Any, Any, Any]
READ = {"permission": "case.read"}
SHOWN = 200
STAYS = {"note"}
"""What is not taken back as a whole."""
GROUPS = {
    "ready": ("These change", "check", "ok"),
    "cannot": ("These stay as they are", "ban", ""),
    "done": ("Done", "check", "ok"),
    "refused": ("Not done", "alert-circle", "warn"),
    "undone": ("Taken back", "arrow-back-up", "ok"),
    "stayed": ("Not taken back", "alert-circle", "warn"),
    "chosen": ("Chosen", "list-check", ""),
}
FIELDS = (
    "action", "owner", "queue", "priority", "severity", "category", "text", "kind", "amount", "currency", "tags",
    "template", "letter", "subject", "ask",
)  # fmt: skip
RESULTS = {**{code: words for code, (words, _, _) in GROUPS.items()}, "ready": "Not done yet"}


@post("/bulk", opt=READ)
async def choose(request: Req) -> Response[Any]:
    """Keeps which cases are meant: the ticked ones, or all that match the filters of the list."""
    viewer, form = viewer_of(request), await given(request)
    origin = inside(form.text("back", "/queues"))
    filters = CaseFilters.of(dict(parse_qsl(form.text("narrowed")[:4000]))) if form.text("which") == "all" else None
    try:
        made = await bulk.choose(viewer, references=form.all("reference"), filters=filters, origin=origin)
    except NotNow as refusal:
        return go(origin, str(refusal))
    return go(f"/bulk/{made}")


@get("/bulk/{bulk_id:uuid}", opt=READ)
async def show(request: Req, bulk_id: UUID) -> Response[Any]:
    """The choice, the preview, how far it is, or the result: whatever comes next. htmx asks for the progress."""
    viewer = viewer_of(request)
    found = await bulk.find(viewer, bulk_id)
    if asks_for(request, "progress") and found.state in {"running", "undoing"}:
        return await fragment(request, "fragments/bulk_progress.html", bulk=_drawn(found))
    if asks_for(request, "progress"):
        return Response(None, status_code=200, headers={"hx-refresh": "true"})
    return await _page(request, viewer, found, {"action": found.action, **found.value})


@post("/bulk/{bulk_id:uuid}/plan", opt=READ)
async def plan(request: Req, bulk_id: UUID) -> Response[Any]:
    """The dry run; nothing is changed yet."""
    viewer, form = viewer_of(request), await given(request)
    action = form.text("action")
    try:
        await bulk.plan(viewer, bulk_id, action, _value(form, action))
    except (Invalid, NotNow) as problem:
        found = await bulk.find(viewer, bulk_id)
        fields = {f"redress.0.{name}": name for name in ("kind", "amount", "currency")}
        return await _page(request, viewer, found, form.texts(), refused(problem, {**fields, "redress.0.note": "text"}))
    return go(f"/bulk/{bulk_id}")


def _value(form: Given, action: str) -> dict[str, Any]:
    if action == "assign":
        return {"owner": form.identity("owner")}
    if action == "queue":
        return {"queue": form.identity("queue")}
    if action == "redress":
        return {name: form.text(name) for name in ("kind", "amount", "currency", "text")}
    if action in {"tag", "untag"}:
        return {"tags": form.text("tags")}
    if action == "reply":
        return {**{name: form.text(name) for name in ("template", "letter", "subject", "text")},
                "ask": form.ticked("ask")}  # fmt: skip
    if action == "severity":
        return {"severity": form.number("severity")}
    return {action: form.text(action)} if action in {"priority", "category"} else {"text": form.text("text")}


@post("/bulk/{bulk_id:uuid}/run", opt=READ)
async def run(request: Req, bulk_id: UUID) -> Response[Any]:
    """Does what the preview said."""
    viewer = viewer_of(request)
    try:
        await bulk_run.run(viewer, bulk_id)
    except NotNow as refusal:
        return go(f"/bulk/{bulk_id}", str(refusal))
    found = await bulk.find(viewer, bulk_id)
    if found.state == "running":
        return go(f"/bulk/{bulk_id}", "It runs in the background. You can leave this page.")
    done = found.count("done")
    told = counted("One case is changed.", "%(num)s cases are changed.", done)
    return go(f"/bulk/{bulk_id}", told, undo_address(bulk_id if found.action not in STAYS else None))


@get("/bulk/{bulk_id:uuid}/messages/{reference:str}", opt=READ)
async def message(request: Req, bulk_id: UUID, reference: str) -> Response[Any]:
    """What one case would get of a planned message to many: a part of the preview, or a page."""
    viewer = viewer_of(request)
    found = await bulk.find(viewer, bulk_id)
    known = {row.reference for row in await bulk.rows(viewer, bulk_id)}
    if found.action != "reply" or found.state != "planned" or reference not in known:
        raise NotFound("There is no such message to look at. It may have left already; the case shows it.")
    case = {"reference": reference, "href": f"/cases/{quote(reference)}"}
    try:
        draft = await replies.draft(viewer, reference, found.value)
        shown = {"subject": draft.wanted.subject, "text": draft.wanted.text, "way": draft.way, "to": draft.to,
                 "letter": KIND_WORDS[draft.wanted.kind], "waits": draft.waits, "problem": ""}  # fmt: skip
    except (Invalid, NotNow) as problem:
        shown = {"problem": str(problem)}
    if by_htmx(request):
        return await fragment(request, "fragments/bulk_message.html", message=shown, case=case)
    return await page(
        request, "pages/bulk_message.html", here="queue", message=shown, case=case, href=f"/bulk/{bulk_id}"
    )


@get("/bulk/{bulk_id:uuid}/result.csv", opt=READ)
async def result(request: Req, bulk_id: UUID) -> Response[Any]:
    """Every case with its result, for a spreadsheet."""
    viewer = viewer_of(request)
    found = await bulk.find(viewer, bulk_id)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["Case", "Title", "Result", "Why"])
    for row in await bulk.rows(viewer, bulk_id):
        writer.writerow([_cell(row.reference), _cell(row.title), RESULTS[row.state], _cell(row.reason)])
    headers = {"content-disposition": f'attachment; filename="change-{found.created_at:%Y-%m-%d}.csv"'}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _cell(text: str) -> str:
    """A spreadsheet runs what begins like a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


async def _page(
    request: Req, viewer: Viewer, found: Bulk, typed: Mapping[str, Any], wrong: Refused = NOTHING_WRONG
) -> Response[Any]:
    open_now = found.state in {"choosing", "planned"}
    people = [(str(each.id), each.name) for each in await bulk.takers(viewer)] if open_now else []
    queues = [(str(each.id), each.name) for each in await choices.active_queues()] if open_now else []
    return await page(
        request, "pages/bulk.html", here="queue", status=wrong.status, bulk=_drawn(found),
        actions=[(code, bulk.ACTIONS[code][0], "") for code in bulk.possible(viewer)],
        people=people, queues=queues, priorities=[(code, label(code)) for code in reversed(PRIORITIES)],
        severities=[(str(code), words) for code, words in SEVERITY_WORDS.items()],
        categories=await _categories() if open_now else [],
        groups=_groups(await bulk.rows(viewer, found.id)), what=_what(found, people, queues),
        texts=await _texts() if open_now else [], letters=[(code, KIND_WORDS[code]) for code in replies.LETTERS],
        kinds=[(code, label(code)) for code in REDRESS_KINDS], currencies=[(code, code) for code in CURRENCIES],
        form={**{name: _typed(typed.get(name, "")) for name in FIELDS},
              "errors": wrong.errors, "error_of": wrong.error_of},
    )  # fmt: skip


def _typed(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else ""
    return ", ".join(value) if isinstance(value, list) else str(value)


async def _texts() -> list[tuple[str, str]]:
    newest = [each for each in await templates.all_newest() if not each.retired and each.kind in replies.LETTERS]
    return [(each.key, joined((word(KIND_WORDS[each.kind]), templates.named(each)), ": ")) for each in newest]


async def _categories() -> list[tuple[str, str]]:
    rows = await db.fetch(
        "SELECT code, labels FROM core_taxonomy_term WHERE kind = 'category' AND (valid_to IS NULL OR valid_to > $1) "
        "ORDER BY position, code",
        taxonomies.today(),
    )
    return [(row["code"], taxonomies.worded(row["labels"], row["code"])) for row in rows]


def _drawn(found: Bulk) -> dict[str, Any]:
    going = found.state in {"running", "undoing"}
    open_rows = found.count("ready" if found.state == "running" else "done") if going else 0
    worked = (
        found.total - found.count("cannot") - open_rows - (found.count("refused") if found.state == "undoing" else 0)
    )
    fresh = found.ran_at is not None and found.ran_at > now() - KEPT_FOR
    return {
        "id": str(found.id), "href": f"/bulk/{found.id}", "state": found.state, "total": found.total,
        "ready": found.count("ready"), "cannot": found.count("cannot"), "done": found.count("done"),
        "refused": found.count("refused"), "undone": found.count("undone"), "stayed": found.count("stayed"),
        "cut": found.cut, "most": bulk.MOST, "origin": found.origin or "/queues", "worked": max(0, worked),
        "of": max(0, worked) + open_rows, "may_undo": found.state == "done" and fresh and found.action not in STAYS
        and found.count("done") > 0, "until": found.ran_at + KEPT_FOR if found.ran_at else None,
        "background": found.count("ready") > bulk_run.AT_ONCE,
        "messages": found.action == "reply" and found.state == "planned",
    }  # fmt: skip


def _what(found: Bulk, people: list[tuple[str, str]], queues: list[tuple[str, str]]) -> str:
    """The change in a few words: Move to another queue: Fees."""
    if found.action == "redress" and found.value:
        sum_of = f"{found.value['amount']} {found.value['currency']}".rstrip()
        return _with(found, sum_of if found.value["amount"] else label(found.value["kind"]))
    if found.action in {"tag", "untag"} and found.value:
        return _with(found, ", ".join(found.value["tags"]))
    if found.action == "reply":
        return word(found.label)
    names = dict(people) | dict(queues)
    to = found.value.get("owner") or found.value.get("queue") or ""
    more = names.get(to, "") or label(found.value.get("priority", "")) if found.value else ""
    more = more or SEVERITY_WORDS.get(found.value.get("severity", 0), "") or str(found.value.get("category", ""))
    return _with(found, word(more)) if more else word(found.label)


def _with(found: Bulk, more: str) -> str:
    return joined((word(found.label), more), ": ")


def _groups(rows: list[Row]) -> list[dict[str, Any]]:
    """Cases by how they went, and for the same reason together."""
    order = list(GROUPS)
    found = []
    rows = sorted(rows, key=lambda row: (order.index(row.state), row.reason))
    for (state, reason), those in groupby(rows, key=lambda row: (row.state, row.reason)):
        cases = [{"reference": row.reference, "title": row.title, "href": f"/cases/{row.reference}"} for row in those]
        words, icon, tone = GROUPS[state]
        found.append({"state": state, "label": words, "icon": icon, "tone": tone, "reason": reason,
                      "count": len(cases), "cases": cases[:SHOWN], "more": max(0, len(cases) - SHOWN)})  # fmt: skip
    return found


handlers = [choose, show, plan, run, message, result]
