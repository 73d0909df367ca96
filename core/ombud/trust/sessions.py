"""Signed-in browsers, and the protection of forms against other sites."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from ombud.config import Config
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.link_signing import signature

IDLE_MINUTES = Config().sign_in.idle_minutes
TOUCH_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session just opened. `secret` goes into the cookie and is stored nowhere."""

    secret: str
    csrf: str
    user_id: UUID
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SessionFound:
    """A session that holds; `id` is the hash of its secret."""

    id: str
    user_id: UUID
    csrf: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime

    def csrf_ok(self, token: str) -> bool:
        return _same(self.csrf, token)


async def open_session(user_id: UUID, agent: str, hours: int) -> SignedIn:
    """Opens a session under a fresh secret, never under one the browser brought."""
    opened = SignedIn(secrets.token_urlsafe(32), secrets.token_urlsafe(32), user_id, now() + timedelta(hours=hours))
    await db.execute(
        """INSERT INTO core_session (id, user_id, csrf, created_at, seen_at, expires_at, agent)
        VALUES ($1, $2, $3, $4, $4, $5, $6)""",
        hashed(opened.secret),
        user_id,
        opened.csrf,
        now(),
        opened.expires_at,
        _plain(agent)[:200],
    )
    return opened


async def find(secret: str, idle_minutes: int = IDLE_MINUTES) -> SessionFound | None:
    """The session of a cookie, if it has neither expired nor lain idle too long and its user is active."""
    row = await db.fetchrow(
        """SELECT s.id, s.user_id, s.csrf, s.created_at, s.seen_at, s.expires_at
        FROM core_session s JOIN core_user u ON u.id = s.user_id
        WHERE s.id = $1 AND s.expires_at > $2 AND s.seen_at > $3 AND u.active""",
        hashed(secret),
        now(),
        now() - timedelta(minutes=idle_minutes),
    )
    if row is None:
        return None
    session = SessionFound(**dict(row))
    await touch(session)
    return session


async def touch(session: SessionFound) -> None:
    """Notes that the session was used, at most once a minute."""
    if now() - session.seen_at >= TOUCH_EVERY:
        await db.execute("UPDATE core_session SET seen_at = $2 WHERE id = $1 AND seen_at < $2", session.id, now())


async def holding(ids: Sequence[str], idle_minutes: int = IDLE_MINUTES) -> set[str]:
    """Those of these sessions (by `SessionFound.id`) that still hold, in one statement; asking is no use of them."""
    rows = await db.fetch(
        """SELECT s.id FROM core_session s JOIN core_user u ON u.id = s.user_id
        WHERE s.id = ANY($1) AND s.expires_at > $2 AND s.seen_at > $3 AND u.active""",
        list(ids),
        now(),
        now() - timedelta(minutes=idle_minutes),
    )
    return {row["id"] for row in rows}


async def close(secret: str) -> None:
    await db.execute("DELETE FROM core_session WHERE id = $1", hashed(secret))


async def close_all(user_id: UUID, keep: str = "") -> None:
    """Ends the user's sessions, except the one with the id `keep`."""
    await db.execute("DELETE FROM core_session WHERE user_id = $1 AND id <> $2", user_id, keep)


async def sweep(idle_minutes: int = IDLE_MINUTES) -> None:
    """Deletes sessions that have ended by themselves; for the schedule."""
    await db.execute(
        "DELETE FROM core_session WHERE expires_at <= $1 OR seen_at <= $2",
        now(),
        now() - timedelta(minutes=idle_minutes),
    )


def csrf_for(cookie_value: str) -> str:
    """The token a public form carries, bound to a random cookie of the same browser; needs no table."""
    signed = signature("csrf", cookie_value.encode("utf-8", "surrogatepass"))
    return base64.urlsafe_b64encode(signed).decode().rstrip("=")


def csrf_ok(cookie_value: str, token: str) -> bool:
    return bool(cookie_value) and _same(csrf_for(cookie_value), token)


def _same(one: str, other: str) -> bool:
    """Compares in constant time, whatever characters a form sent."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))


def hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(text: str) -> str:
    """Text the database can hold: no NUL, no broken characters."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")
