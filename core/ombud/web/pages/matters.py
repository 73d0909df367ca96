"""What an aspect is worked on with: its evidence register and the promises made about it."""

from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from litestar import Request, Response, get, post

from ombud.desk.case_shown import AspectShown, CasePageView
from ombud.desk.case_view import case_page
from ombud.desk.errors import Invalid
from ombud.desk.matters import evidence, protocols, tasks
from ombud.kernel.clock import now
from ombud.trust.policy import Viewer
from ombud.web.aspect_frame import Change, aspect_of, aspect_page, change_part
from ombud.web.door import viewer_of
from ombud.web.pages.case_drawn import aspect_drawn, case_drawn, href_of
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused
from ombud.web.shell import page

Req = Request[Any, Any, Any]
READ, WRITE = {"permission": "case.read"}, {"permission": "case.write"}
EVIDENCE, TASKS = (
    "/cases/{reference:str}/aspects/{aspect_id:uuid}/evidence",
    ("/cases/{reference:str}/aspects/{aspect_id:uuid}/tasks"),
)
TASK_WORDS = {
    "open": ("Open", "info", "hourglass"), "late": ("Late", "danger", "alert-circle"),
    "done": ("Done, customer not told", "warn", "check"), "told": ("Done, customer told", "ok", "circle-check"),
    "dropped": ("Given up", "", "ban"),
}  # fmt: skip
EXCERPT = 90


def here_today(view: CasePageView) -> date:
    """The day it is where the case's unit is."""
    return now().astimezone(ZoneInfo(view.case.zone)).date()


def excerpt(text: str) -> str:
    """The first words of a message, to choose it by."""
    plain = " ".join(text.split())
    return plain if len(plain) <= EXCERPT else f"{plain[:EXCERPT].rsplit(' ', 1)[0]} …"


@get(EVIDENCE, opt=READ)
async def evidence_shown(request: Req, reference: str, aspect_id: UUID) -> Response[Any]:
    """The register with what the protocol asks for and is not there yet."""
    view, aspect = await aspect_of(viewer_of(request), reference, aspect_id)
    return await _evidence_page(request, view, aspect)


async def _evidence_page(
    request: Req, view: CasePageView, aspect: AspectShown, wrong: Refused = NOTHING_WRONG,
    kept: dict[str, str] | None = None,
) -> Response[Any]:  # fmt: skip
    viewer = viewer_of(request)
    lines = await evidence.register(viewer, aspect.id, here_today(view))
    plan = await protocols.plan_of(viewer, aspect.id)
    asked = {"what": "", "asked_of": view.case.customer or "", "due_on": "", "need": "", "message": ""}
    return await aspect_page(
        request, "pages/evidence.html", "evidence", view, aspect, status=wrong.status,
        lines=[{"shown": each, "state_label": each.state_label, "need_label": plan.need_label(each.need)}
               for each in lines],
        files=[(str(identity), name) for identity, name in await evidence.files_of(viewer, aspect.id)],
        messages=[(str(row["id"]), f"{row['said_at'].date().isoformat()}: {excerpt(row['body'])}")
                  for row in await evidence.messages_of(viewer, aspect.id, "out")],
        needs=[(each.key, each.label) for each in plan.evidence],
        wanted=[each.label for each in plan.evidence
                if each.key not in {line.need for line in lines if line.state != "withdrawn"}],
        form={**asked, **(kept or {}), "errors": wrong.errors, "error_of": wrong.error_of},
        may_write=_may(aspect, "change"),
    )  # fmt: skip


def _may(aspect: AspectShown, key: str) -> bool:
    return any(each.key == key and each.allowed for each in aspect.actions)


async def _on_evidence(request: Req, reference: str, aspect_id: UUID, change: Change) -> Response[Any]:
    return await change_part(request, reference, aspect_id, "evidence", change, _evidence_page)


@post(f"{EVIDENCE}/ask", opt=WRITE)
async def ask(request: Req, reference: str, aspect_id: UUID) -> Response[Any]:
    async def change(viewer: Viewer, form: Given) -> str:
        await evidence.ask(
            viewer, aspect_id, form.text("what"), asked_of=form.text("asked_of"), due_on=form.day("due_on"),
            need=form.text("need"), message_id=form.identity("message"),
        )  # fmt: skip
        return "It is in the register."

    return await _on_evidence(request, reference, aspect_id, change)


@post(f"{EVIDENCE}/bring", opt=WRITE)
async def bring(request: Req, reference: str, aspect_id: UUID) -> Response[Any]:
    """Something that came without being asked for."""

    async def change(viewer: Viewer, form: Given) -> str:
        await evidence.bring(
            viewer, aspect_id, form.text("what"), need=form.text("need"), attachment_id=form.identity("attachment"),
            documents=await form.documents("file"),
        )  # fmt: skip
        return "It is in the register."

    return await _on_evidence(request, reference, aspect_id, change)


