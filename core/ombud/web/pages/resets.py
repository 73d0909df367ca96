"""A forgotten password, and the link by which somebody sets a new one or the first one."""

from typing import Any

from litestar import Request, Response, get, post

from ombud.trust import passwords, resets
from ombud.trust.resets import BadReset, ResetFound
from ombud.web.pages.given import given
from ombud.web.shell import go, page
from ombud.web.throttled import Pace

Req = Request[Any, Any, Any]
PUBLIC = {"public": True}
SLOW = {"public": True, "throttle": Pace("reset", 60, 15, safe=True)}
SET = {"reset": "Your password is changed. Sign in with it.", "invite": "Your password is set. Sign in with it."}


@get("/forgot-password", opt=PUBLIC)
async def forgotten(request: Req) -> Response[Any]:
    """What to do: the desk sends no mail, somebody who knows the person hands a link over."""
    return await page(request, "pages/forgot_password.html")


@get("/reset/{token:str}", opt=SLOW)
async def reset_form(request: Req, token: str) -> Response[Any]:
    """Looking at a link does not use it up: mail programs look at addresses, too."""
    try:
        found = await resets.read(token)
    except BadReset as bad:
        return await _bad(request, bad)
    return await _page(request, token, found)


@post("/reset/{token:str}", opt=SLOW)
async def reset_now(request: Req, token: str) -> Response[Any]:
    """Sets the password once; a weak one leaves the link as it was."""
    form = await given(request)
    fresh = form.text("new")
    try:
        found = await resets.read(token)
        if fresh != form.text("again"):
            return await _page(request, token, found, "The two passwords differ. Type the same one twice.", "again")
        found = await resets.use(token, fresh)
    except BadReset as bad:
        return await _bad(request, bad)
    except passwords.WeakPassword as weak:
        return await _page(request, token, found, str(weak), "new")
    return go("/sign-in", SET[found.purpose])


async def _page(request: Req, token: str, found: ResetFound, wrong: str = "", at: str = "") -> Response[Any]:
    answer = await page(
        request, "pages/reset.html", status=422 if wrong else 200, token=token, reset=found,
        errors=[{"field": at, "message": wrong}] if wrong else [], error_of={at: wrong} if wrong else {},
        shortest=passwords.SHORTEST,
    )  # fmt: skip
    answer.headers["referrer-policy"] = "no-referrer"
    return answer


async def _bad(request: Req, bad: BadReset) -> Response[Any]:
    ways = [{"label": "What to do now", "href": "/forgot-password", "main": True},
            {"label": "Sign in", "href": "/sign-in"}]  # fmt: skip
    return await page(
        request, "pages/error.html", status=404, title="This link does not work", what=str(bad), safe="", number="",
        ways=ways,
    )  # fmt: skip


handlers = [forgotten, reset_form, reset_now]
