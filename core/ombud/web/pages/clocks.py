"""The clocks of a case and of one aspect: how each stands, the sum line by line, and what people do with them."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from litestar import Request, Response, get, post

from ombud.desk.case_shown import AspectShown, CasePageView
from ombud.desk.case_view import case_page
from ombud.desk.clocks import acting
from ombud.desk.clocks.listing import clocks_of
from ombud.desk.errors import Invalid, NotAllowed
from ombud.trust.policy import Viewer
from ombud.web.aspect_frame import aspect_of, aspect_page
from ombud.web.door import viewer_of
from ombud.web.pages.case_drawn import case_drawn, href_of
from ombud.web.pages.clock_words import drawn
from ombud.web.pages.given import NOTHING_WRONG, ON_A_FORM, Given, Refused, given, refused
from ombud.web.shell import go, page

Req = Request[Any, Any, Any]
READ, WRITE = {"permission": "case.read"}, {"permission": "case.write"}
END_OF_DAY = time(23, 59, 59)
_CHANGED = "Somebody changed this clock in the meantime. Look at how it stands now, then try again."


@get("/cases/{reference:str}/clocks", opt=READ)
async def case_clocks(request: Req, reference: str) -> Response[Any]:
    view = await case_page(viewer_of(request), reference, talk=False)
    return await _case_clocks(request, view)


async def _case_clocks(
    request: Req, view: CasePageView, wrong: Refused = NOTHING_WRONG, kept: Mapping[str, str] | None = None
) -> Response[Any]:
    return await page(
        request, "pages/case_clocks.html", here="queue", status=wrong.status, case=case_drawn(view),
        **await _context(viewer_of(request), view, None, wrong, kept),
    )  # fmt: skip


@get("/cases/{reference:str}/aspects/{aspect_id:uuid}/clocks", opt=READ)
async def aspect_clocks(request: Req, reference: str, aspect_id: UUID) -> Response[Any]:
    viewer = viewer_of(request)
    view, aspect = await aspect_of(viewer, reference, aspect_id)
    context = await _context(viewer, view, aspect, NOTHING_WRONG, None)
    return await aspect_page(request, "pages/aspect_clocks.html", "clocks", view, aspect, **context)


async def _context(
    viewer: Viewer, view: CasePageView, aspect: AspectShown | None, wrong: Refused, kept: Mapping[str, str] | None
) -> dict[str, Any]:
    letters = {each.id: each.letter for each in view.aspects}
    found = await clocks_of(viewer, view.case.id, aspect.id if aspect else None)
    may = viewer.may_in("case.write", view.case.unit.id) and view.case.status != "closed" and not view.case.about_me
    return {
        "clocks": [drawn(each, href_of(view), viewer.language, letters) for each in found], "may_act": may,
        "reasons": list(acting.REASONS.items()),
        "form": {"clock": "", "reason": "", "note": "", "because": "", "due": "", **(kept or {}),
                 "errors": wrong.errors, "error_of": wrong.error_of},
    }  # fmt: skip


async def _do(
    request: Req, reference: str, clock_id: UUID, act: Callable[[Viewer, CasePageView, Given, int], Awaitable[None]],
    toast: str,
) -> Response[Any]:  # fmt: skip
    """One action, and back to the page it came from; refused, the page of the case with what was typed."""
    viewer, form = viewer_of(request), await given(request)
    view = await case_page(viewer, reference, talk=False)
    mine = next((each for each in await clocks_of(viewer, view.case.id) if each.id == clock_id), None)
    try:
        if mine is None:
            raise Invalid("There is no such clock in this case that you may see. Open the page again.")
        await act(viewer, view, form, form.version())
    except (*ON_A_FORM, NotAllowed) as problem:
        wrong = refused(problem)
        if wrong.status == 409 and not wrong.errors:
            wrong = Refused(409, [{"field": "", "message": _CHANGED}])
        beside = [{**each, "field": f"{each['field']}-{clock_id}"} for each in wrong.errors if each["field"]]
        wrong = Refused(wrong.status, beside or wrong.errors, wrong.error_of)
        view = await case_page(viewer, reference, talk=False)
        return await _case_clocks(request, view, wrong, {**form.texts(), "clock": str(clock_id)})
    back = f"/aspects/{mine.aspect_id}" if form.text("back") == "aspect" and mine.aspect_id else ""
    return go(f"{href_of(view)}{back}/clocks", toast)


@post("/cases/{reference:str}/clocks/{clock_id:uuid}/pause", opt=WRITE)
async def pause(request: Req, reference: str, clock_id: UUID) -> Response[Any]:
    async def act(viewer: Viewer, view: CasePageView, form: Given, version: int) -> None:
        await acting.pause(viewer, clock_id, form.text("reason"), form.text("note"), version)

    return await _do(request, reference, clock_id, act, "The clock is held.")


@post("/cases/{reference:str}/clocks/{clock_id:uuid}/resume", opt=WRITE)
async def resume(request: Req, reference: str, clock_id: UUID) -> Response[Any]:
    async def act(viewer: Viewer, view: CasePageView, form: Given, version: int) -> None:
        await acting.resume(viewer, clock_id, version)

    return await _do(request, reference, clock_id, act, "The clock runs on.")


@post("/cases/{reference:str}/clocks/{clock_id:uuid}/move", opt=WRITE)
async def move(request: Req, reference: str, clock_id: UUID) -> Response[Any]:
    async def act(viewer: Viewer, view: CasePageView, form: Given, version: int) -> None:
        day = form.day("due")
        if day is None:
            raise Invalid("Choose the day.", "due")
        due_at = datetime.combine(day, END_OF_DAY, ZoneInfo(view.case.zone)).astimezone(UTC)
        await acting.move_answer(viewer, clock_id, due_at, form.text("because"), version)

    return await _do(request, reference, clock_id, act, "The date is moved. The one before stays in the history.")


@post("/cases/{reference:str}/clocks/{clock_id:uuid}/migrate", opt=WRITE)
async def migrate(request: Req, reference: str, clock_id: UUID) -> Response[Any]:
    async def act(viewer: Viewer, view: CasePageView, form: Given, version: int) -> None:
        await acting.go_over(viewer, clock_id, version)

    return await _do(request, reference, clock_id, act, "The clock goes by today's terms and calendar.")


handlers = [case_clocks, aspect_clocks, pause, resume, move, migrate]
