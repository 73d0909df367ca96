"""The page of a case and what is done to the case as a whole."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import FormMultiDict

from ombud.desk import aspects, case_links, cases, choices, fields, scales, undo
from ombud.desk.case_glance import case_glance
from ombud.desk.case_shown import CasePageView
from ombud.desk.case_view import case_page
from ombud.desk.colleagues.last_change import last_change
from ombud.desk.errors import Changed, Invalid, NotNow
from ombud.desk.words import MOODS, PRIORITIES, SEVERITIES, label
from ombud.desk.writing import case_id_of
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages import merged
from ombud.web.pages.case_drawn import (
    SEVERITY_WORDS,
    SLOT,
    case_drawn,
    conflict_of,
    href_of,
    show_case,
    talk_drawn,
)
from ombud.web.pages.fragments import asks_for, by_htmx, fragment
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given, refused
from ombud.web.pages.merged import Sides
from ombud.web.plugin_pages import fill_again
from ombud.web.shell import go, page, undo_address

Req = Request[Any, Any, Any]
READ, WRITE = {"permission": "case.read"}, {"permission": "case.write"}


@get("/cases/{reference:str}", opt=READ)
async def case(request: Req, reference: str, about: str = "", before: str = "") -> Response[Any]:
    """The whole page, or for htmx its timeline alone: about one aspect, or an earlier part of it."""
    if asks_for(request, "timeline"):
        view = await case_page(viewer_of(request), reference, about=about, before=before)
        return await fragment(
            request, "fragments/timeline.html", case=case_drawn(view), **talk_drawn(view, about)
        )  # fmt: skip
    return await show_case(request, reference, about=about, before=before)


@get("/cases/{reference:str}/slots/{slug:str}", opt=READ)
async def slot(request: Req, reference: str, slug: str, part: int = 0) -> Response[Any]:
    """One plugin's part of the right side: a lazy one, or one that failed before. Without script it is a page."""
    glance = await case_glance(viewer_of(request), reference)
    href = f"/cases/{quote(glance.reference)}"
    shown = await fill_again(request, SLOT, glance, f"{href}/slots/{{slug}}", slug, part)
    if by_htmx(request):
        return await fragment(request, "fragments/slot.html", fill=shown)
    return await page(
        request, "pages/slot.html", here="queue", fill=shown, back={"href": href, "label": glance.reference}
    )


Change = Callable[[Viewer, UUID, Given], Awaitable[str]]


async def do_on_case(
    request: Req,
    reference: str,
    change: Change,
    typed_in: str = "",
    fields: dict[str, str] | None = None,
    undoable: str = "",
) -> Response[Any]:
    """Runs one change of the case; one with a name in `undoable` can be taken back afterwards. A refusal shows the page
    again, a conflict with both sides, and the typed text in its form (`typed_in`: new_aspect, new_party)."""
    viewer, form = viewer_of(request), await given(request)
    case_id = await case_id_of(viewer, reference)
    kept = {typed_in: form.texts()} if typed_in else {"reason": form.text("reason")}
    back = ""
    try:
        if undoable:
            async with undo.kept(viewer, case_id, undoable) as kept_change:
                toast = await change(viewer, case_id, form)
            back = undo_address(kept_change.id)
        else:
            toast = await change(viewer, case_id, form)
    except Changed as changed:
        conflict = await conflict_of(viewer, await case_page(viewer, reference), changed)
        return await show_case(request, reference, conflict=conflict, kept=kept)
    except (Invalid, NotNow) as problem:
        return await show_case(request, reference, wrong=refused(problem, fields), kept=kept)
    return go(f"/cases/{quote(reference)}", toast, back)


@post("/cases/{reference:str}/owner", opt=WRITE)
async def owner(request: Req, reference: str) -> Response[Any]:
    """Gives the case to somebody, or back to its queue."""

    async def change(viewer: Viewer, case_id: UUID, form: Given) -> str:
        to = form.identity("owner")
        await cases.assign(viewer, case_id, to, form.version())
        return "The case has a new owner." if to else "The case is back in its queue."

    return await do_on_case(request, reference, change, undoable="assign")


