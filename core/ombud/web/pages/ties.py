"""Links of an aspect with others, moving it into another case, splitting it in two, and taking these back."""

from typing import Any
from urllib.parse import quote
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk import taxonomies
from ombud.desk.case_shown import AspectShown, CasePageView
from ombud.desk.case_view import case_page
from ombud.desk.errors import Invalid, NotFound
from ombud.desk.matters import evidence, moves, parting, pins, tasks, ties
from ombud.trust.policy import Viewer
from ombud.web.aspect_frame import Change, aspect_of, aspect_page, change_part
from ombud.web.door import viewer_of
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given, identity_of
from ombud.web.pages.matters import excerpt, here_today
from ombud.web.shell import go

Req = Request[Any, Any, Any]
READ, WRITE = {"permission": "case.read"}, {"permission": "case.write"}
PLACE = "/cases/{reference:str}/aspects/{aspect_id:uuid}/ties"
TIE_WORDS = [("same_cause", "has the same cause as"), ("follows_from", "follows from"), ("led_to", "led to")]
_EMPTY = {
    "other": "", "kind": "same_cause", "to": "", "reason": "", "other_people": "", "title": "", "text": "",
    "category": "",
}  # fmt: skip


@get(PLACE, opt=READ)
async def ties_shown(request: Req, reference: str, aspect_id: UUID) -> Response[Any]:
    view, aspect = await aspect_of(viewer_of(request), reference, aspect_id)
    return await _ties_page(request, view, aspect)


async def _ties_page(
    request: Req, view: CasePageView, aspect: AspectShown, wrong: Refused = NOTHING_WRONG,
    kept: dict[str, str] | None = None,
) -> Response[Any]:  # fmt: skip
    viewer = viewer_of(request)
    known = await taxonomies.choices("category", view.case.unit.id, taxonomies.today(), viewer.language)
    found = await ties.ties_of(viewer, aspect.id)
    may_write = any(each.key == "change" and each.allowed for each in aspect.actions)
    return await aspect_page(
        request, "pages/aspect_ties.html", "ties", view, aspect, status=wrong.status,
        ties=[{"shown": each, "href": f"/cases/{quote(each.reference, safe='')}/aspects/{each.other_id}",
               "here": each.reference == view.case.reference} for each in found],
        moves=await moves.moves_of(viewer, aspect.id), kinds=TIE_WORDS, categories=[each.path for each in known],
        going=await _going(viewer, view, aspect) if may_write else [],
        form={**_EMPTY, **(kept or {}), "errors": wrong.errors, "error_of": wrong.error_of}, may_write=may_write,
        may_move=may_write and not view.case.about_me and len(view.aspects) > 1,
        may_join=may_write and any(each.kind == "split_from" and each.words == "Was split from" for each in found),
    )  # fmt: skip


async def _going(viewer: Viewer, view: CasePageView, aspect: AspectShown) -> list[tuple[str, str, str]]:
    """What may go along when the aspect is split: (kind and id, words, what it is)."""
    lines = [(f"evidence.{each.id}", each.what, "Evidence")
             for each in await evidence.register(viewer, aspect.id, here_today(view))]  # fmt: skip
    lines += [(f"task.{each.id}", each.what, "Promise")
              for each in await tasks.tasks_of(viewer, [aspect.id], here_today(view))]  # fmt: skip
    lines += [(f"pin.{each.id}", excerpt(each.words) if each.message_id else f"{each.name}, {each.page}", "Passage")
              for each in await pins.pins_of(viewer, aspect.id)]  # fmt: skip
    return lines


async def _on_ties(request: Req, reference: str, aspect_id: UUID, change: Change) -> Response[Any]:
    return await change_part(request, reference, aspect_id, "ties", change, _ties_page)


@post(f"{PLACE}/link", opt=WRITE)
async def link(request: Req, reference: str, aspect_id: UUID) -> Response[Any]:
    async def change(viewer: Viewer, form: Given) -> str:
        try:
            other = await ties.named(viewer, reference, form.text("other"))
        except NotFound as missing:
            raise Invalid(str(missing), "other") from missing
        await ties.tie(viewer, aspect_id, other, form.text("kind"))
        return "They are linked."

    return await _on_ties(request, reference, aspect_id, change)


@post(f"{PLACE}/{{link_id:uuid}}/off", opt=WRITE)
async def unlink(request: Req, reference: str, aspect_id: UUID, link_id: UUID) -> Response[Any]:
    async def change(viewer: Viewer, form: Given) -> str:
        await ties.untie(viewer, aspect_id, link_id)
        return "The link is gone."

    return await _on_ties(request, reference, aspect_id, change)


async def _leaves(request: Req, answer: Response[Any], aspect_id: UUID, reference: str, told: str) -> Response[Any]:
    """After a move the aspect's page is in another case; a refusal stays as it is."""
    return go(f"/cases/{quote(reference, safe='')}/aspects/{aspect_id}/ties", told) if reference else answer


@post(f"{PLACE}/move", opt=WRITE)
async def move(request: Req, reference: str, aspect_id: UUID) -> Response[Any]:
    """Moves the aspect into the case named; a warning about other people asks once more."""
    went = ""

    async def change(viewer: Viewer, form: Given) -> str:
        nonlocal went
        try:
            target = await case_page(viewer, form.text("to").strip(), talk=False)
        except NotFound as missing:
            raise Invalid(str(missing), "to") from missing
        went = await moves.move(
            viewer, aspect_id, target.case.id, form.text("reason"), other_people=form.ticked("other_people")
        )
        return ""

    answer = await _on_ties(request, reference, aspect_id, change)
    return await _leaves(request, answer, aspect_id, went, "The aspect is in this case now.")


@post(f"{PLACE}/moves/{{move_id:uuid}}/undo", opt=WRITE)
async def move_back(request: Req, reference: str, aspect_id: UUID, move_id: UUID) -> Response[Any]:
    went = ""

    async def change(viewer: Viewer, form: Given) -> str:
        nonlocal went
        went = await moves.undo(viewer, aspect_id, move_id)
        return ""

    answer = await _on_ties(request, reference, aspect_id, change)
    return await _leaves(request, answer, aspect_id, went, "The aspect is back where it was.")


@post(f"{PLACE}/part", opt=WRITE)
async def part(request: Req, reference: str, aspect_id: UUID) -> Response[Any]:
    """Splits the aspect in two."""

    async def change(viewer: Viewer, form: Given) -> str:
        going: dict[str, list[UUID]] = {}
        for each in form.all("going"):
            what, _, identity = each.partition(".")
            if what in parting.GOES_ALONG:
                going.setdefault(what, []).append(identity_of(identity, "going"))
        title = form.text("title")
        await parting.part(
            viewer, aspect_id, form.text("text").strip() or title, title, form.text("category"), dict(going)
        )
        return "There are two aspects now."

    return await _on_ties(request, reference, aspect_id, change)


@post(f"{PLACE}/join", opt=WRITE)
async def join(request: Req, reference: str, aspect_id: UUID) -> Response[Any]:
    """Puts the aspect back together with the one it was split from."""
    viewer = viewer_of(request)
    await given(request)
    view, _ = await aspect_of(viewer, reference, aspect_id)
    into: UUID | None = None

    async def change(viewer: Viewer, form: Given) -> str:
        nonlocal into
        into = await parting.join(viewer, aspect_id)
        return ""

    answer = await _on_ties(request, reference, aspect_id, change)
    href = f"/cases/{quote(view.case.reference, safe='')}/aspects/{into}/ties"
    return go(href, "They are one aspect again.") if into else answer


handlers = [ties_shown, link, unlink, move, move_back, part, join]
