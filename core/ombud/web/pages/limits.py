"""How much may be granted without a second person: by role or person, in a unit and all below."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk.administration.authority import SET_UP, unit_tree
from ombud.desk.administration.trail import trail
from ombud.desk.errors import Changed, Invalid, NotAllowed, NotNow
from ombud.desk.redress import limits
from ombud.desk.redress.money import typed
from ombud.kernel.database import db
from ombud.trust import users
from ombud.web.door import viewer_of
from ombud.web.pages.administration import administration_page
from ombud.web.pages.given import NOTHING_WRONG, Refused, given
from ombud.web.pages.redress import CURRENCIES
from ombud.web.pages.set_up import beside
from ombud.web.shell import go

Req = Request[Any, Any, Any]
OPT = {"permission": SET_UP}
REFUSED = (Invalid, NotNow, NotAllowed, Changed)


@get("/limits", opt=OPT)
async def limits_listed(request: Req) -> Response[Any]:
    return await _page(request)


async def _page(request: Req, kept: Mapping[str, str] | None = None, wrong: Refused = NOTHING_WRONG) -> Response[Any]:
    viewer = viewer_of(request)
    units = [each for each in await unit_tree() if viewer.may_in(SET_UP, each.id)]
    own = [row["currency"] for row in await db.fetch("SELECT DISTINCT currency FROM core_unit ORDER BY currency")]
    roles = await db.fetch(
        "SELECT key, label FROM core_role WHERE active AND 'case.decide' = ANY(permissions) ORDER BY label"
    )
    names = {row["key"]: row["label"] for row in roles}
    form = {"unit": str(units[0].id) if units else "", "role": "", "user": "", "currency": own[0] if own else "EUR",
            "amount": "", **(kept or {})}  # fmt: skip
    return await administration_page(
        request, "pages/limits.html", "limits", status=wrong.status, limits=await limits.all_limits(viewer),
        shipped=[(names.get(role, role), amount) for role, amount in limits.SHIPPED.items()],
        units=[(str(each.id), each.path) for each in units], roles=list(names.items()),
        people=[(str(each.id), each.display_name or each.name) for each in await users.list_users(active_only=True)],
        currencies=[(code, code) for code in dict.fromkeys((*own, *CURRENCIES))],
        trail=await trail([limits.STREAM], size=20),
        form={**form, "errors": wrong.errors, "error_of": wrong.error_of},
    )  # fmt: skip


@post("/limits", opt=OPT)
async def set_limit(request: Req) -> Response[Any]:
    form = await given(request)
    try:
        unit = form.identity("unit")
        if unit is None:
            raise Invalid("Choose the unit.", "unit")
        await limits.set_limit(
            viewer_of(request), unit, role=form.text("role"), user_id=form.identity("user"),
            currency=form.text("currency"), amount=typed(form.text("amount")),
        )  # fmt: skip
    except REFUSED as problem:
        return await _page(request, form.texts(), beside(problem))
    return go("/limits", "The limit holds from now on.")


@post("/limits/{limit_id:uuid}/end", opt=OPT)
async def end_limit(request: Req, limit_id: UUID) -> Response[Any]:
    await limits.end_limit(viewer_of(request), limit_id)
    return go("/limits", "The limit is ended. What is set above it holds, or the one that is shipped.")


handlers = [limits_listed, set_limit, end_limit]
