"""The inbox: what came in on any channel, read beside the list, and what is decided about it."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk.channels import channel_label
from ombud.desk.errors import Invalid, NotFound, NotNow
from ombud.desk.inbox import deciding, decisions, message_shown
from ombud.desk.inbox.deciding import Stranger
from ombud.desk.inbox.listing import LARGEST_PAGE, InboxFilters, InboxPage, InboxSide, inbox_side, list_messages
from ombud.desk.inbox.message_shown import MessageShown
from ombud.desk.merges.similar import similar
from ombud.desk.words import MOODS, PARTY_ROLES, label
from ombud.kernel.clock import now
from ombud.kernel.lifecycle import running
from ombud.speech import sentence
from ombud.trust.policy import Viewer
from ombud.web.arrival import HEADERS
from ombud.web.door import viewer_of
from ombud.web.pages.fragments import fragment
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given, identity_of, refused
from ombud.web.pages.inbox_words import drawn_message, drawn_row
from ombud.web.pages.merges import alike_drawn
from ombud.web.pages.messages import download
from ombud.web.shell import go, page
from ombud_plugin_api import PollingChannel

Req = Request[Any, Any, Any]
READ, DECIDE = {"permission": "inbox.read"}, {"permission": "inbox.decide"}
# The rendering of a message is a page of its own: nothing runs in it, and it fetches nothing.
RENDERED = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; base-uri 'none'; form-action 'none'"
WITH_FRAME = {"content-security-policy": HEADERS["content-security-policy"] + "; frame-src 'self'"}
VIEWS = (
    ("open", "To decide", "inbox"), ("robots", "Machines", "robot"), ("held", "Held back", "hand-stop"),
    ("aside", "Not a complaint", "ban"), ("placed", "In a case", "folder"), ("all", "Everything", "layout-rows"),
)  # fmt: skip
INTO = 20  # messages that may have come in above those a page shows
FILTERS = ("mood", "queue", "unit", "unread")


@get("/inbox", opt=READ)
async def inbox(request: Req, open: UUID | None = None, after: str = "") -> Response[Any]:
    """The list, and one message of it beside."""
    filters = InboxFilters.of(request.query_params)
    return await show(request, filters, open, after)


async def show(
    request: Req, filters: InboxFilters, chosen: UUID | None, after: str = "", *, wrong: Refused = NOTHING_WRONG,
    kept: Mapping[str, str] | None = None,
) -> Response[Any]:  # fmt: skip
    """The page. `wrong` and `kept`: what a form was refused for, and what was typed into it."""
    viewer = viewer_of(request)
    side = await inbox_side(viewer)
    found = await list_messages(viewer, filters, after or None)
    message = await message_shown.message_shown(viewer, chosen) if chosen else None
    if message is not None and message.read_at is None and viewer.user_id is not None:
        await deciding.first_read(viewer, message.id)
    query = filters.told()
    likely = await _likely(viewer, message) if message is not None and message.waits and not message.case else []
    answer = await page(
        request, "pages/inbox.html", here="inbox", status=wrong.status, filters=filters,
        views=_views(filters, side), channels=_channels(filters, side), narrowing=_narrowing(filters, side),
        rows=[drawn_row(row, _address(query, row.id), now()) for row in found.rows],
        next_href=f"/inbox?{urlencode({**query, 'after': found.next_cursor})}" if found.next_cursor else "",
        back=urlencode(query), side=side, chosen=drawn_message(message, now()) if message else None,
        next_id=_next(found, chosen), first=not after, reasons=list(decisions.REASONS.items()),
        roles=[(code, label(code)) for code in PARTY_ROLES], wrong=wrong, kept=dict(kept or {}),
        alike=likely, may_decide=viewer.may("inbox.decide"), may_report=viewer.may("inbox.review"),
    )  # fmt: skip
    if message is not None and message.has_html:
        answer.headers.update(WITH_FRAME)
    return answer


async def _likely(viewer: Viewer, message: MessageShown) -> list[dict[str, Any]]:
    """Open cases it may be about; the one it possibly belongs to is named already."""
    address = message.address or ""
    email, phone = (address, "") if "@" in address else ("", address)
    found = await similar(viewer, email=email, phone=phone, text=f"{message.subject} {message.text}")
    return [alike_drawn(each) for each in found if each.reference != message.possible]


def _address(query: Mapping[str, str], message_id: UUID) -> str:
    return f"/inbox?{urlencode({**query, 'open': str(message_id)})}"


def _views(filters: InboxFilters, side: InboxSide) -> list[dict[str, Any]]:
    counts = {"open": side.total, "robots": side.robots, "held": side.held}
    return [
        {"code": code, "label": words, "icon": icon, "href": f"/inbox?{urlencode({'show': code})}",
         "count": counts.get(code), "here": filters.show == code and not filters.channel}
        for code, words, icon in VIEWS
    ]  # fmt: skip


def _channels(filters: InboxFilters, side: InboxSide) -> list[dict[str, Any]]:
    """Channels by which something waits, the one that is chosen, and those that fetch."""
    brought = [each for loaded in running.loaded.values() for each in loaded.channels]
    codes = {each.key for each in brought if isinstance(each, PollingChannel)}
    codes = {code for code in codes | set(side.waiting) | {filters.channel} if code}
    query = {name: value for name, value in filters.told().items() if name != "channel"}
    return [
        {"code": code, "label": channel_label(code), "href": f"/inbox?{urlencode({**query, 'channel': code})}",
         "count": side.waiting.get(code, 0), "here": code == filters.channel}
        for code in sorted(codes, key=lambda each: channel_label(each).lower())
    ]  # fmt: skip


def _narrowing(filters: InboxFilters, side: InboxSide) -> list[dict[str, Any]]:
    options = {
        "mood": [(code, label(code)) for code in MOODS], "queue": side.queues,
        "unit": side.units if len(side.units) > 1 else [], "unread": [("yes", "not read yet")],
    }  # fmt: skip
    words = {"mood": "Mood", "queue": "Queue", "unit": "Unit", "unread": "Read"}
    return [
        {"name": name, "label": words[name], "value": getattr(filters, name), "options": options[name]}
        for name in FILTERS
        if options[name]
    ]


def _next(found: InboxPage, chosen: UUID | None) -> str:
    """The message that comes after the chosen one; the one before where that is the last."""
    ids = [row.id for row in found.rows]
    if chosen not in ids:
        return str(ids[0]) if ids else ""
    place = ids.index(chosen)
    beside = ids[place + 1 : place + 2] or ids[max(0, place - 1) : place]
    return str(beside[0]) if beside else ""


def on(form: Given) -> str:
    """Where a form leads: the next message of the list it was made in."""
    query = filters_of(form).told()
    try:
        following = form.identity("next")
    except Invalid:
        following = None
    query |= {"open": str(following)} if following else {}
    return f"/inbox?{urlencode(query)}" if query else "/inbox"


def filters_of(form: Given) -> InboxFilters:
    try:
        return InboxFilters.of(dict(parse_qsl(form.text("back"))))
    except Invalid:  # what was decided stands; it is the way back alone that means nothing
        return InboxFilters()


@get("/inbox/{message_id:uuid}/html", opt=READ)
async def html(request: Req, message_id: UUID) -> Response[str]:
    """The cleaned rendering, in a frame of its own."""
    cleaned = await message_shown.rendering(viewer_of(request), message_id)
    whole = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Message</title>'
        "<style>:root{color-scheme:light}body{margin:12px;font:15px/1.5 sans-serif;background:#fff;color:#12181c;"
        f"overflow-wrap:anywhere}}img{{max-width:100%}}</style></head><body>{cleaned}</body></html>"
    )
    headers = {"content-security-policy": f"{RENDERED}; frame-ancestors 'self'", "x-frame-options": "SAMEORIGIN"}
    return Response(whole, media_type="text/html; charset=utf-8", headers=headers)


@get("/inbox/{message_id:uuid}/raw", opt=READ)
async def raw(request: Req, message_id: UUID) -> Response[bytes]:
    """The message as it came, for download only."""
    kind, data = await message_shown.as_it_came(viewer_of(request), message_id)
    ending = "eml" if kind == "message/rfc822" else "bin"
    return download(f"message-{message_id}.{ending}", "application/octet-stream", data)


@post("/inbox/{message_id:uuid}/join", opt=DECIDE)
async def join(request: Req, message_id: UUID) -> Response[Any]:
    """Puts it into a case; who is no party of it needs a role and a reason."""
    viewer, form = viewer_of(request), await given(request)
    reference = form.text("reference").strip()
    try:
        await deciding.join(viewer, message_id, reference, form.text("role"), form.text("why"))
    except (Invalid, NotFound, NotNow) as problem:
        if isinstance(problem, NotFound) and str(problem) == deciding.GONE:
            raise
        wrong = Refused(409, [{"field": "reference", "message": str(problem)}], {"reference": str(problem)})
        kept = {"form": "join", "reference": reference, "role": form.text("role"), "why": form.text("why"),
                "stranger": "yes" if isinstance(problem, Stranger) or form.text("role") else ""}  # fmt: skip
        return await show(request, filters_of(form), message_id, wrong=wrong, kept=kept)
    return go(on(form), sentence("It is in %(reference)s now.", reference=reference), f"/inbox/{message_id}/undo")


@post("/inbox/{message_id:uuid}/aside", opt=DECIDE)
async def aside(request: Req, message_id: UUID) -> Response[Any]:
    """Records that it is no complaint, because …"""
    viewer, form = viewer_of(request), await given(request)
    try:
        await deciding.set_aside(viewer, [message_id], form.text("reason"), form.text("words"), form.text("wording"))
    except (Invalid, NotNow) as problem:
        kept = {"form": "aside", **{name: form.text(name) for name in ("reason", "words", "wording")}}
        return await show(request, filters_of(form), message_id, wrong=refused(problem), kept=kept)
    return go(on(form), "Recorded: not a complaint.", f"/inbox/{message_id}/undo")


@post("/inbox/{message_id:uuid}/undo", opt=DECIDE)
async def undo(request: Req, message_id: UUID) -> Response[Any]:
    """Takes the newest decision back."""
    viewer, form = viewer_of(request), await given(request)
    try:
        await deciding.undo(viewer, message_id, form.text("why"))
    except NotNow as problem:
        return go(f"/inbox?open={message_id}", str(problem))
    return go(f"/inbox?open={message_id}", "It waits in the inbox again.")


@post("/inbox/{message_id:uuid}/seen", opt=DECIDE)
async def seen(request: Req, message_id: UUID) -> Response[Any]:
    """An answer after the case was closed: read, and nothing is to be done."""
    viewer, form = viewer_of(request), await given(request)
    try:
        await deciding.seen(viewer, message_id)
    except NotNow as problem:
        return go(f"/inbox?open={message_id}", str(problem))
    return go(on(form), "It left the inbox. It stands in its case.")


@post("/inbox/many", opt=DECIDE)
async def many(request: Req) -> Response[Any]:
    """Lets messages in that were held back, or sets them aside as written by machines (step: release, machine)."""
    viewer, form = viewer_of(request), await given(request)
    ids = [identity_of(each, "message") for each in form.all("message")][: deciding.AT_ONCE]
    if form.text("step") == "release":
        done, words = await deciding.release(viewer, ids), "let in"
    elif form.text("step") == "machine":
        done, words = await deciding.set_aside(viewer, ids, "machine") if ids else 0, "set aside"
    else:
        raise Invalid("Choose what to do with these messages.", "step")
    return go(
        on(form),
        sentence("One message was %(words)s.", words=words)
        if done == 1
        else sentence("%(done)s messages were %(words)s.", done=done, words=words),
    )


@post("/live/inbox", opt=READ, status_code=200)
async def state(request: Req) -> Response[Any]:
    """How the list differs from what a page shows (`shown`: ids, `whole`: it shows all); the filters stand in the
    address."""
    viewer, form = viewer_of(request), await given(request)
    filters = InboxFilters.of(request.query_params)
    shown = form.text("shown").split()[:LARGEST_PAGE]
    found = await list_messages(viewer, filters, size=min(LARGEST_PAGE, len(shown) + INTO))
    ids = [str(row.id) for row in found.rows]
    last = max((place for place, each in enumerate(ids) if each in shown), default=-1)
    fresh = [each for each in (ids if form.text("whole") == "1" else ids[: last + 1]) if each not in shown]
    complete = found.next_cursor is None or len(fresh) < INTO
    gone = [each for each in shown if each not in ids] if complete else []
    query = {**filters.told(), **({"open": request.query_params["open"]} if "open" in request.query_params else {})}
    return await fragment(
        request, "fragments/inbox_live.html", fresh=len(fresh), gone=len(gone), href=f"/inbox?{urlencode(query)}"
    )


handlers = [inbox, html, raw, join, aside, undo, seen, many, state]