@post(f"{EVIDENCE}/{{evidence_id:uuid}}/{{step:str}}", opt=WRITE)
async def evidence_step(request: Req, reference: str, aspect_id: UUID, evidence_id: UUID, step: str) -> Response[Any]:
    """received, not-coming, again, rely, leave."""

    async def change(viewer: Viewer, form: Given) -> str:
        at = (viewer, aspect_id, evidence_id)
        version = form.version()
        if step == "received":
            await evidence.receive(
                *at, version, attachment_id=form.identity("attachment"), documents=await form.documents("file")
            )
            return "It is recorded as received."
        if step == "not-coming":
            await evidence.not_coming(*at, form.text("why_not"), version)
            return "It is recorded that this will not come."
        if step == "again":
            await evidence.ask_again(*at, version)
            return "It is asked for again."
        if step in {"rely", "leave"}:
            await evidence.rely(*at, step == "rely", form.text("relied_for"), version)
            return "The decision relies upon it." if step == "rely" else "The decision does not rely upon it."
        raise _unknown()

    return await _on_evidence(request, reference, aspect_id, change)


def _unknown() -> Invalid:
    return Invalid("This cannot be done here. Open the page again.")


@get(TASKS, opt=READ)
async def tasks_shown(request: Req, reference: str, aspect_id: UUID) -> Response[Any]:
    """What was promised, and how each promise stands."""
    view, aspect = await aspect_of(viewer_of(request), reference, aspect_id)
    return await _tasks_page(request, view, aspect)


async def _tasks_page(
    request: Req, view: CasePageView, aspect: AspectShown, wrong: Refused = NOTHING_WRONG,
    kept: dict[str, str] | None = None,
) -> Response[Any]:  # fmt: skip
    viewer = viewer_of(request)
    found = await tasks.tasks_of(viewer, [aspect.id], here_today(view))
    return await aspect_page(
        request, "pages/tasks.html", "tasks", view, aspect, status=wrong.status,
        tasks=[{"shown": each, "words": TASK_WORDS[each.state]} for each in found],
        form={"what": "", "due_on": "", "why": "", **(kept or {}), "errors": wrong.errors, "error_of": wrong.error_of},
        may_promise=_may(aspect, "change"), may_write=viewer.may_in("case.write", view.case.unit.id),
        closed=view.case.status == "closed",
    )  # fmt: skip


async def _on_tasks(request: Req, reference: str, aspect_id: UUID, change: Change) -> Response[Any]:
    return await change_part(request, reference, aspect_id, "tasks", change, _tasks_page)


@post(TASKS, opt=WRITE)
async def promise(request: Req, reference: str, aspect_id: UUID) -> Response[Any]:
    async def change(viewer: Viewer, form: Given) -> str:
        await tasks.promise(viewer, aspect_id, form.text("what"), form.day("due_on"))
        return "The promise is written down."

    return await _on_tasks(request, reference, aspect_id, change)


@post(f"{TASKS}/{{task_id:uuid}}/{{step:str}}", opt=WRITE)
async def task_step(request: Req, reference: str, aspect_id: UUID, task_id: UUID, step: str) -> Response[Any]:
    """done, told, drop, reopen."""

    async def change(viewer: Viewer, form: Given) -> str:
        at, version = (viewer, aspect_id, task_id), form.version()
        if step == "done":
            await tasks.done(*at, version)
            return "It is done. Tell the customer, then say so here."
        if step == "told":
            await tasks.told(*at, version)
            return "The customer knows."
        if step == "drop":
            await tasks.drop(*at, form.text("why"), version)
            return "The promise is given up."
        if step == "reopen":
            await tasks.reopen(*at, version)
            return "The promise is open again."
        raise _unknown()

    return await _on_tasks(request, reference, aspect_id, change)


@get("/cases/{reference:str}/promises", opt=READ)
async def promises_shown(request: Req, reference: str) -> Response[Any]:
    """What was promised in a case, over all its aspects; closing it early needs a reason, which is asked here."""
    viewer = viewer_of(request)
    view = await case_page(viewer, reference, talk=False)
    found = await tasks.tasks_of(viewer, [each.id for each in view.aspects], here_today(view))
    groups = [
        {"aspect": aspect_drawn(aspect, href_of(view)),
         "tasks": [{"shown": each, "words": TASK_WORDS[each.state]} for each in found if each.aspect_id == aspect.id]}
        for aspect in view.aspects
    ]  # fmt: skip
    return await page(
        request, "pages/promises.html", here="queue", case=case_drawn(view), undone=view.promises,
        groups=[each for each in groups if each["tasks"]], may_close=view.may("close"),
    )  # fmt: skip


handlers = [promises_shown, evidence_shown, ask, bring, evidence_step, tasks_shown, promise, task_step]
