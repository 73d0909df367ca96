"""Members of staff: who they are, their password, and which roles they hold where."""

import unicodedata
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust import passwords, sessions
from ombud.trust.ledger import NewEntry, Sealed, append

_LAST_ADMINISTRATOR_LOCK = 0x6F6D_6164_6D69


class UserProblem(ValueError):
    """A change of users that cannot be made; the message names the remedy."""


class BadUser(UserProblem):
    """A name or an address that cannot be kept."""


class NameTaken(UserProblem):
    """Somebody signs in under this name already."""


class NoSuchUser(UserProblem):
    """There is no user with this name or id."""


class NoSuchRole(UserProblem):
    """The desk has no role with this key."""


class NoSuchUnit(UserProblem):
    """The desk has no unit with this key."""


class LastAdministrator(UserProblem):
    """Without this person nobody could manage users any more."""


@dataclass(frozen=True, slots=True)
class RoleHeld:
    role: str
    unit_id: UUID
    unit_key: str


@dataclass(frozen=True, slots=True)
class UserFound:
    """A user as lists show it; never with the password's hash."""

    id: UUID
    name: str
    display_name: str
    email: str
    language: str
    active: bool
    has_password: bool
    created_at: datetime
    roles: tuple[RoleHeld, ...]


def normal_name(name: str) -> str:
    """The spelling under which a name is kept and looked up: `Łucja` and `łucja` are one."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


async def add(
    name: str,
    display_name: str,
    email: str,
    password: str | None,
    roles: Collection[str],
    unit_key: str | None,
    actor: str,
) -> UUID:
    """Adds a user with roles in the unit (None: the desk's first unit). Without a password nobody can sign in as it.

    Raises NameTaken, BadUser, NoSuchRole, NoSuchUnit, passwords.WeakPassword.
    """
    name, display_name = _checked_name(name), checked_display(display_name) or name.strip()
    email = checked_email(email)
    stored = await _checked_hash(password, name) if password is not None else ""
    async with db.transaction():
        held = [await _role_in_unit(role, unit_key) for role in dict.fromkeys(roles)]
        user_id = await db.fetchval(
            """INSERT INTO core_user
                (id, name, display_name, email, password_hash, language, active, created_at, version)
            VALUES ($1, $2, $3, $4, $5, 'en', TRUE, $6, 1) ON CONFLICT (name) DO NOTHING RETURNING id""",
            new_id(),
            name,
            display_name,
            email,
            stored,
            now(),
        )
        if user_id is None:
            raise NameTaken(f"somebody is called {name} already; choose another name")
        for role in held:
            await _insert_role(user_id, role)
        await _tell_added(user_id, actor, held, {"name": name, "display_name": display_name, "email": email})
    return UUID(str(user_id))


async def _tell_added(user_id: UUID, actor: str, held: list[RoleHeld], personal: dict[str, str]) -> None:
    body = {"roles": [{"role": each.role, "unit": str(each.unit_id)} for each in held]}
    sealed = {key: Sealed(subject=f"user/{user_id}", value=value) for key, value in personal.items() if value}
    await append(actor=actor, cause="", entries=[NewEntry(f"user/{user_id}", "user.added", body, sealed)])


async def set_password(who: str | UUID, password: str, actor: str, keep_session: str = "") -> None:
    """Sets a password and ends the user's sessions, except the one with the id `keep_session`.

    Raises NoSuchUser, passwords.WeakPassword.
    """
    user = await find(who)
    stored = await _checked_hash(password, user.name)
    async with db.transaction():
        await db.execute(
            "UPDATE core_user SET password_hash = $2, version = version + 1 WHERE id = $1", user.id, stored
        )
        await sessions.close_all(user.id, keep_session)
        await _tell(user.id, actor, "user.password_changed", {})


async def deactivate(who: str | UUID, actor: str) -> None:
    """Shuts a user out at once: sessions end, tokens stop working; what the person did stays under the name."""
    user = await find(who)
    if not user.active:
        return
    async with db.transaction():
        async with somebody_left():
            await db.execute("UPDATE core_user SET active = FALSE, version = version + 1 WHERE id = $1", user.id)
        await sessions.close_all(user.id)
        await _tell(user.id, actor, "user.deactivated", {})


async def reactivate(who: str | UUID, actor: str) -> None:
    """Lets a user in again, with the roles held before."""
    user = await find(who)
    if user.active:
        return
    async with db.transaction():
        await db.execute("UPDATE core_user SET active = TRUE, version = version + 1 WHERE id = $1", user.id)
        await _tell(user.id, actor, "user.reactivated", {})


async def give_role(who: str | UUID, role: str, unit_key: str | None, actor: str) -> None:
    """Lets a user hold a role in a unit and in all below; once more changes nothing."""
    user = await find(who)
    async with db.transaction():
        held = await _role_in_unit(role, unit_key)
        if await _insert_role(user.id, held):
            await _tell(user.id, actor, "user.role_given", {"role": role, "unit": str(held.unit_id)})


async def take_role(who: str | UUID, role: str, unit_key: str | None, actor: str) -> None:
    """Takes a role in a unit away; changes nothing where it was not held."""
    user = await find(who)
    async with db.transaction():
        held = await _role_in_unit(role, unit_key)
        async with somebody_left():
            gone = await db.execute(
                "DELETE FROM core_user_role WHERE user_id = $1 AND role = $2 AND unit_id = $3",
                user.id,
                held.role,
                held.unit_id,
            )
        if gone != "DELETE 0":
            await _tell(user.id, actor, "user.role_taken", {"role": role, "unit": str(held.unit_id)})


async def find(who: str | UUID) -> UserFound:
    """The user with this name or id; raises NoSuchUser."""
    column, value = ("u.id", who) if isinstance(who, UUID) else ("u.name", normal_name(who))
    found = await _users(f"WHERE {column} = $1", value) if _can_be_asked(value) else []
    if not found:
        raise NoSuchUser(f"there is no user {who}; the list of users shows their names")
    return found[0]


async def list_users(active_only: bool = False) -> list[UserFound]:
    """All users in the order of their names."""
    return await _users("WHERE u.active" if active_only else "")


async def _users(condition: str, *given: Any) -> list[UserFound]:
    rows = await db.fetch(
        f"""SELECT u.id, u.name, u.display_name, u.email, u.language, u.active, u.created_at,
            u.password_hash <> '' AS has_password,
            coalesce(jsonb_agg(jsonb_build_array(held.role, unit.id, unit.key) ORDER BY held.role, unit.key)
                FILTER (WHERE held.id IS NOT NULL), '[]') AS roles
        FROM core_user u LEFT JOIN core_user_role held ON held.user_id = u.id
        LEFT JOIN core_unit unit ON unit.id = held.unit_id
        {condition} GROUP BY u.id ORDER BY u.name""",
        *given,
    )
    return [_user(dict(row)) for row in rows]


def _user(row: dict[str, Any]) -> UserFound:
    row["roles"] = tuple(RoleHeld(role, UUID(unit), key) for role, unit, key in row["roles"])
    return UserFound(**row)


async def _role_in_unit(role: str, unit_key: str | None) -> RoleHeld:
    roles = [row["key"] for row in await db.fetch("SELECT key FROM core_role WHERE active ORDER BY key")]
    if role not in roles:
        raise NoSuchRole(f"there is no role {role!r}; choose from {', '.join(roles) or 'none: run the set-up first'}")
    if unit_key is None:
        unit = await db.fetchrow(
            "SELECT id, key FROM core_unit WHERE parent_id IS NULL ORDER BY created_at, id LIMIT 1"
        )
    else:
        unit = await db.fetchrow("SELECT id, key FROM core_unit WHERE key = $1", unit_key.replace("\0", "?"))
    if unit is None:
        raise NoSuchUnit(await _unit_remedy(unit_key))
    return RoleHeld(role, unit["id"], unit["key"])


async def _unit_remedy(unit_key: str | None) -> str:
    if unit_key is None:
        return "the desk has no unit yet; add its first unit, then its users"
    units = [row["key"] for row in await db.fetch("SELECT key FROM core_unit ORDER BY key LIMIT 20")]
    return f"there is no unit {unit_key!r}; choose from {', '.join(units)}"


async def _insert_role(user_id: UUID, held: RoleHeld) -> bool:
    """False if the user holds it already."""
    done = await db.execute(
        """INSERT INTO core_user_role (id, user_id, role, unit_id) VALUES ($1, $2, $3, $4)
        ON CONFLICT (user_id, role, unit_id) DO NOTHING""",
        new_id(),
        user_id,
        held.role,
        held.unit_id,
    )
    return done != "INSERT 0 0"


# 2 where somebody active may manage users in every topmost unit, and so on the whole desk; 1 where somebody may in some
# unit; else 0.
_ADMINISTERED = """
WITH managing AS (
    SELECT held.user_id, held.unit_id FROM core_user u JOIN core_user_role held ON held.user_id = u.id
    JOIN core_role r ON r.key = held.role WHERE u.active AND 'user.manage' = ANY(r.permissions)
), whole AS (
    SELECT 1 FROM managing m JOIN core_unit top ON top.id = m.unit_id AND top.parent_id IS NULL
    GROUP BY m.user_id
    HAVING count(DISTINCT top.id) = (SELECT count(*) FROM core_unit WHERE parent_id IS NULL)
)
SELECT CASE WHEN EXISTS (SELECT 1 FROM whole) THEN 2 WHEN EXISTS (SELECT 1 FROM managing) THEN 1 ELSE 0 END
"""


@asynccontextmanager
async def somebody_left() -> AsyncIterator[None]:
    """Refuses a change after which nobody could manage users on the whole desk, or at all where nobody could on all of
    it before; also when two such changes happen at once."""
    await db.execute("SELECT pg_advisory_xact_lock($1)", _LAST_ADMINISTRATOR_LOCK)
    async with db.savepoint():
        before = await db.fetchval(_ADMINISTERED)
        yield
        if await db.fetchval(_ADMINISTERED) < before:
            whole = " of the whole desk" if before == 2 else ""
            raise LastAdministrator(
                f"this is the last person who can manage users{whole}; give somebody else that role first"
            )


async def _tell(user_id: UUID, actor: str, kind: str, body: dict[str, str]) -> None:
    await append(actor=actor, cause="", entries=[NewEntry(f"user/{user_id}", kind, body)])


def _checked_name(name: str) -> str:
    kept = normal_name(name)
    if not 1 <= len(kept) <= 100 or not all(sign.isalnum() or sign in "._@+-" for sign in kept):
        raise BadUser("a user name has 1 to 100 letters, digits or . _ @ + - and no spaces")
    return kept


def checked_display(text: str) -> str:
    """A shown name as it is kept; raises BadUser."""
    shown = text.strip()
    if len(shown) > 200 or not shown.isprintable():
        raise BadUser("a shown name has at most 200 characters and no line breaks or control characters")
    return shown


def checked_email(text: str) -> str:
    """An address as it is kept, or empty; raises BadUser."""
    address = text.strip()
    before, at, after = address.rpartition("@")
    if address and not (
        before and at and after and address.isprintable() and " " not in address and len(address) < 255
    ):
        raise BadUser("an e-mail address looks like name@example.org; leave it empty if there is none")
    return address


def _can_be_asked(value: str | UUID) -> bool:
    return isinstance(value, UUID) or value.isprintable()


async def _checked_hash(password: str, name: str) -> str:
    await check_password(password, name)
    return await passwords.hash_of(password)


async def check_password(password: str, name: str) -> None:
    """Raises passwords.WeakPassword if this may not become the password of that user here."""
    known = await db.fetchval("SELECT array_agg(name) FROM (SELECT name FROM core_unit ORDER BY id LIMIT 100) AS unit")
    passwords.check(password, name, known or ())
