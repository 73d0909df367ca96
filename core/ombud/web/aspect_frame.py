"""The frame of an aspect's pages: its head, and the parts it is worked on in."""

from dataclasses import dataclass
from typing import Any

from litestar import Request, Response

from ombud.desk.case_shown import AspectShown, CasePageView
from ombud.desk.case_view import case_page
from ombud.desk.errors import NotFound
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages.case_drawn import aspect_drawn, case_drawn, href_of
from ombud.web.shell import page

Req = Request[Any, Any, Any]


@dataclass(frozen=True)
class Part:
    """One page of an aspect; `place` is the last piece of its address, empty for the first."""

    code: str
    label: str
    place: str
    permission: str = "case.read"


PARTS = (
    Part("matter", "Matter", ""),
    Part("clocks", "Clocks", "clocks"),
)


async def aspect_of(
    viewer: Viewer, reference: str, aspect_id: Any, *, talk: bool = False
) -> tuple[CasePageView, AspectShown]:
    """The case and its aspect as the viewer may see them. Raises NotFound for one that does not exist for them."""
    view = await case_page(viewer, reference, talk=talk)
    for aspect in view.aspects:
        if aspect.id == aspect_id:
            return view, aspect
    raise NotFound("There is no such aspect in this case that you may see. Open the case again.")


async def aspect_page(
    request: Req, template: str, part: str, view: CasePageView, aspect: AspectShown, **context: Any
) -> Response[str]:
    """Draws a template that extends layouts/aspect.html; `part` is the code of the page's own entry in PARTS."""
    viewer, drawn = viewer_of(request), aspect_drawn(aspect, href_of(view))
    parts = [
        {"code": each.code, "label": each.label, "href": f"{drawn['href']}/{each.place}".rstrip("/")}
        for each in PARTS
        if viewer.may_in(each.permission, view.case.unit.id)
    ]
    return await page(
        request, template, here="queue", case=case_drawn(view), aspect=drawn, parts=parts, part=part, **context
    )
