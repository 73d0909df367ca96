"""Calendars: when each unit works, its country's holidays, and days of its own, with a year to look at."""

import calendar as months
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk.administration import units as unit_setup
from ombud.desk.administration.authority import SET_UP, unit_tree
from ombud.desk.administration.trail import trail
from ombud.desk.calendars import setup, versions
from ombud.desk.calendars.setup import InUnit, hours_text
from ombud.desk.calendars.versions import Content, Kept, holidays_of
from ombud.desk.clocks import trying
from ombud.desk.errors import Changed, DeskRefusal, Invalid, NotAllowed, NotNow
from ombud.desk.taxonomies import today
from ombud.speech import sentence, word
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages import trials_drawn
from ombud.web.pages.administration import administration_page
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given
from ombud.web.pages.set_up import beside, clash
from ombud.web.shell import go

Req = Request[Any, Any, Any]
OPT = {"permission": SET_UP}
REFUSED = (Invalid, NotNow, NotAllowed, Changed)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
PLACE = "/administration/calendars"
_FIELDS = ("zone", "country", "part", *(f"day_{number}" for number in range(7)))
_OWN_DAY = ("day", "name", "hours")


@get(PLACE, opt=OPT)
async def calendars_listed(request: Req) -> Response[Any]:
    viewer = viewer_of(request)
    mine = [each for each in await unit_tree() if each.active and viewer.may_in(SET_UP, each.id)]
    rows = [_row(each.path, await setup.in_unit(viewer, each.id)) for each in mine]
    return await administration_page(request, "pages/calendars.html", "calendars", rows=rows)


def _row(path: str, held: InUnit) -> dict[str, Any]:
    content = held.kept.content
    return {
        "unit": path, "href": f"{PLACE}/{held.unit_id}", "own": held.own, "from_name": held.from_name,
        "zone": content.zone, "country": unit_setup.countries().get(content.country, ""),
        "week": _week(content), "version": held.kept.number,
    }  # fmt: skip


def _week(content: Content) -> list[tuple[str, str]]:
    """Days with the same hours together: `Monday to Friday`."""
    runs: list[tuple[int, int, str]] = []
    for number, hours in enumerate(content.week):
        shown = hours_text(hours)
        if runs and runs[-1][2] == shown:
            runs[-1] = (runs[-1][0], number, shown)
        else:
            runs.append((number, number, shown))
    return [
        (word(WEEKDAYS[first]) if first == last else sentence("%(first)s to %(last)s", first=word(WEEKDAYS[first]),
            last=word(WEEKDAYS[last])), shown)
        for first, last, shown in runs if shown
    ]  # fmt: skip


@get(PLACE + "/{unit_id:uuid}", opt=OPT)
async def calendar_shown(request: Req, unit_id: UUID, year: str = "") -> Response[Any]:
    return await _page(request, unit_id, year=year)


async def _page(
    request: Req, unit_id: UUID, kept: Mapping[str, str] | None = None, wrong: Refused = NOTHING_WRONG,
    conflict: dict[str, Any] | None = None, year: str = "",
) -> Response[Any]:  # fmt: skip
    held = await setup.in_unit(viewer_of(request), unit_id)
    content, shown_year = held.kept.content, _year(year)
    as_it_is = {"zone": content.zone, "country": content.country, "part": content.part, "day": "", "name": "",
                "hours": "", "months": trials_drawn.MONTHS,
                **{f"day_{n}": hours_text(hours) for n, hours in enumerate(content.week)}}  # fmt: skip
    return await administration_page(
        request, "pages/calendar.html", "calendars", status=409 if conflict else wrong.status, held=held,
        href=f"{PLACE}/{unit_id}", version=held.kept.number, conflict=conflict, weekdays=WEEKDAYS,
        zones=[(each, each) for each in unit_setup.time_zones()], countries=_countries(),
        parts=versions.parts(content.country), own_days=_own_days(content), year=shown_year,
        months=_months(held.kept, shown_year), trail=await trail([setup.stream(held.kept.id)], size=20),
        form={**as_it_is, **(kept or {}), "errors": wrong.errors, "error_of": wrong.error_of},
        trial=await _trial(viewer_of(request), unit_id),
    )  # fmt: skip


