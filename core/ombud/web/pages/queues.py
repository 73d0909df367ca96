"""Where work waits: queues with their counts, one page of rows at a time, and taking work out of them."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException

from ombud.desk import cases, queues
from ombud.desk.case_list import CaseFilters, CasePage, CaseRow, list_cases
from ombud.desk.errors import DeskRefusal, Invalid, NotNow
from ombud.desk.queues import QueueLine
from ombud.desk.words import MOODS, PRIORITIES, label
from ombud.desk.writing import case_id_of
from ombud.kernel.clock import now
from ombud.trust.policy import HIDDEN, Viewer
from ombud.web.door import viewer_of
from ombud.web.guard import SIGNED_IN
from ombud.web.pages.fragments import asks_for, fragment
from ombud.web.pages.given import given
from ombud.web.shell import go, page, rail

Req = Request[Any, Any, Any]
READ, TAKE = {"permission": "case.read"}, {"permission": "case.take"}
PAGE = 50
MOST_AT_ONCE = 50

# The views that are no queue: what they show, and their sign.
VIEWS = {
    "mine": ("My cases", "user", CaseFilters(owner="me", order="due")),
    "nobody": ("No owner", "circle-dashed", CaseFilters(owner="nobody", order="due")),
    "late": ("Late", "alert-circle", CaseFilters(due="late", order="due")),
    "all": ("All cases", "stack-2", CaseFilters(order="due")),
}
GROUPS = {"late": "Late", "soon": "Next three days", "running": "Later", "met": "Answered", "none": "No clock"}
CHOICES = {
    "status": ("Status", ("open", "new", "in_progress", "resolved", "closed")),
    "due": ("Clock", ("late", "soon")),
    "priority": ("Priority", tuple(reversed(PRIORITIES))),
    "owner": ("Owner", ("me", "nobody")),
}
WORDS = {"open": "not closed", "late": "late", "soon": "next three days", "me": "me", "nobody": "nobody"}


@get("/queues", opt={"permission": SIGNED_IN})
async def start(request: Req) -> Response[None]:
    """To one's own cases, else to the first queue; who reads no cases goes to the first page that is theirs."""
    viewer = viewer_of(request)
    if not viewer.may("case.read"):
        places = rail(viewer)
        return go(places[0].href if places else "/me/password")
    own = await list_cases(viewer, replace(VIEWS["mine"][2], status="open"), size=1)
    if own.rows:
        return go("/queues/mine")
    lines = await queues.lines(viewer)
    return go(address(lines[0].key) if lines else "/queues/all")


@get("/queues/{code:str}", opt=READ)
async def queue(request: Req, code: str, q: str = "", after: str = "", going_on: str = "") -> Response[Any]:
    """One queue or view, fifty cases at a time by the clock that runs out first."""
    viewer = viewer_of(request)
    lines = await queues.lines(viewer)
    name, wanted = what(code, lines)
    filters = narrowed(request, wanted, q)
    found = await list_cases(viewer, filters, after or None, PAGE)
    shown = _rows(request, code, name, found, going_on if after else "")
    shown |= {"search": q.strip(), "sort": "clock", "may_take": viewer.may("case.take")}
    if asks_for(request, "more"):
        return await fragment(request, "fragments/queue_groups.html", **shown)
    if asks_for(request, "rows"):
        return await fragment(request, "fragments/queue_rows.html", **shown)
    return await page(
        request, "pages/queue.html", here="queue", queues=_entries(lines),
        counted_at=lines[0].as_of if lines else now(), filters=_filters(filters, wanted),
        fresh=0, may_file=viewer.may("case.file"), **shown,
    )  # fmt: skip


def address(code: str) -> str:
    return f"/queues/{quote(code, safe='')}"


def what(code: str, lines: Sequence[QueueLine]) -> tuple[str, CaseFilters]:
    if code in VIEWS:
        return VIEWS[code][0], VIEWS[code][2]
    for line in lines:
        if line.key == code:
            return line.name, CaseFilters(queue=code, order="due")
    raise NotFoundException


def narrowed(request: Req, wanted: CaseFilters, q: str) -> CaseFilters:
    """The filters of the address on top of the view's own; a page first shows what is not closed."""
    filters = replace(wanted, text=q.strip())
    asked = request.query_params
    chosen: dict[str, Any] = {name: str(asked.get(name, "")) for name in CHOICES if not getattr(filters, name)}
    for name, value in chosen.items():
        if value not in {"", *CHOICES[name][1]}:
            raise Invalid(f"{value!r} is no choice of {CHOICES[name][0]}. Open the queue again.", name)
    if "status" not in asked and not filters.text:
        chosen["status"] = "open"
    return replace(filters, **chosen)


def _filters(used: CaseFilters, fixed: CaseFilters) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "label": words,
            "value": getattr(used, name),
            "options": [(code, WORDS.get(code) or label(code).lower()) for code in codes],
        }
        for name, (words, codes) in CHOICES.items()
        if not getattr(fixed, name)
    ]


