"""How every process of a desk begins and ends: settings, database, keys, plugins."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ombud.config import Config
from ombud.desk import first_desk, plugin_work
from ombud.desk.clocks import settling as clock_settling
from ombud.desk.crm import closing, forgetting
from ombud.desk.inbox import mood
from ombud.desk.matters import classifying
from ombud.desk.notices import customers as customer_notices
from ombud.desk.notices import staff as staff_notices
from ombud.desk.outgoing import reports
from ombud.desk.routing import jobs as routing
from ombud.desk.rules import in_force
from ombud.desk.rules import running as running_rules
from ombud.desk.viewing import telling
from ombud.kernel import calling
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running
from ombud.kernel.migrations import migrate_core
from ombud.process import run_with
from ombud.trust import application_role, keys, link_signing, switching
from ombud.trust.policy import SYSTEM


async def open_process(
    config: Config, url: str, *, name: str = "ombud", largest: int | None = None, plugins: bool = True
) -> None:  # fmt: skip
    """Opens what the process needs on the running loop; the database must be migrated. `plugins`: as `opened`."""
    await db.open(url, smallest=config.database.pool_min, largest=largest or config.database.pool_max, name=name)
    await open_desk(config, plugins=plugins)


async def open_desk(config: Config, *, plugins: bool = True) -> None:
    """Keys and plugins, where the database is open already."""
    run_with(config)
    running.imports = plugins
    calling.forget_rests()
    await keys.open_master(config.secrets.master_key_file)
    link_signing.open_signing(config.secrets.master_key_file.parent)
    running.blocked = tuple(config.plugins.blocked)
    plugin_work.connect()
    closing.listen()
    forgetting.listen()
    mood.listen()
    routing.listen()
    clock_settling.listen()
    classifying.listen()
    customer_notices.listen()
    staff_notices.listen()
    reports.listen()
    telling.listen()
    running_rules.listen()
    await running.refresh()
    await in_force.refresh()


async def close_process() -> None:
    await db.close()
    keys.close_master()
    link_signing.close_signing()


@asynccontextmanager
async def opened(
    config: Config, url: str, *, name: str = "ombud", largest: int = 4, plugins: bool = True
) -> AsyncIterator[None]:  # fmt: skip
    """For commands and tests: open inside, closed afterwards, whatever happened. `plugins`: False where none of them is
    asked for anything inside, so that their code need not be imported."""
    await open_process(config, url, name=name, largest=largest, plugins=plugins)
    try:
        yield
    finally:
        await close_process()


@dataclass(frozen=True)
class Prepared:
    """A desk that can be opened. `url`: what its processes connect to; `password`: admin's, if it was made just now."""

    url: str
    password: str | None


async def migrate_desk(config: Config, url: str) -> str:
    """Brings core's tables up to date and leaves the desk as empty as it is; returns the address to work at."""
    run_with(config)
    await db.open(url, largest=2, name="ombud migrate")
    try:
        await migrate_core()
        narrowed = not config.database.url and await application_role.grant()
    finally:
        await db.close()
    return application_role.url_for_application(url) if narrowed else url


async def prepare_desk(config: Config, url: str) -> Prepared:
    """Migrates core; gives a fresh desk its first unit, queue, roles, user and plugins.

    The embedded database is opened by its owner for the migration alone; the desk runs as a role that owns none of the
    ledger's tables. Of an external server the administrator's address is used as it is.
    """
    runs_as = await migrate_desk(config, url)
    async with opened(config, runs_as, name="ombud prepare", plugins=False):
        password = await first_desk.prepare()
        if password is not None:
            await _first_plugins(config)
    return Prepared(runs_as, password)


async def _first_plugins(config: Config) -> None:
    """Switches on what `plugins.enabled_first` names; one that is unfit is shown on the plugins page and no more."""
    wanted = config.plugins.enabled_first
    if not wanted:  # then no plugin's code is imported to find out which would be fit
        return
    for slug in plugin_work.fit_slugs(config.plugins.blocked):
        if "*" in wanted or slug in wanted:
            await switching.enable(SYSTEM, slug)
