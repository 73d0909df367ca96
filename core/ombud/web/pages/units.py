"""Units: the tree from legal entity over brand to team, and one of them with everything it sets for its cases."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk.administration import units as unit_setup
from ombud.desk.administration.authority import MANAGE, SET_UP, UnitName, unit_tree, whole_desk
from ombud.desk.administration.trail import trail
from ombud.desk.errors import Changed, DeskRefusal, Invalid, NotAllowed, NotFound, NotNow
from ombud.desk.first_desk import NAME
from ombud.speech import sentence
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages.administration import administration_page
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given, identity_of
from ombud.web.pages.set_up import beside, clash
from ombud.web.shell import go

Req = Request[Any, Any, Any]
OPT = {"permission": SET_UP}
REFUSED = (Invalid, NotNow, NotAllowed, Changed)
TOP = "top"


@get("/units", opt=OPT)
async def units_listed(request: Req) -> Response[Any]:
    viewer = viewer_of(request)
    shown = await unit_setup.all_units()
    mine = [each for each in await unit_tree() if viewer.may_in(SET_UP, each.id)]
    fresh = next((each for each in mine if len(mine) == 1 and each.name == NAME), None)
    return await administration_page(
        request, "pages/units.html", "units", tree=_nested(mine, shown), unnamed=f"/units/{fresh.id}" if fresh else "",
        kinds=unit_setup.KINDS,
    )  # fmt: skip


def _nested(units: list[UnitName], shown: Mapping[UUID, unit_setup.UnitShown]) -> list[dict[str, Any]]:
    """The viewer's units as a tree; one whose upper unit is not theirs stands at the top."""
    nodes = {each.id: {"unit": shown[each.id], "href": f"/units/{each.id}", "below": []} for each in units}
    roots: list[dict[str, Any]] = []
    for each in units:
        node = nodes[each.id]
        above: Any = nodes.get(each.parent_id) if each.parent_id else None
        (above["below"] if above else roots).append(node)
    return roots


_FIELDS = ("name", "kind", "time_zone", "currency", "country", "language", "phone")
_EMPTY = {"key": "", "parent": "", "name": "", "kind": "team", "time_zone": "", "currency": "", "country": "",
          "language": "", "phone": ""}  # fmt: skip


def _lists() -> dict[str, Any]:
    return {
        "kinds": list(unit_setup.KINDS.items()), "time_zones": [(each, each) for each in unit_setup.time_zones()],
        "currencies": list(unit_setup.currencies().items()), "countries": list(unit_setup.countries().items()),
        "languages": list(unit_setup.languages().items()),
    }  # fmt: skip


async def _parents(viewer: Viewer) -> list[tuple[str, str]]:
    found = [(str(each.id), each.path) for each in await unit_tree() if each.active and viewer.may_in(SET_UP, each.id)]
    return [*found, (TOP, "At the top, beside the others")] if await whole_desk(viewer, SET_UP) else found


@get("/units/new", opt=OPT)
async def new_unit(request: Req, below: str = "") -> Response[Any]:
    """Begins with what the unit above has."""
    above = (await unit_setup.all_units()).get(identity_of(below, "parent")) if below else None
    kept = dict(_EMPTY)
    if above is not None and viewer_of(request).may_in(SET_UP, above.id):
        kept |= {name: getattr(above, name) for name in ("time_zone", "currency", "country", "language", "phone")}
        kept["parent"] = below
    return await _new_page(request, kept)


@post("/units/new", opt=OPT)
async def add_unit(request: Req) -> Response[Any]:
    form = await given(request)
    kept = {name: form.text(name) for name in _EMPTY}
    try:
        above = _above(form, "parent")
        unit_id = await unit_setup.add(
            viewer_of(request), kept["key"].strip(), above, {name: kept[name] for name in _FIELDS}
        )
    except REFUSED as problem:
        return await _new_page(request, kept, beside(problem))
    return go(
        f"/units/{unit_id}",
        sentence("%(name)s is there. Give people roles in it, so that they see its cases.", name=kept["name"]),
    )


def _above(form: Given, name: str) -> UUID | None:
    """The unit to stand below; None for the top, which has to be chosen too."""
    if form.text(name) == TOP:
        return None
    unit_id = form.identity(name)
    if unit_id is None:
        raise Invalid("Choose where the unit stands.", name)
    return unit_id


async def _new_page(request: Req, kept: Mapping[str, str], wrong: Refused = NOTHING_WRONG) -> Response[Any]:
    return await administration_page(
        request, "pages/unit_new.html", "units", status=wrong.status, parents=await _parents(viewer_of(request)),
        form={**kept, "errors": wrong.errors, "error_of": wrong.error_of}, **_lists(),
    )  # fmt: skip


