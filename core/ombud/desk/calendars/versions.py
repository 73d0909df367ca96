"""Calendars as they are kept: the one that holds in a unit, and any version that ever did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any
from uuid import UUID

from ombud.desk.calendars.arithmetic import Calendar, Hours, Week
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust.ledger import NewEntry, append

YEARS_BACK, YEARS_AHEAD = 2, 8
"""Whose holidays a version knows: cases that are old, and clocks that run for long."""
OFFICE: Week = ((Hours(540, 1020),),) * 5 + ((), ())
_MOST_REMEMBERED = 500


@dataclass(frozen=True)
class OwnDay:
    """A day with hours of its own; without any it is closed."""

    name: str
    hours: tuple[Hours, ...] = ()


@dataclass(frozen=True)
class Content:
    """What an administrator says of a calendar; the holidays follow from country and part."""

    zone: str
    country: str = ""
    part: str = ""
    week: Week = OFFICE
    exceptions: Mapping[date, OwnDay] = field(default_factory=dict)


@dataclass(frozen=True)
class Kept:
    """One version with what it was made of."""

    id: UUID
    unit_id: UUID | None
    number: int
    content: Content
    holidays: Mapping[date, str]
    until: int

    @property
    def calendar(self) -> Calendar:
        special = {day: each.hours for day, each in self.content.exceptions.items()}
        names = {**self.holidays, **{day: each.name for day, each in self.content.exceptions.items() if each.name}}
        return Calendar(
            self.content.zone, self.content.week, frozenset(self.holidays), special, str(self.id), self.number, names
        )


_known: dict[tuple[UUID, int], Calendar] = {}

_HOLDS = """
WITH RECURSIVE up AS (
    SELECT id, parent_id, 0 AS distance FROM core_unit WHERE id = $1
    UNION SELECT u.id, u.parent_id, up.distance + 1 FROM core_unit u JOIN up ON u.id = up.parent_id
)
SELECT id, number FROM (
    SELECT c.id, c.version AS number, up.distance FROM up JOIN core_calendar c ON c.unit_id = up.id
    UNION ALL
    SELECT c.id, c.version, NULL FROM core_unit u JOIN core_calendar c ON c.key = 'usual/' || u.time_zone || '/'
        || CASE WHEN u.country = ANY($2::text[]) THEN u.country ELSE '' END WHERE u.id = $1
) found ORDER BY distance NULLS LAST LIMIT 1
"""


@lru_cache(maxsize=1)
def countries() -> tuple[str, ...]:
    """Whose holidays the library knows. Its own list of them imports all of them, by a third of a second and for good;
    a desk needs one or two."""
    from holidays.registry import EntityLoader

    return tuple(sorted(EntityLoader.get_country_codes()))


def parts(country: str) -> tuple[str, ...]:
    """The codes of a country's parts whose holidays differ; none of one that the library does not know."""
    import holidays

    return tuple(getattr(holidays, country).subdivisions) if country in countries() else ()


async def current(unit_id: UUID) -> Calendar:
    """The version that holds in a unit: of its own calendar, else of the nearest above it, else the usual one of its
    zone and country (weekdays from 9 to 17), which is written down when it is first needed. One statement."""
    found = await db.fetchrow(_HOLDS, unit_id, countries())
    if found is None:
        found = await _usual(unit_id)
    return await version(found["id"], found["number"])


async def version(calendar_id: UUID, number: int) -> Calendar:
    """Any version that ever held; from memory once it was read, since none ever changes. Raises LookupError."""
    known = _known.get((calendar_id, number))
    if known is None:
        if len(_known) >= _MOST_REMEMBERED:
            _known.clear()
        known = _known[calendar_id, number] = (await kept(calendar_id, number)).calendar
    return known


