"""Messages on their way out: the lists, one of them beside, and what is done with it."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk.errors import Changed, Invalid, NotAllowed, NotNow
from ombud.desk.outgoing import approval, deciding, listing, settling
from ombud.desk.outgoing.listing import LISTS, Filters, Listed
from ombud.desk.outgoing.rules import KIND_WORDS
from ombud.desk.outgoing.shown import stands
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages.composer import way_of
from ombud.web.pages.gate import on_approval
from ombud.web.pages.given import Given, given
from ombud.web.pages.messages import leaving_at
from ombud.web.shell import go, page

Req = Request[Any, Any, Any]
READ, WRITE, APPROVE = {"permission": "case.read"}, {"permission": "case.write"}, {"permission": "outgoing.approve"}
LIST_WORDS = {
    "approval": ("Waits for my approval", "hourglass"), "soon": ("Leaving soon", "send"),
    "scheduled": ("Scheduled", "calendar"), "unsure": ("Not certain", "help-circle"),
    "failed": ("Failed or came back", "alert-circle"), "sent": ("Sent", "check"),
    "back": ("Taken back", "arrow-back-up"),
}  # fmt: skip
EMPTY = {
    "approval": "When a message needs a second person, it waits here for you.",
    "soon": "A message waits half a minute or so before it leaves. Meanwhile it stands here and can be taken back.",
    "scheduled": "Messages that leave at a chosen time stand here.",
    "unsure": "When a connection breaks at the wrong moment, a message may or may not have arrived. A person decides.",
    "failed": "What was refused or came back undelivered stands here until somebody sees to it.",
    "sent": "What left this desk stands here, with what is known of its arrival.",
    "back": "What was taken back before it left stands here; the customer never saw it.",
}


@get("/outgoing", opt=READ)
async def outgoing(
    request: Req, which: str = "", mine: str = "", channel: str = "", kind: str = "", after: str = "",
    open: UUID | None = None,
) -> Response[Any]:  # fmt: skip
    """One of the lists, and one message of it beside."""
    viewer = viewer_of(request)
    chosen = await listing.one(viewer, open) if open is not None else None
    usual = "approval" if viewer.may("outgoing.approve") else "soon"
    filters = Filters(which if which in LISTS else usual, mine == "on", channel[:60], kind[:60])
    rows, more = await listing.page(viewer, filters, after)
    return await page(
        request, "pages/outgoing.html", here="outgoing", **_frame(viewer, filters, more),
        rows=[_line(each, filters) for each in rows], chosen=_chosen(chosen) if chosen else None,
        gate=await _gate(viewer, chosen),
        waiting=await listing.waiting_for(viewer), problem="",
    )  # fmt: skip


async def _gate(viewer: Viewer, chosen: Listed | None) -> dict[str, Any] | None:
    """What the gate finds in one that waits for a second person, as its text stands now."""
    if chosen is None or chosen.way.state != "waiting_approval":
        return None
    return await on_approval(viewer, chosen.id)


def _frame(viewer: Viewer, filters: Filters, more: str | None) -> dict[str, Any]:
    known = [code for code in LISTS if code != "approval" or viewer.may("outgoing.approve")]
    return {
        "which": filters.which, "empty": EMPTY[filters.which], "mine": filters.mine, "kind": filters.kind,
        "lists": [{"code": code, "label": LIST_WORDS[code][0], "icon": LIST_WORDS[code][1],
                   "href": _href(Filters(code, filters.mine, filters.channel, filters.kind))} for code in known],
        "kinds": list(KIND_WORDS.items()), "next_href": _href(filters, after=more) if more else "",
    }  # fmt: skip


def _href(filters: Filters, **more: str) -> str:
    parts = {"which": filters.which, "mine": "on" if filters.mine else "", "channel": filters.channel,
             "kind": filters.kind, **more}  # fmt: skip
    return f"/outgoing?{urlencode({name: value for name, value in parts.items() if value})}"


def _line(each: Listed, filters: Filters) -> dict[str, Any]:
    found = stands(each.way)
    return {
        "id": str(each.id), "href": _href(filters, open=str(each.id)), "subject": each.subject, "author": each.author,
        "reference": each.reference, "title": each.title, "to": each.way.recipient, "at": each.written_at,
        "text": each.text[:160], "way": way_of(each.id, each.way), "letter": KIND_WORDS.get(each.way.kind, ""),
        "leaves": found.at,
    }  # fmt: skip


def _chosen(each: Listed) -> dict[str, Any]:
    way = way_of(each.id, each.way)
    if each.may_approve:  # whoever may approve sends it back instead, with a reason
        way["may"] = tuple(act for act in way["may"] if act != "back")
    return {
        "id": str(each.id), "subject": each.subject, "text": each.text, "author": each.author, "at": each.written_at,
        "reference": each.reference, "case_href": f"/cases/{quote(each.reference)}#entry-{each.id}",
        "to": each.way.recipient, "letter": KIND_WORDS.get(each.way.kind, ""), "way": way,
        "may_approve": each.may_approve, "hash": each.hash, "why": approval.REASONS.get(each.way.approval, ""),
        "mine": each.mine, "waits": each.way.state == "waiting_approval",
        "files": [{"href": f"/files/{one}", "name": name, "size": size} for one, name, size in each.files],
        "asks": [{"what": what, "of": of, "by": by} for what, of, by in each.asks],
    }  # fmt: skip


Act = Callable[[Viewer, Given], Awaitable[UUID]]


async def _do(request: Req, act: Act, said: str, identity: UUID, to: str = "", refused_to: str = "") -> Response[None]:
    """Does it and goes back to where the message stands; what cannot be done any more is said there."""
    viewer, form = viewer_of(request), await given(request)
    found = await listing.one(viewer, identity)
    place = to or f"/cases/{quote(found.reference)}#entry-{identity}"
    try:
        await act(viewer, form)
    except (NotNow, Invalid, Changed, NotAllowed) as refusal:
        return go(refused_to or place, str(refusal))
    return go(place, said)


@post("/outgoing/{message_id:uuid}/back", opt=WRITE)
async def back(request: Req, message_id: UUID) -> Response[None]:
    """Takes it back before it leaves; its text is in the box again."""

    async def act(viewer: Viewer, form: Given) -> UUID:
        return await settling.take_back(viewer, message_id)

    return await _do(request, act, "It does not leave. Your text is in the box again.", message_id)


@post("/outgoing/{message_id:uuid}/now", opt=WRITE)
async def hurry(request: Req, message_id: UUID) -> Response[None]:
    async def act(viewer: Viewer, form: Given) -> UUID:
        return await settling.hurry(viewer, message_id)

    return await _do(request, act, "It leaves now.", message_id)


@post("/outgoing/{message_id:uuid}/later", opt=WRITE)
async def put_off(request: Req, message_id: UUID) -> Response[None]:
    """It leaves at another time, in the unit's zone."""

    async def act(viewer: Viewer, form: Given) -> UUID:
        moment = leaving_at(form, await settling.zone_of(message_id))
        if moment is None:
            raise Invalid("Choose the day on which it leaves.", "leave_on")
        return await settling.put_off(viewer, message_id, moment)

    return await _do(request, act, "It leaves at the time you chose.", message_id)


