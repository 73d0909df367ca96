"""The role of the running desk does its work and cannot lift the ledger's guards."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from ombud.kernel import outbox
from ombud.kernel.database import db
from ombud.trust import application_role, keys, ledger, ledger_verify, vault
from ombud.trust.checkpoints import make_checkpoint, publish
from ombud.trust.ledger import NewEntry, Sealed


@pytest.fixture
async def application(fresh_database_url: str, tmp_path: Path) -> AsyncIterator[None]:
    """The desk's tables are granted, and the key ring is open."""
    await db.open(fresh_database_url, largest=2)
    await db.execute("CREATE TABLE old_plugin_rows (id int PRIMARY KEY)")
    assert await application_role.grant()
    await keys.open_master(tmp_path / "master.key")
    yield
    keys.close_master()
    await db.close()


@asynccontextmanager
async def as_application() -> AsyncIterator[None]:
    async with db.transaction():
        await db.execute(f"SET LOCAL SESSION AUTHORIZATION {application_role.ROLE}")
        yield


async def attack(statement: str) -> None:
    async with as_application():
        await db.execute(statement)


async def test_it_writes_seals_erases_rotates_and_checkpoints(application: None, tmp_path: Path) -> None:
    async def hear(event: object, context: object) -> None:
        raise AssertionError("nothing is delivered here")

    outbox.subscribe("trial", ["case.opened"], hear)
    try:
        async with as_application():
            sealed = {"name": Sealed("person/1", "Z"), "other": Sealed("person/2", "Y")}
            entry = NewEntry("case/a", "case.opened", {"status": "new"}, sealed)
            await ledger.append(actor="system", entries=[entry])
            assert await db.fetchval("SELECT count(*) FROM core_delivery") == 1
            await vault.destroy_subject("person/1")
            assert await keys.rotate_master() == 1
            assert [each.value for each in await ledger.open_sealed([("case/a", 1)])] == ["Y"]
    finally:
        outbox.registry.subscriptions.pop("trial")
    async with as_application():
        assert await make_checkpoint() is not None
        assert await publish(tmp_path / "checkpoints.jsonl") == 1
        assert await application_role.weaknesses() == []


async def test_it_makes_and_drops_a_plugins_tables_that_refer_to_core(application: None) -> None:
    async with as_application():
        await db.execute("CREATE TABLE mail_account (id int, case_id uuid REFERENCES core_case (id))")
        await db.execute("INSERT INTO migration (name, app_name, ran_on) VALUES ('x', 'mail', now())")
        await db.execute("DROP TABLE mail_account, old_plugin_rows")


@pytest.mark.parametrize("table", ["core_ledger_entry", "core_checkpoint", "core_checkpoint_entry", "core_stream"])
@pytest.mark.parametrize(
    "statement",
    [
        "DROP TRIGGER core_only_grows ON {0}",
        "ALTER TABLE {0} DISABLE TRIGGER core_only_grows",
        "ALTER TABLE {0} OWNER TO ombud_app",
        "CREATE TRIGGER aa BEFORE INSERT ON {0} EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "CREATE RULE aa AS ON INSERT TO {0} DO INSTEAD NOTHING",
        "DROP TABLE {0}",
        "TRUNCATE {0}",
        "DELETE FROM {0}",
    ],
)
async def test_it_cannot_lift_a_guard(application: None, table: str, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await attack(statement.format(table))


async def test_it_cannot_become_more(application: None) -> None:
    for statement in (
        "SET ROLE ombud_ledger",
        "ALTER ROLE ombud_app SUPERUSER",
        "SET session_replication_role = replica",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await attack(statement)


async def test_a_superuser_is_named_as_a_weakness(application: None) -> None:
    [said] = await application_role.weaknesses()
    assert "is a superuser" in said
    assert (await ledger_verify.verify()).broken == ""


def test_the_applications_address_carries_no_password() -> None:
    made = application_role.url_for_application("postgresql://ombud:secret@db.example.org:5432/desk?sslmode=require")
    assert made == "postgresql://ombud_app@db.example.org:5432/desk?sslmode=require"
    assert (
        application_role.url_for_application("postgresql://ombud@/desk?host=/run/x&port=5432")
        == "postgresql://ombud_app@/desk?host=/run/x&port=5432"
    )


async def test_commands_beside_each_other_give_its_rights_once_and_write_no_more_afterwards(
    fresh_database_url: str,
) -> None:
    async def catalogue() -> str:
        asked = "SELECT md5(string_agg(xmin::text, ',' ORDER BY oid)) FROM pg_class WHERE relname ~ '^core_'"
        return str(await db.fetchval(asked))

    await db.open(fresh_database_url, largest=6)
    try:
        assert await asyncio.gather(*(application_role.grant() for _ in range(6))) == [True] * 6
        async with as_application():
            assert await db.fetchval("SELECT count(*) FROM core_delivery") == 0
        before = await catalogue()
        assert await application_role.grant()
        assert await catalogue() == before
    finally:
        await db.close()
