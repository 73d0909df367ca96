"""Taxonomies: the trees of categories and causes, one term with its words and span, and the whole as CSV."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk.administration import taxonomies as taxonomy_setup
from ombud.desk.administration import taxonomy_csv, taxonomy_versions
from ombud.desk.administration.authority import SET_UP, unit_tree, whole_desk
from ombud.desk.administration.taxonomies import TermGiven, TermShown
from ombud.desk.administration.trail import trail
from ombud.desk.errors import Changed, DeskRefusal, Invalid, NotAllowed, NotFound, NotNow
from ombud.desk.taxonomies import KINDS, stream, today, worded
from ombud.speech import counted, sentence
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages.administration import administration_page
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given, identity_of
from ombud.web.pages.set_up import beside, clash
from ombud.web.shell import go

Req = Request[Any, Any, Any]
OPT = {"permission": SET_UP}
REFUSED = (Invalid, NotNow, NotAllowed, Changed)
DESK = "desk"
_FIELDS = ("code", "label_en", "label_pl", "help", "parent", "unit", "valid_from", "position")
_ABOUT = {
    "category": "What a matter is about. People choose one when they file or sort an aspect; queues can sort by it.",
    "cause": "Why it happened. Chosen with the decision, so that the same fault is found in many cases.",
}


@get("/taxonomies", opt=OPT)
async def first(request: Req) -> Response[Any]:
    return go("/taxonomies/category")


@get("/taxonomies/{kind:str}", opt=OPT)
async def terms_listed(request: Req, kind: str, retired: str = "", on: str = "") -> Response[Any]:
    """The tree as it is; `on`: as it held on that day."""
    viewer = viewer_of(request)
    found = await taxonomy_setup.all_terms(viewer, kind)
    day = _day(on)
    if day is None:
        shown = [each for each in found if retired or each.holds(today()) or each.valid_to is None]
    else:
        shown = [each for each in found if each.holds(day)]
    return await administration_page(
        request, "pages/taxonomy.html", "taxonomies", kind=kind, kinds=KINDS, about=_ABOUT[kind],
        tree=_tree(shown, viewer), total=len(found), put_away=len(found) - len(shown), retired=bool(retired),
        on=day.isoformat() if day else "",
        trail=await trail([stream(kind)], size=15, kind="term."),
    )  # fmt: skip


def _tree(terms: list[TermShown], viewer: Viewer) -> list[dict[str, Any]]:
    nodes = {
        each.id: {
            "term": each, "label": worded(each.labels, each.code, viewer.language), "below": [],
            "href": f"/taxonomies/{each.kind}/{each.id}", "holds": each.holds(today()),
        }
        for each in terms
    }  # fmt: skip
    roots: list[dict[str, Any]] = []
    for each in terms:
        above: Any = nodes.get(each.parent_id) if each.parent_id else None
        (above["below"] if above else roots).append(nodes[each.id])
    return roots


def _day(text: str) -> date | None:
    """None for no day, and for what is none."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


@get("/taxonomies/{kind:str}/versions", opt=OPT)
async def versions_listed(request: Req, kind: str, before: str = "") -> Response[Any]:
    """What each change of a term made of the taxonomy, with who and when."""
    after = int(before) if before.isascii() and before.isdigit() and len(before) < 10 else None
    found = await taxonomy_versions.versions(viewer_of(request), kind, after)
    more = f"/taxonomies/{kind}/versions?before={found[-1].number}" if len(found) == taxonomy_versions.PAGE else ""
    return await administration_page(
        request, "pages/taxonomy_versions.html", "taxonomies", kind=kind, kind_label=KINDS[kind], versions=found,
        more_href=more,
    )  # fmt: skip


@get("/taxonomies/{kind:str}/new", opt=OPT)
async def new_term(request: Req, kind: str, below: str = "") -> Response[Any]:
    kept = dict.fromkeys(_FIELDS, "") | {"parent": below, "valid_from": today().isoformat()}
    if below:
        above = await taxonomy_setup.term(viewer_of(request), kind, identity_of(below, "parent"))
        kept["unit"] = str(above.unit_id) if above.unit_id else DESK
    return await _new_page(request, kind, kept)


