"""What open pages ask by themselves: the stream of news, who else is on a case, whether a list has changed; and claims.

Nothing under /live counts as use of a session, else a page left open would keep its reader signed in for ever.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response, get, post
from litestar.exceptions import ClientException, NotAuthorizedException

from ombud.desk.case_list import LARGEST_PAGE, CasePage, list_cases
from ombud.desk.case_view import case_page
from ombud.desk.colleagues import claims, presence
from ombud.desk.colleagues.case_news import case_now
from ombud.desk.errors import Invalid, NotNow
from ombud.desk.queue_side import queue_side
from ombud.desk.queues import QueueLine
from ombud.desk.writing import case_id_of
from ombud.web.door import viewer_of
from ombud.web.guard import SIGNED_IN
from ombud.web.live import Stream
from ombud.web.pages.case_drawn import case_drawn, claims_drawn, talk_drawn
from ombud.web.pages.fragments import fragment
from ombud.web.pages.given import given, identity_of
from ombud.web.pages.queue_lists import listed, narrowed
from ombud.web.pages.queues import stamp
from ombud.web.shell import go

Req = Request[Any, Any, Any]
READ, WRITE = {"permission": "case.read"}, {"permission": "case.write"}
SHOWN = 500
INTO = 20  # rows that may have moved in above those a page shows


class _StreamAnswer(Response[None]):
    """An answer that lasts; Litestar's own would hold it in a task that a stopping process waits for."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(None)
        self._stream = stream

    def to_asgi_response(self, app: Any, request: Req, **_: Any) -> Any:
        return self._stream


@get("/live", opt={"permission": SIGNED_IN})
async def stream(request: Req) -> Response[None]:
    """Server-sent events for a browser that is signed in: `look` (something may have been missed), news with ids and
    codes, and `ended` (sign in again)."""
    session: Any = request.scope.get("session")
    if session is None:
        raise NotAuthorizedException("News is for browsers that are signed in.")
    if "text/event-stream" not in request.headers.get("accept", ""):
        raise ClientException("This address holds no page: open pages listen here for news.", status_code=406)
    return _StreamAnswer(Stream(session.id, viewer_of(request)))


class _Here(msgspec.Struct):
    cases: dict[str, str] = {}


@post("/live/here", opt=READ, status_code=204)
async def here(request: Req) -> None:
    """Which cases this browser shows, and where somebody types: JSON `{"cases": {"OMB-…": "viewing" | "writing"}}`."""
    session: Any = request.scope.get("session")
    try:
        said = msgspec.json.decode(await request.body() or b"{}", type=_Here)
    except msgspec.DecodeError as problem:
        raise ClientException("This is not what a page says about itself.") from problem
    if session is not None:
        await presence.here(viewer_of(request), session.id, said.cases)


@get("/live/cases/{reference:str}", opt=READ)
async def case_state(request: Req, reference: str, since: int = 0, heard: int = 0) -> Response[Any]:
    """What others did since the page was drawn, who is on the case and who works on it."""
    now = await case_now(viewer_of(request), reference, _number(since), _number(heard))
    case = {"reference": now.reference, "href": f"/cases/{quote(now.reference)}", "claim": now.claim,
            "may_claim": now.may_claim, **claims_drawn(now.claims, now.letters)}  # fmt: skip
    return await fragment(request, "fragments/case_live.html", case=case, now_there=now)


@get("/live/cases/{reference:str}/timeline", opt=READ)
async def case_timeline(request: Req, reference: str) -> Response[Any]:
    """The timeline as it is now, for a page that adds what is new below what it shows."""
    view = await case_page(viewer_of(request), reference)
    return await fragment(request, "fragments/timeline.html", case=case_drawn(view), **talk_drawn(view, ""))


def _number(given: int) -> int:
    return max(0, min(given, 2**31))


@dataclass(frozen=True)
class Differs:
    """How a list differs from what a page shows of it, by reference."""

    fresh: tuple[str, ...]
    changed: tuple[str, ...]
    gone: tuple[str, ...]


def compare(shown: dict[str, str], found: CasePage, *, whole: bool) -> Differs:
    """`shown`: reference → stamp as drawn; `whole`: the page shows the list to its end. A row below the last one
    shown is not new to a page that ends before it. Pure."""
    now = {row.reference: stamp(row) for row in found.rows}
    order = list(now)
    last = max((place for place, each in enumerate(order) if each in shown), default=-1)
    upto = order if whole else order[: last + 1]
    fresh = tuple(each for each in upto if each not in shown)
    complete = found.next_cursor is None or len(fresh) < INTO
    return Differs(
        fresh,
        tuple(each for each, drawn in shown.items() if each in now and now[each] != drawn),
        tuple(each for each in shown if each not in now) if complete else (),
    )


@post("/live/queues/{code:str}", opt=READ, status_code=200)
async def queue_state(request: Req, code: str) -> Response[Any]:
    """How a list differs from what the page shows (`shown`: `OMB-1=stamp OMB-2=stamp …`, `whole`), with the counts of
    all queues; the same filters stand in the address."""
    viewer, form = viewer_of(request), await given(request)
    side = await queue_side(viewer)
    which = listed(code, side)
    pairs = [each.partition("=") for each in form.text("shown").split()[:SHOWN]]
    shown = {reference: drawn for reference, _, drawn in pairs}
    found = await list_cases(viewer, narrowed(request.query_params, which), size=min(LARGEST_PAGE, len(shown) + INTO))
    short = found.next_cursor is not None and len(shown) + INTO > LARGEST_PAGE
    differs = compare(_within(shown, found) if short else shown, found, whole=form.text("whole") == "1")
    return await fragment(
        request, "fragments/queue_live.html", code=code, differs=differs, counts=_counts(side.lines),
        counted_at=side.lines[0].as_of if side.lines else None,
    )  # fmt: skip


def _within(shown: dict[str, str], found: CasePage) -> dict[str, str]:
    """Of a page longer than one can compare at once, the part that was read."""
    return dict(list(shown.items())[: len(found.rows)])


def _counts(lines: Sequence[QueueLine]) -> list[tuple[str, int]]:
    return [(line.key, line.waiting) for line in lines]


@post("/cases/{reference:str}/claim", opt=WRITE)
async def claim(request: Req, reference: str) -> Response[Any]:
    """`I am working on this` (step: claim, take_over, release; with `|` and an aspect: on that matter alone); who holds
    it is only warned of, never shut out."""
    viewer, form = viewer_of(request), await given(request)
    case_id = await case_id_of(viewer, reference)
    step, _, which = form.text("step", "claim").partition("|")
    to = f"/cases/{quote(reference)}"
    try:
        aspect_id = identity_of(which, "step") if which else None
        if which and form.text("back") == "aspect":
            to = f"{to}/aspects/{aspect_id}"
        if step == "release":
            await claims.release(viewer, case_id)
            return go(to, "You let go of the case.")
        if step == "take_over":
            await claims.take_over(viewer, case_id, aspect_id)
            return go(to, "You took over. Your colleague is told.")
        await claims.claim(viewer, case_id, aspect_id)
    except (NotNow, Invalid) as problem:
        return go(to, str(problem))
    return go(to, "Others see for ten minutes that you are working on this.")


handlers = [stream, here, case_state, case_timeline, queue_state, claim]