@post("/outgoing/{message_id:uuid}/settle", opt=WRITE)
async def settle(request: Req, message_id: UUID) -> Response[None]:
    """A person says what became of an unsure or failed one, and why."""
    said = {"arrived": "It is kept that it arrived.", "again": "It is sent again.", "give_up": "It is given up."}
    event = (await given(request)).text("event")

    async def act(viewer: Viewer, form: Given) -> UUID:
        return await settling.say_what_became(viewer, message_id, event, form.text("why"))

    return await _do(request, act, said.get(event, ""), message_id)


@post("/outgoing/{message_id:uuid}/again", opt=WRITE)
async def write_again(request: Req, message_id: UUID) -> Response[None]:
    """The words of one that failed or came back go into the writer's box, to be corrected."""

    async def act(viewer: Viewer, form: Given) -> UUID:
        return await settling.write_again(viewer, message_id)

    return await _do(request, act, "The text is in the box again. Correct what was wrong, then send it.", message_id)


@post("/outgoing/{message_id:uuid}/done", opt=WRITE)
async def done(request: Req, message_id: UUID) -> Response[None]:
    """Nothing more is to be done about one that failed or came back."""

    async def act(viewer: Viewer, form: Given) -> UUID:
        return await settling.see_to(viewer, message_id, form.text("why"))

    return await _do(request, act, "It is kept that this was seen to.", message_id)


@post("/outgoing/{message_id:uuid}/approve", opt=APPROVE)
async def approve(request: Req, message_id: UUID) -> Response[None]:
    """Approves the version that was shown."""

    async def act(viewer: Viewer, form: Given) -> UUID:
        return await deciding.approve(viewer, message_id, form.text("hash"), form.text("override"))

    return await _do(
        request,
        act,
        "It is approved and leaves soon.",
        message_id,
        "/outgoing?which=approval",
        refused_to=f"/outgoing?which=approval&open={message_id}",
    )


@post("/outgoing/{message_id:uuid}/reject", opt=APPROVE)
async def reject(request: Req, message_id: UUID) -> Response[None]:
    """Sends it back to its writer with the reason."""

    async def act(viewer: Viewer, form: Given) -> UUID:
        return await deciding.reject(viewer, message_id, form.text("reason"))

    return await _do(request, act, "It is back with its writer.", message_id, "/outgoing?which=approval")


handlers = [outgoing, back, hurry, put_off, settle, write_again, done, approve, reject]
