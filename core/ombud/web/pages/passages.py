"""Passages of messages and pages of letters pinned to an aspect; and the order of a case's aspects."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk.case_shown import AspectShown, CasePageView
from ombud.desk.case_view import case_page
from ombud.desk.errors import Invalid, NotNow
from ombud.desk.matters import evidence, pins
from ombud.desk.trail.history import events
from ombud.speech import sentence
from ombud.trust.policy import Viewer
from ombud.web.aspect_frame import Change, aspect_of, aspect_page, change_part
from ombud.web.door import viewer_of
from ombud.web.pages.case_drawn import aspects_drawn, case_drawn, href_of, show_case
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given, refused
from ombud.web.pages.matters import excerpt
from ombud.web.shell import go, page

Req = Request[Any, Any, Any]
READ, WRITE = {"permission": "case.read"}, {"permission": "case.write"}
PLACE = "/cases/{reference:str}/aspects/{aspect_id:uuid}/passages"
REORDERED = "aspects.reordered"


@get(PLACE, opt=READ)
async def passages(request: Req, reference: str, aspect_id: UUID, message: str = "") -> Response[Any]:
    """What is pinned; `message`: the one to pin a passage of, chosen on the case's timeline."""
    view, aspect = await aspect_of(viewer_of(request), reference, aspect_id)
    return await _passages_page(request, view, aspect, kept={"message": message})


async def _passages_page(
    request: Req, view: CasePageView, aspect: AspectShown, wrong: Refused = NOTHING_WRONG,
    kept: dict[str, str] | None = None,
) -> Response[Any]:  # fmt: skip
    viewer = viewer_of(request)
    empty = {"message": "", "quote": "", "start": "", "attachment": "", "page": ""}
    said = await evidence.messages_of(viewer, aspect.id)
    chosen = (kept or {}).get("message", "")
    return await aspect_page(
        request, "pages/passages.html", "passages", view, aspect, status=wrong.status,
        pins=await pins.pins_of(viewer, aspect.id),
        messages=[(str(row["id"]), f"{row['said_at'].date().isoformat()}: {excerpt(row['body'])}") for row in said],
        text=next((row["body"] for row in said if str(row["id"]) == chosen), ""),
        files=[(str(identity), name) for identity, name in await evidence.files_of(viewer, aspect.id)],
        form={**empty, **(kept or {}), "errors": wrong.errors, "error_of": wrong.error_of},
        may_write=any(each.key == "change" and each.allowed for each in aspect.actions),
    )  # fmt: skip


async def _on_passages(request: Req, reference: str, aspect_id: UUID, change: Change) -> Response[Any]:
    return await change_part(request, reference, aspect_id, "passages", change, _passages_page)


@post(PLACE, opt=WRITE)
async def pin(request: Req, reference: str, aspect_id: UUID) -> Response[Any]:
    """A passage of a message, or a page of a file."""

    async def change(viewer: Viewer, form: Given) -> str:
        attachment, message = form.identity("attachment"), form.identity("message")
        if attachment is not None:
            await pins.pin_page(viewer, aspect_id, attachment, form.number("page"))
            return "The page is pinned."
        if message is None:
            raise Invalid("Choose the message the passage stands in.", "message")
        await pins.pin_passage(viewer, aspect_id, message, form.text("quote"), form.number("start"))
        return "The passage is pinned."

    return await _on_passages(request, reference, aspect_id, change)


@post("/cases/{reference:str}/passages", opt=WRITE)
async def pin_selected(request: Req, reference: str) -> Response[Any]:
    """Words selected in a message on the case's page, pinned to the aspect chosen there."""
    viewer, form = viewer_of(request), await given(request)
    view = await case_page(viewer, reference, talk=False)
    try:
        aspect = next((each for each in view.aspects if each.id == form.identity("aspect")), None)
        message = form.identity("message")
        if aspect is None or message is None:
            raise Invalid("Select words of a message, then choose an aspect of the case.", "aspect")
        await pins.pin_passage(viewer, aspect.id, message, form.text("quote"), form.number("start"))
    except (Invalid, NotNow) as problem:
        return await show_case(request, reference, wrong=refused(problem))
    return go(
        f"{href_of(view)}#entry-{message}",
        sentence("The passage is pinned to aspect %(letter)s.", letter=aspect.letter),
    )


@post(f"{PLACE}/{{pin_id:uuid}}/off", opt=WRITE)
async def unpin(request: Req, reference: str, aspect_id: UUID, pin_id: UUID) -> Response[Any]:
    async def change(viewer: Viewer, form: Given) -> str:
        await pins.unpin(viewer, aspect_id, pin_id)
        return "It is taken off."

    return await _on_passages(request, reference, aspect_id, change)


@get("/cases/{reference:str}/order", opt=READ)
async def order_shown(request: Req, reference: str) -> Response[Any]:
    """Which aspect comes first, with who changed that and when."""
    viewer = viewer_of(request)
    view = await case_page(viewer, reference, talk=False)
    letters = {str(each.id): each.letter for each in view.aspects}
    titles = {str(each.id): each.title for each in view.aspects}
    changes = await events(
        viewer, view.case.id, letters, view.case.unit.id, plain_kinds=(REORDERED,), limit=50,
        further=lambda arguments: f" AND e.kind = {arguments.add(REORDERED)}",
    )  # fmt: skip
    told = [
        {"at": each.at, "by": each.actor_name,
         "order": [titles.get(str(one), "An aspect that is in another case now") for one in each.body["order"]]}
        for each in changes
    ]  # fmt: skip
    return await page(
        request, "pages/aspect_order.html", here="queue", case=case_drawn(view), aspects=aspects_drawn(view),
        changes=told, may_change=view.may("change") and not view.case.about_me,
    )  # fmt: skip


handlers = [passages, pin, pin_selected, unpin, order_shown]
