"""Whom a request speaks for: from a session's or token's secret to a Viewer with all its rights.

One statement a request says whether the secret still holds; what its user may is remembered until rights change.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.settled import SETTLED, Memory
from ombud.kernel.together import Together
from ombud.trust import sessions, tokens
from ombud.trust.policy import Viewer
from ombud.trust.sessions import IDLE_MINUTES, House, SessionFound

_Rights = dict[str, frozenset[UUID]]


@dataclass(frozen=True, slots=True)
class _Held:
    """What a user may: permissions with the units they reach, and the roles that give them."""

    rights: _Rights
    roles: tuple[str, ...]
    role_keys: frozenset[str]


_remembered: Memory[UUID, _Held] = Memory(5000)

# What is granted in which unit, and which units each of those reaches: it counts in all below.
_HELD = """
WITH RECURSIVE granted AS (
    SELECT mine.unit_id, array_agg(DISTINCT permission) AS permissions, array_agg(DISTINCT role.label) AS roles,
        array_agg(DISTINCT role.key) AS role_keys
    FROM core_user_role mine JOIN core_role role ON role.key = mine.role, unnest(role.permissions) AS permission
    WHERE mine.user_id = $1 GROUP BY mine.unit_id
),
below AS (
    SELECT unit_id AS top, unit_id FROM granted
    UNION
    SELECT below.top, child.id FROM below JOIN core_unit child ON child.parent_id = below.unit_id
),
reach AS (SELECT top, array_agg(unit_id) AS units FROM below GROUP BY top)
SELECT granted.permissions, granted.roles, granted.role_keys, reach.units
FROM granted JOIN reach ON reach.top = granted.unit_id
"""
_EMERGENCIES = (
    "(SELECT jsonb_object_agg(e.case_id, e.until) FROM (SELECT e.case_id, max(e.until) AS until "
    "FROM core_emergency e WHERE e.user_id = u.id AND e.ended_at IS NULL AND e.until > now() GROUP BY e.case_id) e)"
)
_PERSON = (
    "u.id AS user_id, coalesce(nullif(u.display_name, ''), u.name) AS name, u.language, u.keys, "
    f"{SETTLED} AS settled, {_EMERGENCIES} AS emergencies"
)
_OF_USER = f"SELECT {_PERSON} FROM core_user u WHERE u.id = $1 AND u.active"
_OF_SESSION = f"""
SELECT s.id, s.csrf, s.created_at, s.seen_at, s.expires_at, s.proved_at, {_PERSON}, EXISTS (SELECT 1
    FROM core_second_factor f WHERE f.user_id = u.id AND f.confirmed_at IS NOT NULL) AS has_factor,
    house.name AS house_name, house.time_zone AS house_zone, house.language AS house_language,
    house.phone AS house_phone
FROM core_session s JOIN core_user u ON u.id = s.user_id LEFT JOIN (SELECT name, time_zone, language, phone
    FROM core_unit WHERE parent_id IS NULL ORDER BY created_at, id LIMIT 1) house ON TRUE
WHERE s.id = $1 AND s.expires_at > $2 AND s.seen_at > $3 AND u.active AND NOT s.half
"""
_OF_TOKEN = f"""
SELECT t.hash, t.id AS token_id, t.scopes, t.used_at, t.expires_at, {_PERSON}
FROM core_token t JOIN core_user u ON u.id = t.user_id
WHERE t.hash = ANY($1) AND t.revoked_at IS NULL AND u.active
"""


async def viewer_of_user(user_id: UUID) -> Viewer | None:
    """The viewer a member of staff is; None if there is no such user or it is inactive."""
    row = await db.fetchrow(_OF_USER, user_id)
    return _viewer(f"user/{user_id}", row, await _held(row)) if row else None


async def viewer_of_session(
    secret: str, idle_minutes: int = IDLE_MINUTES, factor_roles: Collection[str] = (), *, used: bool = True
) -> tuple[Viewer, SessionFound] | None:
    """The viewer behind a session cookie; None if the session has ended or the user is inactive. `used`: whether this
    keeps it from lying idle; what a page asks by itself does not.

    Whoever holds one of `factor_roles` and has no second factor has no rights until it is set up.
    """
    moment = now()
    row = await db.fetchrow(_OF_SESSION, sessions.hashed(secret), moment, moment - timedelta(minutes=idle_minutes))
    if row is None:
        return None
    held = await _held(row)
    session = SessionFound(
        row["id"], row["user_id"], row["csrf"], row["created_at"], row["seen_at"], row["expires_at"], row["proved_at"],
        must_enrol=not row["has_factor"] and not held.role_keys.isdisjoint(factor_roles), house=_house(row),
    )  # fmt: skip
    if used:
        await sessions.touch(session)
    viewer = _viewer(f"user/{session.user_id}", row, held)
    return (replace(viewer, rights={}) if session.must_enrol else viewer), session


async def viewer_of_token(plain: str) -> Viewer | None:
    """The viewer behind an API token: its user's rights, cut to the token's scopes; None if it does not hold."""
    row = await _tokens.ask(tokens.hashed(plain))
    if row is None or (row["expires_at"] is not None and row["expires_at"] <= now()):
        return None
    await tokens.touch(row["token_id"], row["used_at"])
    return _viewer(f"token/{row['token_id']}", row, await _held(row), frozenset(row["scopes"]) or None)


async def _find_tokens(hashes: Sequence[str]) -> list[asyncpg.Record | None]:
    rows = await db.fetch(_OF_TOKEN, list(set(hashes)))
    found = {row["hash"]: row for row in rows}
    return [found.get(each) for each in hashes]


_tokens = Together(_find_tokens)


async def _held(row: asyncpg.Record) -> _Held:
    """Of the user of this row, from memory where nothing has changed since."""
    user_id = row["user_id"]

    async def read() -> _Held:
        return _read(await db.fetch(_HELD, user_id))

    return await _remembered.of(user_id, row["settled"], read)


def _read(rows: Sequence[asyncpg.Record]) -> _Held:
    roles = tuple(sorted({label for row in rows for label in row["roles"]}))
    return _Held(_rights(rows), roles, frozenset(key for row in rows for key in row["role_keys"]))


def _viewer(actor: str, row: asyncpg.Record, held: _Held, scopes: frozenset[str] | None = None) -> Viewer:
    return Viewer(
        actor, row["name"], row["user_id"], row["language"], held.rights, scopes, roles=held.roles,
        keys=row["keys"] or {}, settled=row["settled"],
        emergencies={UUID(case): datetime.fromisoformat(until) for case, until in (row["emergencies"] or {}).items()},
    )  # fmt: skip


def _house(row: asyncpg.Record) -> House | None:
    if row["house_name"] is None:  # a desk without units
        return None
    return House(row["house_name"], row["house_zone"], row["house_language"], row["house_phone"])


def _rights(rows: Sequence[Mapping[str, Any]]) -> _Rights:
    rights: _Rights = {}
    for row in rows:
        units = frozenset(row["units"])
        for permission in row["permissions"]:
            rights[permission] = rights[permission] | units if permission in rights else units
    return rights
