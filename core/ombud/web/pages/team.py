"""The team as its leader plans it: skills, languages, capacity, absence; and one's own absence."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk.administration.authority import whole_desk
from ombud.desk.administration.trail import trail
from ombud.desk.errors import Changed, DeskRefusal, Invalid, NotAllowed, NotNow
from ombud.desk.routing import absences, profiles, skills, trying
from ombud.desk.routing.profiles import DAYS, PLAN, Profile, ProfileGiven, read_hours, write_hours
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.guard import SIGNED_IN
from ombud.web.pages import trials_drawn
from ombud.web.pages.administration import administration_page
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given
from ombud.web.pages.set_up import beside, clash
from ombud.web.shell import go, page

Req = Request[Any, Any, Any]
OPT, ME = {"permission": PLAN}, {"permission": SIGNED_IN}
REFUSED = (Invalid, NotNow, NotAllowed, Changed)
HOME = "/team"
FEW = 8


@get(HOME, opt=OPT)
async def team(request: Req, skill: str = "") -> Response[Any]:
    """Everybody one plans for, with what each carries now."""
    found, terms = await profiles.team(viewer_of(request)), await skills.all_skills()
    labels = {each.key: each.label for each in terms}
    people = [_row(each, labels) for each in found if not skill or skill in each.skills]
    return await administration_page(
        request, "pages/team.html", "team", people=people, skill=skill,
        skills=[(each.key, each.label) for each in terms if each.active], nobody_set=all(not p.version for p in found),
    )  # fmt: skip


def _row(person: Profile, labels: Mapping[str, str]) -> dict[str, Any]:
    full = person.capacity is not None and person.load >= person.capacity
    return {
        "href": f"{HOME}/{person.user_id}", "name": person.name, "load": person.load, "capacity": person.capacity,
        "skills": [labels.get(each, each) for each in person.skills], "languages": list(person.languages),
        "away_until": person.away_until, "stand_in": person.stand_in, "full": full, "leader": person.leader,
    }  # fmt: skip


@get(HOME + "/{user_id:uuid}", opt=OPT)
async def person_shown(request: Req, user_id: UUID) -> Response[Any]:
    return await _person_page(request, user_id)


@post(HOME + "/{user_id:uuid}", opt=OPT)
async def change_person(request: Req, user_id: UUID) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    try:
        if form.text("step") == "try":
            await trying.ask_profile(viewer, user_id, _given(form), form.number("months") or 0)
            return await _person_page(request, user_id, _kept(form))
        await profiles.set_profile(viewer, user_id, _given(form), form.version())
    except REFUSED as problem:
        return await _person_page(request, user_id, _kept(form), problem)
    return go(f"{HOME}/{user_id}", "Saved. It counts from the next piece of work on.")


def _given(form: Given) -> ProfileGiven:
    capacity = form.text("capacity").strip()
    if capacity and form.number("capacity") is None:
        raise Invalid("The capacity is a number, or empty for no limit.", "capacity")
    pattern = {str(day): read_hours(form.text(f"day{day}"), f"day{day}") for day in range(7)}
    return ProfileGiven(
        skills=tuple(form.all("skills")), languages=tuple(form.text("languages").replace(",", " ").split()),
        capacity=form.number("capacity") if capacity else None, pattern=pattern,
        time_zone=form.text("time_zone").strip(), leader_id=form.identity("leader"),
    )  # fmt: skip


def _kept(form: Given) -> dict[str, Any]:
    names = ("languages", "capacity", "time_zone", "leader", "months", *(f"day{day}" for day in range(7)))
    return {**{name: form.text(name) for name in names}, "skills": form.all("skills")}


def _as_it_is(found: Profile) -> dict[str, Any]:
    hours = {f"day{day}": write_hours(found.pattern.get(str(day), ())) for day in range(7)}
    return {
        "skills": list(found.skills), "languages": ", ".join(found.languages),
        "capacity": "" if found.capacity is None else str(found.capacity), "time_zone": found.time_zone,
        "leader": str(found.leader_id or ""), "months": trials_drawn.MONTHS, **hours,
    }  # fmt: skip


async def _person_page(
    request: Req, user_id: UUID, kept: Mapping[str, Any] | None = None, problem: DeskRefusal | None = None,
    absence: Mapping[str, str] | None = None,
) -> Response[Any]:  # fmt: skip
    viewer = viewer_of(request)
    found = await profiles.profile(viewer, user_id)
    wrong = beside(problem) if problem else NOTHING_WRONG
    conflict = await clash(problem, [f"user/{user_id}"]) if problem else None
    terms = [
        (each.key, each.label, "") for each in await skills.all_skills() if each.active or each.key in found.skills
    ]
    return await administration_page(
        request, "pages/team_member.html", "team", status=409 if conflict else wrong.status, person=found,
        href=f"{HOME}/{user_id}", skills=terms,
        leaders=[each for each in await profiles.leaders() if each[0] != str(user_id)],
        days=list(enumerate(DAYS)), conflict=conflict, mine=viewer.user_id == user_id,
        trial=await trials_drawn.routing(viewer, "profile", user_id),
        may_change=viewer.user_id != user_id or await whole_desk(viewer, PLAN),
        trail=await trail([f"user/{user_id}"], size=FEW, kind="profile") ,
        form={**_as_it_is(found), **(kept or {}), "errors": wrong.errors, "error_of": wrong.error_of},
        **await _absences(viewer, user_id, f"{HOME}/{user_id}/absences", absence, wrong),
    )  # fmt: skip


async def _absences(
    viewer: Viewer, user_id: UUID, action: str, kept: Mapping[str, str] | None, wrong: Refused
) -> dict[str, Any]:
    empty = {"starts_on": "", "ends_on": "", "stand_in": ""}
    return {
        "absences": await absences.coming(viewer, user_id), "colleagues": await absences.colleagues(user_id),
        "absence_action": action,
        "absence": {**empty, **(kept or {}), "errors": wrong.errors, "error_of": wrong.error_of},
    }  # fmt: skip


ABSENCE: Sequence[str] = ("starts_on", "ends_on", "stand_in")


async def _add(viewer: Viewer, user_id: UUID, form: Given) -> None:
    await absences.add(viewer, user_id, form.day("starts_on"), form.day("ends_on"), form.identity("stand_in"))


@post(HOME + "/{user_id:uuid}/absences", opt=OPT)
async def add_absence(request: Req, user_id: UUID) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    try:
        await _add(viewer, user_id, form)
    except REFUSED as problem:
        return await _person_page(request, user_id, None, problem, {name: form.text(name) for name in ABSENCE})
    return go(f"{HOME}/{user_id}", "The absence is written down. No new work goes there meanwhile.")


@post(HOME + "/{user_id:uuid}/absences/{absence_id:uuid}/back", opt=OPT)
async def end_absence(request: Req, user_id: UUID, absence_id: UUID) -> Response[Any]:
    await absences.take_back(viewer_of(request), user_id, absence_id)
    return go(f"{HOME}/{user_id}", "The absence is taken back.")


def _me(viewer: Viewer) -> UUID:
    assert viewer.user_id is not None
    return viewer.user_id


@get("/me/absence", opt=ME)
async def my_absence(request: Req) -> Response[Any]:
    return await _my_page(request)


@post("/me/absence", opt=ME)
async def add_my_absence(request: Req) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    try:
        await _add(viewer, _me(viewer), form)
    except REFUSED as problem:
        return await _my_page(request, {name: form.text(name) for name in ABSENCE}, beside(problem))
    return go("/me/absence", "Written down. No new work comes to you meanwhile.")


@post("/me/absence/{absence_id:uuid}/back", opt=ME)
async def end_my_absence(request: Req, absence_id: UUID) -> Response[Any]:
    viewer = viewer_of(request)
    await absences.take_back(viewer, _me(viewer), absence_id)
    return go("/me/absence", "The absence is taken back.")


async def _my_page(
    request: Req, kept: Mapping[str, str] | None = None, wrong: Refused = NOTHING_WRONG
) -> Response[Any]:
    viewer = viewer_of(request)
    found = await profiles.profile(viewer, _me(viewer))
    labels = {each.key: each.label for each in await skills.all_skills()}
    return await page(
        request, "pages/my_absence.html", here="me", status=wrong.status, person=found,
        skills=[labels.get(each, each) for each in found.skills],
        **await _absences(viewer, _me(viewer), "/me/absence", kept, wrong),
    )  # fmt: skip


handlers = [
    team, person_shown, change_person, add_absence, end_absence, my_absence, add_my_absence, end_my_absence,
]  # fmt: skip
