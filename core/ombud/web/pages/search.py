"""Search over cases, messages and people; and the quick one that the palette asks while somebody types."""

import logging
from collections.abc import Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response, get

from ombud.desk.case_filters import OPEN
from ombud.desk.case_list import CaseFilters
from ombud.desk.channels import channel_label
from ombud.desk.choices import active_queues, units_for
from ombud.desk.errors import Invalid, SearchFailed
from ombud.desk.search import finding as desk_search
from ombud.desk.search.asked import LONGEST, Asked, Shown, marked, snippet
from ombud.desk.search.finding import CaseHit, Found, Hits, MessageHit, PersonHit
from ombud.desk.trail.timeline import part_up_to
from ombud.desk.words import STATUSES, label
from ombud.kernel import faults
from ombud.speech import counted, joined, spoken, word
from ombud.trust.policy import HIDDEN, Viewer
from ombud.web.door import viewer_of
from ombud.web.guard import SIGNED_IN
from ombud.web.shell import page

log = logging.getLogger("ombud.web")

Req = Request[Any, Any, Any]
READ = {"permission": "case.read"}
PAGE = 25
FEW = 5  # of each kind, where all are shown
QUICK = 8
NEAR = 40  # messages after a hit, up to which the case's page shows it at once
KINDS = {"": ("All", "search"), "case": ("Cases", "briefcase"), "message": ("Messages", "messages"),
         "person": ("People", "users")}  # fmt: skip
DIRECTIONS = {"in": "Received", "out": "Answer", "note": "Note"}
FILTERS = ("status", "unit", "queue", "received_from", "received_to")


@get("/search", opt=READ)
async def search(request: Req, q: str = "", kind: str = "", after: str = "") -> Response[Any]:
    """What was found, or that the search failed and why; never an empty list for a failure."""
    viewer, asked = viewer_of(request), request.query_params
    chosen = {name: str(asked.get(name, "")).strip() for name in FILTERS}
    context: dict[str, Any] = {
        "search": q[:LONGEST], "kind": kind, "filtered": any(chosen.values()), "further": bool(after),
        "standing": None, "parts": [], "nothing": False, "wrong": "", "failed": "", "left_out": (), "next_href": "",
    }  # fmt: skip
    status = 200
    try:
        filters = _filters(chosen)
        size = PAGE if kind else FEW
        found = await desk_search.search(viewer, q, kind, filters, after or None, size)
        context |= _drawn(found, q, kind, chosen)
    except Invalid as refusal:
        context["wrong"], status = str(refusal), 422
    except SearchFailed as failure:
        log.warning("a search failed: %s", faults.told(failure.__cause__ or failure))
        context["failed"], status = str(failure), 503
    return await page(
        request, "pages/search.html", here="search", status=status, filters=await _choices(viewer, chosen),
        kinds=_kinds(context["parts"], q, kind, chosen), may_break_glass=viewer.may("case.break_glass"), **context,
    )  # fmt: skip


def _filters(chosen: dict[str, str]) -> CaseFilters:
    return CaseFilters(
        status=chosen["status"], unit=chosen["unit"], queue=chosen["queue"],
        received_from=_day(chosen, "received_from"), received_to=_day(chosen, "received_to"),
    )  # fmt: skip


def _day(chosen: dict[str, str], name: str) -> date | None:
    try:
        return date.fromisoformat(chosen[name]) if chosen[name] else None
    except ValueError:
        raise Invalid("This is not a day. Write it like 2026-11-23, or leave it empty.", name) from None


async def _choices(viewer: Viewer, chosen: dict[str, str]) -> dict[str, Any]:
    units = [(each.key, each.name) for each in await units_for(viewer, "case.read")]
    queues = [(each.key, each.name) for each in await active_queues()]
    statuses = [(OPEN, word("not closed")), *((code, label(code).lower()) for code in STATUSES)]
    return {
        "selects": [
            {"name": "status", "label": "Status", "value": chosen["status"], "options": statuses},
            {"name": "queue", "label": "Queue", "value": chosen["queue"], "options": queues},
            *([{"name": "unit", "label": "Unit", "value": chosen["unit"], "options": units}] if len(units) > 1 else []),
        ],
        "received_from": chosen["received_from"],
        "received_to": chosen["received_to"],
    }


def _drawn(found: Found, q: str, kind: str, chosen: dict[str, str]) -> dict[str, Any]:
    parts = [_part(found.asked, each, q, kind, chosen) for each in found.parts]
    last = found.parts[-1] if kind and found.parts else None
    return {
        "standing": found.standing, "parts": parts, "left_out": found.asked.left_out if found.asked else (),
        "nothing": found.asked is not None and not any(each["hits"] for each in parts),
        "next_href": _href(q, kind, chosen, last.next_cursor) if last and last.next_cursor else "",
    }  # fmt: skip


def _part(asked: Asked | None, part: Hits, q: str, kind: str, chosen: dict[str, str]) -> dict[str, Any]:
    draw: Any = {"case": case_drawn, "message": message_drawn, "person": person_drawn}[part.kind]
    more = _href(q, part.kind, chosen) if not kind and part.next_cursor else ""
    return {
        "kind": part.kind, "label": KINDS[part.kind][0], "count": part.count, "more": part.more_than_counted,
        "hits": [draw(asked, hit) for hit in part.rows], "all_href": more,
    }  # fmt: skip


