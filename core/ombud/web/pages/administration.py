"""The frame of the administration's pages, and the way to the first of them."""

from itertools import groupby
from typing import Any

from litestar import Request, Response, get

from ombud.web.door import viewer_of
from ombud.web.guard import SIGNED_IN
from ombud.web.places import places
from ombud.web.shell import go, page

Req = Request[Any, Any, Any]


async def administration_page(request: Req, template: str, place: str, **context: Any) -> Response[str]:
    """Draws a template that extends layouts/administration.html; `place` is the code of the page's own entry."""
    groups = groupby(places(viewer_of(request)), key=lambda each: each.group)
    sides = [{"label": label, "places": list(those)} for label, those in groups]
    return await page(request, template, here="administration", places=sides, place=place, **context)


@get("/administration", opt={"permission": SIGNED_IN})
async def start(request: Req) -> Response[None]:
    """To the first place that is this person's; back to the desk where none is."""
    open_to = places(viewer_of(request))
    return go(open_to[0].href) if open_to else go("/queues", "Your roles open nothing of the administration.")


handlers = [start]
