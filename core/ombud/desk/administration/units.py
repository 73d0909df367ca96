"""Units set up: added, renamed, moved, taken out of use. Who holds a role in a unit holds it in all below."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from asyncpg import Record
from babel import Locale
from babel.numbers import list_currencies

from ombud.desk import units
from ombud.desk.administration.authority import MANAGE, SET_UP, demand_in, demand_whole_desk
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotFound, NotNow
from ombud.desk.writing import check_version, update
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.speech import joined, reader, sentence
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import Viewer

KINDS = {"entity": "Legal entity", "brand": "Brand", "team": "Team"}
KEY = re.compile(r"[a-z][a-z0-9-]{1,39}\Z")
CHANGEABLE = ("name", "kind", "time_zone", "currency", "country", "language", "phone")
_LOCK = 0x756E_6974_73  # "units": two moves at once could make a circle that neither makes alone


@dataclass(frozen=True)
class UnitShown:
    """A unit with all it carries. `open_cases` counts its own; `people` those who hold a role right here."""

    id: UUID
    parent_id: UUID | None
    kind: str
    key: str
    name: str
    time_zone: str
    currency: str
    country: str
    language: str
    phone: str
    active: bool
    version: int
    open_cases: int
    people: int


_UNITS = """
SELECT u.id, u.parent_id, u.kind, u.key, u.name, u.time_zone, u.currency, u.country, u.language, u.phone, u.active,
    u.version, (SELECT count(*) FROM core_case c WHERE c.unit_id = u.id AND c.status <> 'closed') AS open_cases,
    (SELECT count(DISTINCT h.user_id) FROM core_user_role h JOIN core_user p ON p.id = h.user_id
     WHERE h.unit_id = u.id AND p.active) AS people
