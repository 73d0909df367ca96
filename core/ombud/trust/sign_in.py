"""Signing in: one door, slow to guess at, that tells a stranger nothing."""

import ipaddress
from datetime import timedelta
from typing import NoReturn
from uuid import UUID

import asyncpg

from ombud.config_table import SignIn
from ombud.kernel.database import db
from ombud.trust import passwords, sessions, throttle
from ombud.trust.ledger import NewEntry, append
from ombud.trust.sessions import SignedIn
from ombud.trust.throttle import Throttled
from ombud.trust.users import normal_name

WRONG = "The name or the password is not right."
ADDRESS_FACTOR = 10  # one address may be a whole office behind one router
STREAM = "setting/sign_in"


class Refused(Exception):
    """Nobody was signed in. The message is for the person; `retry_after` is in seconds, None where no wait helps."""

    def __init__(self, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after


async def sign_in(name: str, password: str, address: str, agent: str, settings: SignIn) -> SignedIn:
    """Opens a session, or raises Refused: same words and same time for unknown, inactive and wrong password.

    Not inside a transaction: one that rolls back would forget the failed attempt.
    """
    name = normal_name(name[:200])
    row = await _user(name)
    await _count(name, address, row["id"] if row else None, settings)
    right = await passwords.matches(row["password_hash"] if row else "", password)
    if row is None or not right or not row["active"]:
        raise Refused(WRONG)
    await throttle.forget(_name_key(name))
    if address:
        await throttle.give_back(_address_key(address))
    if passwords.is_outdated(row["password_hash"]):
        await _hash_again(row["id"], row["password_hash"], password)
    return await sessions.open_session(row["id"], agent, settings.session_hours)


async def _user(name: str) -> asyncpg.Record | None:
    asked = name if name.isprintable() else ""  # the database refuses NUL and broken text
    return await db.fetchrow("SELECT id, password_hash, active FROM core_user WHERE name = $1", asked)


async def _count(name: str, address: str, user_id: UUID | None, settings: SignIn) -> None:
    """Counts before the password is looked at, so that guesses sent side by side all count."""
    window = timedelta(minutes=settings.window_minutes)
    try:
        if address:
            await throttle.hit(_address_key(address), settings.attempts * ADDRESS_FACTOR, window)
    except Throttled as reached:
        await _lock_out(reached, "address", None)
    try:
        await throttle.hit(_name_key(name), settings.attempts, window)
    except Throttled as reached:
        await _lock_out(reached, "name", user_id)


async def _lock_out(reached: Throttled, by: str, user_id: UUID | None) -> NoReturn:
    """Records the attempt that went over, without what was typed: it may have been a password."""
    if reached.first:
        stream = f"user/{user_id}" if user_id else STREAM
        body = {"by": by, "retry_after": reached.retry_after}
        async with db.transaction():
            await append(actor="system", entries=[NewEntry(stream, "user.locked_out", body)])
    raise Refused(f"Too many attempts. Try again in {throttle.in_words(reached.retry_after)}.", reached.retry_after)


async def _hash_again(user_id: UUID, before: str, password: str) -> None:
    """Stores the hash under today's parameters, unless the password was changed meanwhile."""
    fresh = await passwords.hash_of(password)
    await db.execute(
        "UPDATE core_user SET password_hash = $3 WHERE id = $1 AND password_hash = $2", user_id, before, fresh
    )


def _name_key(name: str) -> str:
    return f"sign-in/name/{name}"


def _address_key(address: str) -> str:
    """One person commands a whole IPv6 /64, so that is what counts."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return f"sign-in/address/{address}"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return f"sign-in/address/{parsed.ipv4_mapped}"
        return f"sign-in/address/{ipaddress.ip_network((parsed, 64), strict=False)}"
    return f"sign-in/address/{parsed}"