def _year(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and 2000 <= int(text) <= 2100 else today().year


def _countries() -> list[tuple[str, str]]:
    names = unit_setup.countries()
    known = [code for code in versions.countries() if code in names]
    return [(code, names[code]) for code in sorted(known, key=names.__getitem__)]


def _own_days(content: Content) -> list[dict[str, Any]]:
    return [
        {"day": day, "weekday": WEEKDAYS[day.weekday()], "name": own.name, "hours": hours_text(own.hours)}
        for day, own in sorted(content.exceptions.items())
    ]


def _months(kept: Kept, year: int) -> list[dict[str, Any]]:
    """The days of a year on which the week's hours do not hold, by month. Years that the version does not know are
    shown as the country has them today."""
    known = {day: name for day, name in kept.holidays.items() if day.year == year}
    named = known or holidays_of(kept.content.country, kept.content.part, year, year)
    own = {day: each for day, each in kept.content.exceptions.items() if day.year == year}
    days = [
        {
            "day": day, "weekday": WEEKDAYS[day.weekday()], "name": own[day].name if day in own else named[day],
            "own": day in own, "hours": hours_text(own[day].hours) if day in own else "",
            "free_anyway": day not in own and not kept.content.week[day.weekday()],
        }
        for day in sorted({*named, *own})
    ]  # fmt: skip
    return [
        {"name": months.month_name[number], "days": [each for each in days if _month(each) == number]}
        for number in range(1, 13) if any(_month(each) == number for each in days)
    ]  # fmt: skip


def _month(each: Mapping[str, Any]) -> int:
    day: date = each["day"]
    return day.month


async def _refused(request: Req, unit_id: UUID, problem: DeskRefusal, kept: Mapping[str, str]) -> Response[Any]:
    held = await setup.in_unit(viewer_of(request), unit_id)
    conflict = await clash(problem, [setup.stream(held.kept.id)])
    return await _page(request, unit_id, kept, beside(problem), conflict)


@post(PLACE + "/{unit_id:uuid}", opt=OPT)
async def change_calendar(request: Req, unit_id: UUID) -> Response[Any]:
    form = await given(request)
    kept = {name: form.text(name) for name in _FIELDS}
    try:
        before = (await setup.in_unit(viewer_of(request), unit_id)).kept.content
        number = await setup.save(viewer_of(request), unit_id, _content(form, before), form.version())
    except REFUSED as problem:
        return await _refused(request, unit_id, problem, kept)
    return go(
        f"{PLACE}/{unit_id}",
        sentence("Saved as version %(what)s. Clocks that run keep the version they began with.", what=number),
    )


def _content(form: Given, before: Content) -> Content:
    week = tuple(setup.hours_of(form.text(f"day_{number}"), f"day_{number}") for number in range(7))
    country = form.text("country")
    part = form.text("part").strip().upper() if country == before.country else ""
    return replace(before, zone=form.text("zone"), country=country, part=part, week=week)


@post(PLACE + "/{unit_id:uuid}/try", opt=OPT)
async def try_calendar(request: Req, unit_id: UUID) -> Response[Any]:
    """What the form says, on the clocks of the last months; saves nothing, and what was typed stays."""
    form = await given(request)
    kept = {name: form.text(name) for name in (*_FIELDS, "months")}
    try:
        before = (await setup.in_unit(viewer_of(request), unit_id)).kept.content
        await trying.ask(viewer_of(request), unit_id, _content(form, before), form.number("months") or 0)
    except REFUSED as problem:
        return await _refused(request, unit_id, problem, kept)
    return await _page(request, unit_id, kept)


@post(PLACE + "/{unit_id:uuid}/days/try", opt=OPT)
async def try_day(request: Req, unit_id: UUID) -> Response[Any]:
    """A day of its own, as if it had held already, on the clocks of the last months."""
    viewer, form = viewer_of(request), await given(request)
    kept = {name: form.text(name) for name in _OWN_DAY}
    try:
        content = await setup.with_day(viewer, unit_id, _day(form), kept["name"], kept["hours"])
        await trying.ask(viewer, unit_id, content, int(trials_drawn.MONTHS))
    except REFUSED as problem:
        return await _refused(request, unit_id, problem, kept)
    return await _page(request, unit_id, kept)


def _day(form: Given) -> date:
    day = form.day("day")
    if day is None:
        raise Invalid("Choose the day.", "day")
    return day


async def _trial(viewer: Viewer, unit_id: UUID) -> dict[str, Any]:
    trial = await trying.latest(unit_id)
    content = trying.content_of(trial.definition) if trial else None
    said = [f"{days} {hours}" for days, hours in _week(content)] or ["always closed"] if content else []
    if content:
        said += [
            f"{day.isoformat()} {hours_text(own.hours) or 'closed'}" for day, own in sorted(content.exceptions.items())
        ]
    return await trials_drawn.clocks(viewer, trial, said, trying.Tried)


@post(PLACE + "/{unit_id:uuid}/days", opt=OPT)
async def add_day(request: Req, unit_id: UUID) -> Response[Any]:
    form = await given(request)
    kept = {name: form.text(name) for name in _OWN_DAY}
    try:
        day = _day(form)
        await setup.add_day(viewer_of(request), unit_id, day, kept["name"], kept["hours"], form.version())
    except REFUSED as problem:
        return await _refused(request, unit_id, problem, kept)
    return go(f"{PLACE}/{unit_id}?year={day.year}", sentence("%(day)s has hours of its own now.", day=day.isoformat()))


@post(PLACE + "/{unit_id:uuid}/days/remove", opt=OPT)
async def remove_day(request: Req, unit_id: UUID) -> Response[Any]:
    form = await given(request)
    try:
        day = _day(form)
        await setup.remove_day(viewer_of(request), unit_id, day, form.version())
    except REFUSED as problem:
        return await _refused(request, unit_id, problem, {})
    return go(
        f"{PLACE}/{unit_id}?year={day.year}", sentence("%(day)s is a day like any other again.", day=day.isoformat())
    )


@post(PLACE + "/{unit_id:uuid}/give-up", opt=OPT)
async def give_up(request: Req, unit_id: UUID) -> Response[Any]:
    form = await given(request)
    try:
        await setup.give_up(viewer_of(request), unit_id, form.version())
    except REFUSED as problem:
        return await _refused(request, unit_id, problem, {})
    return go(f"{PLACE}/{unit_id}", "The unit goes by the calendar above it again.")


handlers = [calendars_listed, calendar_shown, change_calendar, try_calendar, try_day, add_day, remove_day, give_up]
