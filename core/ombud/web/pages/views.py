"""Saved views: keep the filters of a list under a name, share them, put them in order, choose where the desk opens."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk import choices, views
from ombud.desk.case_list import CaseFilters
from ombud.desk.errors import Changed, Invalid, NotNow
from ombud.desk.queue_side import QueueSide, queue_side
from ombud.trust import preferences
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given, refused
from ombud.web.pages.queue_lists import VIEWS, address, as_query, in_words, listed, narrowed
from ombud.web.shell import go, page

Req = Request[Any, Any, Any]
READ = {"permission": "case.read"}


@get("/views", opt=READ)
async def all_views(request: Req) -> Response[Any]:
    """One's own views and the shared ones, to open, order, change and delete."""
    viewer = viewer_of(request)
    side = await queue_side(viewer)
    shown = [
        {"id": str(view.id), "name": view.name, "href": address(view.code), "unit": view.unit.name if view.unit else "",
         "said": in_words(view.filters, side), "may_change": views.may_change(viewer, view)}
        for view in side.views
    ]  # fmt: skip
    return await page(
        request, "pages/views.html", here="queue", views=shown, landing=await preferences.landing(viewer),
        landings=_landings(side),
    )  # fmt: skip


def _landings(side: QueueSide) -> list[tuple[str, str]]:
    found = [(code, words) for code, (words, _, _) in VIEWS.items()]
    found += [(line.key, line.name) for line in side.lines]
    return found + [(view.code, view.name) for view in side.views]


@post("/views/landing", opt=READ)
async def landing(request: Req) -> Response[None]:
    """Where the desk opens for this person."""
    viewer, code = viewer_of(request), (await given(request)).text("landing")
    if code:
        listed(code, await queue_side(viewer))
    await preferences.keep_landing(viewer, code)
    return go("/views", "The desk opens there from now on." if code else "The desk opens as usual.")


@get("/views/new", opt=READ)
async def new_view(request: Req, list: str = "all") -> Response[Any]:
    """The filters of a list, to be given a name."""
    viewer = viewer_of(request)
    side = await queue_side(viewer)
    which = listed(list, side)
    filters = narrowed(request.query_params, which)
    change = which.view if which.view and views.may_change(viewer, which.view) else None
    return await _form(request, viewer, side, filters, {"name": "", "unit": ""}, change=change)


@post("/views", opt=READ)
async def save(request: Req) -> Response[Any]:
    """Keeps a view and opens it."""
    viewer, form = viewer_of(request), await given(request)
    filters = _filters(form)
    try:
        made = await views.save(viewer, form.text("name"), filters, form.identity("unit"))
    except (Invalid, NotNow) as problem:
        side = await queue_side(viewer)
        return await _form(request, viewer, side, filters, form.texts(), wrong=refused(problem))
    if form.ticked("landing"):
        await preferences.keep_landing(viewer, f"view-{made}")
    return go(address(f"view-{made}"), "The view is saved. It stands beside the list.")


def _filters(form: Given) -> CaseFilters:
    return CaseFilters.of(dict(parse_qsl(form.text("filters")[:4000])))


@get("/views/{view_id:uuid}", opt=READ)
async def change_form(request: Req, view_id: UUID) -> Response[Any]:
    viewer = viewer_of(request)
    view = await views.find(viewer, view_id)
    typed = {"name": view.name, "unit": str(view.unit.id) if view.unit else ""}
    return await _form(request, viewer, await queue_side(viewer), view.filters, typed, view=view)


@post("/views/{view_id:uuid}", opt=READ)
async def change(request: Req, view_id: UUID) -> Response[Any]:
    """A new name, another unit, or the filters of the list it was opened with."""
    viewer, form = viewer_of(request), await given(request)
    view = await views.find(viewer, view_id)
    filters = _filters(form) if form.has("filters") else None
    unit = form.identity("unit") if form.has("unit") else (view.unit.id if view.unit else None)
    try:
        await views.change(viewer, view_id, form.text("name", view.name), unit, form.version(), filters)
    except Changed as changed:
        wrong = Refused(409, [{"field": "name", "message": str(changed)}], {"name": str(changed)})
        side = await queue_side(viewer)
        return await _form(request, viewer, side, view.filters, form.texts(), view=view, wrong=wrong)
    except (Invalid, NotNow) as problem:
        side = await queue_side(viewer)
        return await _form(request, viewer, side, view.filters, form.texts(), view=view, wrong=refused(problem))
    return go(address(view.code), "The view is changed.")


async def _form(
    request: Req,
    viewer: Viewer,
    side: QueueSide,
    filters: CaseFilters,
    typed: Mapping[str, str],
    *,
    view: views.View | None = None,
    change: views.View | None = None,
    wrong: Refused = NOTHING_WRONG,
) -> Response[Any]:
    """`view`: the one that is changed; `change`: the one whose filters could be replaced by these."""
    units = [(str(each.id), each.name) for each in await choices.units_for(viewer, views.SHARE)]
    other = {"id": str(change.id), "name": change.name, "version": change.version} if change else None
    drawn = (
        {"id": str(view.id), "name": view.name, "version": view.version, "href": address(view.code)} if view else None
    )
    may_change = views.may_change(viewer, view) if view else True
    return await page(
        request, "pages/view.html", here="queue", status=wrong.status, view=drawn, other=other,
        said=in_words(filters, side), filters=as_query(filters), units=units, may_change=may_change,
        form={"name": typed.get("name", ""), "unit": typed.get("unit", ""), "errors": wrong.errors,
              "error_of": wrong.error_of},
    )  # fmt: skip


@post("/views/{view_id:uuid}/delete", opt=READ)
async def delete(request: Req, view_id: UUID) -> Response[None]:
    await views.delete(viewer_of(request), view_id)
    return go("/views", "The view is deleted.", f"/views/{view_id}/restore")


@post("/views/{view_id:uuid}/restore", opt=READ)
async def restore(request: Req, view_id: UUID) -> Response[None]:
    await views.restore(viewer_of(request), view_id)
    return go("/views", "The view is back.")


@post("/views/{view_id:uuid}/up", opt=READ)
async def move_up(request: Req, view_id: UUID) -> Response[None]:
    await views.move_up(viewer_of(request), view_id)
    return go("/views")


handlers = [all_views, landing, new_view, save, change_form, change, delete, restore, move_up]
