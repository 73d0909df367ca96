"""Runs Piccolo migrations, core's and plugins', each app in one transaction under one lock.

Piccolo's own runner imports migration files by their bare name and forgets the app when it deletes a tracking row
(tried: two plugins with equal file names ran one migration twice), so files are imported under their package here.
"""

import asyncio
import contextlib
import importlib
import io
import pkgutil
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import asyncpg
from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.apps.migrations.tables import Migration

from ombud.kernel.database import db

CORE = "ombud.migrations"
LOCK = 0x6F6D_6275_64  # "ombud": one migration at a time in a database
OUTSIDE_WAITS = 8
WRITTEN = re.compile(r"""^ID\s*=\s*["']([^"']+)["']\s*$""", re.MULTILINE)
STATEMENT = "10s"  # the longest one of a migration may run


class MigrationError(RuntimeError):
    """A migration could not be applied; nothing of it remains in the database."""


@dataclass(frozen=True)
class Step:
    id: str
    app: str
    forwards: Callable[[], Awaitable[MigrationManager]]


def steps(package: str, app: str) -> list[Step]:
    """The migrations of a package in the order of their ids; two with one id are refused."""
    found: dict[str, Step] = {}
    for module in _modules(package):
        identity = getattr(module, "ID", None)
        if identity is None:
            continue
        if identity in found:
            raise _twice(package, identity)
        found[identity] = Step(identity, app, module.forwards)
    return [found[key] for key in sorted(found)]


def known(package: str) -> set[str]:
    """The ids of its migrations, read from their files: to import them all takes longer than most of what begins."""
    home = importlib.import_module(package)
    found: set[str] = set()
    for each in pkgutil.iter_modules(home.__path__):
        file = Path(getattr(each.module_finder, "path", "")) / f"{each.name}.py"
        written = WRITTEN.search(file.read_text("utf-8")) if file.is_file() else None
        identity = written[1] if written else getattr(importlib.import_module(f"{package}.{each.name}"), "ID", None)
        if identity in found:
            raise _twice(package, identity)
        if identity is not None:
            found.add(identity)
    return found


def _twice(package: str, identity: str) -> MigrationError:
    return MigrationError(f"{package}: two migrations have the id {identity}; give one of them another")


def _modules(package: str) -> list[ModuleType]:
    home = importlib.import_module(package)
    return [importlib.import_module(f"{package}.{each.name}") for each in pkgutil.iter_modules(home.__path__)]


@asynccontextmanager
async def schema_change(*, patient: bool = False) -> AsyncIterator[None]:
    """One transaction under the schema lock: waits 300 ms for a table (a waiting DDL would hold up intake) and
    runs 10 s at most; `patient` is for the start, when nobody else works yet."""
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        if not patient:
            await db.execute(f"SET LOCAL lock_timeout = '300ms'; SET LOCAL statement_timeout = '{STATEMENT}'")
        yield


async def forwards(package: str, app: str) -> list[str]:
    """Applies what is missing, inside the caller's transaction; returns the ids applied."""
    await _track()
    done = await applied(app)
    fresh = [step for step in steps(package, app) if step.id not in done]
    for step in fresh:
        await _run(step)
        await Migration.insert(Migration(name=step.id, app_name=app)).run()
    return [step.id for step in fresh]


async def backwards(package: str, app: str) -> list[str]:
    """Takes back everything the app applied, newest first, inside the caller's transaction."""
    await _track()
    done = await applied(app)
    known = {step.id: step for step in steps(package, app)}
    for identity in sorted(done, reverse=True):
        if identity not in known:
            raise MigrationError(f"{app}: migration {identity} was applied but its file is missing; reinstall it")
        await _run(known[identity], backwards=True)
        await Migration.delete().where((Migration.name == identity) & (Migration.app_name == app)).run()
    return sorted(done, reverse=True)


async def applied(app: str) -> set[str]:
    if not await db.fetchval("SELECT to_regclass('migration') IS NOT NULL"):
        return set()
    return {row["name"] for row in await db.fetch("SELECT name FROM migration WHERE app_name = $1", app)}


async def pending(package: str, app: str) -> list[str]:
    done = await applied(app)
    return sorted(known(package) - done)


async def migrate_core() -> list[str]:
    """Brings core's tables up to date; quick when there is nothing to do."""
    if not await pending(CORE, "core"):
        return []
    async with schema_change(patient=True):
        return await forwards(CORE, "core")


async def with_retries(change: Callable[[], Awaitable[None]]) -> None:
    """Tries a schema change again, with growing pauses, while other work holds the tables it needs."""
    for attempt in range(OUTSIDE_WAITS):
        try:
            return await change()
        except asyncpg.LockNotAvailableError:
            await asyncio.sleep(0.1 * 2**attempt)
    raise MigrationError("the tables stayed busy; nothing was changed: try again when the desk is quieter")


async def migrate(url: str) -> None:
    """Opens a database of its own accord, migrates core and closes it: for the command line and for tests."""
    await db.open(url, largest=2, name="ombud migrate")
    try:
        await migrate_core()
    finally:
        await db.close()


async def _track() -> None:
    if not await db.fetchval("SELECT to_regclass('migration') IS NOT NULL"):
        await Migration.create_table(if_not_exists=True).run()  # type: ignore[no-untyped-call]
        await db.execute("CREATE UNIQUE INDEX migration_once ON migration (app_name, name)")


async def _run(step: Step, *, backwards: bool = False) -> None:
    manager = await step.forwards()
    chatter = io.StringIO()
    with contextlib.redirect_stdout(chatter):
        await manager.run(backwards=backwards)
