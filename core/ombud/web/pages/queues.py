"""Where work waits: queues with their counts, one page of rows at a time, and taking work out of them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException

from ombud import speech
from ombud.desk import cases, queues, undo
from ombud.desk.administration.first_steps import first_steps
from ombud.desk.bulk import plan as bulk
from ombud.desk.bulk import run as bulk_run
from ombud.desk.case_list import CaseFilters, CasePage, CaseRow, list_cases, sees_any
from ombud.desk.errors import Invalid, NotNow
from ombud.desk.queue_side import queue_side
from ombud.desk.routing import next_item, reasons
from ombud.desk.views import View, may_change
from ombud.desk.words import MOODS, label
from ombud.desk.writing import case_id_of
from ombud.kernel.clock import now
from ombud.speech import counted, sentence
from ombud.trust import preferences
from ombud.trust.policy import HIDDEN, Viewer
from ombud.web.door import viewer_of
from ombud.web.guard import SIGNED_IN
from ombud.web.pages.fragments import asks_for, fragment
from ombud.web.pages.given import given
from ombud.web.pages.queue_lists import (
    FIELDS,
    FIRST,
    MORE,
    VIEWS,
    Listed,
    address,
    as_query,
    drawn,
    entries,
    listed,
    narrowed,
)
from ombud.web.shell import go, page, rail, undo_address

Req = Request[Any, Any, Any]
READ, TAKE = {"permission": "case.read"}, {"permission": "case.take"}
PAGE = 50
MOST_AT_ONCE = 50

GROUPS = {"late": "Late", "soon": "Next three days", "running": "Later", "met": "Answered", "none": "No clock"}


@get("/queues", opt={"permission": SIGNED_IN})
async def start(request: Req) -> Response[None]:
    """To the list one chose, else to one's own cases, else to the first queue; who reads no cases goes to the first
    page that is theirs."""
    viewer = viewer_of(request)
    if not viewer.may("case.read"):
        places = rail(viewer)
        return go(places[0].href if places else "/me/password")
    if (chosen := await preferences.landing(viewer)) and await _is_there(viewer, chosen):
        return go(address(chosen))
    own = await list_cases(viewer, replace(VIEWS["mine"][2], status="open"), size=1)
    if own.rows:
        return go("/queues/mine")
    lines = await queues.lines(viewer)
    return go(address(lines[0].key) if lines else "/queues/all")


async def _is_there(viewer: Viewer, code: str) -> bool:
    try:
        listed(code, await queue_side(viewer))
    except NotFoundException:
        return False
    return True


@get("/queues/{code:str}", opt=READ)
async def queue(request: Req, code: str, after: str = "", going_on: str = "") -> Response[Any]:
    """One queue or view, fifty cases at a time, in the order of its clocks unless asked otherwise."""
    viewer = viewer_of(request)
    side = await queue_side(viewer)
    which = listed(code, side)
    filters = narrowed(request.query_params, which)
    found = await list_cases(viewer, filters, after or None, PAGE)
    place = Place(next((each.id for each in side.lines if each.key == filters.queue), None), viewer.user_id)
    shown = _rows(request, which, filters, found, going_on if after else "", place)
    shown |= {"may_take": viewer.may("case.take"), "may_change": bool(bulk.possible(viewer))}
    if asks_for(request, "more"):
        return await fragment(request, "fragments/queue_groups.html", **shown)
    shown["nothing"] = await _nothing(viewer, which, filters) if not found.rows else ""
    shown["first_steps"] = await first_steps(viewer) if shown["nothing"] == "first" else []
    if asks_for(request, "rows"):
        return await fragment(request, "fragments/queue_rows.html", **shown)
    more = drawn(filters, which, side, MORE)
    return await page(
        request, "pages/queue.html", here="queue", queues=entries(side),
        counted_at=side.lines[0].as_of if side.lines else now(), filters=drawn(filters, which, side, FIRST),
        more_filters=more, more_set=sum(bool(each["value"]) for each in more if each["name"] != "order"),
        view=view_drawn(viewer, which.view), fresh=0, may_file=viewer.may("case.file"), **shown,
    )  # fmt: skip


async def _nothing(viewer: Viewer, which: Listed, filters: CaseFilters) -> str:
    """Why a list is empty: `first`: the desk has no case at all; `hidden`: filters leave none; `quiet`: all is done."""
    if not await sees_any(viewer):
        return "first"
    return "quiet" if filters == narrowed({}, which) else "hidden"


def view_drawn(viewer: Viewer, view: View | None) -> dict[str, Any] | None:
    if view is None:
        return None
    return {"id": str(view.id), "name": view.name, "may_change": may_change(viewer, view), "version": view.version,
            "unit": view.unit.name if view.unit else ""}  # fmt: skip


def _rows(
    request: Req, which: Listed, filters: CaseFilters, found: CasePage, going_on: str, place: "Place"
) -> dict[str, Any]:
    groups = _grouped(found, going_on, place) if filters.order == "due" else _one_group(found, place)
    total, exact = (found.total, True) if found.total is not None else (found.at_least, False)
    about = {"code": which.code, "label": which.name, "total": total, "total_exact": exact,
             "view": which.code in VIEWS or which.view is not None}  # fmt: skip
    return {
        "queue": about, "groups": groups, "next_href": _next(request, which.code, found, groups),
        "search": filters.text, "sort": "clock" if filters.order == "due" else "received",
        "narrowed": as_query(filters), "most": bulk.MOST,
    }  # fmt: skip


def _one_group(found: CasePage, place: "Place") -> list[dict[str, Any]]:
    """The newest first: clocks do not part these rows."""
    rows = [row_shown(row, place) for row in found.rows]
    return [{"code": "all", "label": "", "count": None, "cases": rows}] if rows else []


def _grouped(found: CasePage, going_on: str, place: "Place") -> list[dict[str, Any]]:
    parts: dict[str, list[CaseRow]] = {}
    for row in found.rows:
        parts.setdefault(_band(row), []).append(row)
    whole = not going_on and found.next_cursor is None
    return [
        {
            "code": code,
            "label": "" if code == going_on else GROUPS[code],
            "count": len(rows) if whole else None,
            "cases": [row_shown(row, place) for row in rows],
        }
        for code, rows in sorted(parts.items(), key=lambda part: list(GROUPS).index(part[0]))
    ]


def _band(row: CaseRow) -> str:
    state = row.clock.state if row.clock else "none"
    return "met" if state == "met_late" else state


def _next(request: Req, code: str, found: CasePage, groups: list[dict[str, Any]]) -> str:
    if found.next_cursor is None:
        return ""
    kept = {name: value for name, value in request.query_params.items() if name in {*FIELDS, "q"}}
    return f"{address(code)}?{urlencode({**kept, 'after': found.next_cursor, 'going_on': groups[-1]['code']})}"


@dataclass(frozen=True)
class Place:
    """The queue and the reader of a list, which say for which of its matters a case stands there."""

    queue: UUID | None = None
    me: UUID | None = None


NOWHERE = Place()


def _here(row: CaseRow, place: Place) -> list[Any]:
    """The open matters for which a case stands in this list, where it does not stand there as a whole."""
    if place.queue and (row.queue is None or row.queue.id != place.queue):
        return [each for each in row.aspects if not each.decided and each.queue_id == place.queue]
    mine = place.me is not None and not row.mine
    return [each for each in row.aspects if not each.decided and each.owner_id == place.me] if mine else []


def row_shown(row: CaseRow, place: Place = NOWHERE) -> dict[str, Any]:
    """A case as fragments/queue_groups.html draws it."""
    last = {"channel": row.last_word_channel, "at": row.last_word_at} if row.last_word_at else None
    return {
        "reference": row.reference, "title": row.title, "href": f"/cases/{row.reference}",
        "customer": HIDDEN if row.customer is None else row.customer or "Name withheld", "aspects": row.aspects,
        "heat": heat_of(row.mood), "clock": row.clock, "owner": row.owner, "mine": row.mine, "last": last,
        "status_label": label(row.status), "confidential": row.confidential, "version": row.version,
        "flag": "Urgent" if row.priority == "urgent" else "", "claim": row.claim,
        "claim_letter": row.claim_letter, "stamp": stamp(row),
        "unread": False, "here": _here(row, place), "escalated": row.escalated,
    }  # fmt: skip


def stamp(row: CaseRow) -> str:
    """What tells a page that a row it shows is no longer as it was drawn."""
    claim = (row.claim.user_id, row.claim.aspect_id) if row.claim else None
    seen = (
        row.version,
        row.last_word_at,
        row.owner,
        row.mood,
        claim,
        row.due_at,
        row.customer,
        row.aspects,
        row.escalated,
    )
    return hashlib.sha256(speech.encoded(seen)).hexdigest()[:12]


def heat_of(mood: str) -> int:
    """0 where nobody said, else 1 (calm) to 4 (angry)."""
    return MOODS.index(mood) + 1 if mood in MOODS else 0


@post("/queues/{code:str}/take", opt=TAKE)
async def take_from(request: Req, code: str) -> Response[None]:
    """Takes the ticked cases, or the next one that suits the reader best where none is ticked."""
    viewer = viewer_of(request)
    which = listed(code, await queue_side(viewer))
    chosen = (await given(request)).all("reference")[:MOST_AT_ONCE]
    if not chosen:
        return await _next_one(viewer, which)
    taken, left, kept = await _take(viewer, chosen)
    if len(taken) == 1 and not left:
        return go(f"/cases/{taken[0]}", sentence("%(taken)s is yours now.", taken=taken[0]), undo_address(kept))
    return go(address(code), _told(taken, left), undo_address(kept))


async def _next_one(viewer: Viewer, which: Listed) -> Response[None]:
    try:
        taken = await next_item.take_next(viewer, which.fixed.queue)
    except NotNow as refusal:
        return go(address(which.code), str(refusal))
    if taken is None:
        return go(address(which.code), "Nothing waits here that you could take.")
    why = reasons.sentence(taken.factors)
    what = (
        sentence("%(reference)s is yours now", reference=taken.reference)
        if taken.aspect_id is None
        else sentence("One matter of %(reference)s is yours", reference=taken.reference)
    )
    there = f"/cases/{quote(taken.reference)}" + (f"/aspects/{taken.aspect_id}" if taken.aspect_id else "")
    return go(there, f"{what}: {why}." if why else f"{what}.", undo_address(taken.undo_id))


@post("/queues/{code:str}/next", opt=TAKE)
async def take_next(request: Req, code: str) -> Response[None]:
    """The one that suits the reader best, whatever is ticked."""
    viewer = viewer_of(request)
    return await _next_one(viewer, listed(code, await queue_side(viewer)))


async def _take(viewer: Viewer, references: Sequence[str]) -> tuple[list[str], list[str], UUID | None]:
    """Which are taken now and which are not, and under which id it can be taken back."""
    try:
        made = await bulk.choose(viewer, references=references)
        await bulk.plan(viewer, made, "take", {})
        await bulk_run.run(viewer, made)
    except NotNow:
        return [], list(references), None
    taken = [row.reference for row in await bulk.rows(viewer, made) if row.state == "done"]
    return taken, [each for each in references if each not in taken], made if taken else None


def _told(taken: Sequence[str], left: Sequence[str]) -> str:
    some = (
        "No case was taken."
        if not taken
        else counted("One case is yours now.", "%(num)s cases are yours now.", len(taken))
    )
    return (
        some
        if not left
        else sentence("%(some)s These could not be taken: %(left)s.", some=some, left=", ".join(left)[:200])
    )


@post("/cases/{reference:str}/take", opt=TAKE)
async def take(request: Req, reference: str) -> Response[None]:
    """One case, from its row or its page; who comes too late is told so on the case."""
    viewer = viewer_of(request)
    case_id = await case_id_of(viewer, reference)
    try:
        async with undo.kept(viewer, case_id, "take") as kept:
            await cases.take(viewer, case_id)
    except (NotNow, Invalid) as refusal:
        return go(f"/cases/{quote(reference)}", str(refusal))
    return go(
        f"/cases/{quote(reference)}",
        sentence("%(reference)s is yours now.", reference=reference),
        undo_address(kept.id),
    )


handlers = [start, queue, take_from, take_next, take]
