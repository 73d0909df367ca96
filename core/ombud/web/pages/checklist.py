"""The playbook of an aspect as a checklist: steps with guidance, the evidence it needs, and how far they are."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk.case_shown import AspectShown, CasePageView
from ombud.desk.matters import protocols
from ombud.trust.policy import Viewer
from ombud.web.aspect_frame import Change, aspect_of, aspect_page, change_part
from ombud.web.door import viewer_of
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused

Req = Request[Any, Any, Any]
READ, WRITE = {"permission": "case.read"}, {"permission": "case.write"}
PLACE = "/cases/{reference:str}/aspects/{aspect_id:uuid}/protocol"
DEMAND_WORDS = {
    "free": ("", ""), "warn": ("Recommended before a decision", "warn"), "block": ("Needed before a decision", "danger")
}  # fmt: skip


@get(PLACE, opt=READ)
async def checklist(request: Req, reference: str, aspect_id: UUID) -> Response[Any]:
    view, aspect = await aspect_of(viewer_of(request), reference, aspect_id)
    return await _checklist_page(request, view, aspect)


async def _checklist_page(
    request: Req, view: CasePageView, aspect: AspectShown, wrong: Refused = NOTHING_WRONG,
    kept: dict[str, str] | None = None,
) -> Response[Any]:  # fmt: skip
    viewer = viewer_of(request)
    return await aspect_page(
        request, "pages/checklist.html", "protocol", view, aspect, status=wrong.status,
        plan=await protocols.plan_of(viewer, aspect.id), demands=DEMAND_WORDS,
        form={"note": "", "step": "", **(kept or {}), "errors": wrong.errors, "error_of": wrong.error_of},
        may_write=any(each.key == "change" and each.allowed for each in aspect.actions),
        may_set_up=viewer.may("setting.manage"),
    )  # fmt: skip


async def _on_checklist(request: Req, reference: str, aspect_id: UUID, change: Change) -> Response[Any]:
    return await change_part(request, reference, aspect_id, "protocol", change, _checklist_page)


@post(f"{PLACE}/done", opt=WRITE)
async def step_done(request: Req, reference: str, aspect_id: UUID) -> Response[Any]:
    async def change(viewer: Viewer, form: Given) -> str:
        await protocols.do_step(viewer, aspect_id, form.text("step"), form.text("note"))
        return "The step is done."

    return await _on_checklist(request, reference, aspect_id, change)


@post(f"{PLACE}/undone", opt=WRITE)
async def step_undone(request: Req, reference: str, aspect_id: UUID) -> Response[Any]:
    async def change(viewer: Viewer, form: Given) -> str:
        await protocols.undo_step(viewer, aspect_id, form.text("step"))
        return "The step is open again."

    return await _on_checklist(request, reference, aspect_id, change)


@post(f"{PLACE}/newest", opt=WRITE)
async def use_newest(request: Req, reference: str, aspect_id: UUID) -> Response[Any]:
    """Goes on by the version and the protocol that hold today."""

    async def change(viewer: Viewer, form: Given) -> str:
        await protocols.use_newest(viewer, aspect_id)
        return "The aspect is worked on by what holds today."

    return await _on_checklist(request, reference, aspect_id, change)


handlers = [checklist, step_done, step_undone, use_newest]
