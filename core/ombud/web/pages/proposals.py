"""Proposed aspects of a case: each is accepted, edited or rejected by a person, and people propose some themselves."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk import taxonomies
from ombud.desk.case_shown import CasePageView
from ombud.desk.case_view import case_page
from ombud.desk.errors import Invalid
from ombud.desk.matters import evidence, proposals
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages.case_drawn import case_drawn, href_of
from ombud.web.pages.given import NOTHING_WRONG, ON_A_FORM, Given, Refused, given, refused
from ombud.web.pages.matters import excerpt
from ombud.web.shell import go, page

Req = Request[Any, Any, Any]
READ, WRITE = {"permission": "case.read"}, {"permission": "case.write"}
PLACE = "/cases/{reference:str}/proposals"


@get(PLACE, opt=READ)
async def proposed(request: Req, reference: str) -> Response[Any]:
    view = await case_page(viewer_of(request), reference, talk=False)
    return await _proposals_page(request, view)


async def _proposals_page(
    request: Req, view: CasePageView, wrong: Refused = NOTHING_WRONG, kept: Mapping[str, str] | None = None,
    of: str = "",
) -> Response[Any]:  # fmt: skip
    """`of`: the proposal whose form was refused, or `new`."""
    viewer = viewer_of(request)
    known = await taxonomies.choices("category", view.case.unit.id, taxonomies.today(), viewer.language)
    said = await evidence.messages_of(viewer, view.aspects[0].id, "in") if view.aspects else []
    empty = {"message": "", "quote": "", "category": "", "title": "", "text": ""}
    return await page(
        request, "pages/proposals.html", here="queue", status=wrong.status, case=case_drawn(view), of=of,
        proposals=await proposals.waiting(viewer, view.case.id), categories=[each.path for each in known],
        aspects=[(str(each.id), f"{each.letter} {each.title}") for each in view.aspects],
        messages=[(str(row["id"]), f"{row['said_at'].date().isoformat()}: {excerpt(row['body'])}") for row in said],
        form={**empty, **(kept or {}), "errors": wrong.errors, "error_of": wrong.error_of},
        may_write=view.may("add_aspect") and not view.case.about_me,
    )  # fmt: skip


Change = Callable[[Viewer, UUID, Given], Awaitable[str]]


async def _do(request: Req, reference: str, of: str, change: Change) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    view = await case_page(viewer, reference, talk=False)
    try:
        toast = await change(viewer, view.case.id, form)
    except ON_A_FORM as problem:
        return await _proposals_page(request, view, refused(problem), form.texts(), of)
    more = await proposals.waiting(viewer, view.case.id)
    return go(f"{href_of(view)}/proposals" if more else href_of(view), toast)


@post(PLACE, opt=WRITE)
async def propose(request: Req, reference: str) -> Response[Any]:
    """A passage of a message that seems to be a matter of its own, for a colleague to accept."""

    async def change(viewer: Viewer, case_id: UUID, form: Given) -> str:
        message = form.identity("message")
        if message is None:
            raise Invalid("Choose the message the passage stands in.", "message")
        await proposals.propose(viewer, case_id, message, form.text("quote"), form.text("category"))
        return "It is proposed."

    return await _do(request, reference, "new", change)


@post(f"{PLACE}/{{finding_id:uuid}}/accept", opt=WRITE)
async def accept(request: Req, reference: str, finding_id: UUID) -> Response[Any]:
    """As it is, as it was edited, or as a matter of an aspect there is already."""

    async def change(viewer: Viewer, case_id: UUID, form: Given) -> str:
        edited = {name: form.text(name) for name in ("title", "text", "category") if form.has(name)}
        await proposals.accept(viewer, case_id, finding_id, into=form.identity("into"), **edited)
        return "The proposal is accepted."

    return await _do(request, reference, str(finding_id), change)


@post(f"{PLACE}/{{finding_id:uuid}}/reject", opt=WRITE)
async def reject(request: Req, reference: str, finding_id: UUID) -> Response[Any]:
    async def change(viewer: Viewer, case_id: UUID, form: Given) -> str:
        await proposals.reject(viewer, case_id, finding_id)
        return "The proposal is rejected."

    return await _do(request, reference, str(finding_id), change)


handlers = [proposed, propose, accept, reject]