async def kept(calendar_id: UUID, number: int) -> Kept:
    row = await db.fetchrow(
        "SELECT v.*, c.unit_id FROM core_calendar_version v JOIN core_calendar c ON c.id = v.calendar_id "
        "WHERE v.calendar_id = $1 AND v.number = $2",
        calendar_id, number,
    )  # fmt: skip
    if row is None:
        raise LookupError(f"calendar {calendar_id} has no version {number}")
    content = Content(row["zone"], row["country"], row["part"], week_of(row["week"]), exceptions_of(row["exceptions"]))
    known = {date.fromisoformat(day): name for day, name in row["holidays"].items()}
    return Kept(calendar_id, row["unit_id"], number, content, known, row["until"])


async def _usual(unit_id: UUID) -> Mapping[str, Any]:
    unit = await db.fetchrow("SELECT time_zone, country FROM core_unit WHERE id = $1", unit_id)
    if unit is None:
        raise LookupError(f"there is no unit {unit_id}")
    country = unit["country"] if unit["country"] in countries() else ""
    key = f"usual/{unit['time_zone']}/{country}"
    found = await db.fetchrow("SELECT id, version AS number FROM core_calendar WHERE key = $1", key)
    if found is not None:
        return dict(found)
    if db.in_transaction():
        return await _made_usual(key, Content(unit["time_zone"], country))
    async with db.transaction():
        return await _made_usual(key, Content(unit["time_zone"], country))


async def _made_usual(key: str, content: Content) -> Mapping[str, Any]:
    identity = await db.fetchval(
        "INSERT INTO core_calendar (id, unit_id, key, version, created_at) VALUES ($1, NULL, $2, 1, $3) "
        "ON CONFLICT (key) DO NOTHING RETURNING id",
        new_id(), key, now(),
    )  # fmt: skip
    if identity is not None:
        await put_version(identity, 1, content, "system")
        body = {"version": 1, "zone": content.zone, "country": content.country}
        await append(actor="system", entries=[NewEntry(f"calendar/{identity}", "calendar.added", body)])
    row = await db.fetchrow("SELECT id, version AS number FROM core_calendar WHERE key = $1", key)
    assert row is not None
    return dict(row)


async def put_version(calendar_id: UUID, number: int, content: Content, actor: str) -> None:
    """Writes a version down, in the caller's transaction, with the holidays as this desk knows them today."""
    this_year = now().year
    until = this_year + YEARS_AHEAD
    free = holidays_of(content.country, content.part, this_year - YEARS_BACK, until)
    await db.execute(
        "INSERT INTO core_calendar_version (id, calendar_id, number, zone, country, part, week, exceptions, holidays, "
        "until, made_by, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        new_id(), calendar_id, number, content.zone, content.country, content.part, week_json(content.week),
        exceptions_json(content.exceptions), {day.isoformat(): name for day, name in free.items()}, until, actor, now(),
    )  # fmt: skip


def holidays_of(country: str, part: str, first: int, last: int) -> dict[date, str]:
    """Public holidays in order of their days; none without a country, or one that the library does not know."""
    if not country:
        return {}
    import holidays

    try:
        found = holidays.country_holidays(country, subdiv=part or None, years=range(first, last + 1), language="en_US")
    except NotImplementedError:
        return {}
    return dict(sorted(found.items()))


def week_json(week: Week) -> list[list[list[int]]]:
    return [[[opens, closes] for opens, closes in hours] for hours in week]


def week_of(week: Sequence[Any]) -> Week:
    return tuple(tuple(Hours(*each) for each in hours) for hours in week)


def exceptions_json(exceptions: Mapping[date, OwnDay]) -> dict[str, Any]:
    return {
        day.isoformat(): {"name": each.name, "hours": [list(hours) for hours in each.hours]}
        for day, each in sorted(exceptions.items())
    }


def exceptions_of(written: Mapping[str, Any]) -> dict[date, OwnDay]:
    return {
        date.fromisoformat(day): OwnDay(each["name"], tuple(Hours(*hours) for hours in each["hours"]))
        for day, each in written.items()
    }
