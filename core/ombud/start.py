"""How every process of a desk begins and ends: settings, database, keys."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ombud.config import Config
from ombud.desk import first_desk
from ombud.kernel.database import db
from ombud.kernel.migrations import migrate_core
from ombud.process import run_with
from ombud.trust import keys, link_signing


async def open_process(config: Config, url: str, *, name: str = "ombud", largest: int | None = None) -> None:
    """Opens what the process needs on the running loop; the database must be migrated."""
    run_with(config)
    await db.open(url, smallest=config.database.pool_min, largest=largest or config.database.pool_max, name=name)
    await keys.open_master(config.secrets.master_key_file)
    link_signing.open_signing(config.secrets.master_key_file.parent)


async def close_process() -> None:
    await db.close()
    keys.close_master()
    link_signing.close_signing()


@asynccontextmanager
async def opened(config: Config, url: str, *, name: str = "ombud", largest: int = 4) -> AsyncIterator[None]:
    """For commands and tests: open inside, closed afterwards, whatever happened."""
    await open_process(config, url, name=name, largest=largest)
    try:
        yield
    finally:
        await close_process()


async def prepare_desk(config: Config, url: str) -> str | None:
    """Migrates core and gives a fresh desk its first unit, queue, roles and user; returns admin's new password."""
    run_with(config)
    await db.open(url, largest=2, name="ombud prepare")
    try:
        await migrate_core()
        await keys.open_master(config.secrets.master_key_file)
        link_signing.open_signing(config.secrets.master_key_file.parent)
        return await first_desk.prepare()
    finally:
        await close_process()
