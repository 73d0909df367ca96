"""Emergency access: asking for it, ending it, and reviewing what others opened."""

from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk.errors import Invalid, NotAllowed, NotFound, NotNow
from ombud.desk.viewing import emergencies
from ombud.desk.viewing.emergencies import HOURS, REVIEWS, RIGHT, EmergencyShown
from ombud.desk.writing import case_id_of
from ombud.speech import counted, sentence
from ombud.trust import viewing
from ombud.web.door import viewer_of
from ombud.web.pages.administration import administration_page
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given, refused
from ombud.web.shell import go, page

Req = Request[Any, Any, Any]
OPEN, REVIEW = {"permission": RIGHT}, {"permission": REVIEWS}
HERE = "/administration/emergencies"


@get("/emergency", opt=OPEN)
async def form(request: Req, reference: str = "") -> Response[Any]:
    """Where a case is opened in an emergency, and what this person opened so far."""
    return await _form(request, {"reference": reference.strip()[:100]})


@post("/emergency", opt=OPEN)
async def begin(request: Req) -> Response[Any]:
    viewer, typed = viewer_of(request), await given(request)
    try:
        reference = await emergencies.begin(
            viewer, typed.text("reference").strip(), typed.text("reason"), typed.number("hours")
        )
    except NotFound as problem:
        return await _form(request, typed.texts(), _beside(404, "reference", problem))
    except (Invalid, NotNow) as problem:
        wrong = refused(problem) if isinstance(problem, Invalid) else _beside(409, "reference", problem)
        return await _form(request, typed.texts(), wrong)
    return go(f"/cases/{quote(reference, safe='')}", "The case is open to you. Compliance was told.")


def _beside(status: int, field: str, problem: Exception) -> Refused:
    message = str(problem)
    return Refused(status, [{"field": field, "message": message}], {field: message})


async def _form(request: Req, typed: dict[str, str], wrong: Refused = NOTHING_WRONG) -> Response[Any]:
    own = await emergencies.mine(viewer_of(request))
    return await page(
        request, "pages/emergency.html", here="queue", status=wrong.status,
        form={"reference": "", "reason": "", "hours": "1", **typed, "errors": wrong.errors,
              "error_of": wrong.error_of},
        hours=[(str(each), counted("1 hour", "%(num)s hours", each)) for each in HOURS],
        own=[_drawn(each) for each in own],
    )  # fmt: skip


@post("/cases/{reference:str}/emergency/end", opt={"permission": "case.read"})
async def end_own(request: Req, reference: str) -> Response[Any]:
    """Ends one's own access from the case's banner; what was over already stays so."""
    viewer = viewer_of(request)
    try:
        await emergencies.end_own(viewer, await case_id_of(viewer, reference))
    except NotFound:
        return go("/queues", "It was over already.")
    return go("/queues", "Your emergency access is over.")


@get(HERE, opt=REVIEW)
async def waiting(request: Req, which: str = "", after: str = "") -> Response[Any]:
    """What waits for a review, or everything that was opened (`which=all`)."""
    return await _list(request, which, after)


@post(f"{HERE}/{{emergency_id:uuid}}/end", opt=REVIEW)
async def end(request: Req, emergency_id: UUID) -> Response[Any]:
    reference = await emergencies.end(viewer_of(request), emergency_id)
    return go(HERE, sentence("The emergency access to %(reference)s is over.", reference=reference))


@post(f"{HERE}/{{emergency_id:uuid}}/review", opt=REVIEW)
async def review(request: Req, emergency_id: UUID) -> Response[Any]:
    """Justified, or not justified, with the reason."""
    typed = await given(request)
    finding = {"yes": True, "no": False}.get(typed.text("justified"))
    try:
        await emergencies.review(viewer_of(request), emergency_id, finding, typed.text("words"))
    except (Invalid, NotNow) as problem:
        return await _list(request, "", "", refused(problem), typed, str(emergency_id))
    except NotAllowed as problem:
        return await _list(request, "", "", _beside(409, "", problem), typed, str(emergency_id))
    return go(HERE, "The review is recorded.")


async def _list(
    request: Req, which: str, after: str, wrong: Refused = NOTHING_WRONG, typed: Given | None = None, of: str = ""
) -> Response[Any]:
    await viewing.held.write()
    whole = which == "all"
    found, more = await emergencies.listed(viewer_of(request), waiting=not whole, cursor=after)
    query = {"which": "all"} if whole else {}
    kept = {"justified": typed.text("justified"), "words": typed.text("words")} if typed else {}
    return await administration_page(
        request, "pages/emergencies.html", "emergencies", status=wrong.status, whole=whole,
        rows=[_drawn(each) for each in found], errors=wrong.errors, error_of=wrong.error_of, of=of, kept=kept,
        next_href=f"{HERE}?{urlencode({**query, 'after': more})}" if more else "",
    )  # fmt: skip


def _drawn(each: EmergencyShown) -> dict[str, Any]:
    return {
        "id": str(each.id), "reference": each.reference, "href": f"/cases/{quote(each.reference, safe='')}",
        "who": each.who.name, "person": str(each.who.id), "reason": each.reason, "opened_at": each.opened_at,
        "over_at": each.over_at, "open": each.open, "ended_early": each.ended_early, "looks": each.looks,
        "late": each.late, "reviewed_at": each.reviewed_at, "reviewer": each.reviewer, "justified": each.justified,
        "words": each.words, "own": each.own,
    }  # fmt: skip


handlers = [form, begin, end_own, waiting, end, review]
