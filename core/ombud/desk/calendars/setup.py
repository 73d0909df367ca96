"""Calendars set up by administrators: hours of the week, country, days of their own. Every change is a new version."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from ombud.desk.administration.authority import SET_UP, demand_in
from ombud.desk.calendars.arithmetic import DAY, Calendar, Hours, Unworkable
from ombud.desk.calendars.versions import (
    Content,
    Kept,
    OwnDay,
    countries,
    current,
    exceptions_json,
    kept,
    parts,
    put_version,
    week_json,
)
from ombud.desk.checking import clean_text
from ombud.desk.errors import Changed, Invalid, NotFound, NotNow
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.outbox import JobContext
from ombud.speech import joined, sentence
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import Viewer

SWEEP = "calendars.renew"
KNOWN_YEARS = 4
"""A version that knows fewer years ahead is followed by one that knows more."""
_MOST_DAYS = 400
_TIME = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?\Z")
_SPAN = re.compile(r"\s*[-–—]\s*|\s+to\s+")


@dataclass(frozen=True)
class InUnit:
    """What holds in a unit. `own`: it is the unit's own; else `from_name` says whose, empty for the usual one."""

    unit_id: UUID
    unit: str
    own: bool
    from_name: str
    kept: Kept


def stream(calendar_id: UUID) -> str:
    return f"calendar/{calendar_id}"


async def in_unit(viewer: Viewer, unit_id: UUID) -> InUnit:
    """Raises NotFound where it is no unit that the viewer sets up."""
    name = await db.fetchval("SELECT name FROM core_unit WHERE id = $1", unit_id)
    if name is None or not viewer.may_in(SET_UP, unit_id):
        raise NotFound("There is no such unit that you set up. The list of calendars shows those you do.")
    holds = await current(unit_id)
    found = await kept(UUID(holds.key), holds.version)
    own = found.unit_id == unit_id
    from_name = "" if own or found.unit_id is None else await _name(found.unit_id)
    return InUnit(unit_id, name, own, from_name, found)


async def _name(unit_id: UUID) -> str:
    return str(await db.fetchval("SELECT name FROM core_unit WHERE id = $1", unit_id))


async def save(viewer: Viewer, unit_id: UUID, content: Content, version: int) -> int:
    """Gives a unit a calendar of its own, or the one it has another version; returns its number. `version`: of the
    calendar that was shown. Clocks that run keep theirs. Raises Invalid, Changed."""
    demand_in(viewer, SET_UP, unit_id)
    check(content)
    async with db.transaction():
        await db.execute("SELECT 1 FROM core_unit WHERE id = $1 FOR UPDATE", unit_id)
        before = await in_unit(viewer, unit_id)
        if version != before.kept.number:
            raise Changed("This calendar", before.kept.number, codes(before.kept.content), codes(content))
        if before.own and before.kept.content == content:
            return before.kept.number
        if before.own:
            return await _follow(viewer.actor, before.kept, content)
        identity = new_id()
        await db.execute(
            "INSERT INTO core_calendar (id, unit_id, key, version, created_at) VALUES ($1, $2, $3, 1, $4)",
            identity, unit_id, f"unit/{unit_id}", now(),
        )  # fmt: skip
        await put_version(identity, 1, content, viewer.actor)
        body = {"version": 1, "unit": str(unit_id), **codes(content)}
        await append(actor=viewer.actor, entries=[NewEntry(stream(identity), "calendar.added", body)])
        return 1


async def _follow(actor: str, before: Kept, content: Content) -> int:
    number = before.number + 1
    await put_version(before.id, number, content, actor)
    await db.execute("UPDATE core_calendar SET version = $2 WHERE id = $1", before.id, number)
    was, becomes = codes(before.content), codes(content)
    changed = sorted(key for key in becomes if was[key] != becomes[key])
    body = {
        "version": number, "unit": str(before.unit_id or ""), "fields": changed,
        "before": {key: was[key] for key in changed}, "after": {key: becomes[key] for key in changed},
    }  # fmt: skip
    await append(actor=actor, entries=[NewEntry(stream(before.id), "calendar.changed", body)])
    return number


async def give_up(viewer: Viewer, unit_id: UUID, version: int) -> None:
    """The unit goes by the calendar above it again. What ran by its own one keeps that."""
    demand_in(viewer, SET_UP, unit_id)
    async with db.transaction():
        await db.execute("SELECT 1 FROM core_unit WHERE id = $1 FOR UPDATE", unit_id)
        before = await in_unit(viewer, unit_id)
        if not before.own:
            raise NotNow("This unit has no calendar of its own.")
        if version != before.kept.number:
            raise Changed("This calendar", before.kept.number, {"own": True}, {"own": False})
        await db.execute("UPDATE core_calendar SET unit_id = NULL, key = 'former/' || id WHERE id = $1", before.kept.id)
        body = {"unit": str(unit_id), "version": before.kept.number}
        await append(actor=viewer.actor, entries=[NewEntry(stream(before.kept.id), "calendar.retired", body)])


