"""One's own notices, and how one wants to be told."""

from typing import Any

from litestar import Request, Response, get, post

from ombud.desk.errors import Invalid
from ombud.desk.notices import mine
from ombud.desk.notices.staff import KINDS, WAYS
from ombud.desk.redress.shown import count_waiting
from ombud.web.door import viewer_of
from ombud.web.guard import SIGNED_IN
from ombud.web.pages.given import given
from ombud.web.shell import go, page

Req = Request[Any, Any, Any]
OWN = {"permission": SIGNED_IN}


@get("/me/notices", opt=OWN)
async def notices(request: Req, after: str = "") -> Response[Any]:
    """The list; whoever opens it has seen what is new."""
    viewer = viewer_of(request)
    shown, more = await mine.mine(viewer, after)
    if not after:
        await mine.seen(viewer)
    return await page(
        request, "pages/notices.html", here="notices", notices=shown,
        next_href=f"/me/notices?after={more}" if more else "",
    )  # fmt: skip


@get("/live/notices", opt=OWN)
async def count(request: Req) -> dict[str, int]:
    """How many are new, for the bell of the rail, and how much redress waits for this person, for its place there; each
    counted to a hundred. Asked for when the stream tells of one more."""
    viewer = viewer_of(request)
    found = {"count": await mine.count_new(viewer)}
    return {**found, "redress": await count_waiting(viewer)} if viewer.may("case.decide") else found


@get("/me/notices/choices", opt=OWN)
async def choices(request: Req) -> Response[Any]:
    return await _choices(request, await mine.choices(viewer_of(request)), "")


@post("/me/notices/choices", opt=OWN)
async def choose(request: Req) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    wanted = {kind: form.text(kind) for kind in KINDS if form.has(kind)}
    try:
        await mine.choose(viewer, wanted)
    except Invalid as problem:
        return await _choices(request, {**await mine.choices(viewer), **wanted}, str(problem))
    return go("/me/notices/choices", "You will be told that way.")


async def _choices(request: Req, ways: dict[str, str], error: str) -> Response[Any]:
    rows = [{"kind": kind, "label": each.label, "way": ways[kind]} for kind, each in KINDS.items()]
    return await page(
        request, "pages/notice_choices.html", here="notices", status=422 if error else 200, rows=rows,
        ways=list(WAYS.items()), error=error,
    )  # fmt: skip


handlers = [notices, count, choices, choose]