@post("/taxonomies/{kind:str}/new", opt=OPT)
async def add_term(request: Req, kind: str) -> Response[Any]:
    form = await given(request)
    kept = {name: form.text(name) for name in _FIELDS}
    try:
        if not kept["unit"]:
            raise Invalid("Choose where the term counts.", "unit")
        unit_id = None if kept["unit"] == DESK else form.identity("unit")
        code = kept["code"].strip() or taxonomy_setup.code_from(kept["label_en"])
        await taxonomy_setup.add(viewer_of(request), kind, code, unit_id, _term_given(form))
    except REFUSED as problem:
        return await _new_page(request, kind, kept, beside(problem))
    return go(f"/taxonomies/{kind}", sentence("%(label_en)s is in the taxonomy.", label_en=kept["label_en"]))


def _term_given(form: Given) -> TermGiven:
    position = form.number("position") if form.text("position").strip() else 0
    if position is None:
        raise Invalid("The place in the list is a number from 0 to 99999.", "position")
    labels = {language: form.text(f"label_{language}") for language in taxonomy_setup.LANGUAGES}
    return TermGiven(labels, form.text("help"), form.identity("parent"), form.day("valid_from"), position)


async def _lists(viewer: Viewer, kind: str, without: UUID | None = None) -> dict[str, Any]:
    terms = await taxonomy_setup.all_terms(viewer, kind)
    others = [(str(each.id), worded(each.labels, each.code, viewer.language)) for each in terms if each.id != without]
    units = [(str(each.id), each.path) for each in await unit_tree() if each.active and viewer.may_in(SET_UP, each.id)]
    everywhere = [(DESK, "The whole desk")] if await whole_desk(viewer, SET_UP) else []
    return {"terms": others, "units": [*everywhere, *units]}


async def _new_page(request: Req, kind: str, kept: Mapping[str, str], wrong: Refused = NOTHING_WRONG) -> Response[Any]:
    taxonomy_setup.checked_kind(kind)
    return await administration_page(
        request, "pages/term_new.html", "taxonomies", status=wrong.status, kind=kind, kind_label=KINDS[kind],
        form={**kept, "errors": wrong.errors, "error_of": wrong.error_of}, **await _lists(viewer_of(request), kind),
    )  # fmt: skip


@get("/taxonomies/{kind:str}/file", opt=OPT)
async def file_form(request: Req, kind: str) -> Response[Any]:
    return await _file_page(request, kind, "")


@get("/taxonomies/{kind:str}/terms.csv", opt=OPT)
async def as_csv(request: Req, kind: str) -> Response[bytes]:
    """All terms in view; read back by the same page."""
    terms = await taxonomy_setup.all_terms(viewer_of(request), kind)
    keys = {each.id: each.key for each in await unit_tree()}
    name = f'attachment; filename="taxonomy-{kind}.csv"'
    return Response(
        ("\ufeff" + taxonomy_csv.written(terms, keys)).encode(), media_type="text/csv; charset=utf-8",
        headers={"content-disposition": name, "x-content-type-options": "nosniff"},
    )  # fmt: skip


@post("/taxonomies/{kind:str}/file", opt=OPT)
async def read_file(request: Req, kind: str) -> Response[Any]:
    """Shows line by line what a file would do; sent again with step=take, all of it is taken or nothing."""
    viewer, form = viewer_of(request), await given(request)
    taxonomy_setup.checked_kind(kind)
    text = form.text("text")
    try:
        documents = await form.documents("file")
        if documents:
            text = documents[0].data.decode("utf-8-sig")
        if form.text("step") == "take":
            lines = await taxonomy_csv.read(viewer, kind, text)
            done = sum(each.what in {"new", "changed"} for each in lines)
            return go(
                f"/taxonomies/{kind}",
                counted("One term was added or changed.", "%(num)s terms were added or changed.", done),
            )
        return await _file_page(request, kind, text, lines=await taxonomy_csv.rehearsed(viewer, kind, text))
    except UnicodeDecodeError:
        wrong = Refused(422, [{"field": "file", "message": "Save the file as CSV in UTF-8, then send it again."}])
        return await _file_page(request, kind, text, wrong)
    except REFUSED as problem:
        return await _file_page(request, kind, text, beside(problem))


