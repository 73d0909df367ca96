"""What processes remember of rights and settings is never older than the request that uses it."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from ombud.desk import taxonomies
from ombud.desk.administration import taxonomies as terms
from ombud.desk.administration.taxonomies import TermGiven
from ombud.desk.outgoing import templates
from ombud.kernel.database import db
from ombud.kernel.settled import SETTLED, Memory
from ombud.trust import tokens
from ombud.trust.policy import SYSTEM, Viewer
from ombud.trust.viewers import viewer_of_token, viewer_of_user

GIVE_MORE = "UPDATE core_role SET permissions = array_append(permissions, 'user.manage') WHERE key = 'agent'"
CHANGES = [
    "UPDATE core_role SET permissions = array_remove(permissions, 'case.read') WHERE key = 'agent'",
    "DELETE FROM core_user_role WHERE user_id = $1",
    "UPDATE core_user_role SET role = 'quality' WHERE user_id = $1",
]


async def settled() -> int:
    return int(await db.fetchval(f"SELECT {SETTLED}"))


@asynccontextmanager
async def another_process() -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(db.url)
    try:
        yield connection
    finally:
        await connection.close()


async def reader(desk: Any, name: str = "reader") -> tuple[UUID, str]:
    user_id = await desk.user(name, "agent")
    return user_id, await tokens.create(name, "for this test", actor="system")


async def viewer(plain: str) -> Viewer:
    found = await viewer_of_token(plain)
    assert found is not None
    return found


@pytest.mark.parametrize("change", CHANGES)
async def test_a_right_taken_by_another_process_is_gone_at_the_next_request(desk: Any, change: str) -> None:
    user_id, plain = await reader(desk)
    assert (await viewer(plain)).may("case.read")
    async with another_process() as other:
        await other.execute(change, *([user_id] if "$1" in change else []))
        assert not (await viewer(plain)).may("case.write" if "quality" in change else "case.read")


async def test_a_right_given_by_another_process_is_there_at_the_next_request(desk: Any) -> None:
    _, plain = await reader(desk)
    assert not (await viewer(plain)).may("user.manage")
    async with another_process() as other:
        await other.execute(GIVE_MORE)
        assert (await viewer(plain)).may("user.manage")


async def test_a_unit_moved_by_another_process_is_reached_at_the_next_request(desk: Any) -> None:
    _, plain = await reader(desk)
    async with another_process() as other:
        top = await other.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL ORDER BY created_at, id LIMIT 1")
        fresh = await other.fetchval(
            "INSERT INTO core_unit (id, parent_id, kind, key, name, time_zone, currency, country, language, phone, "
            "active, created_at, version) VALUES (gen_random_uuid(), NULL, 'entity', 'afar', 'Afar', 'UTC', 'EUR', '', "
            "'en', '', true, now(), 1) RETURNING id"
        )
        assert not (await viewer(plain)).may_in("case.read", fresh)
        await other.execute("UPDATE core_unit SET parent_id = $1 WHERE id = $2", top, fresh)
        assert (await viewer(plain)).may_in("case.read", fresh)
        await other.execute("UPDATE core_unit SET parent_id = NULL WHERE id = $1", fresh)
        assert not (await viewer(plain)).may_in("case.read", fresh)


async def test_a_token_revoked_or_expired_or_of_a_user_sent_away_opens_nothing_at_once(desk: Any) -> None:
    user_id, plain = await reader(desk)
    for away, back in (
        ("UPDATE core_token SET revoked_at = now()", "UPDATE core_token SET revoked_at = NULL"),
        ("UPDATE core_token SET expires_at = now() - interval '1 hour'", "UPDATE core_token SET expires_at = NULL"),
        ("UPDATE core_user SET active = false WHERE id = $1", "UPDATE core_user SET active = true WHERE id = $1"),
    ):
        of_user = [user_id] if "$1" in away else []
        assert await viewer_of_token(plain) is not None
        async with another_process() as other:
            await other.execute(away, *of_user)
            assert await viewer_of_token(plain) is None
            await other.execute(back, *of_user)
    assert await viewer_of_token(plain) is not None


async def test_what_a_transaction_took_back_is_remembered_by_nobody(desk: Any) -> None:
    user_id, plain = await reader(desk)
    before = await settled()
    with contextlib.suppress(LookupError):
        async with db.transaction():
            await db.execute(GIVE_MORE)
            within = await viewer_of_user(user_id)
            assert within is not None
            assert within.may("user.manage"), "a transaction sees its own changes"
            raise LookupError
    assert not (await viewer(plain)).may("user.manage")
    assert await settled() == before


async def test_a_transaction_counts_once_and_when_it_commits(desk: Any) -> None:
    before = await settled()
    async with db.transaction():
        await db.execute("UPDATE core_role SET version = version + 1")
        await db.execute("UPDATE core_unit SET version = version + 1")
        assert await settled() == before
    assert await settled() == before + 1


async def test_a_text_to_begin_with_that_another_process_changed_is_offered_at_the_next_request(desk: Any) -> None:
    unit = await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL")

    async def offered() -> set[str]:
        found = await templates.for_case(unit, "complaint", "en", "en", settled=await settled())
        return {each.name for each in found}

    assert "Ours alone" not in await offered()
    with db.counting() as count:
        await offered()
    assert count.statements == 1, "only the number is read"
    async with another_process() as other:
        await other.execute(
            "INSERT INTO core_message_template (id, key, number, name, kind, language, case_type, subject, text, "
            "piece, created_by, created_at) VALUES (gen_random_uuid(), 'own', 1, 'Ours alone', 'status', 'en', '', "
            "'Yours', 'We are at it.', '', $1, now())",
            (await reader(desk))[0],
        )
    assert "Ours alone" in await offered()


async def test_a_term_that_another_process_changed_is_chosen_from_at_the_next_request(desk: Any) -> None:
    unit = await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL")
    await terms.add(SYSTEM, "category", "fees", None, TermGiven({"en": "Fees"}))

    async def offered() -> list[str]:
        found = await taxonomies.choices("category", unit, taxonomies.today(), settled=await settled())
        return [each.label for each in found]

    assert await offered() == ["Fees"]
    with db.counting() as count:
        await offered()
    assert count.statements == 1, "only the number is read"
    async with another_process() as other:
        await other.execute("UPDATE core_taxonomy_term SET labels = '{\"en\": \"Charges\"}' WHERE code = 'fees'")
        assert await offered() == ["Charges"]
        await other.execute("UPDATE core_taxonomy_term SET valid_to = '2020-01-01' WHERE code = 'fees'")
        assert await offered() == []


@pytest.mark.parametrize("table", ["core_unit", "core_queue", "core_case_type"])
async def test_two_who_change_settings_do_not_wait_for_each_other(desk: Any, table: str) -> None:
    before = await settled()
    async with another_process() as other, other.transaction():
        await other.execute(f"UPDATE {table} SET version = version + 1")
        async with db.transaction():
            await db.execute("SET LOCAL lock_timeout = '5s'")
            await db.execute("UPDATE core_role SET version = version + 1")
        assert await settled() == before + 1
    assert await settled() == before + 2


def _reads(value: int) -> Callable[[], Awaitable[int]]:
    async def read() -> int:
        return value

    return read


async def test_what_is_remembered_under_one_number_is_not_known_under_another(desk: Any) -> None:
    memory: Memory[str, int] = Memory(2)
    assert await memory.of("a", 1, _reads(1)) == 1
    assert await memory.of("a", 1, _reads(2)) == 1
    assert await memory.of("a", 2, _reads(2)) == 2
    assert await memory.of("b", 2, _reads(3)) == 3
    assert await memory.of("c", 2, _reads(4)) == 4
    assert await memory.of("a", 2, _reads(5)) == 5, "it holds no more than it may"


async def test_another_database_is_another_memory(desk: Any) -> None:
    memory: Memory[str, int] = Memory(9)
    assert await memory.of("a", 1, _reads(1)) == 1
    pool, db.engine.pool = db.engine.pool, None
    try:
        assert await memory.of("a", 1, _reads(2)) == 2
    finally:
        db.engine.pool = pool


async def test_rights_are_read_once_for_many_requests(desk: Any) -> None:
    _, plain = await reader(desk)
    await viewer(plain)
    with db.counting() as count:
        for _ in range(5):
            await viewer(plain)
    assert count.statements == 5


async def test_a_memory_keeps_as_many_values_as_it_may_and_forgets_them_for_one_more(desk: Any) -> None:
    reads: list[str] = []

    async def ask(memory: Memory[str, str], key: str) -> str:
        async def read() -> str:
            reads.append(key)
            return key.upper()

        return await memory.of(key, 7, read)

    for most, keys, times in ((1, "aaa", 1), (2, "abab", 2), (1, "abab", 4)):
        reads.clear()
        memory: Memory[str, str] = Memory(most)
        assert [await ask(memory, key) for key in keys] == list(keys.upper())
        assert len(reads) == times
