"""What the ledger takes, what it refuses, and what it lets see."""

import asyncio
import hashlib
import hmac
import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import asyncpg
import pytest

from ombud.kernel.database import db
from ombud.trust import keys, ledger, vault
from ombud.trust.canonical import NotCanonical
from ombud.trust.ledger import BadEntry, Entry, NewEntry, NotInTransaction, Sealed


async def written(*entries: NewEntry, actor: str = "system", cause: str = "") -> list[Entry]:
    async with db.transaction():
        return await ledger.append(actor=actor, cause=cause, entries=entries)


async def fail_after(entry: NewEntry) -> None:
    async with db.transaction():
        await ledger.append(actor="system", entries=[entry])
        raise ZeroDivisionError


async def together(*statements: str) -> None:
    async with db.transaction():
        for each in statements:
            await db.execute(each)


async def test_entries_are_chained_as_the_format_says(ledger_db: str) -> None:
    moment = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    async with db.transaction():
        body = {"outcome": "upheld", "amount": "25.00", "aspect": 1}
        await ledger.append(
            actor="user/17",
            cause="rule/4@2",
            at=moment,
            entries=[NewEntry("case/a", "case.opened", body), NewEntry("case/a", "aspect.decided")],
        )
    first, second = await ledger.read(["case/a"])
    assert (first.seq, second.seq) == (1, 2)
    assert first.prev == bytes(32)
    assert second.prev == first.hash
    fields = {
        **{"v": 1, "stream": "case/a", "seq": 1, "at": "2026-11-23T09:00:00.000000Z", "actor": "user/17"},
        **{"cause": "rule/4@2", "kind": "case.opened", "body": body, "sealed": {}, "prev": "0" * 64},
    }
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert first.hash == hashlib.sha256(b"ombud-entry-1\n" + text).digest()


async def test_an_entry_outside_a_transaction_is_refused(ledger_db: str) -> None:
    with pytest.raises(NotInTransaction, match="together with the fact"):
        await ledger.append(actor="system", entries=[NewEntry("case/a", "case.opened")])


async def test_an_entry_disappears_with_the_transaction_that_failed(ledger_db: str) -> None:
    await written(NewEntry("case/a", "case.opened"))
    with pytest.raises(ZeroDivisionError):
        await fail_after(NewEntry("case/a", "case.assigned"))
    [after] = await written(NewEntry("case/a", "case.assigned"))
    assert after.seq == 2
    assert len(await ledger.read(["case/a"])) == 2


@pytest.mark.parametrize(
    ("entry", "actor", "cause"),
    [
        (NewEntry("case", "case.opened"), "system", ""),
        (NewEntry("case/a b", "case.opened"), "system", ""),
        (NewEntry("case/a", "Opened"), "system", ""),
        (NewEntry("case/a", "case.opened"), "Zofia", ""),
        (NewEntry("case/a", "case.opened"), "system", "because"),
        (NewEntry("case/a", "case.opened", {}, {"": Sealed("person/1", "x")}), "system", ""),
        (NewEntry("case/a", "case.opened", {}, {"a": [Sealed("p/1", 1)], "a.1": Sealed("p/1", 1)}), "system", ""),
    ],
)
async def test_an_entry_that_breaks_the_format_is_refused(
    ledger_db: str, entry: NewEntry, actor: str, cause: str
) -> None:
    with pytest.raises(BadEntry):
        await written(entry, actor=actor, cause=cause)
    assert await ledger.read([entry.stream]) == []


@pytest.mark.parametrize(
    "body", [{"rate": 0.5}, {"klucz-ą": 1}, {"at": datetime.now(UTC)}, {"n": 2**53}, {"t": "a\x00b"}, {"t": "\ud800"}]
)
async def test_a_body_without_canonical_form_is_refused(ledger_db: str, body: dict[str, Any]) -> None:
    with pytest.raises(NotCanonical):
        await written(NewEntry("case/a", "case.opened", body))


async def test_a_backslash_before_u0000_is_not_taken_for_a_nul(ledger_db: str) -> None:
    await written(NewEntry("case/a", "case.opened", {"t": "\\u0000"}))
    [entry] = await ledger.read(["case/a"])
    assert entry.body == {"t": "\\u0000"}


async def test_sealed_values_open_to_their_commitments(ledger_db: str) -> None:
    [entry] = await written(
        NewEntry(
            "case/a", "case.opened", sealed={"name": Sealed("person/1", "Zofia Kępa\x00"), "n": Sealed("person/1", 7)}
        )
    )
    stored = await db.fetchval("SELECT string_agg(s::text, '') FROM core_sealed s")
    assert "Zofia" not in stored
    assert b"Zofia".hex() not in stored
    openings = await ledger.open_sealed([("case/a", 1)])
    assert {each.field: each.value for each in openings} == {"name": "Zofia Kępa\x00", "n": 7}
    for each in openings:
        text = json.dumps(each.value, ensure_ascii=False).encode()
        assert hmac.digest(each.nonce, text, "sha256").hex() == entry.sealed[each.field]
    assert len({each.nonce for each in openings}) == 2


