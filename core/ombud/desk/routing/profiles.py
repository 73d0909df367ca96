"""What routing may know of a member of staff, who may set it, and what it reads of many at once."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from ombud.desk.administration.authority import whole_desk
from ombud.desk.errors import Invalid, NotFound
from ombud.desk.writing import check_version, demand
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.speech import sentence
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import Arguments, Viewer

PLAN = "team.plan"
LANGUAGE = re.compile(r"[a-z]{2,3}\Z")
MOST_CAPACITY = 1000
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WEIGHTS = {"low": 1, "normal": 1, "high": 2, "urgent": 3}

Pattern = Mapping[str, Sequence[Sequence[str]]]


@dataclass(frozen=True)
class Profile:
    """As it stands; `version` 0 where nobody set anything yet."""

    user_id: UUID
    name: str
    skills: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    capacity: int | None = None
    pattern: Pattern = field(default_factory=dict)
    time_zone: str = ""
    leader_id: UUID | None = None
    leader: str = ""
    version: int = 0
    load: int = 0
    away_until: Any = None
    stand_in: str = ""


@dataclass(frozen=True)
class ProfileGiven:
    """What a form says of somebody."""

    skills: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    capacity: int | None = None
    pattern: Pattern = field(default_factory=dict)
    time_zone: str = ""
    leader_id: UUID | None = None


# The open work of a user `u`, weighted: cases of theirs, and matters of theirs in cases of others.
LOAD = """
(SELECT coalesce(sum(CASE w.priority WHEN 'urgent' THEN 3 WHEN 'high' THEN 2 ELSE 1 END), 0)::int FROM (
    SELECT c.priority FROM core_case c WHERE c.owner_id = u.id AND c.status IN ('new', 'in_progress')
    UNION ALL SELECT a.priority FROM core_aspect a JOIN core_case c ON c.id = a.case_id
    WHERE a.owner_id = u.id AND a.status = 'open' AND c.status <> 'closed' AND c.owner_id IS DISTINCT FROM u.id) w)
"""
ZONE = (
    "coalesce(nullif(p.time_zone, ''), (SELECT time_zone FROM core_unit WHERE parent_id IS NULL "
    "ORDER BY created_at, id LIMIT 1), 'UTC')"
)
# The absence that runs now for a user `u`; `moment`: the placeholder of now.
AWAY = f"""
LEFT JOIN LATERAL (SELECT b.ends_on, b.stand_in_id FROM core_absence b WHERE b.user_id = u.id
    AND b.cancelled_at IS NULL AND (({{moment}}::timestamptz) AT TIME ZONE {ZONE})::date
    BETWEEN b.starts_on AND b.ends_on ORDER BY b.ends_on DESC, b.id LIMIT 1) away ON TRUE
"""
_NAME = "coalesce(nullif({0}.display_name, ''), {0}.name)"
_PROFILES = f"""
SELECT u.id AS user_id, {_NAME.format("u")} AS name, p.skills, p.languages, p.capacity, p.pattern, p.time_zone,
    p.leader_id, {_NAME.format("l")} AS leader, coalesce(p.version, 0) AS version, {LOAD} AS load,
    away.ends_on AS away_until, {_NAME.format("s")} AS stand_in
FROM core_user u LEFT JOIN core_staff_profile p ON p.user_id = u.id
LEFT JOIN core_user l ON l.id = p.leader_id {AWAY} LEFT JOIN core_user s ON s.id = away.stand_in_id
"""


async def team(viewer: Viewer) -> list[Profile]:
    """The active members of staff that the viewer plans for: those who work in their units, by name."""
    demand(viewer, PLAN)
    arguments = Arguments()
    sql = _PROFILES.format(moment=arguments.add(now()))
    reach = await _in_reach(viewer, arguments)
    rows = await db.fetch(f"{sql} WHERE u.active AND {reach} ORDER BY 2, 1 LIMIT 500", *arguments.values)
    return [_profile(row) for row in rows]


async def _in_reach(viewer: Viewer, arguments: Arguments) -> str:
    """Who holds a role in a unit that the viewer plans, or has the viewer as leader."""
    if await whole_desk(viewer, PLAN):
        return "TRUE"
    units, me = arguments.add(list(viewer.units(PLAN))), arguments.add(viewer.user_id)
    return (
        f"(p.leader_id = {me}::uuid OR EXISTS (SELECT 1 FROM core_user_role held WHERE held.user_id = u.id "
        f"AND held.unit_id = ANY({units}::uuid[])))"
    )


async def profile(viewer: Viewer, user_id: UUID) -> Profile:
    """One's own, or of somebody in reach; raises NotFound with one text for missing and hidden."""
    arguments = Arguments()
    sql = _PROFILES.format(moment=arguments.add(now()))
    place = arguments.add(user_id)
    if viewer.user_id == user_id:
        reach = "TRUE"
    else:
        demand(viewer, PLAN)
        reach = await _in_reach(viewer, arguments)
    row = await db.fetchrow(f"{sql} WHERE u.id = {place} AND u.active AND {reach}", *arguments.values)
    if row is None:
        raise NotFound("There is nobody of this kind in your team. The list of the team shows whom you plan for.")
    return _profile(row)


