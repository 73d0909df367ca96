"""Texts to begin with: the list, one of them with its versions and a preview, and writing them."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from litestar import Request, Response, get, post
from markupsafe import Markup

from ombud.desk import choices
from ombud.desk.administration.authority import unit_tree
from ombud.desk.administration.trail import trail
from ombud.desk.case_view import case_page
from ombud.desk.errors import Changed, Invalid, NotAllowed, NotFound, NotNow
from ombud.desk.outgoing import beginning, facts, filling, templates
from ombud.desk.outgoing.plain import as_html
from ombud.desk.outgoing.rules import KIND_WORDS
from ombud.desk.outgoing.templates import LANGUAGES, RIGHT, Template, TemplateGiven
from ombud.speech import sentence
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages.administration import administration_page
from ombud.web.pages.given import Given, given
from ombud.web.pages.set_up import beside
from ombud.web.shell import go

Req = Request[Any, Any, Any]
OPT = {"permission": RIGHT}
REFUSED = (Invalid, NotNow, NotAllowed, NotFound)
FIELDS = ("name", "kind", "language", "unit", "case_type", "subject", "text", "piece")
STREAM = "setting/templates"


@get("/templates", opt=OPT)
async def listed(request: Req, kind: str = "", language: str = "") -> Response[Any]:
    """Every text with its newest version."""
    found = await templates.all_newest()
    names = {each.id: each.name for each in await unit_tree()}
    rows = [
        {**_drawn(each), "unit": names.get(each.unit_id, "") if each.unit_id else ""}
        for each in found if kind in ("", each.kind) and language in ("", each.language)
    ]  # fmt: skip
    return await administration_page(
        request, "pages/templates.html", "templates", texts=rows, kind=kind, language=language,
        kinds=list(KIND_WORDS.items()), languages=LANGUAGES, trail=await trail([STREAM], size=15),
    )  # fmt: skip


def _drawn(each: Template) -> dict[str, Any]:
    return {
        "key": each.key, "href": f"/templates/{quote(each.key)}", "name": each.name, "number": each.number,
        "kind": each.kind, "kind_label": KIND_WORDS[each.kind], "language": each.language, "subject": each.subject,
        "retired": each.retired, "at": each.created_at, "author": each.author, "ours": each.number == 0,
        "case_type": each.case_type,
    }  # fmt: skip


@get("/templates/new", opt=OPT)
async def new(request: Req) -> Response[Any]:
    return await _form(request, None, {"kind": "reply", "language": "en"})


@post("/templates/new", opt=OPT)
async def add(request: Req) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    kept = {name: form.text(name) for name in FIELDS}
    if form.text("step") == "preview":
        return await _form(request, None, kept, preview=await _preview(viewer, kept, form.text("reference")))
    try:
        saved = await templates.save(viewer, "", _given(form))
    except REFUSED as problem:
        return await _form(request, None, kept, problem)
    return go(f"/templates/{quote(saved.key)}", "The text is there and can be used.")


def _given(form: Given) -> TemplateGiven:
    return TemplateGiven(
        form.text("name"), form.text("kind"), form.text("language"), form.text("subject"), form.text("text"),
        form.text("piece"), form.identity("unit"), form.text("case_type"),
    )  # fmt: skip


@get("/templates/{key:str}", opt=OPT)
async def one(request: Req, key: str, number: int | None = None, reference: str = "") -> Response[Any]:
    """The newest version to write on, an older one to compare with (`number`), filled with a case (`reference`)."""
    found = await templates.versions(key)
    kept = _kept(found[0])
    preview = await _preview(viewer_of(request), kept, reference)
    return await _form(request, found[0], kept, found=found, older=number, preview=preview, reference=reference)


def _kept(each: Template) -> dict[str, str]:
    return {
        "name": each.name, "kind": each.kind, "language": each.language, "unit": str(each.unit_id or ""),
        "case_type": each.case_type, "subject": each.subject, "text": each.text, "piece": each.piece,
    }  # fmt: skip


@post("/templates/{key:str}", opt=OPT)
async def change(request: Req, key: str) -> Response[Any]:
    """A new version, or, at the step `preview`, a look at what it would say."""
    viewer, form = viewer_of(request), await given(request)
    found = await templates.versions(key)
    kept = {name: form.text(name) for name in FIELDS}
    if form.text("step") == "preview":
        reference = form.text("reference")
        preview = await _preview(viewer, kept, reference)
        return await _form(request, found[0], kept, found=found, preview=preview, reference=reference)
    try:
        saved = await templates.save(viewer, key, _given(form), form.number("version"))
    except Changed as problem:
        told = Invalid(
            sentence(
                "Somebody wrote version %(version)s meanwhile. Compare it below, then save again.",
                version=problem.version,
            )
        )
        return await _form(request, found[0], kept, told, found=found, older=problem.version, status=409)
    except REFUSED as problem:
        return await _form(request, found[0], kept, problem, found=found)
    return go(f"/templates/{quote(key)}", sentence("Version %(saved)s counts from now on.", saved=saved.number))


@post("/templates/{key:str}/retire", opt=OPT)
async def retire(request: Req, key: str) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    retired = form.text("retired") == "on"
    try:
        await templates.retire(viewer, key, retired)
    except REFUSED as problem:
        found = await templates.versions(key)
        return await _form(request, found[0], _kept(found[0]), problem, found=found)
    return go("/templates", "The text is out of use." if retired else "The text is in use again.")


async def _preview(viewer: Viewer, kept: Mapping[str, str], reference: str) -> dict[str, Any]:
    """What it says, with invented facts or those of a case the viewer may see; or why it cannot."""
    template = Template(
        "", 0, kept.get("name", ""), kept.get("kind") or "reply", kept.get("language") or "en",
        kept.get("subject", ""), kept.get("text", ""), kept.get("piece", ""),
    )  # fmt: skip
    try:
        if reference.strip():
            view = await case_page(viewer, reference, talk=False)
            known = await beginning.facts_of(viewer, view, template, None, preview=True)
        else:
            known = facts.sample(template.language)
        subject, text = filling.compose(template.subject, template.text, template.piece, known)
    except REFUSED as problem:
        return {"problem": str(problem), "subject": "", "html": ""}
    return {"problem": "", "subject": subject, "html": Markup(as_html(text))}  # noqa: S704 - as_html escapes all that was typed


async def _form(
    request: Req, newest: Template | None, kept: Mapping[str, str], problem: Any = None, *,
    found: Sequence[Template] = (), older: int | None = None, preview: dict[str, Any] | None = None,
    reference: str = "", status: int = 0,
) -> Response[Any]:  # fmt: skip
    viewer = viewer_of(request)
    wrong = beside(problem) if problem is not None else None
    units = [(str(each.id), each.name) for each in await unit_tree() if viewer.may_in(RIGHT, each.id)]
    return await administration_page(
        request, "pages/template.html", "templates", status=status or (wrong.status if wrong else 200),
        text=_drawn(newest) if newest else None,
        form={**dict.fromkeys(FIELDS, ""), **kept, "errors": wrong.errors if wrong else [],
              "error_of": wrong.error_of if wrong else {}},
        kinds=list(KIND_WORDS.items()), languages=LANGUAGES, units=units,
        case_types=[(each.key, each.label) for each in await choices.case_types()],
        facts=list(filling.FACTS.items()), filters=filling.FILTERS, preview=preview, reference=reference,
        versions=[_drawn(each) for each in found], compared=_compared(found, older),
    )  # fmt: skip


def _compared(found: Sequence[Template], older: int | None) -> dict[str, Any] | None:
    """The newest version beside an older one, line by line."""
    other = next((each for each in found if each.number == older), None)
    if other is None or not found or other.number == found[0].number:
        return None
    before, after = (f"{each.subject}\n\n{each.text}\n\n{each.piece}".split("\n") for each in (other, found[0]))
    lines = [
        {"sign": line[0], "text": line[2:]} for line in difflib.ndiff(before, after) if line[0] in "-+ "
    ]  # fmt: skip
    return {"number": other.number, "newest": found[0].number, "lines": lines}


handlers = [listed, new, add, one, change, retire]
