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
from ombud.trust.ledger import NewEntry, append
from ombud.trust.link_signing import signature

IDLE_MINUTES = Config().sign_in.idle_minutes
TOUCH_EVERY = timedelta(minutes=1)
MARKS = 8  # people who share a browser


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session just opened. `secret` goes into the cookie and is stored nowhere."""

    secret: str
    csrf: str
    user_id: UUID
    expires_at: datetime
    half: bool = False


@dataclass(frozen=True, slots=True)
class House:
    """What stands around every page: name, time zone and usual language of the desk's first unit, and its phone."""

    name: str
    time_zone: str
    language: str
    phone: str


@dataclass(frozen=True, slots=True)
class SessionFound:
    """A session that holds; `id` is the hash of its secret. `house` comes along, where it was read with the viewer."""

    id: str
    user_id: UUID
    csrf: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    proved_at: datetime | None = None
    must_enrol: bool = False
    house: House | None = None

    def proved_within(self, minutes: int) -> bool:
        """True if the person showed password and code so short ago that a risky step needs no other proof."""
        return self.proved_at is not None and now() - self.proved_at < timedelta(minutes=minutes)

    def csrf_ok(self, token: str) -> bool:
        return _same(self.csrf, token)


HALF_MINUTES = 10


async def open_session(
    user_id: UUID, agent: str, hours: int, *, half: bool = False, new_browser: bool = False
) -> SignedIn:
    """Opens a session under a fresh secret, never under one the browser brought.

    `half`: the second factor is still to be shown; such a session opens nothing and ends after ten minutes.
    """
    ends = now() + (timedelta(minutes=HALF_MINUTES) if half else timedelta(hours=hours))
    opened = SignedIn(secrets.token_urlsafe(32), secrets.token_urlsafe(32), user_id, ends, half)
    await db.execute(
        """INSERT INTO core_session
            (id, user_id, csrf, created_at, seen_at, expires_at, agent, half, new_browser, proved_at)
        VALUES ($1, $2, $3, $4, $4, $5, $6, $7, $8, $4)""",
        hashed(opened.secret),
        user_id,
        opened.csrf,
        now(),
        opened.expires_at,
        _plain(agent)[:200],
        half,
        new_browser,
    )
    return opened


async def find(secret: str, idle_minutes: int = IDLE_MINUTES) -> SessionFound | None:
    """The session of a cookie, if it has neither expired nor lain idle too long and its user is active."""
    row = await db.fetchrow(
        """SELECT s.id, s.user_id, s.csrf, s.created_at, s.seen_at, s.expires_at, s.proved_at
        FROM core_session s JOIN core_user u ON u.id = s.user_id
        WHERE s.id = $1 AND s.expires_at > $2 AND s.seen_at > $3 AND u.active AND NOT s.half""",
        hashed(secret),
        now(),
        now() - timedelta(minutes=idle_minutes),
    )
    if row is None:
        return None
    session = SessionFound(**dict(row))
    await touch(session)
    return session


async def half_of(secret: str) -> UUID | None:
    """Whose password was right in a session that still waits for the second factor."""
    found: UUID | None = await db.fetchval(
        """SELECT s.user_id FROM core_session s JOIN core_user u ON u.id = s.user_id
        WHERE s.id = $1 AND s.half AND s.expires_at > $2 AND u.active""",
        hashed(secret),
        now(),
    )
    return found


async def prove(session_id: str) -> None:
    """Notes that the person showed password and code again."""
    await db.execute("UPDATE core_session SET proved_at = $2 WHERE id = $1", session_id, now())


@dataclass(frozen=True, slots=True)
class SessionListed:
    """A session as its owner sees it; `id` opens nothing."""

    id: str
    agent: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    new_browser: bool


async def of_user(user_id: UUID, idle_minutes: int = IDLE_MINUTES) -> list[SessionListed]:
    """The user's sessions that still hold, the one used last first."""
    rows = await db.fetch(
        """SELECT id, agent, created_at, seen_at, expires_at, new_browser FROM core_session
        WHERE user_id = $1 AND NOT half AND expires_at > $2 AND seen_at > $3 ORDER BY seen_at DESC, id""",
        user_id,
        now(),
        now() - timedelta(minutes=idle_minutes),
    )
    return [SessionListed(**dict(row)) for row in rows]


async def end(user_id: UUID, session_id: str, actor: str) -> bool:
    """Ends one of the user's sessions; False where it is not there (any more)."""
    async with db.transaction():
        gone = await db.execute("DELETE FROM core_session WHERE user_id = $1 AND id = $2", user_id, session_id)
        if gone != "DELETE 0":
            await append(actor=actor, entries=[NewEntry(f"user/{user_id}", "session.ended", {"which": "one"})])
    return gone != "DELETE 0"


async def end_all(user_id: UUID, actor: str, keep: str = "") -> int:
    """Ends the user's sessions, except the one with the id `keep`; returns how many."""
    async with db.transaction():
        gone = await db.execute("DELETE FROM core_session WHERE user_id = $1 AND id <> $2", user_id, keep)
        count = int(gone.rpartition(" ")[2])
        if count:
            body = {"which": "others" if keep else "all", "count": count}
            await append(actor=actor, entries=[NewEntry(f"user/{user_id}", "session.ended", body)])
    return count


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


def browser_mark(user_id: UUID) -> str:
    """What a browser keeps to show that this user signed in from it before; it opens nothing."""
    return base64.urlsafe_b64encode(signature("browser", user_id.bytes)[:18]).decode()


def knows(marks: str, user_id: UUID) -> bool:
    """True if the user's mark is among those of the browser (joined by dots)."""
    return any(_same(browser_mark(user_id), each) for each in marks.split(".")[:MARKS])


def with_mark(marks: str, user_id: UUID) -> str:
    """The browser's marks with this user's in front; the oldest beyond eight are forgotten."""
    own = browser_mark(user_id)
    return ".".join([own, *(each for each in marks.split(".") if each and each != own)][:MARKS])


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
