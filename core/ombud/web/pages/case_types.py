"""Case types: words, term, and the fields of their own, drawn with a small editor."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Request, Response, get, post

from ombud.desk.administration import case_types as case_type_setup
from ombud.desk.administration.authority import SET_UP, whole_desk
from ombud.desk.administration.case_types import KINDS, STREAM, CaseTypeShown, FieldGiven, Unfit, WouldNotFit
from ombud.desk.administration.trail import trail
from ombud.desk.errors import Changed, Invalid, NotAllowed, NotNow
from ombud.web.door import viewer_of
from ombud.web.pages.administration import administration_page
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given
from ombud.web.pages.set_up import beside, clash
from ombud.web.shell import go

Req = Request[Any, Any, Any]
OPT = {"permission": SET_UP}
REFUSED = (Invalid, NotNow, NotAllowed, Changed)
NOTHING_UNFIT = Unfit(0, ())


@get("/case-types", opt=OPT)
async def types_listed(request: Req) -> Response[Any]:
    viewer = viewer_of(request)
    return await administration_page(
        request, "pages/case_types.html", "case-types", types=await case_type_setup.all_types(viewer),
        may_change=await whole_desk(viewer, SET_UP), trail=await trail([STREAM], size=15),
    )  # fmt: skip


def _fields_of(form: Given) -> list[FieldGiven]:
    """The rows of the editor; a row without a name and label is none."""
    found = []
    for place in range(1, case_type_setup.FIELDS + 2):
        part = f"f{place}."
        name, label = form.text(f"{part}name").strip(), form.text(f"{part}label").strip()
        if not (name or label) or form.ticked(f"{part}remove"):
            continue
        choices = tuple(form.text(f"{part}choices").splitlines())
        found.append(FieldGiven(
            name or _name_from(label), label, form.text(f"{part}kind", "text"), form.ticked(f"{part}required"), choices,
            form.text(f"{part}help"),
        ))  # fmt: skip
    return found


def _name_from(label: str) -> str:
    tidy = "".join(sign if sign.isascii() and sign.isalnum() else "_" for sign in label.lower()).strip("_")
    return "_".join(part for part in tidy.split("_") if part)[:40]


def _days(form: Given) -> int | None:
    if not form.text("days").strip():
        return None
    days = form.number("days")
    if days is None:
        raise Invalid("The term is 1 to 365 days, or empty for the desk's own.", "days")
    return days


@get("/case-types/new", opt=OPT)
async def new_type(request: Req) -> Response[Any]:
    return await _new_page(request, {"key": "", "label": "", "days": ""}, [])


@post("/case-types/new", opt=OPT)
async def add_type(request: Req) -> Response[Any]:
    form = await given(request)
    kept, rows = {name: form.text(name) for name in ("key", "label", "days")}, _fields_of(form)
    if form.text("step") == "add":
        return await _new_page(request, kept, [*rows, FieldGiven("", "")])
    try:
        key = kept["key"].strip() or _name_from(kept["label"])
        await case_type_setup.add(viewer_of(request), key, kept["label"], rows, _days(form))
    except REFUSED as problem:
        return await _new_page(request, kept, rows, beside(problem))
    return go(f"/case-types/{key}", "The case type is there. People may file under it now.")


async def _new_page(
    request: Req, kept: Mapping[str, str], rows: Sequence[FieldGiven], wrong: Refused = NOTHING_WRONG
) -> Response[Any]:
    return await administration_page(
        request, "pages/case_type_new.html", "case-types", status=wrong.status, kinds=list(KINDS.items()),
        fields=rows or [FieldGiven("", "")], known=[],
        form={**kept, "errors": wrong.errors, "error_of": wrong.error_of},
    )  # fmt: skip


@get("/case-types/{key:str}", opt=OPT)
async def type_shown(request: Req, key: str) -> Response[Any]:
    return await _type_page(request, await case_type_setup.case_type(viewer_of(request), key))


async def _type_page(
    request: Req, shown: CaseTypeShown, kept: Mapping[str, Any] | None = None, rows: Sequence[FieldGiven] | None = None,
    wrong: Refused = NOTHING_WRONG, conflict: dict[str, Any] | None = None, unfit: Unfit = NOTHING_UNFIT,
) -> Response[Any]:  # fmt: skip
    as_it_is = {"label": shown.label, "days": str(shown.answer_within_days or ""), "active": shown.active}
    return await administration_page(
        request, "pages/case_type.html", "case-types", status=409 if conflict else wrong.status, type=shown,
        kinds=list(KINDS.items()), fields=list(shown.fields) if rows is None else rows, known=list(shown.schema),
        conflict=conflict, unfit=unfit, may_change=await whole_desk(viewer_of(request), SET_UP),
        trail=await trail([STREAM], size=20, about=shown.key),
        form={**as_it_is, **(kept or {}), "errors": wrong.errors, "error_of": wrong.error_of},
    )  # fmt: skip


@post("/case-types/{key:str}", opt=OPT)
async def change_type(request: Req, key: str) -> Response[Any]:
    """Saves, or says which open cases would not fit, with everything typed still there."""
    viewer, form = viewer_of(request), await given(request)
    rows = _fields_of(form)
    kept: dict[str, Any] = {
        "label": form.text("label"), "days": form.text("days"), "active": form.ticked("active")
    }  # fmt: skip
    shown = await case_type_setup.case_type(viewer, key)
    if form.text("step") == "add":
        return await _type_page(request, shown, kept, [*rows, FieldGiven("", "")])
    try:
        await case_type_setup.change(
            viewer, key, kept["label"], rows, _days(form), form.version(), active=kept["active"],
            later=form.ticked("later"),
        )  # fmt: skip
    except REFUSED as problem:
        unfit = problem.unfit if isinstance(problem, WouldNotFit) else NOTHING_UNFIT
        conflict = await clash(problem, [STREAM], key)
        return await _type_page(request, shown, kept, rows, beside(problem), conflict, unfit)
    return go(f"/case-types/{key}", "The case type is saved.")


handlers = [types_listed, new_type, add_type, type_shown, change_type]
