"""Redress that waits for a second person: the list, and a yes or no to what was shown."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk.errors import Changed, DeskRefusal, Invalid, NotAllowed, NotNow
from ombud.desk.redress import requests
from ombud.desk.redress import shown as redress_shown
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages.given import Given, given
from ombud.web.pages.redress import request_drawn
from ombud.web.shell import go, page

Req = Request[Any, Any, Any]
DECIDE = {"permission": "case.decide"}
REFUSED = (Invalid, NotNow, NotAllowed, Changed)
PAGE = "/redress"


@get(PAGE, opt=DECIDE)
async def waiting(request: Req) -> Response[Any]:
    """What waits for the viewer, then what they asked for themselves."""
    return await _page(request, viewer_of(request))


async def _page(
    request: Req, viewer: Viewer, problem: DeskRefusal | None = None, at: str = "", reason: str = ""
) -> Response[Any]:  # fmt: skip
    found = []
    for each in await redress_shown.waiting(viewer):
        room = await redress_shown.room(viewer, each.unit_id, each.case_id, each.currency)
        drawn = request_drawn(each, f"/cases/{quote(each.reference)}")
        after = room.so_far + each.amount
        found.append({**drawn, "after": after, "limit": room.limit, "enough": after <= room.limit})
    status = 200 if problem is None else 422 if isinstance(problem, Invalid) else 409
    return await page(
        request, "pages/redress_waiting.html", here="redress", status=status,
        waiting=[each for each in found if not each["mine"]], asked=[each for each in found if each["mine"]],
        problem=str(problem) if problem else "", at=at, reason=reason,
    )  # fmt: skip


Act = Callable[[Viewer, Given], Awaitable[str]]


async def _do(request: Req, request_id: UUID, act: Act) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    try:
        said = await act(viewer, form)
    except REFUSED as problem:
        return await _page(request, viewer, problem, str(request_id), form.text("reason"))
    return go(PAGE, said)


@post("/redress/requests/{request_id:uuid}/approve", opt=DECIDE)
async def approve(request: Req, request_id: UUID) -> Response[Any]:
    """Grants the version that was shown."""

    async def act(viewer: Viewer, form: Given) -> str:
        await requests.approve(viewer, request_id, form.text("hash"))
        return "It is approved and granted."

    return await _do(request, request_id, act)


@post("/redress/requests/{request_id:uuid}/refuse", opt=DECIDE)
async def refuse(request: Req, request_id: UUID) -> Response[Any]:
    async def act(viewer: Viewer, form: Given) -> str:
        await requests.refuse(viewer, request_id, form.text("reason"))
        return "It is refused. Whoever asked is told why."

    return await _do(request, request_id, act)


handlers = [waiting, approve, refuse]