async def test_what_concerns_two_people_is_sealed_for_each_and_erased_for_one(ledger_db: str) -> None:
    two = [Sealed("person/1", "her part"), Sealed("person/2", "his part")]
    [entry] = await written(NewEntry("case/a", "message.received", sealed={"text": two}))
    assert set(entry.sealed) == {"text.1", "text.2"}
    await vault.destroy_subject("person/1")
    openings = await ledger.open_sealed([("case/a", 1)])
    assert [(each.field, each.value) for each in openings] == [("text.2", "his part")]


async def test_nothing_more_is_sealed_for_an_erased_person(ledger_db: str) -> None:
    await vault.destroy_subject("person/1")
    with pytest.raises(keys.Destroyed, match="person/1"):
        await written(NewEntry("case/a", "case.opened", sealed={"name": Sealed("person/1", "Z")}))


async def test_eight_writers_on_one_stream_leave_no_gap(ledger_db: str) -> None:
    async def write(number: int) -> None:
        for turn in range(5):
            await written(NewEntry("case/one", "case.changed", {"writer": number, "turn": turn}))

    await asyncio.gather(*(write(number) for number in range(8)))
    entries = await ledger.read(["case/one"])
    assert [each.seq for each in entries] == list(range(1, 41))
    assert all(later.prev == earlier.hash for earlier, later in pairwise(entries))


async def test_eight_writers_on_the_same_streams_in_any_order_do_not_deadlock(ledger_db: str) -> None:
    streams = [f"case/{number}" for number in range(6)]

    async def write(order: Sequence[str]) -> None:
        for _ in range(5):
            sealed = {"name": Sealed(f"person/{uuid.uuid4()}", "x"), "other": Sealed("person/all", "y")}
            await written(*(NewEntry(stream, "case.changed", sealed=sealed) for stream in order))

    orders = [streams if number % 2 else streams[::-1] for number in range(8)]
    await asyncio.wait_for(asyncio.gather(*(write(order) for order in orders)), 30)
    entries = await ledger.read(streams)
    assert len(entries) == 6 * 8 * 5
    assert len(await ledger.open_sealed([(each.stream, each.seq) for each in entries])) == 2 * len(entries)


async def test_a_hundred_entries_on_ten_streams_cost_few_statements(ledger_db: str) -> None:
    entries = [
        NewEntry(f"case/{number % 10}", "case.changed", sealed={"v": Sealed(f"person/{number % 7}", "x")})
        for number in range(100)
    ]
    async with db.transaction():
        with db.counting() as count:
            await ledger.append(actor="system", entries=entries)
    assert count.statements <= 3


GROWS_ONLY = ["core_ledger_entry", "core_checkpoint", "core_checkpoint_entry"]


@pytest.mark.parametrize("table", GROWS_ONLY)
async def test_the_ledger_refuses_update_delete_and_truncate_even_from_a_superuser(ledger_db: str, table: str) -> None:
    column = {"core_checkpoint": "size", "core_checkpoint_entry": "index"}.get(table, "seq")
    for statement in (f"UPDATE {table} SET {column} = 9", f"DELETE FROM {table}", f"TRUNCATE {table}"):
        for setting in ("origin", "replica"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="only grows"):
                await together(f"SET LOCAL session_replication_role = {setting}", statement)


async def test_a_head_never_goes_back(ledger_db: str) -> None:
    await written(NewEntry("case/a", "case.opened"))
    for statement in ("UPDATE core_stream SET seq = 0", "DELETE FROM core_stream", "TRUNCATE core_stream"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="only grows"):
            await db.execute(statement)


async def test_a_destroyed_key_stays_destroyed(ledger_db: str) -> None:
    await vault.destroy_subject("person/1")
    for statement in ("UPDATE core_key SET destroyed_at = NULL, wrapped = 'x'", "DELETE FROM core_key"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await db.execute(statement)


async def test_the_application_role_appends_but_can_neither_drop_nor_disable_a_guard(
    ledger_db: str, postgres_url: str
) -> None:
    role = f"desk_{uuid.uuid4().hex[:8]}"
    await db.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'trial' IN ROLE ombud_app")
    try:
        async with db.transaction():
            await db.execute(f"SET LOCAL SESSION AUTHORIZATION {role}")
            sealed = {"name": Sealed("person/1", "Z")}
            await ledger.append(actor="system", entries=[NewEntry("case/a", "case.opened", sealed=sealed)])
        for statement in _ATTACKS:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await together(f"SET LOCAL SESSION AUTHORIZATION {role}", statement)
    finally:
        await db.execute(f"DROP ROLE {role}")


_ATTACKS = [
    "DROP TRIGGER core_only_grows ON core_ledger_entry",
    "ALTER TABLE core_ledger_entry DISABLE TRIGGER core_only_grows",
    "ALTER TABLE core_ledger_entry DISABLE TRIGGER ALL",
    "ALTER TABLE core_ledger_entry OWNER TO CURRENT_USER",
    "DROP TABLE core_ledger_entry",
    "CREATE OR REPLACE FUNCTION core_ledger_refuses() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "DROP FUNCTION core_ledger_refuses() CASCADE",
    "SET session_replication_role = replica",
    "SET ROLE ombud_ledger",
    "UPDATE core_ledger_entry SET seq = 2",
    "DELETE FROM core_ledger_entry",
    "TRUNCATE core_ledger_entry",
]
