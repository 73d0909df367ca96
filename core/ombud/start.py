"""How every process of a desk begins and ends: settings, database, keys, plugins."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ombud.config import Config
from ombud.desk import first_desk, plugin_work
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running
from ombud.kernel.migrations import migrate_core
from ombud.process import run_with
from ombud.trust import keys, link_signing, switching
from ombud.trust.policy import SYSTEM


async def open_process(config: Config, url: str, *, name: str = "ombud", largest: int | None = None) -> None:
    """Opens what the process needs on the running loop; the database must be migrated."""
    await db.open(url, smallest=config.database.pool_min, largest=largest or config.database.pool_max, name=name)
    await open_desk(config)


async def open_desk(config: Config) -> None:
    """Keys and plugins, where the database is open already."""
    run_with(config)
    await keys.open_master(config.secrets.master_key_file)
    link_signing.open_signing(config.secrets.master_key_file.parent)
    running.blocked = tuple(config.plugins.blocked)
    plugin_work.connect()
    await running.refresh()


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
    """Migrates core; gives a fresh desk its first unit, queue, roles, user and plugins. Returns admin's new password."""
    run_with(config)
    await db.open(url, largest=2, name="ombud prepare")
    try:
        await migrate_core()
        await open_desk(config)
        password = await first_desk.prepare()
        if password is not None:
            await _first_plugins(config)
        return password
    finally:
        await close_process()


async def _first_plugins(config: Config) -> None:
    """Switches on what `plugins.enabled_first` names; one that is unfit is shown on the plugins page and no more."""
    wanted = config.plugins.enabled_first
    for slug in plugin_work.fit_slugs(config.plugins.blocked):
        if "*" in wanted or slug in wanted:
            await switching.enable(SYSTEM, slug)
