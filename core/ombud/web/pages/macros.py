"""Macros: setting them up, looking at what one would do in a case, and doing it."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk import choices
from ombud.desk.administration.authority import unit_tree
from ombud.desk.administration.trail import trail
from ombud.desk.case_view import case_page
from ombud.desk.errors import Changed, Invalid, NotAllowed, NotFound, NotNow
from ombud.desk.outgoing import beginning, macros, templates, writing
from ombud.desk.outgoing.macros import OWNERS, Macro, MacroGiven
from ombud.desk.outgoing.offer import offer
from ombud.desk.outgoing.templates import RIGHT
from ombud.desk.words import PRIORITIES, label
from ombud.speech import sentence
from ombud.web.door import viewer_of
from ombud.web.pages.administration import administration_page
from ombud.web.pages.composer import sending_of
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given, refused
from ombud.web.pages.messages import wanted_of
from ombud.web.pages.set_up import beside
from ombud.web.shell import go, page

Req = Request[Any, Any, Any]
OPT, WRITE = {"permission": RIGHT}, {"permission": "case.write"}
REFUSED = (Invalid, NotNow, NotAllowed, NotFound, Changed)
FIELDS = ("name", "unit", "template", "priority", "queue", "owner", "close")


@get("/macros", opt=OPT)
async def listed(request: Req, open: UUID | None = None) -> Response[Any]:
    """All of them, and one to change or a new one below."""
    found = await macros.everyone()
    chosen = next((each for each in found if each.id == open), None)
    return await _page(request, chosen, _kept(chosen) if chosen else {}, NOTHING_WRONG)


def _kept(macro: Macro) -> dict[str, str]:
    changes = macro.changes
    return {
        "name": macro.name, "unit": str(macro.unit_id or ""), "template": macro.template_key,
        "priority": changes.get("priority", ""), "queue": changes.get("queue", ""), "owner": changes.get("owner", ""),
        "close": "on" if changes.get("close") else "",
    }  # fmt: skip


@post("/macros", opt=OPT)
async def save(request: Req) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    identity = form.identity("macro")
    try:
        await macros.save(viewer, identity, _given(form), form.number("version"))
    except REFUSED as problem:
        found = next((each for each in await macros.everyone() if each.id == identity), None)
        return await _page(request, found, {name: form.text(name) for name in FIELDS}, _wrong(problem))
    return go("/macros", "The macro is saved.")


def _wrong(problem: Any) -> Refused:
    """A conflict as words in the form: what was typed stands there, and saving again means it."""
    told = Invalid(str(problem)) if isinstance(problem, Changed | NotFound) else problem
    return beside(told)


def _given(form: Given) -> MacroGiven:
    return MacroGiven(
        form.text("name"), form.identity("unit"), form.text("template"), form.text("priority"), form.identity("queue"),
        form.text("owner"), form.ticked("close"),
    )  # fmt: skip


@post("/macros/{macro_id:uuid}/retire", opt=OPT)
async def retire(request: Req, macro_id: UUID) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    retired = form.text("retired") == "on"
    try:
        await macros.retire(viewer, macro_id, retired)
    except NotAllowed as problem:
        return go("/macros", str(problem))
    return go("/macros", "The macro is out of use." if retired else "The macro is in use again.")


async def _page(request: Req, chosen: Macro | None, kept: Mapping[str, str], wrong: Refused) -> Response[Any]:
    viewer = viewer_of(request)
    queues = [(str(each.id), each.name) for each in await choices.active_queues()]
    texts = [each for each in await templates.all_newest() if not each.retired]
    return await administration_page(
        request, "pages/macros.html", "templates", status=wrong.status,
        macros=[{"id": str(each.id), "name": each.name, "retired": each.retired,
                 "lines": macros.in_words(each, dict(queues)), "text": each.template_key}
                for each in await macros.everyone()],
        chosen={"id": str(chosen.id), "version": chosen.version} if chosen else None,
        form={**dict.fromkeys(FIELDS, ""), **kept, "errors": wrong.errors, "error_of": wrong.error_of},
        units=[(str(each.id), each.name) for each in await unit_tree() if viewer.may_in(RIGHT, each.id)],
        texts=[(each.key, templates.named(each)) for each in texts],
        priorities=[(code, label(code)) for code in PRIORITIES], queues=queues,
        owners=[(code, words) for code, words in OWNERS.items() if code], trail=await trail([macros.STREAM], size=15),
    )  # fmt: skip


@get("/cases/{reference:str}/macros/{macro_id:uuid}", opt=WRITE)
async def look(request: Req, reference: str, macro_id: UUID) -> Response[Any]:
    """What it would do in this case; nothing is done yet."""
    viewer = viewer_of(request)
    view = await case_page(viewer, reference, talk=False)
    macro = await macros.for_case(view, macro_id)
    typed: dict[str, str] = {}
    wrong = NOTHING_WRONG
    if macro.template_key:
        try:
            text = await beginning.chosen(view, macro.template_key)
            begun = await beginning.begin(viewer, view, text)
            typed = {"text": begun.text, "subject": begun.subject, "letter": text.kind,
                     "template_id": str(text.id or "")}  # fmt: skip
        except (Invalid, NotNow, NotFound) as problem:
            wrong = refused(Invalid(str(problem), "text"))
    return await _look_page(request, view, macro, typed, wrong, view.case.version)


async def _look_page(
    request: Req, view: Any, macro: Macro, typed: Mapping[str, str], wrong: Refused, version: int
) -> Response[Any]:
    offered = await offer(viewer_of(request), view.case) if macro.template_key else None
    queues = {str(each.id): each.name for each in await choices.active_queues()}
    return await page(
        request, "pages/macro.html", here="queue", status=wrong.status,
        case={"reference": view.case.reference, "href": f"/cases/{quote(view.case.reference)}", "version": version,
              "title": view.case.title},
        macro={"id": str(macro.id), "name": macro.name, "lines": macros.in_words(macro, queues),
               "text": bool(macro.template_key)},
        form={"text": typed.get("text", ""), "template_id": typed.get("template_id", ""), "errors": wrong.errors,
              "error_of": wrong.error_of},
        send=sending_of(offered, typed) if offered else None, to=str(view.case.customer_id or ""),
    )  # fmt: skip


@post("/cases/{reference:str}/macros/{macro_id:uuid}", opt=WRITE)
async def use(request: Req, reference: str, macro_id: UUID) -> Response[Any]:
    """Does all of it, or nothing."""
    viewer, form = viewer_of(request), await given(request)
    view = await case_page(viewer, reference, talk=False)
    macro = await macros.for_case(view, macro_id)
    version = view.case.version
    try:
        version = form.version()
        wanted = wanted_of(form, view, [], []) if macro.template_key else None
        ready = await writing.prepare(view.case.id, wanted) if wanted else None
        written = await macros.apply(viewer, view.case.id, macro, version, ready)
    except (Invalid, NotNow, NotAllowed, Changed) as problem:
        told = Invalid(str(problem), getattr(problem, "field", ""))
        newest = problem.version if isinstance(problem, Changed) else version
        return await _look_page(request, view, macro, form.texts(), refused(told), newest)
    undo = f"/outgoing/{written.id}/back" if written else ""
    return go(f"/cases/{quote(view.case.reference)}#composer", sentence("Done: %(name)s.", name=macro.name), undo)


handlers = [listed, save, retire, look, use]
