"""How another person gets in, for administrators: a link to set a password, their sessions, a lost phone."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk import staff
from ombud.desk.administration.authority import demand_over
from ombud.process import address, settings
from ombud.speech import sentence
from ombud.trust import resets, second_factor, sessions, users
from ombud.trust.users import UserFound
from ombud.web.door import viewer_of
from ombud.web.pages.administration import administration_page
from ombud.web.pages.given import given
from ombud.web.pages.sessions import shown
from ombud.web.shell import go

Req = Request[Any, Any, Any]
MANAGE = {"permission": "user.manage"}
SURE = {**MANAGE, "confirm": True}


async def _user(request: Req, user_id: UUID) -> UserFound:
    """Raises NotFound for whoever is out of this administrator's reach, and NotAllowed for whoever may do more."""
    viewer = viewer_of(request)
    await staff.seen(viewer, user_id)
    await demand_over(viewer, user_id)
    return await users.find(user_id)


@get("/users/{user_id:uuid}/access", opt=MANAGE)
async def user_access(request: Req, user_id: UUID) -> Response[Any]:
    return await _page(request, await _user(request, user_id))


async def _page(request: Req, user: UserFound, link: str = "", wrong: str = "") -> Response[Any]:
    factor = await second_factor.of_user(user.id)
    found = await sessions.of_user(user.id, settings().sign_in.idle_minutes)
    return await administration_page(
        request, "pages/user_access.html", "users", user=user, link=link, hours=resets.HOURS, wrong=wrong,
        status=409 if wrong else 200, open_until=None if link else await resets.open_link(user.id),
        factor_since=factor.since if factor else None, sessions=[shown(each) for each in found],
    )  # fmt: skip


@post("/users/{user_id:uuid}/reset-link", opt=SURE)
async def make_link(request: Req, user_id: UUID) -> Response[Any]:
    """Shows the new link this one time; it replaces an earlier one."""
    user, form = await _user(request, user_id), await given(request)
    purpose = "reset" if user.has_password or form.text("purpose") == "reset" else "invite"
    try:
        token = await resets.make(user.id, viewer_of(request).actor, purpose)
    except users.UserProblem as problem:
        return await _page(request, user, wrong=f"{str(problem)[:1].upper()}{str(problem)[1:]}.")
    return await _page(request, user, link=address(f"/reset/{token}"))


@post("/users/{user_id:uuid}/reset-link/take-back", opt=MANAGE)
async def take_link_back(request: Req, user_id: UUID) -> Response[None]:
    user = await _user(request, user_id)
    await resets.take_back(user.id, viewer_of(request).actor)
    return go(f"/users/{user.id}/access", "The link does not work any more.")


@post("/users/{user_id:uuid}/sessions/end", opt=MANAGE)
async def end_sessions(request: Req, user_id: UUID) -> Response[None]:
    """Signs the person out everywhere; they may sign in again."""
    user = await _user(request, user_id)
    await sessions.end_all(user.id, viewer_of(request).actor)
    return go(
        f"/users/{user.id}/access",
        sentence("%(display_name)s is signed out everywhere.", display_name=user.display_name),
    )


@post("/users/{user_id:uuid}/second-factor/remove", opt=SURE)
async def remove_factor(request: Req, user_id: UUID) -> Response[None]:
    """For somebody who lost phone and recovery codes; signs them out everywhere."""
    user = await _user(request, user_id)
    gone = await second_factor.turn_off(user.id, viewer_of(request).actor, "lost")
    said = (
        sentence("%(display_name)s signs in by password alone now.", display_name=user.display_name)
        if gone
        else "There was no second factor."
    )
    return go(f"/users/{user.id}/access", said)


handlers = [user_access, make_link, take_link_back, end_sessions, remove_factor]