def _kinds(parts: Sequence[dict[str, Any]], q: str, kind: str, chosen: dict[str, str]) -> list[dict[str, Any]]:
    counts = {each["kind"]: each for each in parts}
    return [
        {
            "code": code, "label": words, "icon": icon, "href": _href(q, code, chosen),
            "count": counts[code]["count"] if code in counts else None,
            "more": counts[code]["more"] if code in counts else False,
        }
        for code, (words, icon) in KINDS.items()
    ]  # fmt: skip


def _href(q: str, kind: str, chosen: dict[str, str], after: str = "") -> str:
    asked = {"q": q[:LONGEST], "kind": kind, **chosen, "after": after}
    return f"/search?{urlencode({name: value for name, value in asked.items() if value})}"


def case_drawn(asked: Asked | None, hit: CaseHit) -> dict[str, Any]:
    """A case as pages/search.html draws it. Nothing is marked in a title that is only the reference."""
    customer = (Shown(HIDDEN, False),) if hit.customer is None else marked(asked, hit.customer or "Name withheld")
    return {
        "href": f"/cases/{hit.reference}", "title": marked(asked, hit.title), "reference": marked(asked, hit.reference),
        "customer": customer, "status_label": label(hit.status), "unit": hit.unit, "received_at": hit.received_at,
        "confidential": hit.confidential, "snippet": snippet(asked, hit.matters),
    }  # fmt: skip


def message_drawn(asked: Asked | None, hit: MessageHit) -> dict[str, Any]:
    return {
        "href": message_href(hit), "title": marked(asked, hit.title), "reference": hit.reference,
        "direction": DIRECTIONS[hit.direction], "channel": "note" if hit.direction == "note" else hit.channel,
        "channel_label": channel_label(hit.channel), "at": hit.said_at, "snippet": snippet(asked, hit.text),
        "files": marked(asked, hit.files),
    }  # fmt: skip


def message_href(hit: MessageHit) -> str:
    """The message on its case's page, or in the inbox; an old one in a long case is in an earlier part of the
    timeline."""
    if not hit.reference:
        return f"/inbox?{urlencode({'show': 'all', 'open': str(hit.id)})}"
    part = f"?{urlencode({'before': part_up_to(hit.said_at)})}" if hit.later >= NEAR else ""
    return f"/cases/{hit.reference}{part}#entry-{hit.id}"


def person_drawn(asked: Asked | None, hit: PersonHit) -> dict[str, Any]:
    """Contacts are shown as far as this reader may see them."""
    contacts = [value for value in (hit.email, hit.phone, hit.postcode, hit.address) if value]
    return {
        "href": f"/parties/{hit.id}", "kind": hit.kind, "cases": hit.cases,
        "name": (Shown(HIDDEN, False),) if hit.name is None else marked(asked, hit.name or "Name withheld"),
        "contacts": [marked(asked, value) for value in contacts],
    }  # fmt: skip


@get("/search/quick", opt={"permission": SIGNED_IN}, media_type="application/json")
async def quick(request: Req, q: str = "") -> Response[Any]:
    """At most eight places that answer, for the palette: cases first, then people, then messages. 422 and 503 carry
    the reason in place of a list."""
    viewer = viewer_of(request)
    if not q.strip() or not any(viewer.may(permission) for permission in desk_search.KINDS.values()):
        return Response([])
    try:
        found = await desk_search.search(viewer, q, size=QUICK)
    except Invalid as refusal:
        return _no_list(str(refusal), 422)
    except SearchFailed as failure:
        return _no_list(str(failure), 503)
    rows = {part.kind: list(part.rows) for part in found.parts}
    return Response(_quick_rows(found.asked, rows))


def _no_list(reason: str, status: int) -> Response[Any]:
    return Response({"detail": reason}, status_code=status)


def _quick_rows(asked: Asked | None, rows: dict[str, list[Any]]) -> list[dict[str, str]]:
    """Each kind gets a fair share; what one leaves free goes to the others, in their order."""
    order = ("case", "person", "message")
    shares = dict(zip(order, (4, 2, 2), strict=True))
    taken = {kind: rows.get(kind, [])[: shares[kind]] for kind in order}
    free = QUICK - sum(map(len, taken.values()))
    for kind in order:
        more = rows.get(kind, [])[len(taken[kind]) :][:free]
        taken[kind] += more
        free -= len(more)
    return [_quick_row(asked, kind, hit) for kind in order for hit in taken[kind]]


def _quick_row(asked: Asked | None, kind: str, hit: Any) -> dict[str, str]:
    if kind == "case":
        customer = HIDDEN if hit.customer is None else hit.customer
        detail = spoken(joined((part for part in (hit.reference, customer, label(hit.status)) if part), " · "))
        return {"kind": kind, "label": hit.title, "detail": detail, "href": f"/cases/{hit.reference}"}
    if kind == "person":
        detail = hit.email or spoken(counted("1 case", "%(num)s cases", hit.cases))
        name = HIDDEN if hit.name is None else hit.name or "Name withheld"
        return {"kind": kind, "label": name, "detail": detail, "href": f"/parties/{hit.id}"}
    said = "".join(piece.text for piece in snippet(asked, hit.text or hit.files, 90))
    return {"kind": kind, "label": said, "detail": spoken(joined((hit.reference or word("Inbox"),
        word(DIRECTIONS[hit.direction])), " · ")),
            "href": message_href(hit)}  # fmt: skip


handlers = [search, quick]