FROM core_unit u
"""


async def all_units() -> dict[UUID, UnitShown]:
    return {row["id"]: UnitShown(**dict(row)) for row in await db.fetch(_UNITS)}


async def unit(viewer: Viewer, unit_id: UUID) -> UnitShown:
    """Raises NotFound where it is none that the viewer sets up."""
    row = await db.fetchrow(_UNITS + "WHERE u.id = $1", unit_id)
    if row is None or not viewer.may_in(SET_UP, unit_id):
        raise _no_unit()
    return UnitShown(**dict(row))


def _no_unit() -> NotFound:
    return NotFound("There is no such unit that you set up. The tree of units shows those you do.")


@lru_cache
def time_zones() -> tuple[str, ...]:
    named = (each for each in available_timezones() if "/" in each and not each.startswith(("Etc/", "posix", "right")))
    return ("UTC", *sorted(named))


def currencies() -> dict[str, str]:
    """By code, as the reader calls them."""
    return _currencies(reader.get().language)


@lru_cache
def _currencies(language: str) -> dict[str, str]:
    words = Locale(language).currencies
    return {code: f"{code}, {words.get(code, code)}" for code in sorted(list_currencies())}


def countries() -> dict[str, str]:
    """By code, as the reader calls them."""
    return _countries(reader.get().language)


_NO_COUNTRY = frozenset({"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})
"""Codes of the CLDR for unions, regions, and languages that only test programs speak."""


@lru_cache
def _countries(language: str) -> dict[str, str]:
    named = Locale(language).territories.items()
    words = {code: name for code, name in named if re.fullmatch("[A-Z]{2}", code) and code not in _NO_COUNTRY}
    return dict(sorted(words.items(), key=lambda each: str(each[1])))


def languages() -> dict[str, str]:
    """By code, as the reader calls them."""
    return _languages(reader.get().language)


@lru_cache
def _languages(language: str) -> dict[str, str]:
    words = {code: name for code, name in Locale(language).languages.items() if re.fullmatch("[a-z]{2}", code)}
    return dict(sorted(words.items(), key=lambda each: str(each[1])))


def checked(values: Mapping[str, str]) -> dict[str, str]:
    """The values that can be kept; raises Invalid naming the first that cannot."""
    wanted = {key: str(value).strip() for key, value in values.items() if key in CHANGEABLE}
    if "name" in wanted:
        wanted["name"] = clean_text(wanted["name"], "name", longest=100, required=True)
    if "phone" in wanted:
        wanted["phone"] = clean_text(wanted["phone"], "phone", longest=50)
    known = {
        "kind": KINDS, "time_zone": time_zones(), "currency": currencies(), "country": {"", *countries()},
        "language": languages(),
    }  # fmt: skip
    for name, values_known in known.items():
        if name in wanted and wanted[name] not in values_known:
            raise Invalid("Choose one of the list.", name)
    return wanted


async def add(viewer: Viewer, key: str, parent_id: UUID | None, values: Mapping[str, str]) -> UUID:
    """A unit below another, or a new topmost one. Who administers the whole desk administers a new topmost one too."""
    if parent_id is None:
        await demand_whole_desk(viewer, SET_UP, "A topmost unit is a part of its own")
        await demand_whole_desk(viewer, MANAGE, "A topmost unit is a part of its own")
    wanted = checked({"kind": "team", "time_zone": "UTC", "currency": "EUR", "country": "", "language": "en",
                      "phone": "", "name": "", **values})  # fmt: skip
    if not KEY.match(key):
        raise Invalid("A key has 2 to 40 small letters, digits or dashes and begins with a letter.", "key")
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        if parent_id is not None:
            await _parent(viewer, parent_id)
        identity = new_id()
        made = await db.execute(
            "INSERT INTO core_unit (id, parent_id, kind, key, name, time_zone, currency, country, language, phone, "
            "active, created_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, TRUE, $11, 1) "
            "ON CONFLICT (key) DO NOTHING",
            identity, parent_id, wanted["kind"], key, wanted["name"], wanted["time_zone"], wanted["currency"],
            wanted["country"], wanted["language"], wanted["phone"], now(),
        )  # fmt: skip
        if made == "INSERT 0 0":
            raise Invalid("There is a unit with this key already. Choose another key.", "key")
        body = {"key": key, "kind": wanted["kind"], "name": wanted["name"], "below": str(parent_id or "")}
        entries = [NewEntry(f"unit/{identity}", "unit.added", body)]
        if parent_id is None:
            entries += await _administered_too(identity)
        await append(actor=viewer.actor, entries=entries)
        return identity


async def _parent(viewer: Viewer, parent_id: UUID) -> None:
    if not await db.fetchval("SELECT active FROM core_unit WHERE id = $1", parent_id):
        raise Invalid("There is no such unit in use. Choose one of the list.", "parent")
    demand_in(viewer, SET_UP, parent_id)


async def _administered_too(top: UUID) -> list[NewEntry]:
    """Roles by which people manage users in every other topmost unit are held in the new one too; else nobody could."""
    rows = await db.fetch(
        """INSERT INTO core_user_role (id, user_id, role, unit_id)
        SELECT gen_random_uuid(), h.user_id, h.role, $1 FROM core_user_role h
        JOIN core_role r ON r.key = h.role AND 'user.manage' = ANY(r.permissions)
        JOIN core_unit t ON t.id = h.unit_id AND t.parent_id IS NULL AND t.id <> $1
        GROUP BY h.user_id, h.role
        HAVING count(*) = (SELECT count(*) FROM core_unit WHERE parent_id IS NULL AND id <> $1)
        ON CONFLICT (user_id, role, unit_id) DO NOTHING RETURNING user_id, role""",
        top,
    )
    return [
        NewEntry(f"user/{row['user_id']}", "user.role_given", {"role": row["role"], "unit": str(top)}) for row in rows
    ]


async def change(viewer: Viewer, unit_id: UUID, values: Mapping[str, str], version: int) -> int:
    """Name, kind, time zone, currency, country, language, phone; returns the new version."""
    wanted = checked(values)
    async with db.transaction():
        row = await _locked(viewer, unit_id)
        check_version("This unit", row, version, wanted)
        changed = {key: value for key, value in wanted.items() if row[key] != value}
        if not changed:
            return int(row["version"])
        await update("core_unit", unit_id, changed)
        body = {"fields": sorted(changed), "before": {key: row[key] for key in changed}, "after": changed}
        await append(actor=viewer.actor, entries=[NewEntry(f"unit/{unit_id}", "unit.changed", body)])
        return int(row["version"]) + 1


async def _locked(viewer: Viewer, unit_id: UUID) -> Record:
    row = await db.fetchrow("SELECT * FROM core_unit WHERE id = $1 FOR UPDATE", unit_id)
    if row is None or not viewer.may_in(SET_UP, unit_id):
        raise _no_unit()
    return row


@dataclass(frozen=True)
class AccessChange:
    """Somebody who gains or loses a role in the moved unit and all below, and the unit they hold it in."""

    person: str
    role: str
    held_in: str


@dataclass(frozen=True)
class MovePreview:
    gains: tuple[AccessChange, ...]
    loses: tuple[AccessChange, ...]


_ABOVE = """
WITH RECURSIVE up AS (
    SELECT id, parent_id FROM core_unit WHERE id = $1
    UNION SELECT u.id, u.parent_id FROM core_unit u JOIN up ON u.id = up.parent_id
)
SELECT coalesce(nullif(p.display_name, ''), p.name) AS person, r.label AS role, n.name AS held_in
FROM up JOIN core_user_role h ON h.unit_id = up.id JOIN core_user p ON p.id = h.user_id AND p.active
JOIN core_role r ON r.key = h.role JOIN core_unit n ON n.id = h.unit_id ORDER BY 1, 2, 3
"""


async def preview_move(viewer: Viewer, unit_id: UUID, to: UUID | None) -> MovePreview:
    """Who gains and who loses access by the move; nothing is changed."""
    await demand_whole_desk(viewer, MANAGE, "Moving a unit changes who may see what")
    shown = await unit(viewer, unit_id)
    await _no_circle(unit_id, to)
    before = {AccessChange(**dict(row)) for row in await db.fetch(_ABOVE, shown.parent_id)}
    after = {AccessChange(**dict(row)) for row in await db.fetch(_ABOVE, to)}
    return MovePreview(_in_order(after - before), _in_order(before - after))


def _in_order(changes: set[AccessChange]) -> tuple[AccessChange, ...]:
    return tuple(sorted(changes, key=lambda each: (each.person, each.role, each.held_in)))


async def _no_circle(unit_id: UUID, to: UUID | None) -> None:
    if to is None:
        return
    row = await db.fetchrow(
        "WITH RECURSIVE up AS (SELECT id, parent_id FROM core_unit WHERE id = $1 "
        "UNION SELECT u.id, u.parent_id FROM core_unit u JOIN up ON u.id = up.parent_id) "
        "SELECT count(*) AS found, coalesce(bool_or(id = $2), FALSE) AS circle FROM up",
        to,
        unit_id,
    )
    assert row is not None
    if not row["found"]:
        raise Invalid("There is no such unit. Choose one of the list.", "to")
    if row["circle"]:
        raise Invalid("A unit cannot stand below itself or below one of its own. Choose another place.", "to")


async def move(viewer: Viewer, unit_id: UUID, to: UUID | None, version: int) -> None:
    """Puts a unit, with all below, below another or at the top; `preview_move` says what that does."""
    await demand_whole_desk(viewer, MANAGE, "Moving a unit changes who may see what")
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        row = await _locked(viewer, unit_id)
        check_version("This unit", row, version, {"parent_id": to})
        await _no_circle(unit_id, to)
        if row["parent_id"] == to:
            return
        if to is not None and not await db.fetchval("SELECT active FROM core_unit WHERE id = $1", to):
            raise NotNow("That unit is out of use. Take it into use again, or choose another one.")
        await update("core_unit", unit_id, {"parent_id": to})
        body = {"from": str(row["parent_id"] or ""), "to": str(to or "")}
        entries = [NewEntry(f"unit/{unit_id}", "unit.moved", body)]
        if to is None:
            entries += await _administered_too(unit_id)
        await append(actor=viewer.actor, entries=entries)


async def deactivate(viewer: Viewer, unit_id: UUID, version: int) -> None:
    """Takes a unit out of use in which nothing is open any more."""
    async with db.transaction():
        row = await _locked(viewer, unit_id)
        check_version("This unit", row, version, {"active": False})
        if (await units.first()).id == unit_id:
            raise NotNow("This unit takes every complaint that names none, so it stays in use.")
        left = await _left_in(unit_id)
        if left:
            raise NotNow(
                sentence("Still open here: %(left)s. Close, move or switch them off first.", left=joined(left))
            )
        await _switch(viewer, row, active=False)


async def _left_in(unit_id: UUID) -> list[str]:
    row = await db.fetchrow(
        "SELECT (SELECT count(*) FROM core_case WHERE unit_id = $1 AND status <> 'closed') AS cases, "
        "(SELECT count(*) FROM core_unit WHERE parent_id = $1 AND active) AS units, "
        "(SELECT count(*) FROM core_queue WHERE unit_id = $1 AND active) AS queues",
        unit_id,
    )
    assert row is not None
    words = {"cases": ("case", "cases"), "units": ("unit below it", "units below it"), "queues": ("queue", "queues")}
    return [f"{row[key]} {one if row[key] == 1 else many}" for key, (one, many) in words.items() if row[key]]


async def reactivate(viewer: Viewer, unit_id: UUID, version: int) -> None:
    """Takes a unit into use again; the one above it must be in use."""
    async with db.transaction():
        row = await _locked(viewer, unit_id)
        check_version("This unit", row, version, {"active": True})
        above = row["parent_id"]
        if above is not None and not await db.fetchval("SELECT active FROM core_unit WHERE id = $1", above):
            raise NotNow("The unit above is out of use. Take that one into use first.")
        await _switch(viewer, row, active=True)


async def _switch(viewer: Viewer, row: Any, *, active: bool) -> None:
    if row["active"] != active:
        await update("core_unit", row["id"], {"active": active})
        kind = "unit.reactivated" if active else "unit.deactivated"
        await append(actor=viewer.actor, entries=[NewEntry(f"unit/{row['id']}", kind, {})])
