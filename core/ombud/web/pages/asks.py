"""What the protocols of a case's aspects ask for, to be ticked in the box for a reply."""

from typing import Any

from litestar import Request, Response, get

from ombud.desk.case_view import case_page
from ombud.desk.matters import evidence, protocols
from ombud.web.door import viewer_of
from ombud.web.pages.case_drawn import aspect_drawn, case_drawn, href_of
from ombud.web.pages.fragments import by_htmx, fragment
from ombud.web.pages.matters import here_today
from ombud.web.shell import page

Req = Request[Any, Any, Any]


@get("/cases/{reference:str}/asks", opt={"permission": "case.write"})
async def offered(request: Req, reference: str) -> Response[Any]:
    """What the protocols of the case's aspects ask for and nobody asked for yet: a part of the box, or a page."""
    viewer = viewer_of(request)
    view = await case_page(viewer, reference, talk=False)
    found = []
    for aspect in view.aspects if view.case.status != "closed" else ():
        plan = await protocols.plan_of(viewer, aspect.id)
        if not plan.evidence or aspect.decided:
            continue
        lines = await evidence.register(viewer, aspect.id, here_today(view))
        there = {each.need for each in lines if each.state != "withdrawn"}
        needs = [{"key": each.key, "label": each.label} for each in plan.evidence if each.key not in there]
        if needs:
            found.append({"aspect": aspect_drawn(aspect, href_of(view)), "needs": needs})
    context: dict[str, Any] = {"case": case_drawn(view), "offered": found, "customer": view.case.customer or ""}
    if by_htmx(request):
        return await fragment(request, "fragments/asks_offered.html", **context)
    return await page(request, "pages/asks.html", here="queue", **context)


handlers = [offered]
