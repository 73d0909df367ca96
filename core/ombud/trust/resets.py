"""Reset links: an administrator hands somebody a way to set a password, once, within a day. No password travels."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.speech import sentence
from ombud.trust import passwords, sessions, throttle, users
from ombud.trust.ledger import NewEntry, append

PURPOSES = ("reset", "invite")
HOURS = 24


class BadReset(Exception):
    """A link that sets no password: unknown, used, replaced or expired, all told alike."""

    def __init__(self) -> None:
        super().__init__("This link does not work. It holds for one day and counts once. Ask for a new one.")


@dataclass(frozen=True, slots=True)
class ResetFound:
    """A link that still works, and for whom."""

    user_id: UUID
    name: str
    purpose: str
    expires_at: datetime


async def make(user_id: UUID, actor: str, purpose: str = "reset", hours: int = HOURS) -> str:
    """Stores a link and returns its token in plain, which is stored nowhere; earlier links of the user stop working.

    Raises users.NoSuchUser, and UserProblem for somebody who is shut out.
    """
    if purpose not in PURPOSES:
        raise ValueError(f"a link is made for one of {', '.join(PURPOSES)}")
    user = await users.find(user_id)
    if not user.active:
        raise users.UserProblem(
            sentence("%(name)s is inactive; let the user in again before making a link", name=user.name)
        )
    plain = secrets.token_urlsafe(32)
    async with db.transaction():
        await db.execute("DELETE FROM core_reset WHERE user_id = $1 AND used_at IS NULL", user_id)
        await db.execute(
            """INSERT INTO core_reset (id, user_id, hash, purpose, made_by, created_at, expires_at, used_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, NULL)""",
            new_id(),
            user_id,
            hashed(plain),
            purpose,
            actor,
            now(),
            now() + timedelta(hours=hours),
        )
        await _tell(user_id, actor, "reset.made", {"purpose": purpose, "hours": str(hours)})
    return plain


_HOLDS = "r.hash = $1 AND r.used_at IS NULL AND r.expires_at > $2 AND u.active"


async def read(token: str) -> ResetFound:
    """Whom a link is for; reading it changes nothing. Raises BadReset."""
    row = await db.fetchrow(
        f"""SELECT r.user_id, u.name, r.purpose, r.expires_at FROM core_reset r
        JOIN core_user u ON u.id = r.user_id WHERE {_HOLDS}""",
        hashed(token),
        now(),
    )
    if row is None:
        raise BadReset
    return ResetFound(**dict(row))


async def use(token: str, password: str) -> ResetFound:
    """Sets the password and ends the user's sessions; the second factor and API tokens stay as they are.

    Raises BadReset, and passwords.WeakPassword, after which the link still works.
    """
    found = await read(token)
    await users.check_password(password, found.name)
    stored = await passwords.hash_of(password)
    async with db.transaction():
        row = await _taken(token)
        await db.execute(
            "UPDATE core_user SET password_hash = $2, version = version + 1 WHERE id = $1", found.user_id, stored
        )
        await sessions.close_all(found.user_id)
        await _tell(found.user_id, f"user/{found.user_id}", "user.password_changed", {"by": row["purpose"]})
    await throttle.forget(f"sign-in/name/{found.name}")  # whoever was locked out by guesses may go on with the new one
    return found


async def _taken(token: str) -> asyncpg.Record:
    row = await db.fetchrow(
        "UPDATE core_reset r SET used_at = $2 FROM core_user u WHERE u.id = r.user_id "
        f"AND {_HOLDS} RETURNING r.purpose",
        hashed(token),
        now(),
    )
    if row is None:
        raise BadReset
    return row


async def open_link(user_id: UUID) -> datetime | None:
    """Until when a link of this user still works; None where there is none."""
    until: datetime | None = await db.fetchval(
        "SELECT max(expires_at) FROM core_reset WHERE user_id = $1 AND used_at IS NULL AND expires_at > $2",
        user_id,
        now(),
    )
    return until


async def take_back(user_id: UUID, actor: str) -> None:
    """Ends what `open_link` names."""
    async with db.transaction():
        gone = await db.execute("DELETE FROM core_reset WHERE user_id = $1 AND used_at IS NULL", user_id)
        if gone != "DELETE 0":
            await _tell(user_id, actor, "reset.taken_back", {})


async def sweep() -> None:
    """Deletes links that nobody can use any more; for the schedule."""
    await db.execute("DELETE FROM core_reset WHERE expires_at <= $1", now() - timedelta(days=30))


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


async def _tell(user_id: UUID, actor: str, kind: str, body: dict[str, str]) -> None:
    await append(actor=actor, cause="", entries=[NewEntry(f"user/{user_id}", kind, body)])
