"""Users: the list, adding somebody, and one of them with roles, sessions, tokens and what was done to the account."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk import staff
from ombud.desk.administration import leaving
from ombud.desk.administration.authority import MANAGE, unit_tree
from ombud.desk.administration.roles import all_roles
from ombud.desk.administration.staff_list import StaffMember, StaffRow, Wanted, list_staff, member
from ombud.desk.administration.trail import trail
from ombud.desk.errors import Changed, DeskRefusal, Invalid, NotAllowed, NotFound, NotNow
from ombud.speech import LANGUAGES, joined, sentence, word
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages.administration import administration_page
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given, identity_of
from ombud.web.pages.set_up import beside, clash, token_state
from ombud.web.shell import go

Req = Request[Any, Any, Any]
OPT = {"permission": MANAGE}
REFUSED = (Invalid, NotNow, NotAllowed, Changed)
STATES = [("", "Everybody"), ("active", "Active"), ("inactive", "Shut out")]


@get("/users", opt=OPT)
async def users_listed(
    request: Req, q: str = "", stands: str = "active", role: str = "", unit: str = "", after: str = ""
) -> Response[Any]:
    viewer, text = viewer_of(request), q.replace("\0", "").strip()
    unit_id = identity_of(unit, "unit") if unit else None
    found = await list_staff(viewer, Wanted(text, stands, role.replace("\0", ""), unit_id), after or None)
    kept = {"q": text, "stands": stands, "role": role, "unit": unit}
    more = urlencode({**kept, "after": found.next_cursor}) if found.next_cursor else ""
    return await administration_page(
        request, "pages/users.html", "users", users=[_row(each) for each in found.rows], filters=kept, states=STATES,
        roles=await _roles(), units=await _units(viewer), filtered=bool(text or role or unit or stands != "active"),
        next_href=f"/users?{more}" if more else "",
    )  # fmt: skip


def _row(row: StaffRow) -> dict[str, Any]:
    return {
        "href": f"/users/{row.id}", "name": row.name, "display_name": row.display_name, "email": row.email,
        "active": row.active, "has_password": row.has_password,
        "seen_at": row.seen_at, "second_factor": row.second_factor,
        "roles": [joined((word(each.label), each.unit)) for each in row.roles],
    }  # fmt: skip


async def _roles() -> list[tuple[str, str]]:
    return [(each.key, each.label) for each in await all_roles() if each.active]


async def _units(viewer: Viewer) -> list[tuple[str, str]]:
    return [(str(each.id), each.path) for each in await unit_tree() if each.active and viewer.may_in(MANAGE, each.id)]


_EMPTY = {"name": "", "display_name": "", "email": "", "language": "en", "role": "agent", "unit": ""}


@get("/users/new", opt=OPT)
async def new_user(request: Req) -> Response[Any]:
    return await _new_page(request, _EMPTY)


@post("/users/new", opt=OPT)
async def add_user(request: Req) -> Response[Any]:
    """Adds somebody with a first password, or leads on to a link by which they set one themselves."""
    viewer, form = viewer_of(request), await given(request)
    kept = {name: form.text(name) for name in _EMPTY}
    try:
        unit_id = form.identity("unit")
        if unit_id is None:
            raise Invalid("Choose the unit the person works in.", "unit")
        user_id = await staff.add(
            viewer, kept["name"], kept["display_name"], kept["email"], kept["language"], form.text("password") or None,
            kept["role"], unit_id,
        )  # fmt: skip
    except REFUSED as problem:
        return await _new_page(request, kept, beside(problem))
    name = kept["display_name"] or kept["name"]
    if not form.text("password"):
        return go(
            f"/users/{user_id}/access", sentence("%(name)s is added. Make an invitation and hand it over.", name=name)
        )
    return go(f"/users/{user_id}", sentence("%(name)s may sign in now.", name=name))


async def _new_page(request: Req, kept: Mapping[str, str], wrong: Refused = NOTHING_WRONG) -> Response[Any]:
    return await administration_page(
        request, "pages/user_new.html", "users", status=wrong.status, roles=await _roles(),
        units=await _units(viewer_of(request)), languages=list(LANGUAGES.items()),
        form={**kept, "errors": wrong.errors, "error_of": wrong.error_of},
    )  # fmt: skip


@get("/users/{user_id:uuid}", opt=OPT)
async def user_shown(request: Req, user_id: UUID, before: int | None = None) -> Response[Any]:
    return await _user_page(request, user_id, before=before)


async def _user_page(
    request: Req, user_id: UUID, *, wrong: Refused = NOTHING_WRONG, kept: Mapping[str, str] | None = None,
    conflict: dict[str, Any] | None = None, before: int | None = None,
) -> Response[Any]:  # fmt: skip
    viewer = viewer_of(request)
    found: StaffMember = await member(viewer, user_id)
    row, mine = found.row, viewer.user_id == user_id
    entries = await trail([f"user/{user_id}"], before=before, size=30)
    more = f"/users/{user_id}?before={entries[-1].id}#trail" if len(entries) == 30 else ""
    as_it_is = {"display_name": row.display_name, "email": row.email, "language": row.language, "role": "", "unit": ""}
    return await administration_page(
        request, "pages/user.html", "users", status=409 if conflict else wrong.status, user={
            **_row(row), "id": str(row.id), "version": row.version, "sessions": found.sessions, "mine": mine,
            "created_at": row.created_at, "roles": [
                {"role": each.role, "label": each.label, "unit": each.unit, "unit_id": str(each.unit_id)}
                for each in row.roles
            ],
        },
        tokens=[{"listed": each, "state": token_state(each)} for each in found.tokens], trail=entries, more_href=more,
        roles=await _roles(), units=await _units(viewer), languages=list(LANGUAGES.items()), conflict=conflict,
        form={**as_it_is, **(kept or {}), "errors": wrong.errors, "error_of": wrong.error_of},
    )  # fmt: skip


Change = Callable[[Viewer, Given], Awaitable[str]]


async def _do(request: Req, user_id: UUID, change: Change) -> Response[Any]:
    """Runs one change; a refusal shows the page again with what was typed, never a password."""
    viewer, form = viewer_of(request), await given(request)
    try:
        toast = await change(viewer, form)
    except REFUSED as problem:
        kept = {name: text for name, text in form.texts().items() if name not in {"password", "_csrf"}}
        conflict = await clash(problem, [f"user/{user_id}"])
        return await _user_page(request, user_id, wrong=beside(problem), kept=kept, conflict=conflict)
    return go(f"/users/{user_id}", toast)


@post("/users/{user_id:uuid}", opt=OPT)
async def change_user(request: Req, user_id: UUID) -> Response[Any]:
    async def change(viewer: Viewer, form: Given) -> str:
        values = {name: form.text(name) for name in staff.CHANGEABLE if form.has(name)}
        await staff.change(viewer, user_id, values, form.version())
        return "The details are saved."

    return await _do(request, user_id, change)


def _place(form: Given) -> tuple[str, UUID]:
    unit_id = form.identity("unit")
    if unit_id is None:
        raise Invalid("Choose the unit the role is for.", "unit")
    return form.text("role"), unit_id


@post("/users/{user_id:uuid}/roles", opt=OPT)
async def give_role(request: Req, user_id: UUID) -> Response[Any]:
    async def change(viewer: Viewer, form: Given) -> str:
        await staff.give(viewer, user_id, *_place(form))
        return "The role is given. It counts from now on."

    return await _do(request, user_id, change)


@post("/users/{user_id:uuid}/roles/take", opt=OPT)
async def take_role(request: Req, user_id: UUID) -> Response[Any]:
    async def change(viewer: Viewer, form: Given) -> str:
        await staff.take(viewer, user_id, *_place(form))
        return "The role is taken away. It counts no more."

    answer = await _do(request, user_id, change)
    if answer.status_code != 303:
        return answer
    try:
        await staff.seen(viewer_of(request), user_id)
    except NotFound:  # that was the last role within this administrator's reach
        return go("/users", "The role is taken away. This person is not within your reach any more.")
    return answer


@post("/users/{user_id:uuid}/password", opt={**OPT, "confirm": True})
async def set_password(request: Req, user_id: UUID) -> Response[Any]:
    async def change(viewer: Viewer, form: Given) -> str:
        await staff.set_password(viewer, user_id, form.text("password"))
        return "The new password holds. Earlier sessions are ended."

    return await _do(request, user_id, change)


@post("/users/{user_id:uuid}/return", opt=OPT)
async def let_in(request: Req, user_id: UUID) -> Response[Any]:
    async def change(viewer: Viewer, form: Given) -> str:
        await staff.come_back(viewer, user_id)
        return "May sign in again, with the roles held before."

    return await _do(request, user_id, change)


@get("/users/{user_id:uuid}/leave", opt=OPT)
async def leave_form(request: Req, user_id: UUID) -> Response[Any]:
    """What would become of their open work, before anything is done."""
    return await _leave_page(request, user_id, "")


@post("/users/{user_id:uuid}/leave", opt=OPT)
async def leave(request: Req, user_id: UUID) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    try:
        done = await leaving.leave(viewer, user_id, form.identity("to"))
    except REFUSED as problem:
        return await _leave_page(request, user_id, form.text("to"), problem)
    work = ""
    if done.given or done.returned:
        work = sentence(" %(given)s handed on, %(returned)s put back.", given=done.given, returned=done.returned)
    return go(f"/users/{user_id}", sentence("Shut out.%(work)s", work=work))


async def _leave_page(request: Req, user_id: UUID, to: str, problem: DeskRefusal | None = None) -> Response[Any]:
    viewer = viewer_of(request)
    found, open_work = await member(viewer, user_id), await leaving.waiting(viewer, user_id)
    others = await list_staff(viewer, Wanted(state="active"), size=200)
    wrong = beside(problem) if problem else NOTHING_WRONG
    return await administration_page(
        request, "pages/user_leave.html", "users", status=wrong.status, user=_row(found.row), waiting=open_work,
        people=[(str(each.id), each.display_name) for each in others.rows if each.id != user_id],
        form={"to": to, "errors": wrong.errors, "error_of": wrong.error_of},
    )  # fmt: skip


handlers = [
    users_listed, new_user, add_user, user_shown, change_user, give_role, take_role, set_password, let_in,
    leave_form, leave,
]  # fmt: skip
