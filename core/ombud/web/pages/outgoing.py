"""Messages on their way out: taken back, hurried, put off, and what became of those that are in doubt."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote
from uuid import UUID

from litestar import Request, Response, post

from ombud.desk.errors import Invalid, NotNow
from ombud.desk.outgoing import settling
from ombud.kernel.database import db
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages.given import Given, given
from ombud.web.shell import go

Req = Request[Any, Any, Any]
WRITE = {"permission": "case.write"}


async def _do(
    request: Req, act: Callable[[Viewer, Given], Awaitable[UUID]], said: str, identity: UUID
) -> Response[None]:
    """Does it and goes back to the case; what cannot be done any more is said there."""
    viewer, form = viewer_of(request), await given(request)
    try:
        await act(viewer, form)
    except (NotNow, Invalid) as refusal:
        return go(await _place(identity), str(refusal))
    return go(await _place(identity), said)


async def _place(identity: UUID) -> str:
    """Called once the viewer was found to see the message."""
    found = "SELECT c.reference FROM core_case c JOIN core_outgoing o ON o.case_id = c.id WHERE o.id = $1"
    reference = await db.fetchval(found, identity)
    return f"/cases/{quote(str(reference))}#entry-{identity}"


@post("/outgoing/{message_id:uuid}/back", opt=WRITE)
async def back(request: Req, message_id: UUID) -> Response[None]:
    """Takes it back before it leaves; its text is in the box again."""

    async def act(viewer: Viewer, form: Given) -> UUID:
        return await settling.take_back(viewer, message_id)

    return await _do(request, act, "It does not leave. Your text is in the box again.", message_id)


@post("/outgoing/{message_id:uuid}/now", opt=WRITE)
async def hurry(request: Req, message_id: UUID) -> Response[None]:
    async def act(viewer: Viewer, form: Given) -> UUID:
        return await settling.hurry(viewer, message_id)

    return await _do(request, act, "It leaves now.", message_id)


@post("/outgoing/{message_id:uuid}/settle", opt=WRITE)
async def settle(request: Req, message_id: UUID) -> Response[None]:
    """A person says what became of an unsure or failed one, and why."""
    said = {"arrived": "It is kept that it arrived.", "again": "It is sent again.", "give_up": "It is given up."}
    event = (await given(request)).text("event")

    async def act(viewer: Viewer, form: Given) -> UUID:
        return await settling.say_what_became(viewer, message_id, event, form.text("why"))

    return await _do(request, act, said.get(event, ""), message_id)


handlers = [back, hurry, settle]
