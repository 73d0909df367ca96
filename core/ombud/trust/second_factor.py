"""The second factor: an authenticator app (TOTP, RFC 6238) and ten codes for the day the phone is lost.

The app's secret lies in the vault, so a copy of the database opens nothing. A time step counts once.
"""

import base64
import hmac
import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pyotp

from ombud.config_table import SignIn
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust import sessions, throttle, vault
from ombud.trust.ledger import NewEntry, append
from ombud.trust.link_signing import signature

STEP = 30  # seconds
DRIFT = 1  # steps that a phone's clock may be off
CODES = 10
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike
_LENGTH = 12

WRONG = "This code does not fit. Type the one the app shows now; each counts once."


class FactorProblem(ValueError):
    """A change of the second factor that cannot be made; the message names the remedy."""


class WrongCode(FactorProblem):
    """The code is not the app's of this moment, was used before, or is no unused recovery code."""

    def __init__(self) -> None:
        super().__init__(WRONG)


@dataclass(frozen=True, slots=True)
class FactorFound:
    """`since` is None while it is set up and no code was shown yet."""

    since: datetime | None
    codes_left: int


@dataclass(frozen=True, slots=True)
class Setup:
    """What the authenticator app is given: shown while it is set up and never again."""

    secret: str
    address: str


async def of_user(user_id: UUID) -> FactorFound | None:
    """How the user's second factor stands; None where there is none."""
    row = await db.fetchrow(
        """SELECT confirmed_at, (SELECT count(*) FROM core_recovery_code c
            WHERE c.user_id = f.user_id AND c.used_at IS NULL) AS left
        FROM core_second_factor f WHERE user_id = $1""",
        user_id,
    )
    return None if row is None else FactorFound(row["confirmed_at"], row["left"])


async def is_on(user_id: UUID) -> bool:
    found = await of_user(user_id)
    return found is not None and found.since is not None


async def begin(user_id: UUID, name: str, organisation: str) -> Setup:
    """A fresh secret, which holds nothing up until `turn_on`. Raises FactorProblem where one is on already."""
    secret = base64.b32encode(os.urandom(20)).decode()
    async with db.transaction():
        if await is_on(user_id):
            raise FactorProblem("A second factor is on already. Turn it off first, then set up the new phone.")
        await _drop(user_id)
        kept = await vault.store(f"user/{user_id}", secret.encode())
        await db.execute(
            """INSERT INTO core_second_factor (id, user_id, vault_id, created_at, confirmed_at, last_step)
            VALUES ($1, $2, $3, $4, NULL, 0)""",
            new_id(),
            user_id,
            kept,
            now(),
        )
    return _setup(secret, name, organisation)


async def begun(user_id: UUID, name: str, organisation: str) -> Setup | None:
    """The secret again while it is being set up; None before and after."""
    row = await db.fetchrow(
        "SELECT vault_id FROM core_second_factor WHERE user_id = $1 AND confirmed_at IS NULL", user_id
    )
    if row is None:
        return None
    return _setup((await vault.load(row["vault_id"])).decode(), name, organisation)


def _setup(secret: str, name: str, organisation: str) -> Setup:
    issuer = organisation.replace(":", " ").strip() or "Ombud"
    return Setup(secret, pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=issuer))


async def turn_on(user_id: UUID, code: str, actor: str) -> list[str]:
    """Confirms the app by its first code and returns the recovery codes, which are shown this one time.

    Ends all sessions of the user. Raises WrongCode, FactorProblem.
    """
    async with db.transaction():
        row = await db.fetchrow(
            "SELECT vault_id, confirmed_at, last_step FROM core_second_factor WHERE user_id = $1 FOR UPDATE", user_id
        )
        if row is None or row["confirmed_at"] is not None:
            raise FactorProblem("Nothing is being set up. Open the page of your second factor again.")
        step = _step_of((await vault.load(row["vault_id"])).decode(), code, row["last_step"])
        if step is None:
            raise WrongCode
        await db.execute(
            "UPDATE core_second_factor SET confirmed_at = $2, last_step = $3 WHERE user_id = $1", user_id, now(), step
        )
        plain = await _fresh_codes(user_id)
        await sessions.close_all(user_id)
        await _tell(user_id, actor, "factor.turned_on", {})
    return plain


async def new_codes(user_id: UUID, actor: str) -> list[str]:
    """Ten new recovery codes; the earlier ones stop working. Raises FactorProblem where no factor is on."""
    async with db.transaction():
        if not await is_on(user_id):
            raise FactorProblem("You have no second factor. Set it up first; the codes come with it.")
        plain = await _fresh_codes(user_id)
        await _tell(user_id, actor, "factor.codes_made", {})
    return plain


