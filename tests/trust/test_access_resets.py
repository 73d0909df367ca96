"""Reset links: once, within a day, and nothing told to who has none."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from ombud.config import Config
from ombud.kernel import clock
from ombud.kernel.database import db
from ombud.trust import passwords, resets, sessions, tokens, users
from ombud.trust.resets import BadReset
from ombud.trust.sign_in import Refused, sign_in

OLD, FRESH = "four quiet green boats", "seven bottles on a wall"


@pytest.fixture
async def ana(desk: dict[str, UUID]) -> UUID:
    return await users.add("ana", "Ana Nowak", "", OLD, ["agent"], None, "system")


async def enters(password: str) -> bool:
    try:
        await sign_in("ana", password, "", "", Config().sign_in)
    except Refused:
        return False
    return True


async def test_a_link_sets_the_password_once_ends_sessions_and_leaves_tokens(ana: UUID) -> None:
    opened, plain = await sessions.open_session(ana, "", 1), await tokens.create("ana", "export", actor="system")
    link = await resets.make(ana, "user/boss")
    assert (await resets.read(link)).name == "ana"
    assert (await resets.read(link)).purpose == "reset"  # looking does not use it up
    await resets.use(link, FRESH)
    assert await enters(FRESH)
    assert not await enters(OLD)
    assert await sessions.find(opened.secret) is None
    assert await tokens.find(plain) is not None
    with pytest.raises(BadReset):
        await resets.use(link, OLD)
    assert link not in await db.fetchval("SELECT string_agg(r::text, '') FROM core_reset r")
    kinds = await db.fetch(
        "SELECT kind, actor FROM core_ledger_entry WHERE kind LIKE 'reset%' OR kind = 'user.password_changed'"
    )
    assert [tuple(row.values()) for row in kinds] == [
        ("reset.made", "user/boss"), ("user.password_changed", f"user/{ana}"),
    ]  # fmt: skip


async def test_two_who_use_a_link_at_once_set_one_password(ana: UUID) -> None:
    link = await resets.make(ana, "system")
    both = await asyncio.gather(*(resets.use(link, f"{FRESH} {number}") for number in range(4)), return_exceptions=True)
    assert sum(isinstance(each, resets.ResetFound) for each in both) == 1
    assert sum(isinstance(each, BadReset) for each in both) == 3


async def test_a_weak_password_leaves_the_link_as_it_was(ana: UUID) -> None:
    link = await resets.make(ana, "system", "invite")
    with pytest.raises(passwords.WeakPassword, match="at least 15"):
        await resets.use(link, "short")
    with pytest.raises(passwords.WeakPassword, match="name of the organisation"):
        await resets.use(link, "acme acme zenith 1")
    assert (await resets.use(link, FRESH)).purpose == "invite"


async def test_a_link_ends_after_a_day_by_a_newer_one_by_being_taken_back_and_with_its_user(ana: UUID) -> None:
    link = await resets.make(ana, "system")
    with clock.at(clock.now() + timedelta(hours=24)), pytest.raises(BadReset):
        await resets.use(link, FRESH)
    newer = await resets.make(ana, "system")
    with pytest.raises(BadReset):
        await resets.read(link)
    assert await resets.open_link(ana) is not None
    await resets.take_back(ana, "system")
    assert await resets.open_link(ana) is None
    with pytest.raises(BadReset):
        await resets.read(newer)
    last = await resets.make(ana, "system")
    await users.add("boss", "", "", OLD, ["administrator"], None, "system")
    await users.deactivate("ana", "system")
    with pytest.raises(BadReset):
        await resets.use(last, FRESH)
    with pytest.raises(users.UserProblem, match="inactive"):
        await resets.make(ana, "system")
    assert not await enters(FRESH)


async def test_a_link_lets_in_whoever_guesses_had_locked_out(ana: UUID) -> None:
    for _ in range(6):
        await enters("wrong")
    assert not await enters(OLD)
    await resets.use(await resets.make(ana, "system"), FRESH)
    assert await enters(FRESH)


async def test_no_made_up_link_works_and_all_are_told_alike(ana: UUID) -> None:
    real = await resets.make(ana, "system")
    said = set()
    for forged in ("", "x", real[:-1], real + "=", real.swapcase(), "\0", "\udc80", "a" * 10**5):
        with pytest.raises(BadReset) as refused:
            await resets.use(forged, FRESH)
        said.add(str(refused.value))
    assert len(said) == 1
    assert await enters(OLD)


def test_a_mark_says_only_who_signed_in_here_before(key_file) -> None:
    from ombud.trust import link_signing

    link_signing.open_signing(key_file.parent)
    ana, ben = UUID(int=1), UUID(int=2)
    marks = sessions.with_mark("", ana)
    assert sessions.knows(marks, ana)
    assert not sessions.knows(marks, ben)
    assert sessions.knows(sessions.with_mark(marks, ben), ana)

    @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(some.text(max_size=200))
    def forged(text: str) -> None:
        assert not sessions.knows(text, ana)
        assert sessions.knows(sessions.with_mark(text, ana), ana)

    forged()
    link_signing.close_signing()