async def _file_page(
    request: Req, kind: str, text: str, wrong: Refused = NOTHING_WRONG, lines: list[taxonomy_csv.Line] | None = None
) -> Response[Any]:
    taxonomy_setup.checked_kind(kind)
    counts = {what: sum(each.what == what for each in lines or ()) for what in ("new", "changed", "same", "wrong")}
    return await administration_page(
        request, "pages/taxonomy_file.html", "taxonomies", status=wrong.status, kind=kind, kind_label=KINDS[kind],
        columns=", ".join(taxonomy_csv.COLUMNS), lines=lines, counts=counts,
        form={"text": text, "errors": wrong.errors, "error_of": wrong.error_of},
    )  # fmt: skip


@get("/taxonomies/{kind:str}/{term_id:uuid}", opt=OPT)
async def term_shown(request: Req, kind: str, term_id: UUID) -> Response[Any]:
    return await _term_page(request, kind, term_id)


async def _term_page(
    request: Req, kind: str, term_id: UUID, kept: Mapping[str, str] | None = None, wrong: Refused = NOTHING_WRONG,
    conflict: dict[str, Any] | None = None,
) -> Response[Any]:  # fmt: skip
    viewer = viewer_of(request)
    found = await taxonomy_setup.term(viewer, kind, term_id)
    as_it_is = {
        "label_en": found.labels.get("en", ""), "label_pl": found.labels.get("pl", ""), "help": found.help,
        "parent": str(found.parent_id or ""), "position": str(found.position), "valid_to": "", "maps_to": "",
        "valid_from": found.valid_from.isoformat() if found.valid_from else "",
    }  # fmt: skip
    return await administration_page(
        request, "pages/term.html", "taxonomies", status=409 if conflict else wrong.status, kind=kind, term=found,
        label=worded(found.labels, found.code, viewer.language), conflict=conflict, holds=found.holds(today()),
        may_change=await taxonomy_setup.may_change(viewer, found.unit_id),
        trail=await trail([stream(kind)], size=20, about=str(term_id)),
        form={**as_it_is, **(kept or {}), "errors": wrong.errors, "error_of": wrong.error_of},
        **await _lists(viewer, kind, without=term_id),
    )  # fmt: skip


async def _refused(
    request: Req, kind: str, term_id: UUID, problem: DeskRefusal, kept: Mapping[str, str]
) -> Response[Any]:
    conflict = await clash(problem, [stream(kind)], str(term_id))
    return await _term_page(request, kind, term_id, kept, beside(problem), conflict)


@post("/taxonomies/{kind:str}/{term_id:uuid}", opt=OPT)
async def change_term(request: Req, kind: str, term_id: UUID) -> Response[Any]:
    form = await given(request)
    kept = {name: form.text(name) for name in _FIELDS if form.has(name)}
    try:
        await taxonomy_setup.change(viewer_of(request), kind, term_id, _term_given(form), form.version())
    except REFUSED as problem:
        return await _refused(request, kind, term_id, problem, kept)
    return go(f"/taxonomies/{kind}/{term_id}", "The term is saved.")


@post("/taxonomies/{kind:str}/{term_id:uuid}/{action:str}", opt=OPT)
async def switch_term(request: Req, kind: str, term_id: UUID, action: str) -> Response[Any]:
    """Retires a term from a day on, perhaps for another; or offers it again."""
    viewer, form = viewer_of(request), await given(request)
    try:
        if action == "retire":
            maps_to = form.identity("maps_to")
            await taxonomy_setup.retire(viewer, kind, term_id, form.day("valid_to"), maps_to, form.version())
        elif action == "restore":
            await taxonomy_setup.restore(viewer, kind, term_id, form.version())
        else:
            raise NotFound("There is nothing to do under this address. Open the term again.")
    except REFUSED as problem:
        kept = {name: form.text(name) for name in ("valid_to", "maps_to") if form.has(name)}
        return await _refused(request, kind, term_id, problem, kept)
    return go(f"/taxonomies/{kind}/{term_id}", "The term is retired." if action == "retire" else "It is offered again.")


handlers = [
    first, terms_listed, versions_listed, new_term, add_term, file_form, as_csv, read_file, term_shown, change_term,
    switch_term,
]  # fmt: skip
