"""The second factor: codes of an app, each once; recovery codes; who must have one."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pyotp
import pytest

from ombud.config import Config
from ombud.kernel import clock
from ombud.kernel.database import db
from ombud.trust import second_factor, sessions, throttle, users
from ombud.trust.second_factor import FactorProblem, WrongCode
from ombud.trust.sign_in import TOO_LATE, Refused, sign_in, with_code
from ombud.trust.viewers import viewer_of_session

SETTINGS = replace(Config().sign_in, attempts=3)
PASSWORD = "four quiet green boats"
MOMENT = datetime(2026, 11, 25, 12, 0, 10, tzinfo=UTC)


@pytest.fixture
async def ana(desk: dict[str, UUID]) -> UUID:
    return await users.add("ana", "Ana Nowak", "", PASSWORD, ["agent"], None, "system")


async def app_of(user_id: UUID) -> tuple[pyotp.TOTP, list[str]]:
    """The person's phone, and the recovery codes; turned on a minute before MOMENT."""
    with clock.at(MOMENT - timedelta(minutes=1)):
        setup = await second_factor.begin(user_id, "ana", "Acme: bank")
        phone = pyotp.TOTP(setup.secret)
        return phone, await second_factor.turn_on(user_id, phone.at(clock.now()), f"user/{user_id}")


async def enter() -> sessions.SignedIn:
    return await sign_in("ana", PASSWORD, "", "Firefox", SETTINGS)


async def test_a_factor_counts_only_once_its_first_code_was_typed(ana: UUID) -> None:
    setup = await second_factor.begin(ana, "ana", "Acme: bank")
    assert setup.address.startswith("otpauth://totp/Acme%20%20bank:ana?secret=")
    assert not (await enter()).half
    with pytest.raises(WrongCode):
        await second_factor.turn_on(ana, "000000", f"user/{ana}")
    assert not await second_factor.is_on(ana)
    codes = await second_factor.turn_on(ana, pyotp.TOTP(setup.secret).at(clock.now()), f"user/{ana}")
    assert len(set(codes)) == 10
    assert (await enter()).half
    assert await second_factor.begun(ana, "ana", "Acme") is None
    with pytest.raises(FactorProblem, match="on already"):
        await second_factor.begin(ana, "ana", "Acme")


async def test_the_password_alone_opens_a_session_that_opens_nothing(ana: UUID) -> None:
    phone, _ = await app_of(ana)
    with clock.at(MOMENT):
        half = await enter()
        assert half.half
        assert await sessions.find(half.secret) is None
        assert await viewer_of_session(half.secret) is None
        assert await sessions.of_user(ana) == []
        opened = await with_code(half.secret, phone.at(MOMENT), "Firefox", SETTINGS)
        assert opened.secret != half.secret
        assert await viewer_of_session(opened.secret) is not None
        assert await sessions.half_of(half.secret) is None


async def test_a_half_session_ends_after_ten_minutes(ana: UUID) -> None:
    phone, _ = await app_of(ana)
    with clock.at(MOMENT):
        half = await enter()
    with clock.at(MOMENT + timedelta(minutes=10)), pytest.raises(Refused, match=TOO_LATE):
        await with_code(half.secret, phone.at(clock.now()), "", SETTINGS)