async def add_day(viewer: Viewer, unit_id: UUID, day: date, name: str, hours: str, version: int) -> int:
    """A day with hours of its own, or closed where there are none; one that is there already is replaced."""
    return await save(viewer, unit_id, await with_day(viewer, unit_id, day, name, hours), version)


async def with_day(viewer: Viewer, unit_id: UUID, day: date, name: str, hours: str) -> Content:
    """The calendar as it would be with that day."""
    before = (await in_unit(viewer, unit_id)).kept.content
    own = OwnDay(clean_text(name, "name", longest=100, required=True), hours_of(hours, "hours"))
    return replace(before, exceptions={**before.exceptions, day: own})


async def remove_day(viewer: Viewer, unit_id: UUID, day: date, version: int) -> int:
    before = (await in_unit(viewer, unit_id)).kept.content
    left = {each: own for each, own in before.exceptions.items() if each != day}
    return await save(viewer, unit_id, replace(before, exceptions=left), version)


def check(content: Content) -> None:
    """Raises Invalid for what no calendar can be made of."""
    if content.country and content.country not in countries():
        raise Invalid("Choose a country of the list, or none.", "country")
    if content.part and content.part not in parts(content.country):
        raise Invalid(
            sentence("Give the code of a part of this country: %(country)s.", country=joined(parts(content.country))),
            "part",
        )
    if len(content.exceptions) > _MOST_DAYS:
        raise Invalid(
            sentence("A calendar holds at most %(most)s days of its own. Remove those that are over.", most=_MOST_DAYS),
            "day",
        )
    try:
        Calendar(content.zone, content.week, exceptions={day: own.hours for day, own in content.exceptions.items()})
    except Unworkable as problem:
        field = "hours" if problem.field.startswith("exceptions.") else problem.field.replace("week.", "day_")
        raise Invalid(str(problem), field) from None


def hours_of(text: str, field: str) -> tuple[Hours, ...]:
    """`9:00-12:00, 13:00-17:00` as intervals; nothing or `closed` as none. An interval that ends no later than it
    begins ends on the day after. Raises Invalid."""
    if text.strip().lower() in {"", "closed", "-", "–"}:
        return ()
    return tuple(sorted(_interval(each, field) for each in re.split(r"[,;]", text) if each.strip()))


def _interval(text: str, field: str) -> Hours:
    ends = _SPAN.split(text.strip())
    if len(ends) != 2:
        raise _no_hours(text, field)
    opens, closes = _minutes(ends[0], field), _minutes(ends[1], field)
    return Hours(opens, closes if closes > opens else closes + DAY)


def _minutes(text: str, field: str) -> int:
    found = _TIME.match(text.strip())
    if found is None:
        raise _no_hours(text, field)
    hours, minutes = int(found.group(1)), int(found.group(2) or 0)
    if hours > 24 or minutes > 59 or (hours == 24 and minutes):
        raise _no_hours(text, field)
    return hours * 60 + minutes


def _no_hours(text: str, field: str) -> Invalid:
    return Invalid(
        sentence("Write hours such as 9:00-12:00, 13:00-17:00; “%(what)s” cannot be read.", what=text.strip()[:40]),
        field,
    )


def hours_text(hours: tuple[Hours, ...]) -> str:
    """As `hours_of` reads it."""
    return ", ".join(f"{clock_text(opens)}-{clock_text(closes)}" for opens, closes in hours)


def clock_text(minutes: int) -> str:
    shown = minutes if minutes <= DAY else minutes - DAY
    return f"{shown // 60:02d}:{shown % 60:02d}"


def codes(content: Content) -> dict[str, Any]:
    """As entries hold it: days of its own by date and hours, without their names."""
    days: Mapping[str, Any] = exceptions_json(content.exceptions)
    return {
        "zone": content.zone, "country": content.country, "part": content.part, "week": week_json(content.week),
        "days": {day: each["hours"] for day, each in days.items()},
    }  # fmt: skip


async def renew(payload: dict[str, Any], context: JobContext) -> None:
    """Calendars that soon know no more holidays get a version that knows more years; nothing else of them changes."""
    rows = await db.fetch(
        "SELECT c.id, c.version FROM core_calendar c JOIN core_calendar_version v "
        "ON v.calendar_id = c.id AND v.number = c.version WHERE v.country <> '' AND v.until < $1 ORDER BY c.id",
        now().year + KNOWN_YEARS,
    )
    for row in rows:
        async with db.transaction():
            held = await db.fetchval("SELECT version FROM core_calendar WHERE id = $1 FOR UPDATE", row["id"])
            if held == row["version"]:
                found = await kept(row["id"], held)
                await _follow("system", found, found.content)
