"""API tokens: stored hashed, expiring, and never wider than the rights of their user."""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust import roles, users
from ombud.trust.ledger import NewEntry, Sealed, append

TOUCH_EVERY = timedelta(minutes=1)


class TokenProblem(ValueError):
    """A token that cannot be made or revoked; the message names the remedy."""


class UnknownScope(TokenProblem):
    """A scope that no permission bears."""


class ScopeNotHeld(TokenProblem):
    """A scope that none of the user's roles gives."""


class NoSuchToken(TokenProblem):
    """There is no token with this id."""


@dataclass(frozen=True, slots=True)
class TokenFound:
    """A token that holds. Empty scopes: all of the user's rights."""

    id: UUID
    user_id: UUID
    name: str
    scopes: frozenset[str]
    expires_at: datetime | None
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class TokenListed:
    """A token as its owner sees it; `mark` is the part of the plain token that is not secret."""

    id: UUID
    mark: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None


async def create(
    user_name: str,
    token_name: str,
    scopes: Collection[str] | None = None,
    expires_in: timedelta | None = None,
    *,
    actor: str,
) -> str:
    """Makes a token and returns it in plain, which is stored nowhere: this is the only time it is shown.

    Raises users.NoSuchUser, UnknownScope, ScopeNotHeld, TokenProblem.
    """
    name = _checked_name(token_name)
    if expires_in is not None and expires_in <= timedelta(0):
        raise TokenProblem("a token must expire in the future; give a longer time or none")
    wanted = sorted(set(scopes or ()))
    await _check_scopes(wanted)
    user = await users.find(user_name)
    if not user.active:
        raise TokenProblem(f"{user.name} is inactive; let the user in again before making a token")
    await _check_held(user, wanted)
    token_id = new_id()
    plain = f"omb_{mark_of(token_id)}_{secrets.token_hex(24)}"
    expires_at = now() + expires_in if expires_in is not None else None
    async with db.transaction():
        await db.execute(
            """INSERT INTO core_token (id, user_id, name, hash, scopes, created_at, expires_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7)""",
            token_id,
            user.id,
            name,
            hashed(plain),
            wanted,
            now(),
            expires_at,
        )
        body = {"token": str(token_id), "scopes": wanted, "expires_at": expires_at and expires_at.isoformat()}
        sealed = {"name": Sealed(subject=f"user/{user.id}", value=name)}
        await append(actor=actor, entries=[NewEntry(f"user/{user.id}", "token.created", body, sealed)])
    return plain


async def find(plain: str) -> TokenFound | None:
    """The token, unless it is revoked or expired or its user is inactive."""
    row = await db.fetchrow(
        """SELECT t.id, t.user_id, t.name, t.scopes, t.expires_at, t.used_at
        FROM core_token t JOIN core_user u ON u.id = t.user_id
        WHERE t.hash = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2) AND u.active""",
        hashed(plain),
        now(),
    )
    if row is None:
        return None
    await touch(row["id"], row["used_at"])
    return TokenFound(**{**dict(row), "scopes": frozenset(row["scopes"])})


async def touch(token_id: UUID, used_at: datetime | None) -> None:
    """Notes that the token was used, at most once a minute."""
    if used_at is None or now() - used_at >= TOUCH_EVERY:
        await db.execute("UPDATE core_token SET used_at = $2 WHERE id = $1", token_id, now())


async def revoke(token_id: UUID, actor: str) -> None:
    """Ends a token at once; once more changes nothing. Raises NoSuchToken."""
    async with db.transaction():
        row = await db.fetchrow("SELECT user_id, revoked_at FROM core_token WHERE id = $1 FOR UPDATE", token_id)
        if row is None:
            raise NoSuchToken(f"there is no token {token_id}; the list of tokens shows their ids")
        if row["revoked_at"] is not None:
            return
        await db.execute("UPDATE core_token SET revoked_at = $2 WHERE id = $1", token_id, now())
        entry = NewEntry(f"user/{row['user_id']}", "token.revoked", {"token": str(token_id)})
        await append(actor=actor, entries=[entry])


async def of_user(user_id: UUID) -> list[TokenListed]:
    """The user's tokens, newest first, also those that no longer hold."""
    rows = await db.fetch(
        """SELECT id, name, scopes, created_at, expires_at, used_at, revoked_at FROM core_token
        WHERE user_id = $1 ORDER BY id DESC""",
        user_id,
    )
    return [TokenListed(**{**dict(row), "mark": mark_of(row["id"]), "scopes": tuple(row["scopes"])}) for row in rows]


def mark_of(token_id: UUID) -> str:
    """The random end of the id, which people recognise a token by."""
    return token_id.hex[-10:]


def hashed(plain: str) -> str:
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def _checked_name(text: str) -> str:
    name = text.strip()
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise TokenProblem("give the token a name of 1 to 100 characters that says what it is for")
    return name


async def _check_scopes(wanted: list[str]) -> None:
    known = await roles.known_permissions()
    strange = [scope for scope in wanted if scope not in known]
    if strange:
        raise UnknownScope(f"no permission is called {', '.join(strange)}; choose from {', '.join(sorted(known))}")


async def _check_held(user: users.UserFound, wanted: list[str]) -> None:
    """A scope beyond the user's rights would open nothing, and surprise whoever relies on it."""
    rows = await db.fetch(
        "SELECT DISTINCT unnest(r.permissions) AS key FROM core_user_role h JOIN core_role r ON r.key = h.role "
        "WHERE h.user_id = $1",
        user.id,
    )
    held = {row["key"] for row in rows}
    if beyond := [scope for scope in wanted if scope not in held]:
        remedy = f"choose from {', '.join(sorted(held))}" if held else "give the user a role first"
        raise ScopeNotHeld(f"{user.name} does not hold {', '.join(beyond)}; give a role with it, or {remedy}")
