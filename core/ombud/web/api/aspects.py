"""Aspects over the API: each is changed, assigned, decided, reopened and redressed by itself."""

from datetime import UTC
from typing import Any
from uuid import UUID

from litestar import Request, patch, post
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, structs

from ombud.desk import aspects
from ombud.desk.aspects import Decision
from ombud.desk.errors import Invalid, NotFound
from ombud.desk.in_view import in_view
from ombud.desk.redress import granting
from ombud.desk.redress.lines import RedressGiven
from ombud.desk.redress.money import typed
from ombud.kernel.database import db
from ombud.trust.policy import Viewer
from ombud.web.api import answers
from ombud.web.api.bodies import (
    AspectChange,
    AspectDecision,
    Assignment,
    NewAspect,
    RedressLine,
    Reopening,
    Reversal,
)
from ombud.web.door import viewer_of

Req = Request[Any, Any, Any]
TAGS = ["Aspects"]
ONE = "/cases/{reference:str}/aspects/{aspect_id:uuid}"


async def _aspect(viewer: Viewer, reference: str, aspect_id: UUID) -> UUID:
    """The id, if this aspect is in this case and in view."""
    if str(aspect_id) not in (await in_view(viewer, reference)).letters:
        raise NotFound("There is no such aspect that you may see. Get the case again; it may have been moved.")
    return aspect_id


async def _done(aspect_id: UUID) -> answers.AspectDone:
    row = await db.fetchrow(
        "SELECT a.id, a.status, a.version, c.version AS case_version FROM core_aspect a "
        "JOIN core_case c ON c.id = a.case_id WHERE a.id = $1",
        aspect_id,
    )
    return answers.AspectDone(**dict(row or {}))


@post("/cases/{reference:str}/aspects", opt={"permission": "case.write"}, operation_id="addAspect", tags=TAGS)
async def add_aspect(request: Req, reference: FromPath[str], data: JSONBody[NewAspect]) -> answers.Made:
    """Add a matter that came up later, as the last one."""
    viewer = viewer_of(request)
    case = await in_view(viewer, reference)
    return answers.Made(id=await aspects.add(viewer, case.id, data.text, data.title, data.category))


@patch(ONE, opt={"permission": "case.write"}, operation_id="changeAspect", tags=TAGS)
async def change_aspect(
    request: Req, reference: FromPath[str], aspect_id: FromPath[UUID], data: JSONBody[AspectChange]
) -> answers.AspectDone:
    """Change an aspect. On an older version the answer is 409 with `theirs` and `yours`, and nothing is written."""
    viewer = viewer_of(request)
    given = {name: getattr(data, name) for name in data.__struct_fields__ if getattr(data, name) is not UNSET}
    version = given.pop("version")
    if "due_at" in given:
        if not 1990 <= given["due_at"].year <= 2200:
            raise Invalid("The due time lies outside 1990 to 2200. Check the year.", "due_at")
        given["due_at"] = given["due_at"].astimezone(UTC)
    await aspects.change(viewer, await _aspect(viewer, reference, aspect_id), given, version)
    return await _done(aspect_id)


@post(f"{ONE}/decide", opt={"permission": "case.decide"}, operation_id="decideAspect", tags=TAGS, status_code=200)
async def decide_aspect(
    request: Req, reference: FromPath[str], aspect_id: FromPath[UUID], data: JSONBody[AspectDecision]
) -> answers.AspectDone:
    """End one matter with outcome, reason, cause and redress; the last one makes the case resolved. `redress` of the
    answer says of each line whether it is granted, or waits because it is above your limit."""
    viewer = viewer_of(request)
    redress = tuple(_line(each) for each in data.redress)
    decision = Decision(data.outcome, data.reason, data.cause, redress)
    done = await aspects.decide_aspect(viewer, await _aspect(viewer, reference, aspect_id), decision, data.version)
    stands = await _done(aspect_id)
    return structs.replace(stands, redress=[answers.Granted(id=each.id, state=each.state) for each in done])


def _line(line: RedressLine) -> RedressGiven:
    return RedressGiven(line.kind, typed(line.amount), line.currency[:10], line.note, line.calculation)


@post(f"{ONE}/reopen", opt={"permission": "case.decide"}, operation_id="reopenAspect", tags=TAGS, status_code=200)
async def reopen_aspect(
    request: Req, reference: FromPath[str], aspect_id: FromPath[UUID], data: JSONBody[Reopening]
) -> answers.AspectDone:
    """Take a decision back; its redress stands until each line is reversed."""
    viewer = viewer_of(request)
    await aspects.reopen(viewer, await _aspect(viewer, reference, aspect_id), data.reason, data.version)
    return await _done(aspect_id)


@post(f"{ONE}/assign", opt={"permission": "case.write"}, operation_id="assignAspect", tags=TAGS, status_code=200)
async def assign_aspect(
    request: Req, reference: FromPath[str], aspect_id: FromPath[UUID], data: JSONBody[Assignment]
) -> answers.AspectDone:
    """Give one matter to somebody (which needs the right to assign), to yourself, or to nobody."""
    viewer = viewer_of(request)
    await aspects.assign(viewer, await _aspect(viewer, reference, aspect_id), data.owner, data.version)
    return await _done(aspect_id)


@post(f"{ONE}/redress", opt={"permission": "case.decide"}, operation_id="addRedress", tags=TAGS)
async def add_redress(
    request: Req, reference: FromPath[str], aspect_id: FromPath[UUID], data: JSONBody[RedressLine]
) -> answers.Granted:
    """Add a line of redress, also after the decision. Above your limit it waits for a second person (`waiting`)."""
    viewer = viewer_of(request)
    place = await _aspect(viewer, reference, aspect_id)
    done = await granting.add_redress(viewer, place, _line(data))
    return answers.Granted(id=done.id, state=done.state)


@post(
    f"{ONE}/redress/{{line_id:uuid}}/reverse",
    opt={"permission": "case.decide"},
    operation_id="reverseRedress",
    tags=TAGS,
    status_code=200,
)
async def reverse_redress(
    request: Req,
    reference: FromPath[str],
    aspect_id: FromPath[UUID],
    line_id: FromPath[UUID],
    data: JSONBody[Reversal],
) -> answers.AspectDone:
    """Take a line back by another with the opposite amount; nothing is edited."""
    viewer = viewer_of(request)
    await granting.reverse_redress(viewer, await _aspect(viewer, reference, aspect_id), line_id, data.reason)
    return await _done(aspect_id)


handlers = [add_aspect, change_aspect, decide_aspect, reopen_aspect, assign_aspect, add_redress, reverse_redress]
