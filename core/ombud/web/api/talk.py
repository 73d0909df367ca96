"""What was said and what happened, over the API; and whom the API talks with."""

from typing import Annotated, Any

from litestar import Request, get, post
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter

from ombud.desk import messages, queues
from ombud.desk.in_view import in_view
from ombud.desk.outgoing import writing as outgoing
from ombud.desk.outgoing.ways import PAGE
from ombud.desk.outgoing.writing import Wanted
from ombud.desk.trail.audit_trail import case_history
from ombud.desk.trail.timeline import message_page
from ombud.trust.permissions import KEYS
from ombud.web.api import answers
from ombud.web.api.bodies import NewMessage
from ombud.web.api.reading import idempotency_key, refuse_unknown
from ombud.web.door import viewer_of
from ombud.web.guard import SIGNED_IN

Req = Request[Any, Any, Any]
LARGEST_NUMBER = 2**62


@post("/cases/{reference:str}/messages", opt={"permission": "case.write"}, operation_id="addMessage", tags=["Messages"])
async def add_message(
    request: Req,
    reference: FromPath[str],
    data: JSONBody[NewMessage],
    key: Annotated[
        str | None,
        HeaderParameter(name="Idempotency-Key", required=False, description="the same key adds the message once"),
    ] = None,
) -> answers.MadeMessage:
    """Write a note or an answer, or record what you were told."""
    viewer = viewer_of(request)
    own_key = idempotency_key(key, required=False)
    case = await in_view(viewer, reference)
    own_key = own_key and f"{viewer.actor}/{own_key}"
    if data.kind == "answer":
        written = await outgoing.write(viewer, case.id, _wanted(data, own_key))
        return answers.MadeMessage(id=written.id, state=written.state, leaves_at=written.leave_at)
    identity = await messages.write(viewer, case.id, data.kind, data.text, aspect_ids=data.aspects, key=own_key)
    return answers.MadeMessage(id=identity)


def _wanted(data: NewMessage, key: str) -> Wanted:
    return Wanted(
        text=data.text, kind=data.letter, channel=data.channel or PAGE, recipient=data.recipient, subject=data.subject,
        aspect_ids=data.aspects, files=data.files, leave_at=data.leaves_at, ask=data.ask_approval, key=key,
        letter_type=data.letter_type, override=data.override,
        at_once=not data.channel and data.letter == "reply",
    )  # fmt: skip


@get("/cases/{reference:str}/messages", opt={"permission": "case.read"}, operation_id="listMessages", tags=["Messages"])
async def list_messages(
    request: Req,
    reference: FromPath[str],
    cursor: FromQuery[str] = "",
    size: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
) -> answers.Messages:
    """The last messages and notes you may see, oldest first."""
    refuse_unknown(request, frozenset({"cursor", "size"}))
    viewer = viewer_of(request)
    case = await in_view(viewer, reference)
    said, earlier = await message_page(viewer, case.id, case.unit_id, case.letters, before=cursor, size=size)
    return answers.Messages(items=[answers.message_answer(each) for each in said], next_cursor=earlier)


@get("/cases/{reference:str}/history", opt={"permission": "case.history"}, operation_id="getHistory", tags=["Messages"])
async def history(
    request: Req,
    reference: FromPath[str],
    before: Annotated[int | None, QueryParameter(ge=1, le=LARGEST_NUMBER)] = None,
    size: Annotated[int, QueryParameter(ge=1, le=500)] = 200,
) -> answers.History:
    """The audit trail of a case, newest first."""
    refuse_unknown(request, frozenset({"before", "size"}))
    viewer = viewer_of(request)
    case = await in_view(viewer, reference, "case.history")
    found = await case_history(viewer, case.id, before, size)
    more = found[-1].id if len(found) == size and found[-1].id > 1 else None
    return answers.History(items=[answers.entry_answer(each) for each in found], next_before=more)


@get("/queues", opt={"permission": "case.read"}, operation_id="listQueues", tags=["Desk"])
async def list_queues(request: Req) -> answers.Queues:
    """The queues, with kept counts of what you may see in them."""
    return answers.Queues(items=[answers.queue_answer(each) for each in await queues.lines(viewer_of(request))])


@get("/me", opt={"permission": SIGNED_IN}, operation_id="getMe", tags=["Desk"])
async def me(request: Req) -> answers.Me:
    """Whom this token or session speaks for."""
    viewer = viewer_of(request)
    assert viewer.user_id is not None
    permissions = sorted(each for each in KEYS | viewer.rights.keys() if viewer.may(each))
    return answers.Me(
        id=viewer.user_id, name=viewer.name, actor=viewer.actor, language=viewer.language, permissions=permissions
    )


handlers = [add_message, list_messages, history, list_queues, me]