def _entries(lines: Sequence[QueueLine]) -> list[dict[str, Any]]:
    """The left side: views, whose numbers are not kept, then queues, whose numbers are."""
    views = [_entry(code, words, icon, None, "") for code, (words, icon, _) in VIEWS.items()]
    return views + [_entry(line.key, line.name, "inbox", line.waiting, "Queues") for line in lines]


def _entry(code: str, words: str, icon: str, count: int | None, group: str) -> dict[str, Any]:
    return {"code": code, "label": words, "icon": icon, "href": address(code), "count": count, "group": group}


def _rows(request: Req, code: str, name: str, found: CasePage, going_on: str) -> dict[str, Any]:
    groups = _grouped(found, going_on)
    total, exact = (found.total, True) if found.total is not None else (found.at_least, False)
    about = {"code": code, "label": name, "total": total, "total_exact": exact, "view": code in VIEWS}
    return {"queue": about, "groups": groups, "next_href": _next(request, code, found, groups)}


def _grouped(found: CasePage, going_on: str) -> list[dict[str, Any]]:
    parts: dict[str, list[CaseRow]] = {}
    for row in found.rows:
        parts.setdefault(row.clock.state if row.clock else "none", []).append(row)
    whole = not going_on and found.next_cursor is None
    return [
        {
            "code": code,
            "label": "" if code == going_on else GROUPS[code],
            "count": len(rows) if whole else None,
            "cases": [row_shown(row) for row in rows],
        }
        for code, rows in sorted(parts.items(), key=lambda part: list(GROUPS).index(part[0]))
    ]


def _next(request: Req, code: str, found: CasePage, groups: list[dict[str, Any]]) -> str:
    if found.next_cursor is None:
        return ""
    kept = {name: value for name, value in request.query_params.items() if name in {*CHOICES, "q"}}
    return f"{address(code)}?{urlencode({**kept, 'after': found.next_cursor, 'going_on': groups[-1]['code']})}"


def row_shown(row: CaseRow) -> dict[str, Any]:
    """A case as fragments/queue_groups.html draws it."""
    last = {"channel": row.last_word_channel, "at": row.last_word_at} if row.last_word_at else None
    return {
        "reference": row.reference, "title": row.title, "href": f"/cases/{row.reference}",
        "customer": HIDDEN if row.customer is None else row.customer or "Name withheld", "aspects": row.aspects,
        "heat": heat_of(row.mood), "clock": row.clock, "owner": row.owner, "mine": row.mine, "last": last,
        "status_label": label(row.status), "confidential": row.confidential, "version": row.version,
        "flag": "Urgent" if row.priority == "urgent" else "", "claim": row.claim, "stamp": stamp(row),
    }  # fmt: skip


def stamp(row: CaseRow) -> str:
    """What tells a page that a row it shows is no longer as it was drawn."""
    claim = row.claim.user_id if row.claim else ""
    marks = ".".join(f"{each.id}{each.status}{each.title}{each.owner_id}" for each in row.aspects)
    seen = f"{row.version} {row.last_word_at} {row.owner} {row.mood} {claim} {row.due_at} {row.customer} {marks}"
    return hashlib.sha256(seen.encode()).hexdigest()[:12]


def heat_of(mood: str) -> int:
    """0 where nobody said, else 1 (calm) to 4 (angry)."""
    return MOODS.index(mood) + 1 if mood in MOODS else 0


@post("/queues/{code:str}/take", opt=TAKE)
async def take_from(request: Req, code: str) -> Response[None]:
    """Takes the ticked cases, or the next one nobody owns where none is ticked."""
    viewer = viewer_of(request)
    _, wanted = what(code, await queues.lines(viewer))
    chosen = (await given(request)).all("reference")[:MOST_AT_ONCE]
    if not chosen:
        free = await list_cases(viewer, replace(wanted, owner="nobody", status="open"), size=1)
        if not free.rows or code == "mine":
            return go(address(code), "Every case here has an owner.")
        chosen = [free.rows[0].reference]
    taken, left = await _take(viewer, chosen)
    if len(taken) == 1 and not left:
        return go(f"/cases/{taken[0]}", f"{taken[0]} is yours now.")
    return go(address(code), _told(taken, left))


async def _take(viewer: Viewer, references: Sequence[str]) -> tuple[list[str], list[str]]:
    taken, left = [], []
    for reference in references:
        try:
            await cases.take(viewer, await case_id_of(viewer, reference))
            taken.append(reference)
        except DeskRefusal:
            left.append(reference)
    return taken, left


def _told(taken: Sequence[str], left: Sequence[str]) -> str:
    some = "One case is yours now." if len(taken) == 1 else f"{len(taken)} cases are yours now."
    return some if not left else f"{some} These could not be taken: {', '.join(left)[:200]}."


@post("/cases/{reference:str}/take", opt=TAKE)
async def take(request: Req, reference: str) -> Response[None]:
    """One case, from its row or its page; who comes too late is told so on the case."""
    viewer = viewer_of(request)
    case_id = await case_id_of(viewer, reference)
    try:
        await cases.take(viewer, case_id)
    except (NotNow, Invalid) as refusal:
        return go(f"/cases/{quote(reference)}", str(refusal))
    return go(f"/cases/{quote(reference)}", f"{reference} is yours now.")


handlers = [start, queue, take_from, take]
