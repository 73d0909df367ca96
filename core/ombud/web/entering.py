"""A browser is let in, or gets a fresh secret after something about its owner's access changed."""

from typing import Any, cast
from uuid import UUID

from litestar import Request, Response

from ombud.process import settings
from ombud.trust import sessions
from ombud.trust.sessions import SessionFound, SignedIn
from ombud.trust.viewers import viewer_of_session
from ombud.web.door import SESSION_COOKIE, cookie_of, put_cookie

HALF_COOKIE = "ombud_half"
KNOWN_COOKIE = "ombud_known"
YEAR = 31_536_000

Req = Request[Any, Any, Any]


def agent_of(request: Req) -> str:
    return request.headers.get("user-agent", "")


def marks_of(request: Req) -> str:
    """Who signed in from this browser before, as it claims; the marks are signed."""
    return cookie_of(request, KNOWN_COOKIE)[:400]


def session_of(request: Req) -> SessionFound:
    """The session of a request that the guard let through as a person's."""
    return cast(SessionFound, cast(Any, request.scope)["session"])


def let_in(request: Req, answer: Response[Any], opened: SignedIn) -> None:
    """Gives the browser the session's secret, and the mark by which it is known the next time."""
    put_cookie(answer, SESSION_COOKIE, opened.secret)
    put_cookie(answer, KNOWN_COOKIE, sessions.with_mark(marks_of(request), opened.user_id), YEAR)
    put_cookie(answer, HALF_COOKIE, "", 0)


async def renewed(request: Req, user_id: UUID) -> SignedIn:
    """A new session in place of this browser's; pages drawn for this request already carry its token."""
    rules = settings().sign_in
    await sessions.close(cookie_of(request, SESSION_COOKIE))
    opened = await sessions.open_session(user_id, agent_of(request), rules.session_hours)
    found = await viewer_of_session(opened.secret, rules.idle_minutes, rules.second_factor_roles)
    if found is not None:
        state: Any = request.scope
        state["viewer"], state["session"] = found
    return opened
