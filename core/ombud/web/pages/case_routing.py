"""Why a case is where it is: who got it and for what reasons, what is escalated, and what can be done about either."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk.case_shown import CasePageView
from ombud.desk.case_view import case_page
from ombud.desk.errors import Invalid, NotFound, NotNow
from ombud.desk.routing import climbing, jobs, ladders, shown
from ombud.desk.routing.laddering import ENDS, TARGETS
from ombud.desk.routing.shown import EscalationShown, GivenShown
from ombud.desk.writing import case_id_of
from ombud.web.door import viewer_of
from ombud.web.pages.case_drawn import href_of
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given, refused
from ombud.web.shell import go, page

Req = Request[Any, Any, Any]
READ, WRITE, GIVE = {"permission": "case.read"}, {"permission": "case.write"}, {"permission": "case.assign"}
OVER = {
    "answered": "The customer got an answer", "decided": "It was decided", "closed": "The case was closed",
    "acknowledged": "Somebody said what happens next", "taken_back": "It was taken back",
}  # fmt: skip


@get("/cases/{reference:str}/routing", opt=READ)
async def routing(request: Req, reference: str) -> Response[Any]:
    return await _page(request, reference)


async def _page(
    request: Req, reference: str, wrong: Refused = NOTHING_WRONG, kept: Mapping[str, str] | None = None
) -> Response[Any]:
    viewer = viewer_of(request)
    view = await case_page(viewer, reference, talk=False)
    letters = {each.id: each.letter for each in view.aspects}
    found = await shown.escalations(viewer, view.case.id)
    open_case = view.case.status in {"new", "in_progress"} and not view.case.about_me
    writes = viewer.may_in("case.write", view.case.unit.id) and open_case
    gives = viewer.may_in("case.assign", view.case.unit.id) and open_case
    trusted = viewer.may_in("case.history", view.case.unit.id)
    return await page(
        request, "pages/case_routing.html", here="queue", status=wrong.status,
        case={"reference": view.case.reference, "title": view.case.title, "href": href_of(view),
              "owner": view.case.owner, "queue": view.case.queue},
        given=[_given(each, letters, trusted) for each in await shown.given(viewer, view.case.id)],
        running=[_drawn(each, letters, writes, gives) for each in found if each.running],
        ended=[_drawn(each, letters, False, False) for each in found if not each.running],
        ladders=await ladders.ladders_for(view.case.unit.id) if writes else [], matters=_matters(view),
        may_escalate=writes, may_choose=gives and view.case.owner is None,
        form={"ladder": "", "aspect": "", "words": "", **(kept or {}), "errors": wrong.errors,
              "error_of": wrong.error_of},
    )  # fmt: skip


def _matters(view: CasePageView) -> list[tuple[str, str]]:
    """The open matters by themselves, where there are several."""
    found = [(str(each.id), f"{each.letter}: {each.title}") for each in view.aspects if not each.decided]
    return found if len(view.aspects) > 1 else []


def _given(each: GivenShown, letters: Mapping[UUID, str], trusted: bool) -> dict[str, Any]:
    return {
        "at": each.at, "owner": each.owner, "mine": each.mine, "letter": letters.get(each.aspect_id or UUID(int=0), ""),
        "factors": each.factors, "rule": each.rule, "taken_next": each.taken_next, "escalation": each.escalation,
        "reasons": each.reasons if trusted else (),
    }  # fmt: skip


def _drawn(each: EscalationShown, letters: Mapping[UUID, str], writes: bool, gives: bool) -> dict[str, Any]:
    return {
        "id": str(each.id), "ladder": each.ladder, "level": each.level, "of": each.of,
        "letter": letters.get(each.aspect_id or UUID(int=0), ""), "started_at": each.started_at,
        "moved_at": each.moved_at, "next_at": each.next_at,
        "next_step": TARGETS[each.next_step.to] if each.next_step else "",
        "ends": [ENDS[code] for code in each.ends], "ended_at": each.ended_at,
        "ended_because": OVER.get(each.ended_because, ""),
        "may_acknowledge": writes and "acknowledged" in each.ends, "may_take_back": gives,
    }  # fmt: skip


async def _do(request: Req, reference: str, form: Given, change: Any) -> Response[Any]:
    try:
        toast = await change()
    except (Invalid, NotNow) as problem:
        return await _page(request, reference, refused(problem), form.texts())
    return go(f"/cases/{quote(reference, safe='')}/routing", toast)


def _aspect(form: Given) -> UUID | None:
    return form.identity("aspect")


@post("/cases/{reference:str}/routing/choose", opt=GIVE)
async def choose(request: Req, reference: str) -> Response[Any]:
    """Lets routing find the best hands, in the background, where routers run."""
    viewer, form = viewer_of(request), await given(request)
    case_id = await case_id_of(viewer, reference)
    assert viewer.user_id is not None

    async def change() -> str:
        await jobs.ask(case_id, _aspect(form), viewer.user_id or UUID(int=0))
        return "Routing looks for the best hands. It stands here in a moment."

    return await _do(request, reference, form, change)


@post("/cases/{reference:str}/routing/escalate", opt=WRITE)
async def escalate(request: Req, reference: str) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    case_id = await case_id_of(viewer, reference)

    async def change() -> str:
        if not form.text("ladder"):
            raise Invalid("Choose the ladder.", "ladder")
        try:
            await climbing.start(viewer, case_id, form.text("ladder"), _aspect(form))
        except NotFound as problem:
            raise Invalid(str(problem), "ladder") from None
        return "It is escalated. It ends when somebody answers."

    return await _do(request, reference, form, change)


@post("/cases/{reference:str}/escalations/{escalation_id:uuid}/acknowledge", opt=WRITE)
async def acknowledge(request: Req, reference: str, escalation_id: UUID) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)

    async def change() -> str:
        await climbing.acknowledge(viewer, escalation_id, form.text("words"))
        return "Noted. The escalation is over."

    return await _do(request, reference, form, change)


@post("/cases/{reference:str}/escalations/{escalation_id:uuid}/back", opt=GIVE)
async def take_back(request: Req, reference: str, escalation_id: UUID) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)

    async def change() -> str:
        await climbing.take_back(viewer, escalation_id, form.text("words"))
        return "The escalation is taken back."

    return await _do(request, reference, form, change)


handlers = [routing, choose, escalate, acknowledge, take_back]
