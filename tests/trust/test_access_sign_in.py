"""Signing in, sessions and the throttle: who gets in, and what everybody else is told."""

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import argon2
import pytest
from argon2 import PasswordHasher

from ombud.config import Config
from ombud.kernel import clock
from ombud.kernel.database import db
from ombud.trust import ledger, passwords, sessions, throttle, users
from ombud.trust.sessions import SignedIn
from ombud.trust.sign_in import WRONG, Refused, sign_in
from ombud.trust.throttle import Throttled

SETTINGS = replace(Config().sign_in, attempts=3)
PASSWORD = "four quiet green boats"
HERE = "192.0.2.7"


@pytest.fixture
async def ana(desk: dict[str, UUID]) -> UUID:
    return await users.add("Ana", "Ana Nowak", "ana@example.org", PASSWORD, ["agent"], None, "system")


async def enter(name: str = "ana", password: str = PASSWORD, address: str = HERE) -> SignedIn:
    return await sign_in(name, password, address, "Test browser", SETTINGS)


async def refusal(name: str, password: str, address: str = HERE) -> Refused:
    with pytest.raises(Refused) as caught:
        await enter(name, password, address)
    return caught.value


async def test_the_right_password_opens_a_session_that_is_found_by_its_secret_alone(ana: UUID) -> None:
    opened = await enter("  ANA ")
    found = await sessions.find(opened.secret)
    assert found is not None
    assert (found.user_id, found.csrf, found.expires_at) == (ana, opened.csrf, opened.expires_at)
    assert found.csrf_ok(opened.csrf)
    assert not found.csrf_ok(opened.secret)
    assert await sessions.find(opened.secret + "x") is None
    assert await sessions.find("") is None
    stored = await db.fetchval("SELECT s::text || u::text FROM core_session s, core_user u")
    assert opened.secret not in stored
    assert PASSWORD not in stored


async def test_unknown_inactive_and_wrong_are_told_the_same(ana: UUID, desk: dict[str, UUID]) -> None:
    await users.add("idle", "", "", PASSWORD, [], None, "system")
    await users.deactivate("idle", "system")
    await users.add("bare", "", "", None, [], None, "system")
    attempts = [
        ("ana", "wrong " + PASSWORD),
        ("nobody", PASSWORD),
        ("idle", PASSWORD),
        ("bare", ""),
        ("bare", PASSWORD),
    ]
    answers = [await refusal(name, password) for name, password in attempts]
    assert {(answer.message, answer.retry_after) for answer in answers} == {(WRONG, None)}


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("", ""),
        ("an\0a", PASSWORD),
        ("ana\udc80", PASSWORD),
        ("ana", "a\0b"),
        ("ana", "\udc80" * 9),
        ("ana", "x" * 10**6),
    ],
)
async def test_broken_text_is_a_wrong_password_and_no_fault(ana: UUID, name: str, password: str) -> None:
    assert (await refusal(name, password)).message == WRONG


def alike(times: dict[str, list[float]]) -> bool:
    """By the quickest of each: what a busy machine adds is no part of it once it was tried often enough."""
    return 0.5 < min(times["ana"]) / min(times["nobody"]) < 2


async def test_an_unknown_name_takes_as_long_as_a_wrong_password(ana: UUID) -> None:
    times: dict[str, list[float]] = {"ana": [], "nobody": []}
    while len(times["ana"]) < 5 or (not alike(times) and len(times["ana"]) < 60):
        for name, taken in times.items():  # turn about, so that a busy machine slows both
            started = time.perf_counter()
            with pytest.raises(Refused):
                await sign_in(name, "wrong", "", "", replace(SETTINGS, attempts=100))
            taken.append(time.perf_counter() - started)
    assert alike(times), times


async def test_hashing_does_not_hold_up_the_event_loop(ana: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher())  # as in earnest; other tests hash cheaply
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - before)

    started = time.perf_counter()
    watcher = asyncio.create_task(watch())
    await asyncio.gather(*(passwords.hash_of(PASSWORD) for _ in range(8)))
    watcher.cancel()
    assert longest < (time.perf_counter() - started) / 2