@get("/units/{unit_id:uuid}", opt=OPT)
async def unit_shown(request: Req, unit_id: UUID) -> Response[Any]:
    return await _unit_page(request, unit_id)


async def _unit_page(
    request: Req, unit_id: UUID, kept: Mapping[str, str] | None = None, wrong: Refused = NOTHING_WRONG,
    conflict: dict[str, Any] | None = None,
) -> Response[Any]:  # fmt: skip
    viewer = viewer_of(request)
    unit = await unit_setup.unit(viewer, unit_id)
    as_it_is = {name: getattr(unit, name) for name in _FIELDS}
    return await administration_page(
        request, "pages/unit.html", "units", status=409 if conflict else wrong.status, unit=unit, conflict=conflict,
        unnamed=unit.name == NAME, may_move=viewer.may(MANAGE) and await whole_desk(viewer, MANAGE),
        trail=await trail([f"unit/{unit_id}"], size=20),
        form={**as_it_is, **(kept or {}), "errors": wrong.errors, "error_of": wrong.error_of}, **_lists(),
    )  # fmt: skip


async def _refused(request: Req, unit_id: UUID, problem: DeskRefusal, kept: Mapping[str, str]) -> Response[Any]:
    conflict = await clash(problem, [f"unit/{unit_id}"])
    return await _unit_page(request, unit_id, kept, beside(problem), conflict)


@post("/units/{unit_id:uuid}", opt=OPT)
async def change_unit(request: Req, unit_id: UUID) -> Response[Any]:
    form = await given(request)
    kept = {name: form.text(name) for name in _FIELDS if form.has(name)}
    try:
        await unit_setup.change(viewer_of(request), unit_id, kept, form.version())
    except REFUSED as problem:
        return await _refused(request, unit_id, problem, kept)
    return go(f"/units/{unit_id}", "The unit is saved.")


@get("/units/{unit_id:uuid}/move", opt=OPT)
async def move_form(request: Req, unit_id: UUID, to: str = "") -> Response[Any]:
    """Choose a place, then see who would gain and who would lose access."""
    return await _move_page(request, unit_id, to)


@post("/units/{unit_id:uuid}/move", opt=OPT)
async def move_unit(request: Req, unit_id: UUID) -> Response[Any]:
    form = await given(request)
    try:
        await unit_setup.move(viewer_of(request), unit_id, _above(form, "to"), form.version())
    except REFUSED as problem:
        return await _move_page(request, unit_id, form.text("to"), problem)
    return go(f"/units/{unit_id}", "The unit is moved, with all below it.")


async def _move_page(request: Req, unit_id: UUID, to: str, problem: DeskRefusal | None = None) -> Response[Any]:
    viewer, preview = viewer_of(request), None
    unit = await unit_setup.unit(viewer, unit_id)
    if to and problem is None:
        try:
            preview = await unit_setup.preview_move(viewer, unit_id, None if to == TOP else identity_of(to, "to"))
        except REFUSED as refusal:
            problem = refusal
    wrong = beside(problem) if problem else NOTHING_WRONG
    if isinstance(problem, Changed):
        wrong = Refused(409, [{"field": "", "message": str(problem)}])
    places = [each for each in await _parents(viewer) if each[0] != str(unit_id)]
    return await administration_page(
        request, "pages/unit_move.html", "units", status=wrong.status, unit=unit, preview=preview, parents=places,
        form={"to": to, "errors": wrong.errors, "error_of": wrong.error_of}, to_label=dict(places).get(to, ""),
    )  # fmt: skip


@post("/units/{unit_id:uuid}/{action:str}", opt=OPT)
async def switch_unit(request: Req, unit_id: UUID, action: str) -> Response[Any]:
    """Out of use, where nothing is open any more; or into use again."""
    acts = {"deactivate": unit_setup.deactivate, "reactivate": unit_setup.reactivate}
    if action not in acts:
        raise NotFound("There is nothing to do under this address. Open the unit again.")
    form = await given(request)
    try:
        await acts[action](viewer_of(request), unit_id, form.version())
    except REFUSED as problem:
        return await _refused(request, unit_id, problem, {})
    return go(f"/units/{unit_id}", "The unit is out of use." if action == "deactivate" else "The unit is in use again.")


handlers = [units_listed, new_unit, add_unit, unit_shown, change_unit, move_form, move_unit, switch_unit]
