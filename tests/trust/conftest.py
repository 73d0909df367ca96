"""A migrated database per test, cloned from a template made once, and an open key ring."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.migrations import migrate
from ombud.trust import keys, link_signing, roles


def url_of(server: str, database: str) -> str:
    return urlsplit(server)._replace(path=f"/{database}").geturl()


async def run_on(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for each in statements:
            await connection.execute(each)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def migrated_template(postgres_url: str) -> Iterator[str]:
    name = f"trust_template_{uuid.uuid4().hex[:8]}"

    async def make() -> None:
        await run_on(postgres_url, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        await migrate(url_of(postgres_url, name))

    asyncio.run(make())
    yield name
    asyncio.run(run_on(postgres_url, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
async def ledger_url(postgres_url: str, migrated_template: str) -> AsyncIterator[str]:
    name = f"trust_{uuid.uuid4().hex[:8]}"
    await run_on(postgres_url, f"CREATE DATABASE {name} TEMPLATE {migrated_template}")
    yield url_of(postgres_url, name)
    await run_on(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "secrets" / "master.key"


@pytest.fixture
async def ledger_db(ledger_url: str, key_file: Path) -> AsyncIterator[str]:
    """The database is open in this process, and so is the master key."""
    await db.open(ledger_url)
    await keys.open_master(key_file)
    yield ledger_url
    keys.close_master()
    await db.close()


@pytest.fixture
async def desk(ledger_db: str, key_file: Path) -> AsyncIterator[dict[str, uuid.UUID]]:
    """A desk with core's roles and units by key: acme, below it north, below that north-team; and zenith beside."""
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
