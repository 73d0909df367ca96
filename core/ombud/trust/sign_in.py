"""Signing in: one door, slow to guess at, that tells a stranger nothing."""

from datetime import timedelta
from typing import NoReturn
from uuid import UUID

import asyncpg

from ombud.config_table import SignIn
from ombud.kernel.database import db
from ombud.speech import sentence
from ombud.trust import passwords, second_factor, sessions, throttle
from ombud.trust.ledger import NewEntry, append
from ombud.trust.sessions import SignedIn
from ombud.trust.throttle import Throttled
from ombud.trust.users import normal_name

WRONG = "The name or the password is not right."
TOO_LATE = "It took too long. Type name and password again, then the code."
ADDRESS_FACTOR = 10  # one address may be a whole office behind one router
STREAM = "setting/sign_in"


class Refused(Exception):
    """Nobody was signed in. The message is for the person; `retry_after` is in seconds, None where no wait helps."""

    def __init__(self, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after


async def sign_in(name: str, password: str, address: str, agent: str, settings: SignIn, marks: str = "") -> SignedIn:
    """Opens a session, or raises Refused: same words and same time for unknown, inactive and wrong password.

    The session is a half one where the user has a second factor; `with_code` makes it whole. `marks`: which users
    signed in from this browser before. Not inside a transaction: one that rolls back would forget the failed attempt.
    """
    user_id = await check_password(name, password, address, settings)
    if await second_factor.is_on(user_id):
        return await sessions.open_session(user_id, agent, settings.session_hours, half=True)
    return await _opened(user_id, agent, settings, marks)


async def with_code(half: str, code: str, agent: str, settings: SignIn, marks: str = "") -> SignedIn:
    """The second step: a half session and a code become a session under a fresh secret. Raises Refused."""
    user_id = await sessions.half_of(half)
    if user_id is None:
        raise Refused(TOO_LATE)
    await check_code(user_id, code, settings)
    await sessions.close(half)
    return await _opened(user_id, agent, settings, marks)


async def check_code(user_id: UUID, code: str, settings: SignIn) -> None:
    """Raises Refused unless this is a code of the user's second factor that was not used yet."""
    try:
        await second_factor.show(user_id, code, settings)
    except Throttled as reached:
        raise Refused(str(reached), reached.retry_after) from None
    except second_factor.WrongCode as wrong:
        raise Refused(str(wrong)) from None


async def confirm(user_id: UUID, password: str, code: str, address: str, settings: SignIn) -> None:
    """Password and, where it is on, second factor once more before a risky step. Raises Refused."""
    name = str(await db.fetchval("SELECT name FROM core_user WHERE id = $1", user_id))
    await check_password(name, password, address, settings)
    if await second_factor.is_on(user_id):
        await check_code(user_id, code, settings)


async def _opened(user_id: UUID, agent: str, settings: SignIn, marks: str) -> SignedIn:
    new = not sessions.knows(marks, user_id)
    if new:
        async with db.transaction():
            await append(actor=f"user/{user_id}", entries=[NewEntry(f"user/{user_id}", "session.new_browser", {})])
    return await sessions.open_session(user_id, agent, settings.session_hours, new_browser=new)


async def check_password(name: str, password: str, address: str, settings: SignIn) -> UUID:
    """Whose name and password these are; counts the try. Raises Refused."""
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
    return UUID(str(row["id"]))


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
    raise Refused(
        sentence(
            "Too many attempts. Try again in %(retry_after)s.", retry_after=throttle.in_words(reached.retry_after)
        ),
        reached.retry_after,
    )


async def _hash_again(user_id: UUID, before: str, password: str) -> None:
    """Stores the hash under today's parameters, unless the password was changed meanwhile."""
    fresh = await passwords.hash_of(password)
    await db.execute(
        "UPDATE core_user SET password_hash = $3 WHERE id = $1 AND password_hash = $2", user_id, before, fresh
    )


def _name_key(name: str) -> str:
    return f"sign-in/name/{name}"


def _address_key(address: str) -> str:
    return f"sign-in/address/{throttle.network(address)}"