@pytest.mark.parametrize(("off", "fits"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
async def test_a_phone_may_be_half_a_minute_off_and_no_more(ana: UUID, off: int, fits: bool) -> None:
    phone, _ = await app_of(ana)
    with clock.at(MOMENT + timedelta(minutes=5)):
        code = phone.at(clock.now() + timedelta(seconds=off))
        if fits:
            assert await second_factor.show(ana, code, SETTINGS) == "app"
        else:
            with pytest.raises(WrongCode):
                await second_factor.show(ana, code, SETTINGS)


async def test_a_code_counts_once_also_when_it_comes_twice_at_the_same_time(ana: UUID) -> None:
    phone, _ = await app_of(ana)
    many = replace(SETTINGS, attempts=50)  # which of the eight comes last, and so is still counted, is chance
    with clock.at(MOMENT):
        code = phone.at(MOMENT)
        tries = await asyncio.gather(*(second_factor.show(ana, code, many) for _ in range(8)), return_exceptions=True)
        assert [each for each in tries if each == "app"] == ["app"]
        assert sum(isinstance(each, WrongCode) for each in tries) == 7
        with pytest.raises(WrongCode):  # nor does an earlier one after it
            await second_factor.show(ana, phone.at(MOMENT - timedelta(seconds=30)), many)
    with clock.at(MOMENT + timedelta(seconds=30)):
        assert await second_factor.show(ana, phone.at(clock.now()), many) == "app"


async def test_the_code_that_turned_it_on_is_used_up(ana: UUID) -> None:
    with clock.at(MOMENT):
        phone = pyotp.TOTP((await second_factor.begin(ana, "ana", "Acme")).secret)
        await second_factor.turn_on(ana, phone.at(MOMENT), "system")
        with pytest.raises(WrongCode):
            await second_factor.show(ana, phone.at(MOMENT), SETTINGS)


async def test_guessing_codes_is_slowed_and_told_to_the_ledger_and_a_right_one_forgives(ana: UUID) -> None:
    phone, _ = await app_of(ana)
    with clock.at(MOMENT):
        for _ in range(2):
            with pytest.raises(WrongCode):
                await second_factor.show(ana, "123456", SETTINGS)
        await second_factor.show(ana, phone.at(MOMENT), SETTINGS)
        for _ in range(3):
            with pytest.raises(WrongCode):
                await second_factor.show(ana, "123456", SETTINGS)
        for code in ("123456", phone.at(MOMENT + timedelta(seconds=30))):
            with pytest.raises(throttle.Throttled):
                await second_factor.show(ana, code, SETTINGS)
    told = await db.fetch("SELECT body FROM core_ledger_entry WHERE kind = 'user.locked_out'")
    assert [row["body"]["by"] for row in told] == ["code"]


async def test_a_recovery_code_opens_once_and_no_code_stands_in_the_database(ana: UUID) -> None:
    _, codes = await app_of(ana)
    assert await second_factor.show(ana, codes[0].upper().replace("-", " "), SETTINGS) == "recovery"
    with pytest.raises(WrongCode):
        await second_factor.show(ana, codes[0], SETTINGS)
    found = await second_factor.of_user(ana)
    assert found is not None
    assert found.codes_left == 9
    ben = await users.add("ben", "", "", PASSWORD, ["agent"], None, "system")
    with pytest.raises(WrongCode):
        await second_factor.show(ben, codes[1], SETTINGS)
    stored = await db.fetchval("SELECT string_agg(c::text, '') FROM core_recovery_code c")
    assert not any(code in stored or code.replace("-", "") in stored for code in codes)
    again = await second_factor.new_codes(ana, f"user/{ana}")
    with pytest.raises(WrongCode):
        await second_factor.show(ana, codes[2], replace(SETTINGS, attempts=50))
    assert await second_factor.show(ana, again[2], replace(SETTINGS, attempts=50)) == "recovery"


async def test_the_secret_is_encrypted_and_gone_with_the_factor(ana: UUID) -> None:
    setup = await second_factor.begin(ana, "ana", "Acme")
    row = await db.fetchrow("SELECT v.* FROM core_vault v JOIN core_second_factor f ON f.vault_id = v.id")
    assert row is not None
    assert row["subject"] == f"user/{ana}"
    assert setup.secret.encode() not in row["ciphertext"]
    await second_factor.turn_on(ana, pyotp.TOTP(setup.secret).at(clock.now()), f"user/{ana}")
    opened = await sessions.open_session(ana, "", 1)
    assert await second_factor.turn_off(ana, "user/admin", "lost")
    assert not await second_factor.turn_off(ana, "user/admin", "lost")
    assert await sessions.find(opened.secret) is None
    left = await db.fetchval(
        "SELECT (SELECT count(*) FROM core_vault) + (SELECT count(*) FROM core_recovery_code) "
        "+ (SELECT count(*) FROM core_second_factor)"
    )
    assert left == 0
    told = await db.fetchrow("SELECT actor, body FROM core_ledger_entry WHERE kind = 'factor.removed'")
    assert told is not None
    assert (told["actor"], told["body"]["why"]) == ("user/admin", "lost")


@pytest.mark.parametrize("code", ["", "0", "12345", "1234567", "١٢٣٤٥٦", "abcdef", "\0" * 6, "\udc80" * 6, "1" * 10**6])
async def test_broken_text_is_a_wrong_code_and_no_fault(ana: UUID, code: str) -> None:
    await app_of(ana)
    with pytest.raises(WrongCode):
        await second_factor.show(ana, code, SETTINGS)


async def test_whoever_must_have_a_factor_and_has_none_has_no_rights_until_then(ana: UUID) -> None:
    opened = await enter()
    usual = await viewer_of_session(opened.secret, factor_roles=["compliance"])
    assert usual is not None
    assert usual[0].may("case.read")
    bound = await viewer_of_session(opened.secret, factor_roles=["agent"])
    assert bound is not None
    assert bound[1].must_enrol
    assert bound[0].rights == {}
    await app_of(ana)
    again = await sessions.open_session(ana, "", 1)
    free = await viewer_of_session(again.secret, factor_roles=["agent"])
    assert free is not None
    assert free[0].may("case.read")
