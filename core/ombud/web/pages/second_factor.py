"""One's own second factor: set up an authenticator app, new recovery codes, turn it off."""

import io
from typing import Any

from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException

from ombud.desk import units
from ombud.process import settings
from ombud.trust import second_factor, sign_in, users
from ombud.trust.second_factor import FactorProblem, Setup
from ombud.trust.sign_in import Refused as NotSignedIn
from ombud.trust.users import UserFound
from ombud.web.door import viewer_of
from ombud.web.entering import let_in, renewed
from ombud.web.guard import SIGNED_IN
from ombud.web.pages.given import given
from ombud.web.pages.sessions import in_words
from ombud.web.shell import go, page
from ombud.web.throttled import Pace, address_of

Req = Request[Any, Any, Any]
ME = {"permission": SIGNED_IN, "enrolling": True}
SURE = {**ME, "confirm": True}
HERE = "/me/second-factor"


async def _me(request: Req) -> UserFound:
    user_id = viewer_of(request).user_id
    assert user_id is not None
    return await users.find(user_id)


@get(HERE, opt=ME)
async def my_factor(request: Req) -> Response[Any]:
    """How it stands; while it is set up, the picture for the app and the field for its first code."""
    return await _page(request)


@post(f"{HERE}/begin", opt=SURE)
async def begin(request: Req) -> Response[Any]:
    """A fresh secret; nothing changes until its first code is typed."""
    me = await _me(request)
    try:
        await second_factor.begin(me.id, me.name, (await units.first()).name)
    except FactorProblem as problem:
        return go(HERE, str(problem))
    return go(HERE)


@get(f"{HERE}/qr.svg", opt=ME)
async def picture(request: Req) -> Response[bytes]:
    """The secret for the phone's camera, while it is set up: a file of the desk, so the content policy stays strict."""
    setup = await _setup(await _me(request))
    if setup is None:
        raise NotFoundException
    import segno  # for this alone

    drawn = io.BytesIO()
    segno.make(setup.address, error="m", micro=False).save(
        drawn, kind="svg", scale=5, border=4, dark="#000", light="#fff", xmldecl=False, nl=False
    )
    return Response(drawn.getvalue(), media_type="image/svg+xml")


async def _setup(me: UserFound) -> Setup | None:
    return await second_factor.begun(me.id, me.name, (await units.first()).name)


@post(f"{HERE}/turn-on", opt={**SURE, "throttle": Pace("turn-on", 30, 60)})
async def turn_on(request: Req) -> Response[Any]:
    """The app's first code turns it on; all other browsers are signed out and this one gets a new secret."""
    me, form = await _me(request), await given(request)
    try:
        codes = await second_factor.turn_on(me.id, form.text("code"), viewer_of(request).actor)
    except FactorProblem as problem:
        return await _page(request, str(problem), "code")
    opened = await renewed(request, me.id)
    answer = await _page(request, codes=codes)
    let_in(request, answer, opened)
    return answer


@post(f"{HERE}/codes", opt=SURE)
async def new_codes(request: Req) -> Response[Any]:
    """Ten new ones, shown this one time."""
    me = await _me(request)
    try:
        codes = await second_factor.new_codes(me.id, viewer_of(request).actor)
    except FactorProblem as problem:
        return go(HERE, str(problem))
    return await _page(request, codes=codes)


@post(f"{HERE}/turn-off", opt=ME)
async def turn_off(request: Req) -> Response[Any]:
    """Needs password and code in the same form."""
    me, form = await _me(request), await given(request)
    if not await second_factor.is_on(me.id):
        return go(HERE, "There is no second factor to turn off.")
    try:
        await sign_in.confirm(me.id, form.text("password"), form.text("code"), address_of(request), settings().sign_in)
    except NotSignedIn as problem:
        at = "password" if problem.message == sign_in.WRONG else "code"
        return await _page(request, in_words(problem), at)
    await second_factor.turn_off(me.id, viewer_of(request).actor, "own")
    answer = go(HERE, "Your second factor is off. Other browsers are signed out.")
    let_in(request, answer, await renewed(request, me.id))
    return answer


async def _page(request: Req, wrong: str = "", at: str = "", codes: list[str] | None = None) -> Response[Any]:
    me = await _me(request)
    found, setup = await second_factor.of_user(me.id), await _setup(me)
    return await page(
        request, "pages/second_factor.html", here="me", status=422 if wrong else 200, user=me.name,
        since=found.since if found else None, codes_left=found.codes_left if found else 0,
        secret=_in_fours(setup.secret) if setup else "", codes=codes or [],
        required=await _required(request, me), error_of={at: wrong} if wrong else {},
        errors=[{"field": at, "message": wrong}] if wrong else [],
    )  # fmt: skip


def _in_fours(secret: str) -> str:
    return " ".join(secret[place : place + 4] for place in range(0, len(secret), 4))


async def _required(request: Req, me: UserFound) -> bool:
    return not {held.role for held in me.roles}.isdisjoint(settings().sign_in.second_factor_roles)


handlers = [my_factor, begin, picture, turn_on, new_codes, turn_off]