async def test_after_too_many_failures_even_the_right_password_must_wait(ana: UUID) -> None:
    for _ in range(SETTINGS.attempts):
        assert (await refusal("ana", "wrong")).retry_after is None
    locked = await refusal("ana", PASSWORD, "198.51.100.1")
    assert locked.retry_after is not None
    assert 0 < locked.retry_after <= SETTINGS.window_minutes * 60
    assert "Try again in 15 minutes" in locked.message
    later = clock.now() + timedelta(minutes=SETTINGS.window_minutes, seconds=1)
    with clock.at(later):
        assert (await enter()).user_id == ana


async def test_a_lock_out_is_told_to_the_ledger_once_and_without_what_was_typed(ana: UUID) -> None:
    for _ in range(SETTINGS.attempts + 3):
        await refusal("ana", "wrong")
        await refusal("hunter2hunter2", "wrong")
    told = [entry.kind for entry in await ledger.read([f"user/{ana}"])]
    assert told.count("user.locked_out") == 1
    strangers = await ledger.read(["setting/sign_in"])
    assert [entry.kind for entry in strangers] == ["user.locked_out"]
    assert not await db.fetchval("SELECT count(*) FROM core_ledger_entry WHERE body::text LIKE '%hunter2%'")
    assert not await db.fetchval("SELECT count(*) FROM core_throttle WHERE key LIKE '%hunter2%'")


async def test_a_success_forgets_the_failures_before_it(ana: UUID) -> None:
    for _ in range(3):
        for _ in range(SETTINGS.attempts - 1):
            await refusal("ana", "wrong")
        await enter()


async def test_one_address_cannot_try_many_names(ana: UUID) -> None:
    tight = replace(SETTINGS, attempts=1)  # ten failures per address
    for number in range(10):
        with pytest.raises(Refused, match="not right"):
            await sign_in(f"guess{number}", "wrong", "2001:db8::1", "", tight)
    with pytest.raises(Refused, match="Too many attempts"):
        await sign_in("ana", PASSWORD, "2001:db8::2", "", tight)  # the same /64
    assert (await sign_in("ana", PASSWORD, "2001:db8:0:1::1", "", tight)).user_id == ana


async def test_own_success_does_not_clear_the_address_of_a_guesser(ana: UUID) -> None:
    tight = replace(SETTINGS, attempts=1)
    for number in range(10):
        await sign_in("ana", PASSWORD, HERE, "", tight)
        with pytest.raises(Refused, match="not right"):
            await sign_in(f"guess{number}", "wrong", HERE, "", tight)
    with pytest.raises(Refused, match="Too many attempts"):
        await sign_in("ana", PASSWORD, HERE, "", tight)


async def test_guesses_sent_side_by_side_all_count(desk: dict[str, UUID]) -> None:
    async def one() -> bool:
        try:
            await throttle.hit("door", 5, timedelta(minutes=1))
        except Throttled:
            return False
        return True

    passed = await asyncio.gather(*(one() for _ in range(20)))
    assert sum(passed) == 5
    await throttle.forget("door")
    assert await one()


async def test_a_session_ends_after_its_hours_and_after_idling(ana: UUID) -> None:
    opened, start = await enter(), clock.now()
    with clock.at(start + timedelta(minutes=119)):
        assert await sessions.find(opened.secret) is not None
    with clock.at(start + timedelta(minutes=119 + 119)):
        assert await sessions.find(opened.secret) is not None  # used meanwhile
    with clock.at(start + timedelta(minutes=119 + 119 + 121)):
        assert await sessions.find(opened.secret) is None
    with clock.at(start + timedelta(hours=12, seconds=1)):
        assert await sessions.find(opened.secret, idle_minutes=10**6) is None
        await sessions.sweep()
        assert await db.fetchval("SELECT count(*) FROM core_session") == 0


async def test_seen_at_is_written_at_most_once_a_minute(ana: UUID) -> None:
    opened = await enter()
    with db.counting() as count:
        for _ in range(5):
            await sessions.find(opened.secret)
    assert count.statements == 5
    with clock.at(clock.now() + timedelta(seconds=61)), db.counting() as count:
        await sessions.find(opened.secret)
        await sessions.find(opened.secret)
    assert count.statements == 3


