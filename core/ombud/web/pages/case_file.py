"""A file of a case for somebody outside: what goes in and why something does not, made in one step, and taken along."""

from collections.abc import Collection
from typing import Any
from urllib.parse import quote
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk.casefile import making, privilege
from ombud.desk.casefile.choosing import Item
from ombud.desk.casefile.making import Prepared
from ombud.desk.casefile.profiles import labels, profiles
from ombud.desk.casefile.record import RIGHT
from ombud.desk.errors import DeskRefusal, Invalid, NotFound, NotNow
from ombud.desk.in_view import in_view
from ombud.desk.opening import shortened
from ombud.web.door import viewer_of
from ombud.web.pages.given import NOTHING_WRONG, Refused, given, refused
from ombud.web.shell import go, page

Req = Request[Any, Any, Any]
MAKE = {"permission": RIGHT}
WORDS = 160


@get("/cases/{reference:str}/file", opt=MAKE)
async def preview(request: Req, reference: str, profile: str = "") -> Response[Any]:
    """What would go in. The aspects ticked (`aspect=<id>`, several) decide what the list begins with."""
    aspects = request.query_params.getall("aspect", [])
    try:
        prepared = await making.prepare(viewer_of(request), reference, profile, aspects or None)
    except Invalid as problem:
        prepared = await making.prepare(viewer_of(request), reference, profile)
        return await _page(request, prepared, refused(problem))
    return await _page(request, prepared)


@post("/cases/{reference:str}/file", opt=MAKE)
async def make(request: Req, reference: str) -> Response[Any]:
    """Makes the file of what is ticked; a large one in the background."""
    viewer, form = viewer_of(request), await given(request)
    key, aspects, items = form.text("profile"), form.all("aspect"), form.all("item")
    try:
        prepared = await making.prepare(viewer, reference, key, aspects, items)
        made = await making.make(viewer, prepared)
    except (Invalid, NotNow) as problem:
        prepared = await making.prepare(viewer, reference, key, aspects or None, items)
        return await _page(request, prepared, refused(problem))
    found = next(each for each in await making.made_of(viewer, prepared.record.view.case.id) if each.id == made)
    toast = "The file is made." if found.state == "ready" else "The file is being made. You may leave this page."
    return go(f"{_href(prepared)}/file?profile={quote(prepared.profile.format.key)}#made", toast)


@post("/cases/{reference:str}/file/privileged", opt=MAKE)
async def privileged(request: Req, reference: str) -> Response[Any]:
    """Marks a message or a file as legally privileged, or takes the mark away; both with a reason."""
    viewer, form = viewer_of(request), await given(request)
    case, item, key = await in_view(viewer, reference, RIGHT), form.text("marked"), form.text("profile")
    lift = form.ticked("lift")
    try:
        await (privilege.lift if lift else privilege.mark)(viewer, case.id, item, form.text("reason"))
    except (Invalid, NotNow, NotFound) as problem:
        prepared = await making.prepare(viewer, reference, key)
        kept = {"marked": item, "reason": form.text("reason"), "lift": lift}
        return await _page(request, prepared, _beside(problem), kept)
    words = "The mark is taken away." if lift else "It is marked as privileged, and goes into no file."
    return go(f"/cases/{quote(case.reference)}/file?profile={quote(key)}#items", words)


def _beside(problem: DeskRefusal) -> Refused:
    return refused(problem) if isinstance(problem, Invalid) else refused(Invalid(str(problem), "marked"))


@get("/cases/{reference:str}/file/{file_id:uuid}", opt=MAKE)
async def take(request: Req, reference: str, file_id: UUID) -> Response[bytes]:
    """The ZIP, always saved and never opened by the browser."""
    name, data = await making.take(viewer_of(request), reference, file_id)
    return Response(
        data,
        media_type="application/zip",
        headers={
            "content-disposition": f'attachment; filename="{name}"',
            "content-security-policy": "sandbox; default-src 'none'",
        },
    )


def _href(prepared: Prepared) -> str:
    return f"/cases/{quote(prepared.record.view.case.reference)}"


async def _page(
    request: Req, prepared: Prepared, wrong: Refused = NOTHING_WRONG, kept: dict[str, Any] | None = None
) -> Response[Any]:
    viewer, view = viewer_of(request), prepared.record.view
    form, known = prepared.profile.format, profiles()
    made = await making.made_of(viewer, view.case.id)
    marked = [(each.key, _title(each)) for each in prepared.items if each.why not in {"privileged", "message"}]
    return await page(
        request, "pages/case_file.html", here="queue", status=wrong.status,
        case={"reference": view.case.reference, "title": view.case.title, "href": _href(prepared)},
        profile={"key": form.key, "label": form.label, "recipient": prepared.told.recipient},
        others=[each for each in labels(known) if each[0] != form.key], cover=prepared.told.cover,
        missing=prepared.told.missing, trouble=prepared.told.trouble,
        aspects=[{"id": str(each.id), "letter": each.letter, "title": each.title, "outcome": each.outcome_label,
                  "ticked": each.id in prepared.choice.aspects} for each in view.aspects],
        items=[_item(each) for each in prepared.items], size=prepared.size, outsiders=_outsiders(prepared),
        made=making.words_of(made, dict(labels(known))), marked=marked,
        form={"marked": "", "reason": "", "lift": False, **(kept or {}), "errors": wrong.errors,
              "error_of": wrong.error_of},
    )  # fmt: skip


def _title(item: Item) -> str:
    return (
        f"{item.at:%Y-%m-%d}: {item.kind}, {item.title}"[:WORDS]
        if item.title != item.kind
        else (f"{item.at:%Y-%m-%d}: {item.kind}, {item.who}")
    )


def _item(item: Item) -> dict[str, Any]:
    text = shortened(item.said.text, WORDS) if item.said is not None else ""
    return {
        "key": item.key, "kind": item.kind, "title": item.title, "who": item.who, "at": item.at, "text": text,
        "about": list(item.about), "included": item.included, "may": item.may, "why": item.why_words,
        "reason": item.reason, "size": item.file.size if item.file is not None else None,
        "privileged": item.why == "privileged", "href": f"/files/{item.file.id}" if item.file is not None else "",
    }  # fmt: skip


def _outsiders(prepared: Prepared) -> Collection[str]:
    """The roles of those whose names are put out of the texts."""
    return [each.role for each in prepared.record.outsiders]


handlers = [preview, make, privileged, take]
