"""The tags of one case, put on and taken off by hand; what a colleague or a rule changed meanwhile stays."""

from typing import Any

from litestar import Request, Response, get, post

from ombud.desk import tags
from ombud.desk.case_shown import CasePageView
from ombud.desk.case_view import case_page
from ombud.desk.errors import Invalid, NotNow
from ombud.kernel.database import db
from ombud.web.door import viewer_of
from ombud.web.pages.case_drawn import case_drawn, href_of
from ombud.web.pages.given import NOTHING_WRONG, Refused, given, refused
from ombud.web.shell import go, page

Req = Request[Any, Any, Any]
OPT = {"permission": "case.write"}


@get("/cases/{reference:str}/tags", opt=OPT)
async def tags_shown(request: Req, reference: str) -> Response[Any]:
    view = await case_page(viewer_of(request), reference, talk=False)
    return await _page(request, view, ", ".join(view.case.tags))


@post("/cases/{reference:str}/tags", opt=OPT)
async def change_tags(request: Req, reference: str) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    view = await case_page(viewer, reference, talk=False)
    text, was = form.text("tags"), set(form.text("was").split())
    try:
        wanted = tags.typed(text) if text.strip() else []
        async with db.transaction():
            put = await tags.put(viewer, view.case.id, [each for each in wanted if each not in was])
            gone = await tags.take_off(viewer, view.case.id, sorted(was - set(wanted)))
    except (Invalid, NotNow) as problem:
        return await _page(request, view, text, refused(problem))
    return go(href_of(view), "The tags are changed." if put or gone else "Nothing was different.")


async def _page(request: Req, view: CasePageView, text: str, wrong: Refused = NOTHING_WRONG) -> Response[Any]:
    return await page(
        request, "pages/case_tags.html", here="queue", status=wrong.status, case=case_drawn(view),
        was=" ".join(view.case.tags),
        form={"tags": text, "errors": wrong.errors, "error_of": wrong.error_of},
    )  # fmt: skip


handlers = [tags_shown, change_tags]
