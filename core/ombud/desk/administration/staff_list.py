"""Members of staff as administrators see them: a list in pages, and one of them whole."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from ombud.desk.administration.authority import MANAGE, in_reach, whole_desk
from ombud.desk.errors import Invalid
from ombud.desk.shown import read_cursor, write_cursor
from ombud.desk.staff import seen
from ombud.desk.writing import demand
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust import tokens
from ombud.trust.policy import Arguments, Viewer
from ombud.trust.tokens import TokenListed

PAGE = 50


@dataclass(frozen=True)
class RoleIn:
    """A role held in a unit, with the words for both."""

    role: str
    label: str
    unit_id: UUID
    unit: str


@dataclass(frozen=True)
class StaffRow:
    """`seen_at`: the last sign of a session or token that still exists."""

    id: UUID
    name: str
    display_name: str
    email: str
    language: str
    active: bool
    has_password: bool
    created_at: datetime
    seen_at: datetime | None
    second_factor: bool
    version: int
    roles: tuple[RoleIn, ...]


@dataclass(frozen=True)
class StaffPage:
    rows: tuple[StaffRow, ...]
    next_cursor: str | None


@dataclass(frozen=True)
class Wanted:
    """Filters of the list; empty ones do not filter. `state`: active, inactive."""

    text: str = ""
    state: str = ""
    role: str = ""
    unit_id: UUID | None = None


@dataclass(frozen=True)
class StaffMember:
    """One of them, with the tokens (newest first) and how many browsers are signed in."""

    row: StaffRow
    sessions: int
    tokens: tuple[TokenListed, ...]


class _Place(msgspec.Struct, array_like=True):
    name: str
    id: UUID


_ROWS = """
SELECT u.id, u.name, coalesce(nullif(u.display_name, ''), u.name) AS display_name, u.email, u.language, u.active,
    u.password_hash <> '' AS has_password, u.created_at, u.version,
    EXISTS (SELECT 1 FROM core_second_factor f WHERE f.user_id = u.id AND f.confirmed_at IS NOT NULL) AS second_factor,
    greatest((SELECT max(s.seen_at) FROM core_session s WHERE s.user_id = u.id),
        (SELECT max(t.used_at) FROM core_token t WHERE t.user_id = u.id)) AS seen_at,
    coalesce((SELECT jsonb_agg(jsonb_build_array(h.role, r.label, n.id, n.name) ORDER BY n.name, r.label)
        FROM core_user_role h JOIN core_role r ON r.key = h.role JOIN core_unit n ON n.id = h.unit_id
        WHERE h.user_id = u.id), '[]') AS roles
FROM core_user u WHERE {condition} ORDER BY u.name, u.id LIMIT {limit}
"""


async def list_staff(viewer: Viewer, wanted: Wanted, cursor: str | None = None, size: int = PAGE) -> StaffPage:
    """Those in reach by sign-in name, in one statement beside the one that asks how far that is."""
    demand(viewer, MANAGE)
    arguments = Arguments()
    conditions = [in_reach(viewer, await whole_desk(viewer, MANAGE), "u", arguments), *_filters(wanted, arguments)]
    if cursor:
        place = read_cursor(cursor, _Place)
        conditions.append(f"(u.name, u.id) > ({arguments.add(place.name)}, {arguments.add(place.id)})")
    sql = _ROWS.format(condition=" AND ".join(conditions), limit=arguments.add(size + 1))
    found = [_row(each) for each in await db.fetch(sql, *arguments.values)]
    more = write_cursor(_Place(found[size - 1].name, found[size - 1].id)) if len(found) > size else None
    return StaffPage(tuple(found[:size]), more)


def _filters(wanted: Wanted, arguments: Arguments) -> list[str]:
    found = []
    if wanted.text:
        escaped = wanted.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        like = arguments.add(f"%{escaped}%")
        found.append(f"(u.name ILIKE {like} OR u.display_name ILIKE {like} OR u.email ILIKE {like})")
    if wanted.state not in {"", "active", "inactive"}:
        raise Invalid("Choose active or inactive.", "state")
    if wanted.state:
        found.append("u.active" if wanted.state == "active" else "NOT u.active")
    if wanted.role or wanted.unit_id:
        role = f" AND h.role = {arguments.add(wanted.role)}" if wanted.role else ""
        unit = f" AND h.unit_id = {arguments.add(wanted.unit_id)}" if wanted.unit_id else ""
        found.append(f"EXISTS (SELECT 1 FROM core_user_role h WHERE h.user_id = u.id{role}{unit})")
    return found


def _row(row: Any) -> StaffRow:
    roles = tuple(RoleIn(role, label, UUID(unit_id), unit) for role, label, unit_id, unit in row["roles"])
    return StaffRow(**{**dict(row), "roles": roles})


async def member(viewer: Viewer, user_id: UUID) -> StaffMember:
    """Raises NotFound outside one's reach."""
    await seen(viewer, user_id)
    row = await db.fetchrow(_ROWS.format(condition="u.id = $1", limit="1"), user_id)
    assert row is not None
    open_ = await db.fetchval(
        "SELECT count(*) FROM core_session WHERE user_id = $1 AND expires_at > $2", user_id, now()
    )
    return StaffMember(_row(row), int(open_), tuple(await tokens.of_user(user_id)))
