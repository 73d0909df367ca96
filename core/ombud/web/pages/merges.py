"""Merging a case with another, taking that back, and splitting one."""

from typing import Any
from urllib.parse import quote
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk.case_view import case_page
from ombud.desk.errors import Invalid, NotFound, NotNow
from ombud.desk.merges import merge as merging
from ombud.desk.merges import shown, split
from ombud.desk.merges.similar import Similar, similar
from ombud.speech import sentence
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages.access import inside
from ombud.web.pages.given import NOTHING_WRONG, Refused, given, refused
from ombud.web.shell import go, page

Req = Request[Any, Any, Any]
WRITE = {"permission": "case.write"}
WHY = {"email": "Same e-mail address", "phone": "Same telephone", "words": "Much the same words"}


@get("/cases/{reference:str}/merge", opt=WRITE)
async def merge_form(request: Req, reference: str, into: str = "") -> Response[Any]:
    """Which case to merge with, with cases that look alike; once it is named, what would come of it."""
    return await _merge_page(request, reference, into.strip())


async def _merge_page(
    request: Req, reference: str, into: str, wrong: Refused = NOTHING_WRONG, typed: str = ""
) -> Response[Any]:
    viewer = viewer_of(request)
    view = await case_page(viewer, reference, talk=False)
    look, unknown = None, ""
    if into:
        try:
            look = await shown.preview(viewer, reference, into)
        except NotFound as refusal:
            unknown = str(refusal)
    return await page(
        request, "pages/case_merge.html", here="queue", status=wrong.status if look else 422 if unknown else 200,
        case=_head(view), into=into, unknown=unknown, look=_look(look), form=wrong, reason=typed,
        alike=() if look else [alike_drawn(each) for each in await _alike(viewer, view)],
    )  # fmt: skip


def _head(view: Any) -> dict[str, Any]:
    reference = view.case.reference
    return {"reference": reference, "title": view.case.title, "href": f"/cases/{quote(reference)}"}


def _look(look: shown.Preview | None) -> dict[str, Any] | None:
    if look is None:
        return None
    absorbed, kept = look.complainants
    return {
        "absorbed": {**_head(look.absorbed), "customer": absorbed, "aspects": [a.title for a in look.absorbed.aspects],
                     "messages": look.absorbed.said, "received": look.absorbed.case.received_on},
        "kept": {**_head(look.kept), "customer": kept, "aspects": [a.title for a in look.kept.aspects],
                 "messages": look.kept.said, "received": look.kept.case.received_on},
        "stops": look.stops, "warning": look.warning, "clock": look.clock,
    }  # fmt: skip


async def _alike(viewer: Viewer, view: Any) -> tuple[Similar, ...]:
    who = next((each for each in view.parties if each.person_id == view.case.customer_id), None)
    text = " ".join(f"{each.title} {each.text}" for each in view.aspects)
    email, phone = (who.email or "", who.phone or "") if who else ("", "")
    return await similar(viewer, email=email, phone=phone, text=text, without=[view.case.id])


def alike_drawn(each: Similar) -> dict[str, Any]:
    return {
        "reference": each.reference, "title": each.title, "received_at": each.received_at, "why": WHY[each.why],
        "href": f"/cases/{quote(each.reference)}",
    }  # fmt: skip


@post("/cases/{reference:str}/merge", opt=WRITE)
async def merge_cases(request: Req, reference: str) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    into = form.text("into").strip()
    one, other = await case_page(viewer, reference, talk=False), await case_page(viewer, into, talk=False)
    try:
        done = await merging.merge(
            viewer, one.case.id, other.case.id, form.text("reason"), other_people=form.ticked("other_people")
        )
    except (Invalid, NotNow) as problem:
        return await _merge_page(request, reference, into, refused(problem), form.text("reason"))
    told = sentence("%(reference)s is part of this case now.", reference=one.case.reference)
    return go(f"/cases/{quote(other.case.reference)}", told, f"/undo/merges/{done}")


@post("/undo/merges/{merge_id:uuid}", opt=WRITE)
async def part(request: Req, merge_id: UUID) -> Response[Any]:
    """Takes a merge back, at any time."""
    viewer, back = viewer_of(request), (await given(request)).text("back")
    try:
        reference = await merging.undo(viewer, merge_id)
    except NotNow as refusal:
        return go(inside(back or "/queues"), str(refusal))
    return go(f"/cases/{quote(reference)}", sentence("%(reference)s is a case of its own again.", reference=reference))


@get("/cases/{reference:str}/split", opt=WRITE)
async def split_form(request: Req, reference: str) -> Response[Any]:
    return await _split_page(request, reference)


async def _split_page(
    request: Req, reference: str, wrong: Refused = NOTHING_WRONG, chosen: tuple[str, ...] = (), typed: str = ""
) -> Response[Any]:
    view = await case_page(viewer_of(request), reference, talk=False)
    aspects = [(str(each.id), f"{each.letter} {each.title}", "") for each in view.aspects]
    return await page(
        request, "pages/case_split.html", here="queue", status=wrong.status, case=_head(view), aspects=aspects,
        chosen=chosen, form=wrong, reason=typed,
    )  # fmt: skip


@post("/cases/{reference:str}/split", opt=WRITE)
async def split_case(request: Req, reference: str) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    view = await case_page(viewer, reference, talk=False)
    known = {str(each.id): each.id for each in view.aspects}
    chosen = [known[each] for each in form.all("aspect") if each in known]
    try:
        made = await split.split(viewer, view.case.id, chosen, form.text("reason"))
    except (Invalid, NotNow) as problem:
        return await _split_page(request, reference, refused(problem), tuple(form.all("aspect")), form.text("reason"))
    return go(f"/cases/{quote(made)}", sentence("%(made)s goes on by itself.", made=made))


handlers = [merge_form, merge_cases, part, split_form, split_case]
