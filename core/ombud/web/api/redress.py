"""Redress over the API: what waits for a second person, a yes or no to it, the amount in dispute, payments."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from litestar import Request, get, post, put
from litestar.params import FromPath, JSONBody

from ombud.desk.errors import NotFound
from ombud.desk.in_view import in_view
from ombud.desk.redress import disputes, requests
from ombud.desk.redress import shown as redress_shown
from ombud.desk.redress.money import text_of, typed
from ombud.desk.redress.shown import PaymentShown, RequestShown
from ombud.trust.policy import Viewer
from ombud.web.api import answers
from ombud.web.api.bodies import Approval, Claimed, Reversal
from ombud.web.door import viewer_of

Req = Request[Any, Any, Any]
TAGS = ["Redress"]
ONE = "/cases/{reference:str}/aspects/{aspect_id:uuid}"
DECIDE = {"permission": "case.decide"}


async def _aspect(viewer: Viewer, reference: str, aspect_id: UUID) -> UUID:
    if str(aspect_id) not in (await in_view(viewer, reference)).letters:
        raise NotFound("There is no such aspect that you may see. Get the case again; it may have been moved.")
    return aspect_id


def _asked(each: RequestShown) -> answers.RedressRequest:
    return answers.RedressRequest(
        id=each.id, reference=each.reference, aspect=each.aspect_id, kind=each.kind,
        amount=text_of(each.amount, each.currency), currency=each.currency, note=each.note, state=each.state,
        requested_by=each.by, mine=each.mine, requested_at=each.at, reason=each.reason, version=each.version,
        content=each.hash,
    )  # fmt: skip


def _payment(each: PaymentShown) -> answers.Payment:
    return answers.Payment(
        id=each.id, line=each.line_id, amount=text_of(each.amount, each.currency), currency=each.currency, way=each.way,
        state=each.state, key=each.key, handed_over_at=each.handed_at, value_date=each.value_date, detail=each.detail,
    )  # fmt: skip


@get("/redress/waiting", opt=DECIDE, operation_id="listRedressWaiting", tags=TAGS)
async def waiting(request: Req) -> answers.RedressRequests:
    """What waits for a second person where you decide, the oldest first; `mine` are those you asked for yourself."""
    return answers.RedressRequests(items=[_asked(each) for each in await redress_shown.waiting(viewer_of(request))])


@get(f"{ONE}/redress", opt={"permission": "case.read"}, operation_id="readRedress", tags=TAGS)
async def read(request: Req, reference: FromPath[str], aspect_id: FromPath[UUID]) -> answers.RedressOfAspect:
    """What was asked of a second person and how money is paid; the lines themselves stand in the case."""
    viewer = viewer_of(request)
    place = await _aspect(viewer, reference, aspect_id)
    return answers.RedressOfAspect(
        requests=[_asked(each) for each in await redress_shown.requests_of(viewer, place)],
        payments=[_payment(each) for each in await redress_shown.payments_of(viewer, place)],
    )


@put(f"{ONE}/amount-in-dispute", opt={"permission": "case.write"}, operation_id="setAmountInDispute", tags=TAGS)
async def claim(
    request: Req, reference: FromPath[str], aspect_id: FromPath[UUID], data: JSONBody[Claimed]
) -> answers.AmountInDispute:
    """What the customer asks for; an empty amount takes it away."""
    viewer = viewer_of(request)
    place = await _aspect(viewer, reference, aspect_id)
    amount: Decimal | None = typed(data.amount)
    await disputes.say(viewer, place, amount, data.currency, data.version)
    return answers.AmountInDispute(amount=data.amount, currency=data.currency.upper() if amount is not None else "")


@post("/redress/requests/{request_id:uuid}/approve", opt=DECIDE, operation_id="approveRedress", tags=TAGS,
      status_code=200)  # fmt: skip
async def approve(request: Req, request_id: FromPath[UUID], data: JSONBody[Approval]) -> answers.Granted:
    """Grant the very version you saw (`content` of the request). Not your own, and within your own limit."""
    line = await requests.approve(viewer_of(request), request_id, data.content)
    return answers.Granted(id=line, state="granted")


@post("/redress/requests/{request_id:uuid}/refuse", opt=DECIDE, operation_id="refuseRedress", tags=TAGS,
      status_code=200)  # fmt: skip
async def refuse(request: Req, request_id: FromPath[UUID], data: JSONBody[Reversal]) -> answers.Granted:
    """Refuse it, with the reason that whoever asked reads."""
    await requests.refuse(viewer_of(request), request_id, data.reason)
    return answers.Granted(id=request_id, state="refused")


@post("/redress/requests/{request_id:uuid}/withdraw", opt=DECIDE, operation_id="withdrawRedress", tags=TAGS,
      status_code=200)  # fmt: skip
async def withdraw(request: Req, request_id: FromPath[UUID], data: JSONBody[Reversal]) -> answers.Granted:
    """Take a request back before it is decided upon."""
    await requests.withdraw(viewer_of(request), request_id, data.reason)
    return answers.Granted(id=request_id, state="withdrawn")


handlers = [waiting, read, claim, approve, refuse, withdraw]
