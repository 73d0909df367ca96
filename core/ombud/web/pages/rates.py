"""Rates of interest: the list, and one with its values by day, each with where it was published."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk.administration.authority import SET_UP, whole_desk
from ombud.desk.administration.trail import trail
from ombud.desk.errors import Changed, Invalid, NotAllowed, NotFound, NotNow
from ombud.desk.redress import rates
from ombud.desk.redress.money import typed
from ombud.desk.redress.reckoning import plain
from ombud.kernel.clock import now
from ombud.web.door import viewer_of
from ombud.web.pages.administration import administration_page
from ombud.web.pages.given import NOTHING_WRONG, Refused, given
from ombud.web.pages.set_up import beside, clash
from ombud.web.shell import go

Req = Request[Any, Any, Any]
OPT = {"permission": SET_UP}
REFUSED = (Invalid, NotNow, NotAllowed, Changed)
_EMPTY = {"label": "", "note": "", "valid_from": "", "percent": "", "source": ""}


@get("/rates", opt=OPT)
async def rates_listed(request: Req) -> Response[Any]:
    return await _list(request)


async def _list(request: Req, kept: Mapping[str, str] | None = None, wrong: Refused = NOTHING_WRONG) -> Response[Any]:
    today = now().date()
    found = []
    for each in await rates.all_rates():
        holds = each.holds_on(today)
        found.append({"href": f"/rates/{each.id}", "label": each.label, "note": each.note, "retired": each.retired,
                      "percent": plain(holds.percent) if holds else "", "since": holds.valid_from if holds else None,
                      "used": each.used})  # fmt: skip
    return await administration_page(
        request, "pages/rates.html", "rates", status=wrong.status, rates=found,
        may_change=await whole_desk(viewer_of(request), SET_UP), trail=await trail([rates.STREAM], size=20),
        form={**_EMPTY, **(kept or {}), "errors": wrong.errors, "error_of": wrong.error_of},
    )  # fmt: skip


@post("/rates", opt=OPT)
async def add_rate(request: Req) -> Response[Any]:
    form = await given(request)
    try:
        made = await rates.add(viewer_of(request), form.text("label"), form.text("note"))
    except REFUSED as problem:
        return await _list(request, form.texts(), beside(problem))
    return go(f"/rates/{made}", "The rate is there. Record its values, each with the day from which it holds.")


@get("/rates/{rate_id:uuid}", opt=OPT)
async def rate_shown(request: Req, rate_id: UUID) -> Response[Any]:
    return await _page(request, rate_id)


async def _page(
    request: Req, rate_id: UUID, kept: Mapping[str, str] | None = None, wrong: Refused = NOTHING_WRONG,
    conflict: dict[str, Any] | None = None,
) -> Response[Any]:  # fmt: skip
    found = await rates.rate(rate_id)
    values = [
        {"id": str(each.id), "valid_from": each.valid_from, "percent": plain(each.percent), "source": each.source,
         "by": each.by, "at": each.recorded_at, "withdrawn": each.withdrawn_at}
        for each in found.values
    ]  # fmt: skip
    return await administration_page(
        request, "pages/rate.html", "rates", status=409 if conflict else wrong.status, rate=found, values=values,
        conflict=conflict, may_change=await whole_desk(viewer_of(request), SET_UP),
        trail=await trail([rates.STREAM], size=20),
        form={**_EMPTY, "label": found.label, "note": found.note, **(kept or {}), "errors": wrong.errors,
              "error_of": wrong.error_of},
    )  # fmt: skip


@post("/rates/{rate_id:uuid}", opt=OPT)
async def change_rate(request: Req, rate_id: UUID) -> Response[Any]:
    form = await given(request)
    try:
        await rates.change(viewer_of(request), rate_id, form.text("label"), form.text("note"), form.version())
    except REFUSED as problem:
        conflict = await clash(problem, [rates.STREAM])
        return await _page(request, rate_id, form.texts(), beside(problem), conflict)
    return go(f"/rates/{rate_id}", "The rate is saved.")


@post("/rates/{rate_id:uuid}/values", opt=OPT)
async def add_value(request: Req, rate_id: UUID) -> Response[Any]:
    """A value from a day on."""
    form = await given(request)
    try:
        await rates.add_value(
            viewer_of(request), rate_id, form.day("valid_from"), typed(form.text("percent")), form.text("source")
        )
    except REFUSED as problem:
        return await _page(request, rate_id, form.texts(), beside(problem))
    return go(f"/rates/{rate_id}", "The value is recorded.")


@post("/rates/{rate_id:uuid}/values/{value_id:uuid}/withdraw", opt=OPT)
async def withdraw_value(request: Req, rate_id: UUID, value_id: UUID) -> Response[Any]:
    try:
        await rates.withdraw_value(viewer_of(request), rate_id, value_id)
    except REFUSED as problem:
        return await _page(request, rate_id, wrong=beside(problem))
    return go(f"/rates/{rate_id}", "The value is withdrawn. Sums that were made with it keep it.")


@post("/rates/{rate_id:uuid}/{action:str}", opt=OPT)
async def switch_rate(request: Req, rate_id: UUID, action: str) -> Response[Any]:
    if action not in {"retire", "restore"}:
        raise NotFound("There is nothing to do under this address. Open the rate again.")
    try:
        await rates.switch(viewer_of(request), rate_id, retired=action == "retire")
    except REFUSED as problem:
        return await _page(request, rate_id, wrong=beside(problem))
    return go("/rates", "The rate is out of use." if action == "retire" else "The rate is in use again.")


handlers = [rates_listed, add_rate, rate_shown, change_rate, add_value, withdraw_value, switch_rate]