@post("/cases/{reference:str}/status", opt=READ)
async def status(request: Req, reference: str) -> Response[Any]:
    """Closes the case, or reopens it with a reason; the desk asks for the right of each."""

    async def change(viewer: Viewer, case_id: UUID, form: Given) -> str:
        wanted = form.text("status")
        if wanted == "closed":
            await cases.close(viewer, case_id, form.version(), form.text("reason"))
            return "The case is closed."
        if wanted == "in_progress":
            await cases.reopen(viewer, case_id, form.text("reason"), form.version())
            return "The case is open again."
        raise Invalid("A case is closed or reopened; its other states follow from its aspects.", "status")

    wanted = (await given(request)).text("status")
    return await do_on_case(request, reference, change, undoable="close" if wanted == "closed" else "reopen")


@post("/cases/{reference:str}/confidential", opt={"permission": "case.confidential"})
async def confidential(request: Req, reference: str) -> Response[Any]:
    async def change(viewer: Viewer, case_id: UUID, form: Given) -> str:
        hide = form.ticked("confidential")
        await cases.set_confidential(viewer, case_id, hide, form.version())
        return "The case is confidential now." if hide else "Everybody of the unit sees the case now."

    return await do_on_case(request, reference, change, undoable="confidential")


@post("/cases/{reference:str}/aspects", opt=WRITE)
async def add_aspect(request: Req, reference: str) -> Response[Any]:
    """A matter that came up later; without the customer's words its title says what it is."""

    async def change(viewer: Viewer, case_id: UUID, form: Given) -> str:
        title = form.text("title")
        await aspects.add(viewer, case_id, form.text("text").strip() or title, title)
        return "The aspect is added."

    return await do_on_case(request, reference, change, typed_in="new_aspect")


@post("/cases/{reference:str}/order", opt=WRITE)
async def order(request: Req, reference: str) -> Response[Any]:
    """Moves one aspect up; the first one is the primary."""

    async def change(viewer: Viewer, case_id: UUID, form: Given) -> str:
        view = await case_page(viewer, reference, talk=False)
        places = [each.id for each in view.aspects]
        moved = form.identity("up")
        if moved not in places:
            raise Invalid("This aspect is not in the case. Open the case again.", "order")
        at = places.index(moved)
        if at:
            places[at - 1], places[at] = places[at], places[at - 1]
        await aspects.reorder(viewer, case_id, places, form.version())
        return "The aspects have a new order."

    return await do_on_case(request, reference, change)


@post("/cases/{reference:str}/link", opt=WRITE)
async def link(request: Req, reference: str) -> Response[Any]:
    """A new link for the customer, shown once to whoever hands it over."""
    viewer = viewer_of(request)
    made = await case_links.make(viewer, await case_id_of(viewer, reference))
    return await page(request, "pages/case_link.html", here="queue", reference=reference, link=made)


@get("/cases/{reference:str}/change", opt=WRITE)
async def change_form(request: Req, reference: str) -> Response[Any]:
    view = await case_page(viewer_of(request), reference, talk=False)
    return await _change_page(request, view, _as_it_is(view))


@post("/cases/{reference:str}/change", opt=WRITE)
async def change(request: Req, reference: str) -> Response[Any]:
    """Title, priority, severity, queue, mood and own fields: those the form brings."""
    viewer, form = viewer_of(request), await given(request)
    view = await case_page(viewer, reference, talk=False)
    try:
        found = merged.sides(form, _as_it_is(view)) if form.version() else None
        if found is not None:
            return await _merged_change(request, view, found, bool(form.has("own_fields")))
        wanted = await _wanted(view, form)
        async with undo.kept(viewer, view.case.id, "change") as kept_change:
            await cases.change(viewer, view.case.id, wanted, form.version())
    except Changed as changed:
        conflict = await conflict_of(viewer, view, changed)
        return await _change_page(request, view, {**_as_it_is(view), **form.texts()}, conflict=conflict)
    except (Invalid, NotNow) as problem:
        kept = {**_as_it_is(view), **form.texts()}
        return await _change_page(request, view, kept, refused(problem, {"queue_id": "queue"}))
    return go(href_of(view), "The case is changed.", "" if _words_too(view, wanted) else undo_address(kept_change.id))


def _words_too(view: CasePageView, wanted: Mapping[str, Any]) -> bool:
    """True if words changed: those are changed back by hand, not by Undo."""
    case = view.case
    own = {each.name: each.value for each in case.form if each.value not in ("", None)}
    fields_now = {name: value for name, value in wanted.get("fields", own).items() if value not in ("", None)}
    plain = (wanted.get("title", case.title), wanted.get("mood", case.mood), fields_now)
    return plain != (case.title, case.mood, own)


