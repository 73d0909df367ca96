"""What people keep for themselves: their API tokens and their password."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk.errors import NotFound
from ombud.kernel.clock import now
from ombud.process import settings
from ombud.speech import counted
from ombud.trust import passwords, sign_in, tokens, users
from ombud.trust.permissions import PERMISSIONS
from ombud.trust.policy import Viewer
from ombud.trust.sign_in import Refused as NotSignedIn
from ombud.trust.tokens import ScopeNotHeld, TokenProblem, UnknownScope
from ombud.web.door import viewer_of
from ombud.web.entering import let_in, renewed
from ombud.web.guard import SIGNED_IN
from ombud.web.pages.given import NOTHING_WRONG, Refused, given
from ombud.web.shell import go, page
from ombud.web.throttled import address_of

Req = Request[Any, Any, Any]
OWN = {"permission": "token.own"}
ME = {"permission": SIGNED_IN}
DAYS = (7, 30, 90, 365)


def _user_id(viewer: Viewer) -> UUID:
    if viewer.user_id is None:  # the guard lets nobody through who is not signed in
        raise NotFound("Sign in first.")
    return viewer.user_id


@get("/me/tokens", opt=OWN)
async def my_tokens(request: Req) -> Response[Any]:
    return await _tokens_page(request, {})


@post("/me/tokens", opt={**OWN, "confirm": True})
async def make_token(request: Req) -> Response[Any]:
    """Makes a token and shows it, this one time, in the answer itself: no address leads to it again."""
    viewer, form = viewer_of(request), await given(request)
    kept: dict[str, Any] = {"name": form.text("name"), "days": form.text("days"), "scopes": form.all("scopes")}
    days = form.number("days")
    try:
        if days is not None and days not in DAYS:
            raise TokenProblem("choose how long it holds from the list")
        user = await users.find(_user_id(viewer))
        expires = timedelta(days=days) if days else None
        plain = await tokens.create(user.name, kept["name"], kept["scopes"], expires, actor=viewer.actor)
    except TokenProblem as problem:
        at = "scopes" if isinstance(problem, UnknownScope | ScopeNotHeld) else "name"
        return await _tokens_page(request, kept, _wrong(str(problem), at))
    return await _tokens_page(request, {}, plain=plain)


@post("/me/tokens/{token_id:uuid}/revoke", opt=OWN)
async def revoke_token(request: Req, token_id: UUID) -> Response[Any]:
    """Ends one of one's own; somebody else's is not there."""
    viewer = viewer_of(request)
    if token_id not in {each.id for each in await tokens.of_user(_user_id(viewer))}:
        raise NotFound("You have no such token.")
    await tokens.revoke(token_id, viewer.actor)
    return go("/me/tokens", "The token has ended. Whatever used it is refused from now on.")


def _wrong(message: str, field: str) -> Refused:
    text = f"{message[:1].upper()}{message[1:]}".rstrip(".") + "."
    return Refused(422, [{"field": field, "message": text}], {field: text})


async def _tokens_page(
    request: Req, kept: Mapping[str, Any], wrong: Refused = NOTHING_WRONG, plain: str = ""
) -> Response[Any]:
    viewer = viewer_of(request)
    listed = await tokens.of_user(_user_id(viewer))
    mine = [{"listed": each, "state": _state(each)} for each in listed]
    return await page(
        request, "pages/tokens.html", here="me", status=wrong.status, tokens=mine, plain=plain,
        form={"name": "", "days": "90", "scopes": [], **kept, "errors": wrong.errors, "error_of": wrong.error_of},
        scopes=[(each.key, each.label, "") for each in PERMISSIONS if viewer.may(each.key)],
        days=[*((str(n), counted("%(num)s day", "%(num)s days", n)) for n in DAYS), ("0", "Until it is revoked")],
    )  # fmt: skip


def _state(token: tokens.TokenListed) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "expired" if token.expires_at is not None and token.expires_at <= now() else "holds"


@get("/me/password", opt=ME)
async def password_form(request: Req) -> Response[Any]:
    return await _password_page(request)


@post("/me/password", opt=ME)
async def change_password(request: Req) -> Response[Any]:
    """Asks for the old one, which counts as a try to sign in; ends all sessions and opens a new one here."""
    viewer, form = viewer_of(request), await given(request)
    user = await users.find(_user_id(viewer))
    fresh = form.text("new")
    if fresh != form.text("again"):
        return await _password_page(request, _wrong("The two new passwords differ. Type the new one twice", "again"))
    try:
        await users.check_password(fresh, user.name)
        await sign_in.check_password(user.name, form.text("old"), address_of(request), settings().sign_in)
        await users.set_password(user.id, fresh, viewer.actor)
    except passwords.WeakPassword as problem:
        return await _password_page(request, _wrong(str(problem), "new"))
    except NotSignedIn as problem:
        words = problem.message if problem.retry_after else "This is not your password. Type the one you use now."
        return await _password_page(request, _wrong(words, "old"))
    answer = go("/queues", "Your password is changed. You are signed out everywhere else.")
    let_in(request, answer, await renewed(request, user.id))
    return answer


async def _password_page(request: Req, wrong: Refused = NOTHING_WRONG) -> Response[Any]:
    form = {"errors": wrong.errors, "error_of": wrong.error_of}
    return await page(request, "pages/password.html", here="me", status=wrong.status, form=form)


handlers = [my_tokens, make_token, revoke_token, password_form, change_password]
