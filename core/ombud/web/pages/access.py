"""Signing in and out, and how one likes to look at the desk."""

from typing import Annotated, Any
from urllib.parse import urlsplit

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body

from ombud.process import settings
from ombud.trust import sessions
from ombud.trust.sign_in import Refused, sign_in
from ombud.web.door import SESSION_COOKIE, cookie
from ombud.web.shell import CHOICES, LANGUAGE_COOKIE, LANGUAGES, LOOK_COOKIE, go, looks, page

Req = Request[Any, Any, Any]
Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]
PUBLIC = {"public": True}
HOME = "/queues"
YEAR = 31_536_000


@get("/sign-in", opt=PUBLIC)
async def sign_in_form(request: Req, next: str = HOME) -> Response[Any]:
    """The sign-in page; whoever is signed in goes on at once."""
    if request.scope.get("session") is not None:
        return go(inside(next))
    form = {"login": "", "next": inside(next), "error": ""}
    return await page(request, "pages/sign_in.html", form=form, wait=0)


@post("/sign-in", opt=PUBLIC)
async def sign_in_now(request: Req, data: Form) -> Response[Any]:
    """Opens a session under a fresh secret, or shows the page again with one sentence for all reasons."""
    to = inside(data.get("next", HOME))
    login, address = data.get("login", ""), request.client.host if request.client else ""
    try:
        opened = await sign_in(
            login, data.get("password", ""), address, request.headers.get("user-agent", ""), settings().sign_in
        )
    except Refused as refused:
        form = {"login": login[:200], "next": to, "error": refused.message}
        status = 429 if refused.retry_after else 401
        again = await page(request, "pages/sign_in.html", status=status, form=form, wait=refused.retry_after or 0)
        if refused.retry_after:
            again.headers["retry-after"] = str(refused.retry_after)
        return again
    answer = go(to)
    answer.headers["set-cookie"] = cookie(SESSION_COOKIE, opened.secret)
    return answer


@post("/sign-out", opt=PUBLIC)
async def sign_out(request: Req) -> Response[Any]:
    await sessions.close(request.cookies.get(SESSION_COOKIE, ""))
    answer = go("/sign-in")
    answer.headers["set-cookie"] = cookie(SESSION_COOKIE, "", seconds=0)
    return answer


@post("/preferences", opt=PUBLIC)
async def preferences(request: Req, data: Form) -> Response[Any]:
    """Theme, density, contrast and keys, kept in a cookie: they concern this browser alone."""
    look = looks(request)
    for name, choices in CHOICES.items():
        if name == "keys":
            look[name] = "on" if data.get("keys") == "on" else "off"
        elif data.get(name) in choices:
            look[name] = data[name]
    answer = _answer(request)
    answer.headers["set-cookie"] = cookie(LOOK_COOKIE, ".".join(look[name] for name in CHOICES), seconds=YEAR)
    return answer


@get("/language/{code:str}", opt=PUBLIC)
async def language(request: Req, code: str) -> Response[Any]:
    """The language of the pages, for this browser."""
    answer = go(inside(request.headers.get("referer", "/"), "/"))
    if code in LANGUAGES:
        answer.headers["set-cookie"] = cookie(LANGUAGE_COOKIE, code, seconds=YEAR)
    return answer


def _answer(request: Req) -> Response[Any]:
    if request.headers.get("hx-request"):
        return Response(None, status_code=204)
    return go(inside(request.headers.get("referer", HOME)))


def inside(to: str, otherwise: str = HOME) -> str:
    """The address if it leads to a page of this desk, never elsewhere."""
    parts = urlsplit(to.replace("\\", "/"))
    path = parts.path or otherwise
    if not path.startswith("/") or path.startswith("//") or any(ord(sign) < 32 for sign in to):
        return otherwise
    return path + (f"?{parts.query}" if parts.query else "")


handlers = [sign_in_form, sign_in_now, sign_out, preferences, language]