async def _merged_change(request: Req, view: CasePageView, found: Sides, own_fields: bool) -> Response[Any]:
    """Writes what this writer changed onto what the case is now; where both changed one field, they choose."""
    viewer, words = viewer_of(request), await _labels(view)
    last = await last_change(viewer, view.case.id) if found.merged.theirs or found.merged.clashes else None
    if found.merged.clashes and last is not None:
        conflict = merged.clashes(found, last.who, last.at, view.case.version, words, await _value_words())
        return await _change_page(request, view, found.kept, conflict=conflict)
    parts = [(name, text) for name, text in found.kept.items() if name in found.merged.values or name[:7] == "fields."]
    form = Given(FormMultiDict([*parts, *([("own_fields", "1")] if own_fields else [])]))
    wanted = await _wanted(view, form)
    async with undo.kept(viewer, view.case.id, "change") as kept_change:
        await cases.change(viewer, view.case.id, wanted, view.case.version)
    said = merged.told(last.who if last else "", found, "The case is changed.", words)
    return go(href_of(view), said, "" if _words_too(view, wanted) else undo_address(kept_change.id))


async def _labels(view: CasePageView) -> dict[str, str]:
    own = {f"fields.{each.name}": each.label for each in view.case.form}
    return {**own, "mood": "Tone of the customer", "queue": "Queue"}


async def _value_words() -> dict[str, dict[str, str]]:
    return {
        "priority": {code: label(code) for code in PRIORITIES}, "mood": {code: label(code) for code in MOODS},
        "severity": {str(code): SEVERITY_WORDS[code] for code in SEVERITIES},
        "queue": {str(each.id): each.name for each in await choices.active_queues()},
    }  # fmt: skip


async def _wanted(view: CasePageView, form: Given) -> dict[str, Any]:
    wanted: dict[str, Any] = {name: form.text(name) for name in ("title", "priority", "mood") if form.has(name)}
    if form.has("severity"):
        wanted["severity"] = form.number("severity")
    if form.has("queue"):
        wanted["queue_id"] = form.identity("queue")
    if form.has("own_fields"):
        schema = await fields.schema_of(view.case.case_type)
        wanted["fields"] = fields.from_form(schema, form.texts())
    return wanted


def _as_it_is(view: CasePageView) -> dict[str, str]:
    case = view.case
    kept = {
        "title": case.title, "priority": case.priority, "severity": str(case.severity), "mood": case.mood,
        "queue": str(case.queue.id) if case.queue else "",
    }  # fmt: skip
    return kept | {f"fields.{each.name}": _written(each.value) for each in case.form}


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else ""
    return "" if value is None else str(value)


async def _change_page(
    request: Req,
    view: CasePageView,
    kept: Mapping[str, str],
    wrong: Refused = NOTHING_WRONG,
    conflict: dict[str, Any] | None = None,
) -> Response[Any]:
    """The form; after a conflict it carries the newer version, so that sending again overwrites knowingly."""
    schema = await fields.schema_of(view.case.case_type)
    queues = [(str(each.id), each.name) for each in await choices.active_queues()]
    scale = await scales.scales_known(view.case.unit.id, viewer_of(request).settled)
    return await page(
        request, "pages/case_change.html", here="queue", status=409 if conflict else wrong.status,
        case=case_drawn(view),
        base=_base(view), form={**kept, "errors": wrong.errors, "error_of": wrong.error_of}, conflict=conflict,
        priorities=list(scale.priorities.items()), queues=queues, scale=scale,
        severities=[(str(code), words) for code, words in scale.severities.items()],
        moods=[(code, label(code)) for code in MOODS],
        own_fields=fields.form(schema, fields.from_form(schema, kept)), masked=view.case.about_me,
    )  # fmt: skip


def _base(view: CasePageView) -> dict[str, str]:
    """What the record holds while the form is drawn; masked parts are in no form."""
    now = _as_it_is(view)
    return {name: text for name, text in now.items() if not view.case.about_me or name not in {"title", "mood"}}


handlers = [
    case, slot, owner, status, confidential, add_aspect, order, link, change_form, change,
]  # fmt: skip
