"""An open database with an empty ledger, an open key ring, and the powers of a database superuser."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust import keys, link_signing, roles

GUARDED = ("core_ledger_entry", "core_stream", "core_checkpoint", "core_checkpoint_entry", "core_key")
HELD = ("core_redress", "core_aspect", "core_case", "core_vault", "core_sealed", *GUARDED)

Tamper = Callable[[str], Awaitable[str]]


async def behind_the_guards(*statements: str) -> str:
    """What somebody with full access to the database does; returns the last command tag."""
    done = ""
    async with db.transaction():
        for table in GUARDED:
            await db.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            done = await db.execute(statement)
        await db.execute(
            """DO $$ DECLARE t record; BEGIN
                FOR t IN SELECT tgrelid::regclass AS place, tgname FROM pg_trigger WHERE tgname LIKE 'core\\_%'
                    AND tgenabled = 'D' LOOP
                    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', t.place, t.tgname);
                END LOOP;
            END $$"""
        )
    return done


@pytest.fixture
def tamper() -> Tamper:
    """Changes the ledger as a superuser can; the statement must change something."""

    async def change(statement: str) -> str:
        done = await behind_the_guards(statement)
        assert not done.endswith(" 0"), "nothing was changed"
        return done

    return change


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "secrets" / "master.key"


@pytest.fixture
async def ledger_db(database_url: str, key_file: Path) -> AsyncIterator[str]:
    """The database of the module, its ledger and vault emptied, is open in this process, and so is a fresh key."""
    await db.open(database_url)
    await behind_the_guards(*(f"DELETE FROM {table}" for table in HELD))
    await keys.open_master(key_file)
    yield database_url
    keys.close_master()
    await db.close()


@pytest.fixture
async def desk(fresh_database_url: str, key_file: Path) -> AsyncIterator[dict[str, uuid.UUID]]:
    """Core's roles and units by key: acme, below it north, below that north-team; and zenith beside. No user yet."""
    await db.open(fresh_database_url)
    await keys.open_master(key_file)
    link_signing.open_signing(key_file.parent)
    await roles.install_defaults()
    units: dict[str, uuid.UUID] = {}
    for key, parent in [("acme", None), ("north", "acme"), ("north-team", "north"), ("zenith", None)]:
        units[key] = new_id()
        await db.execute(
            """INSERT INTO core_unit (id, parent_id, kind, key, name, time_zone, currency, country, language, phone,
                created_at, version) VALUES ($1, $2, 'entity', $3, $3, 'UTC', 'EUR', '', 'en', '', $4, 1)""",
            units[key],
            units[parent] if parent else None,
            key,
            now(),
        )
    yield units
    link_signing.close_signing()
    keys.close_master()
    await db.close()