def _profile(row: Any) -> Profile:
    given = {name: row[name] for name in ("user_id", "name", "capacity", "leader_id", "version", "load", "away_until")}
    return Profile(
        **given, skills=tuple(row["skills"] or ()), languages=tuple(row["languages"] or ()),
        pattern=row["pattern"] or {}, time_zone=row["time_zone"] or "", leader=row["leader"] or "",
        stand_in=row["stand_in"] or "",
    )  # fmt: skip


async def set_profile(viewer: Viewer, user_id: UUID, given: ProfileGiven, version: int) -> None:
    """Sets what routing knows of somebody in reach; nobody sets their own, unless they plan the whole desk."""
    asked = await wanted(viewer, user_id, given)
    async with db.transaction():
        await db.execute("SELECT 1 FROM core_user WHERE id = $1 FOR UPDATE", user_id)
        row = await db.fetchrow("SELECT * FROM core_staff_profile WHERE user_id = $1", user_id)
        before: dict[str, Any] = dict(row) if row else {**_EMPTY, "version": 0}
        check_version("This profile", before, version, asked)
        changed = {name: value for name, value in asked.items() if before[name] != value}
        if not changed:
            return
        columns = {**{name: before[name] for name in _EMPTY}, **changed, "changed_at": now()}
        await _put(user_id, columns)
        body = {"fields": sorted(changed)} | {name: _code(value) for name, value in changed.items()}
        await append(actor=viewer.actor, entries=[NewEntry(f"user/{user_id}", "profile.changed", body)])


async def wanted(viewer: Viewer, user_id: UUID, given: ProfileGiven) -> dict[str, Any]:
    """The columns that a form asks for, if the viewer may set them and they mean something."""
    await profile(viewer, user_id)
    demand(viewer, PLAN)
    if viewer.user_id == user_id and not await whole_desk(viewer, PLAN):
        raise Invalid("Your leader sets this for you. Your absences you write down yourself.")
    return await _checked(user_id, given)


_EMPTY: dict[str, Any] = {
    "skills": [], "languages": [], "capacity": None, "pattern": {}, "time_zone": "", "leader_id": None,
}  # fmt: skip


async def _put(user_id: UUID, columns: Mapping[str, Any]) -> None:
    names = list(columns)
    places = ", ".join(f"${place}" for place in range(2, len(names) + 2))
    sets = ", ".join(f"{name} = excluded.{name}" for name in names)
    await db.execute(
        f"INSERT INTO core_staff_profile (user_id, {', '.join(names)}, version) VALUES ($1, {places}, 1) "
        f"ON CONFLICT (user_id) DO UPDATE SET {sets}, version = core_staff_profile.version + 1",
        user_id,
        *columns.values(),
    )


def _code(value: Any) -> Any:
    if isinstance(value, list | dict | int):
        return value
    return str(value or "")


