"""Roles: what each allows, who may what at a glance, and why somebody may or may not do a thing."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk.administration import roles as role_setup
from ombud.desk.administration.authority import MANAGE, unit_tree, whole_desk
from ombud.desk.administration.roles import Area, RoleShown
from ombud.desk.administration.staff_list import Wanted, list_staff
from ombud.desk.administration.trail import trail
from ombud.desk.errors import Changed, Invalid, NotAllowed, NotFound, NotNow
from ombud.desk.staff import seen
from ombud.kernel.lifecycle import running
from ombud.trust import roles as role_rows
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages.administration import administration_page
from ombud.web.pages.given import NOTHING_WRONG, Refused, given, identity_of
from ombud.web.pages.set_up import beside, clash
from ombud.web.shell import go

Req = Request[Any, Any, Any]
OPT = {"permission": MANAGE}
REFUSED = (Invalid, NotNow, NotAllowed, Changed)


def _brought() -> dict[str, str]:
    """The words of plugins for their permissions."""
    return {each.key: each.label for loaded in running.loaded.values() for each in loaded.permissions}


async def _areas() -> list[Area]:
    return await role_setup.areas(_brought(), {slug: each.manifest.name for slug, each in running.loaded.items()})


async def _drawn(request: Req, template: str, **context: Any) -> Response[Any]:
    may_change = await whole_desk(viewer_of(request), MANAGE)
    return await administration_page(request, template, "roles", areas=await _areas(), may_change=may_change, **context)


@get("/roles", opt=OPT)
async def roles_listed(request: Req) -> Response[Any]:
    found = await role_setup.all_roles()
    return await _drawn(
        request, "pages/roles.html", roles=found, trail=await trail([role_rows.STREAM], size=20),
    )  # fmt: skip


@get("/roles/matrix", opt=OPT)
async def matrix(request: Req) -> Response[Any]:
    """Who may what: every right by every role in use."""
    found = [each for each in await role_setup.all_roles() if each.active]
    return await _drawn(request, "pages/role_matrix.html", roles=found)


@get("/roles/new", opt=OPT)
async def new_role(request: Req) -> Response[Any]:
    return await _new_page(request, {"key": "", "label": "", "permissions": []})


@post("/roles/new", opt=OPT)
async def add_role(request: Req) -> Response[Any]:
    form = await given(request)
    kept: dict[str, Any] = {
        "key": form.text("key").strip(),
        "label": form.text("label"),
        "permissions": form.all("permissions"),
    }
    try:
        await role_setup.add(viewer_of(request), kept["key"], kept["label"], kept["permissions"])
    except REFUSED as problem:
        return await _new_page(request, kept, beside(problem))
    return go(f"/roles/{kept['key']}", "The role is there. Give it to people on their own pages.")


async def _new_page(request: Req, kept: Mapping[str, Any], wrong: Refused = NOTHING_WRONG) -> Response[Any]:
    return await _drawn(
        request, "pages/role_new.html", status=wrong.status,
        form={**kept, "errors": wrong.errors, "error_of": wrong.error_of},
    )  # fmt: skip


@get("/roles/why", opt=OPT)
async def why(request: Req, user: str = "", permission: str = "", unit: str = "") -> Response[Any]:
    """Asks the policy whether somebody may do a thing in a unit, and says which role makes it so."""
    viewer = viewer_of(request)
    areas = await _areas()
    words = {key: text for area in areas for key, text in area.permissions}
    people = (await list_staff(viewer, Wanted(), size=500)).rows
    units = [each for each in await unit_tree() if viewer.may_in(MANAGE, each.id)]
    answer = None
    if user and unit and permission in words:
        answer = await _answer(viewer, identity_of(user, "user"), permission, identity_of(unit, "unit"))
    return await administration_page(
        request, "pages/role_why.html", "roles", answer=answer, words=words.get(permission, permission),
        person=next((each.display_name for each in people if str(each.id) == user), ""),
        unit_name=next((each.name for each in units if str(each.id) == unit), ""),
        people=[(str(each.id), each.display_name) for each in people], permissions=list(words.items()),
        units=[(str(each.id), each.path) for each in units],
        form={"user": user, "permission": permission, "unit": unit},
    )  # fmt: skip


async def _answer(viewer: Viewer, user_id: UUID, permission: str, unit_id: UUID) -> role_setup.Answer:
    await seen(viewer, user_id)
    if not viewer.may_in(MANAGE, unit_id):
        raise NotFound("There is no such unit that you administer. Choose one of the list.")
    return await role_setup.explain(user_id, permission, unit_id)


@get("/roles/{key:str}", opt=OPT)
async def role_shown(request: Req, key: str) -> Response[Any]:
    return await _role_page(request, await role_setup.role(key))


async def _role_page(
    request: Req, role: RoleShown, kept: Mapping[str, Any] | None = None, wrong: Refused = NOTHING_WRONG,
    conflict: dict[str, Any] | None = None,
) -> Response[Any]:  # fmt: skip
    viewer = viewer_of(request)
    holders = await list_staff(viewer, Wanted(role=role.key), size=200)
    as_it_is = {"label": role.label, "permissions": list(role.permissions)}
    return await _drawn(
        request, "pages/role.html", status=409 if conflict else wrong.status, role=role, conflict=conflict,
        people=[{"name": each.display_name, "href": f"/users/{each.id}", "active": each.active,
                 "units": [held.unit for held in each.roles if held.role == role.key]} for each in holders.rows],
        trail=await trail([role_rows.STREAM], size=20, about=role.key),
        form={**as_it_is, **(kept or {}), "errors": wrong.errors, "error_of": wrong.error_of},
    )  # fmt: skip


@post("/roles/{key:str}", opt=OPT)
async def change_role(request: Req, key: str) -> Response[Any]:
    form = await given(request)
    kept: dict[str, Any] = {"label": form.text("label"), "permissions": form.all("permissions")}
    try:
        await role_setup.change(viewer_of(request), key, kept["label"], kept["permissions"], form.version())
    except REFUSED as problem:
        conflict = await clash(problem, [role_rows.STREAM], key)
        return await _role_page(request, await role_setup.role(key), kept, beside(problem), conflict)
    return go(f"/roles/{key}", "The role is saved. It counts from now on for everybody who holds it.")


@post("/roles/{key:str}/{action:str}", opt=OPT)
async def switch_role(request: Req, key: str, action: str) -> Response[Any]:
    """Retires a role nobody holds, or takes it back into use."""
    acts = {"retire": role_setup.retire, "restore": role_setup.restore}
    if action not in acts:
        raise NotFound("There is nothing to do under this address. Open the role again.")
    try:
        await acts[action](viewer_of(request), key)
    except REFUSED as problem:
        return await _role_page(request, await role_setup.role(key), wrong=beside(problem))
    return go("/roles", "The role is retired." if action == "retire" else "The role is in use again.")


handlers = [roles_listed, matrix, new_role, add_role, why, role_shown, change_role, switch_role]