async def test_closing_ends_one_session_and_closing_all_ends_the_others(ana: UUID) -> None:
    first, second, third = await enter(), await enter(), await enter()
    await sessions.close(first.secret)
    assert await sessions.find(first.secret) is None
    kept = await sessions.find(second.secret)
    assert kept is not None
    await sessions.close_all(ana, keep=kept.id)
    assert await sessions.find(second.secret) is not None
    assert await sessions.find(third.secret) is None


async def test_a_new_password_ends_sessions_and_the_old_password(ana: UUID) -> None:
    opened = await enter()
    await users.set_password("ana", "another long sentence", "system")
    assert await sessions.find(opened.secret) is None
    assert (await refusal("ana", PASSWORD)).message == WRONG
    assert (await enter(password="another long sentence")).user_id == ana


async def test_a_hash_of_older_parameters_is_made_again_at_sign_in(ana: UUID) -> None:
    old = argon2.PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    await db.execute("UPDATE core_user SET password_hash = $1", old)
    await refusal("ana", "wrong")
    assert await db.fetchval("SELECT password_hash FROM core_user") == old
    await enter()
    fresh = await db.fetchval("SELECT password_hash FROM core_user")
    assert fresh.startswith("$argon2id$")
    assert not passwords.is_outdated(fresh)
    assert (await enter()).user_id == ana


async def test_a_browser_description_with_broken_text_does_not_stop_the_session(ana: UUID) -> None:
    opened = await sign_in("ana", PASSWORD, HERE, "Mozilla\0\udc80" + "x" * 500, SETTINGS)
    assert await sessions.find(opened.secret) is not None


async def test_a_public_form_is_bound_to_the_cookie_of_its_browser(desk: dict[str, UUID]) -> None:
    token = sessions.csrf_for("cookie of this browser")
    assert sessions.csrf_ok("cookie of this browser", token)
    assert not sessions.csrf_ok("cookie of another", token)
    assert not sessions.csrf_ok("cookie of this browser", token[:-1])
    assert not sessions.csrf_ok("cookie of this browser", "żółw\udc80")
    assert not sessions.csrf_ok("", sessions.csrf_for(""))


@pytest.mark.parametrize(
    ("password", "remedy"),
    [
        ("", "at least 15"),
        ("fourteen signs", "at least 15"),
        ("🙂" * 14, "at least 15"),
        ("x" * 100 + "y" * 101, "at most 200"),
        ("xy" * 10**6, "at most 200"),
        ("Password123Password123", "first that attackers try"),
        ("aaaaaaaaaaaaaaaa", "first that attackers try"),
        ("qwertyuiopasdfghjkl", "first that attackers try"),
        ("1234567890123456789", "first that attackers try"),
        ("p4ssw0rd" * 9, "first that attackers try"),
        ("Administratorka", "differs from the user name"),
        ("akrotartsinimda 1", "differs from the user name"),
        ("Modra Bank 2026 Modra", "differs from the user name and from the name of the organisation"),
        ("complaints ombud 1", "differs from the user name"),
        ("nul\0inside long", "control character"),
        ("broken \udc80 unicode", "broken text"),
    ],
)
def test_a_weak_password_is_refused_with_the_remedy(password: str, remedy: str) -> None:
    with pytest.raises(passwords.WeakPassword, match=remedy):
        passwords.check(password, "administratorka", ["Modra", "Modra Bank"])


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        "zażółć gęślą jaźń",
        "lantern moss no",
        "12 34 56 78 9x 0",
        "emoji 🙂🙂🙂 and ducks",
        (PASSWORD * 10)[:200],
    ],
)
async def test_any_long_enough_password_is_taken_without_rules_of_composition(password: str) -> None:
    passwords.check(password, "ana")
    stored = await passwords.hash_of(password)
    assert await passwords.matches(stored, password)
    assert not await passwords.matches(stored, password + "!")


async def test_a_password_works_from_a_keyboard_that_composes_letters_otherwise() -> None:
    stored = await passwords.hash_of("za\u017c\u00f3\u0142\u0107 jaz\u0301n\u0301")
    assert await passwords.matches(stored, "zaz\u0307o\u0301\u0142c\u0301 ja\u017a\u0144")