async def turn_off(user_id: UUID, actor: str, why: str) -> bool:
    """Removes factor and codes and ends all sessions; False where there was none.

    `why`: "own" (the person showed password and code) or "lost" (an administrator, for somebody without phone).
    """
    async with db.transaction():
        on = await is_on(user_id)
        await _drop(user_id)
        if on:
            await sessions.close_all(user_id)
            await _tell(user_id, actor, "factor.removed", {"why": why})
    return on


async def show(user_id: UUID, code: str, settings: SignIn) -> str:
    """Takes the app's code or a recovery code, once; answers "app" or "recovery".

    Raises WrongCode and throttle.Throttled. Not inside a transaction: a rollback would forget the try.
    """
    key = f"code/{user_id}"
    try:
        await throttle.hit(key, settings.attempts, timedelta(minutes=settings.window_minutes))
    except throttle.Throttled as reached:
        if reached.first:
            async with db.transaction():
                body = {"by": "code", "retry_after": reached.retry_after}
                await _tell(user_id, "system", "user.locked_out", body)
        raise
    how = "app" if await _app_code(user_id, code) else "recovery" if await _recovery_code(user_id, code) else ""
    if not how:
        raise WrongCode
    await throttle.forget(key)
    return how


async def _app_code(user_id: UUID, code: str) -> bool:
    row = await db.fetchrow(
        "SELECT vault_id, last_step FROM core_second_factor WHERE user_id = $1 AND confirmed_at IS NOT NULL", user_id
    )
    if row is None:
        return False
    step = _step_of((await vault.load(row["vault_id"])).decode(), code, row["last_step"])
    if step is None:
        return False
    taken = await db.execute(  # two requests with one code: the second finds the step used up
        "UPDATE core_second_factor SET last_step = $2 WHERE user_id = $1 AND last_step < $2", user_id, step
    )
    return taken == "UPDATE 1"


def _step_of(secret: str, code: str, used: int) -> int | None:
    """The time step whose code this is, if it is near and later than the last one used."""
    typed = "".join(code.split())
    if len(typed) != 6 or not (typed.isascii() and typed.isdigit()):
        return None
    app, here, found = pyotp.TOTP(secret, interval=STEP), int(now().timestamp()) // STEP, None
    for step in range(here - DRIFT, here + DRIFT + 1):
        if hmac.compare_digest(app.generate_otp(step), typed) and step > used:
            found = step
    return found


async def _recovery_code(user_id: UUID, code: str) -> bool:
    typed = "".join(sign for sign in code.casefold() if sign in _LETTERS)
    if len(typed) != _LENGTH:
        return False
    async with db.transaction():
        done = await db.execute(
            "UPDATE core_recovery_code SET used_at = $3 WHERE user_id = $1 AND hash = $2 AND used_at IS NULL",
            user_id,
            _hashed(user_id, typed),
            now(),
        )
        if done == "UPDATE 1":
            await _tell(user_id, f"user/{user_id}", "factor.code_used", {})
    return done == "UPDATE 1"


async def _fresh_codes(user_id: UUID) -> list[str]:
    plain = ["".join(secrets.choice(_LETTERS) for _ in range(_LENGTH)) for _ in range(CODES)]
    await db.execute("DELETE FROM core_recovery_code WHERE user_id = $1", user_id)
    await db.executemany(
        "INSERT INTO core_recovery_code (id, user_id, hash, used_at) VALUES ($1, $2, $3, NULL)",
        [(new_id(), user_id, _hashed(user_id, each)) for each in plain],
    )
    return [f"{each[:4]}-{each[4:8]}-{each[8:]}" for each in plain]


def _hashed(user_id: UUID, code: str) -> str:
    """Under the signing key: 59 bits alone could be tried out by whoever holds a copy of the database."""
    return signature("recovery", user_id.bytes + code.encode()).hex()


async def _drop(user_id: UUID) -> None:
    await db.execute(
        """WITH gone AS (DELETE FROM core_second_factor WHERE user_id = $1 RETURNING vault_id)
        DELETE FROM core_vault WHERE id IN (SELECT vault_id FROM gone)""",
        user_id,
    )
    await db.execute("DELETE FROM core_recovery_code WHERE user_id = $1", user_id)


async def _tell(user_id: UUID, actor: str, kind: str, body: dict[str, Any]) -> None:
    await append(actor=actor, cause="", entries=[NewEntry(f"user/{user_id}", kind, body)])
