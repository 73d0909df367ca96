"""Signing in and out, and how one likes to look at the desk."""

from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body

from ombud.process import settings
from ombud.speech import LANGUAGES
from ombud.trust import sessions
from ombud.trust.sign_in import TOO_LATE, Refused, sign_in, with_code
from ombud.web.door import LANGUAGE_COOKIE, SESSION_COOKIE, cookie, cookie_of, put_cookie
from ombud.web.entering import HALF_COOKIE, agent_of, let_in, marks_of
from ombud.web.shell import CHOICES, LOOK_COOKIE, go, looks, page
from ombud.web.throttled import address_of

Req = Request[Any, Any, Any]
Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]
PUBLIC = {"public": True}
COUNTED = {**PUBLIC, "counts_itself": True}  # per name, person and address, in trust/sign_in.py
HOME = "/queues"
YEAR = 31_536_000


@get("/sign-in", opt=PUBLIC)
async def sign_in_form(request: Req, next: str = HOME) -> Response[Any]:
    """The sign-in page; whoever is signed in goes on at once."""
    if request.scope.get("session") is not None:
        return go(inside(next))
    form = {"login": "", "next": inside(next), "error": ""}
    return await page(request, "pages/sign_in.html", form=form, wait=0)


@post("/sign-in", opt=COUNTED)
async def sign_in_now(request: Req, data: Form) -> Response[Any]:
    """Opens a session under a fresh secret, or shows the page again with one sentence for all reasons."""
    to, login = inside(data.get("next", HOME)), data.get("login", "")
    try:
        opened = await sign_in(
            login, data.get("password", ""), address_of(request), agent_of(request), settings().sign_in,
            marks_of(request),
        )  # fmt: skip
    except Refused as refused:
        form = {"login": login[:200], "next": to, "error": refused.message}
        again = await page(
            request, "pages/sign_in.html", status=status_of(refused), form=form, wait=refused.retry_after or 0
        )
        return with_wait(again, refused)
    if opened.half:
        answer = go(f"/sign-in/code?next={quote(to, safe='/')}")
        put_cookie(answer, HALF_COOKIE, opened.secret)
        return answer
    answer = go(to)
    let_in(request, answer, opened)
    return answer


@get("/sign-in/code", opt=PUBLIC)
async def code_form(request: Req, next: str = HOME) -> Response[Any]:
    """The second step; without the first one it leads back there."""
    if await sessions.half_of(cookie_of(request, HALF_COOKIE)) is None:
        return go(f"/sign-in?next={quote(inside(next), safe='/')}")
    return await page(request, "pages/sign_in_code.html", form={"next": inside(next), "error": ""}, wait=0)


@post("/sign-in/code", opt=COUNTED)
async def code_now(request: Req, data: Form) -> Response[Any]:
    """A code of the app, or one of the recovery codes."""
    to, half = inside(data.get("next", HOME)), cookie_of(request, HALF_COOKIE)
    if await sessions.half_of(half) is None:
        return go("/sign-in", TOO_LATE)
    try:
        opened = await with_code(
            half, data.get("code", ""), agent_of(request), settings().sign_in, marks_of(request)
        )  # fmt: skip
    except Refused as refused:
        again = await page(
            request, "pages/sign_in_code.html", status=status_of(refused),
            form={"next": to, "error": refused.message}, wait=refused.retry_after or 0,
        )  # fmt: skip
        return with_wait(again, refused)
    answer = go(to)
    let_in(request, answer, opened)
    return answer


def status_of(refused: Refused) -> int:
    return 429 if refused.retry_after else 401


def with_wait(answer: Response[Any], refused: Refused) -> Response[Any]:
    if refused.retry_after:
        answer.headers["retry-after"] = str(refused.retry_after)
    return answer


@post("/sign-out", opt=PUBLIC)
async def sign_out(request: Req) -> Response[Any]:
    await sessions.close(cookie_of(request, SESSION_COOKIE))
    answer = go("/sign-in")
    put_cookie(answer, SESSION_COOKIE, "", 0)
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


handlers = [sign_in_form, sign_in_now, code_form, code_now, sign_out, preferences, language]