async def _checked(user_id: UUID, given: ProfileGiven) -> dict[str, Any]:
    known = {row["key"] for row in await db.fetch("SELECT key FROM core_skill")}
    if strange := set(given.skills) - known:
        raise Invalid(
            sentence("There is no skill %(strange)s. Choose from the list.", strange=sorted(strange)[0]), "skills"
        )
    languages = sorted({each.strip().lower() for each in given.languages if each.strip()})
    if wrong := [each for each in languages if not LANGUAGE.match(each)]:
        raise Invalid(
            sentence("%(wrong)s is no language code. Write two or three letters, such as pl.", wrong=wrong[0]),
            "languages",
        )
    if given.capacity is not None and not 0 <= given.capacity <= MOST_CAPACITY:
        raise Invalid(
            sentence("The capacity is a number from 0 to %(most)s, or empty for no limit.", most=MOST_CAPACITY),
            "capacity",
        )
    if given.time_zone and given.time_zone not in available_timezones():
        raise Invalid("This time zone is not known. Write it like Europe/Warsaw.", "time_zone")
    if given.leader_id is not None:
        await _check_leader(user_id, given.leader_id)
    return {
        "skills": sorted(set(given.skills)), "languages": languages, "capacity": given.capacity,
        "pattern": checked_pattern(given.pattern), "time_zone": given.time_zone, "leader_id": given.leader_id,
    }  # fmt: skip


async def _check_leader(user_id: UUID, leader_id: UUID) -> None:
    """Somebody active, and nobody whom this person leads, however far up."""
    if not await db.fetchval("SELECT active FROM core_user WHERE id = $1", leader_id):
        raise Invalid("Choose a leader who is active.", "leader")
    around = await db.fetchval(
        "WITH RECURSIVE up AS (SELECT $1::uuid AS id UNION SELECT p.leader_id FROM core_staff_profile p "
        "JOIN up ON up.id = p.user_id WHERE p.leader_id IS NOT NULL) SELECT EXISTS (SELECT 1 FROM up WHERE id = $2)",
        leader_id,
        user_id,
    )
    if around:
        raise Invalid("This person is led by the one you are changing. Choose somebody else.", "leader")


_HOURS = re.compile(r"\s*(\d{1,2})[:.](\d{2})\s*[-–]\s*(\d{1,2})[:.](\d{2})\s*\Z")


def read_hours(text: str, name: str) -> list[list[str]]:
    """`9:00-12:30, 13:00-17:00` as a pattern holds it; raises Invalid."""
    found = []
    for part in (each for each in text.split(",") if each.strip()):
        match = _HOURS.match(part)
        if match is None:
            raise Invalid("Write hours like 9:00-12:30, 13:00-17:00, or leave the day empty.", name)
        first, last = (f"{int(match[n]):02}:{match[n + 1]}" for n in (1, 3))
        found.append([first, last])
    return found


def write_hours(hours: Sequence[Sequence[str]]) -> str:
    return ", ".join(f"{first}-{last}" for first, last in hours)


def checked_pattern(pattern: Pattern) -> dict[str, list[list[str]]]:
    checked: dict[str, list[list[str]]] = {}
    for day, hours in pattern.items():
        if day not in {str(number) for number in range(7)}:
            raise Invalid("A week has the days from Monday to Sunday.", "pattern")
        ended = ""
        for first, last in hours:
            if not (_is_time(first) and _is_time(last)) or first >= last or first < ended:
                raise Invalid(
                    sentence("On %(day)s the hours overlap or end before they begin.", day=DAYS[int(day)]), f"day{day}"
                )
            ended = last
        if hours:
            checked[day] = [list(each) for each in hours]
    return checked


def _is_time(text: str) -> bool:
    try:
        time.fromisoformat(text)
    except ValueError:
        return text == "24:00"
    return len(text) == 5


def works_at(pattern: Pattern, zone: str, moment: datetime) -> bool:
    """Whether the pattern holds a moment; one without days always does. Pure."""
    if not pattern:
        return True
    local = moment.astimezone(ZoneInfo(zone))
    clock = f"{local:%H:%M}"
    return any(first <= clock < last for first, last in pattern.get(str(local.weekday()), ()))


async def leaders() -> list[tuple[str, str]]:
    """Who can be somebody's leader: the active holders of the right to give work away."""
    rows = await db.fetch(
        "SELECT DISTINCT u.id, coalesce(nullif(u.display_name, ''), u.name) AS name FROM core_user u "
        "JOIN core_user_role h ON h.user_id = u.id JOIN core_role k ON k.key = h.role "
        "WHERE u.active AND 'case.assign' = ANY(k.permissions) ORDER BY 2, 1 LIMIT 500"
    )
    return [(str(row["id"]), row["name"]) for row in rows]
