"""Where one is signed in, and the question for the password once more before a risky step."""

from typing import Any

from litestar import Request, Response, get, post

from ombud.process import settings
from ombud.trust import second_factor, sessions, sign_in
from ombud.trust.sign_in import Refused as NotSignedIn
from ombud.web.browser_words import browser_in_words
from ombud.web.door import viewer_of
from ombud.web.entering import session_of
from ombud.web.guard import SIGNED_IN
from ombud.web.pages.access import inside, with_wait
from ombud.web.pages.given import Given, given
from ombud.web.shell import go, page
from ombud.web.throttled import address_of

Req = Request[Any, Any, Any]
ME = {"permission": SIGNED_IN, "enrolling": True}
HERE = "/me/sessions"
NO_BROWSER = "This page belongs to browsers. A token has no session."


def _no_session(request: Req) -> bool:
    """A token speaks, not a browser."""
    return request.scope.get("session") is None


@get(HERE, opt=ME)
async def my_sessions(request: Req) -> Response[Any]:
    """One's sessions, this one marked."""
    viewer = viewer_of(request)
    assert viewer.user_id is not None
    here = "" if _no_session(request) else session_of(request).id
    found = await sessions.of_user(viewer.user_id, settings().sign_in.idle_minutes)
    return await page(request, "pages/sessions.html", here="me", sessions=[shown(each, here) for each in found])


def shown(session: sessions.SessionListed, here: str = "") -> dict[str, Any]:
    """A session as the pages draw it."""
    browser, system = browser_in_words(session.agent)
    return {"session": session, "browser": browser, "system": system, "here": session.id == here}


@post("/me/sessions/end", opt=ME)
async def end_one(request: Req) -> Response[Any]:
    """Ends one; the own one as well, which then leads to the sign-in page."""
    viewer, form = viewer_of(request), await given(request)
    assert viewer.user_id is not None
    ended = await sessions.end(viewer.user_id, form.text("session")[:64], viewer.actor)
    return go(HERE, "That browser is signed out." if ended else "That session had ended already.")


@post("/me/sessions/end-others", opt=ME)
async def end_others(request: Req) -> Response[Any]:
    viewer = viewer_of(request)
    assert viewer.user_id is not None
    keep = "" if _no_session(request) else session_of(request).id
    count = await sessions.end_all(viewer.user_id, viewer.actor, keep=keep)
    return go(HERE, "All other browsers are signed out." if count else "You are signed in nowhere else.")


@get("/me/confirm", opt=ME)
async def confirm_form(request: Req, next: str = "") -> Response[Any]:
    """Asks for the password, and the code where there is a second factor."""
    return await _confirm_page(request, inside(next) if next else "/queues")


@post("/me/confirm", opt=ME)
async def confirm_now(request: Req) -> Response[Any]:
    """For the next quarter of an hour risky steps go through in this session."""
    viewer, form = viewer_of(request), await given(request)
    assert viewer.user_id is not None
    to = inside(form.text("next", "/queues"))
    if _no_session(request):
        return await _confirm_page(request, to, NotSignedIn(NO_BROWSER))
    try:
        await _check(request, form)
    except NotSignedIn as problem:
        return await _confirm_page(request, to, problem)
    await sessions.prove(session_of(request).id)
    return go(to)


async def _check(request: Req, form: Given) -> None:
    """Raises Refused."""
    user_id = viewer_of(request).user_id
    assert user_id is not None
    password, code = form.text("password"), form.text("code")
    await sign_in.confirm(user_id, password, code, address_of(request), settings().sign_in)


async def _confirm_page(request: Req, to: str, problem: NotSignedIn | None = None) -> Response[Any]:
    user_id = viewer_of(request).user_id
    assert user_id is not None
    answer = await page(
        request, "pages/confirm.html", here="me", form={"next": to, "error": in_words(problem)},
        status=200 if problem is None else 429 if problem.retry_after else 422,
        with_code=await second_factor.is_on(user_id),
    )  # fmt: skip
    return answer if problem is None else with_wait(answer, problem)


def in_words(problem: NotSignedIn | None) -> str:
    """Whoever is signed in has a name already, so only the password can be wrong."""
    if problem is None:
        return ""
    wrong = problem.message == sign_in.WRONG
    return "This is not your password. Type the one you use now." if wrong else problem.message


handlers = [my_sessions, end_one, end_others, confirm_form, confirm_now]
