"""Switching on, upgrading, switching off, uninstalling: each one transaction under one lock, or nothing.

`also` runs in the same transaction: there the caller writes down who did it and what it means for permissions.
"""

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from ombud.kernel import faults, plugins
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.holding_up import holding_up_nobody
from ombud.kernel.lifecycle import CHANNEL, running, too_old
from ombud.kernel.migrations import MigrationError, schema_change, with_retries
from ombud.kernel.plugin_tables import apply_tables, counted, declared, drop_declared, remove_tables
from ombud.kernel.plugins import Loaded, UnfitError
from ombud_plugin_api import Manifest

log = logging.getLogger("ombud.plugins")

CHANGE_SECONDS = 30.0  # all attempts together


@dataclass(frozen=True)
class Gone:
    """What an uninstallation took away. `rows`: of each table of the plugin's, how many rows it held."""

    version: str
    kept: bool
    rows: Mapping[str, int]


@dataclass(frozen=True)
class Preview:
    """What switching on would do. `statements`: those that change tables, as they ran when it was tried; `permissions`:
    key, label, roles that get it; `pages`: how many."""

    version: str
    statements: tuple[str, ...]
    permissions: tuple[tuple[str, str, tuple[str, ...]], ...]
    jobs: tuple[str, ...]
    pages: int


async def preview(slug: str) -> Preview:
    """Tries the plugin's migrations and takes them back, in one transaction that never commits; raises as `enable`."""
    loaded, ran = _found(slug), []

    async def attempt() -> None:
        async with holding_up_nobody() as watch, schema_change(), db.connection() as connection:
            watch.watch(await db.fetchval("SELECT pg_backend_pid()"))
            with connection.query_logger(lambda each: ran.append(each.query)):
                await apply_tables(loaded)
            raise _OnlyTriedError

    with contextlib.suppress(_OnlyTriedError):
        async with asyncio.timeout(CHANGE_SECONDS), _told():
            await with_retries(attempt)
    return Preview(
        loaded.version,
        tuple(" ".join(each.split()) for each in ran if _CHANGES.match(each)),
        tuple((each.key, each.label, tuple(each.default_roles)) for each in loaded.permissions),
        tuple(job.name for job in loaded.jobs),
        len(loaded.pages),
    )


class _OnlyTriedError(Exception):
    """Rolls back what was tried."""


# What changes the database, but not the list of migrations, which says no more than that they ran.
_CHANGES = re.compile(
    r"\s*(ALTER|CREATE|DROP|COMMENT|INSERT|UPDATE|DELETE|LOCK|TRUNCATE)\b(?!.*\bmigration\b)", re.I | re.S
)


def _found(slug: str) -> Loaded:
    found = plugins.discover(running.blocked).get(slug)
    if found is None:
        raise UnfitError(f"there is no plugin {slug} installed here; `ombud plugin list` shows those that are")
    return plugins.load(found)


async def enable(slug: str, actor: str, also: Callable[[Loaded], Awaitable[None]]) -> Loaded:
    """Migrates and switches on, or upgrades; where it is on in this version already, nothing is done and `also` is not
    called. Raises UnfitError, MigrationError."""
    loaded = _found(slug)

    async def change() -> None:
        row = await _row(slug)
        if row is not None and row["wanted_on"] and row["applied_version"] == loaded.version:
            return
        if row is not None and (words := too_old(loaded.version, row["applied_version"])):
            raise UnfitError(words)
        await _needs_met(loaded.manifest)
        await apply_tables(loaded)
        await _want(loaded, actor)
        await also(loaded)
        await _tell(slug)

    try:
        await _in_one_piece(change)
    except MigrationError as problem:
        log.error("plugin %s %s was not switched on: %s", slug, loaded.version, problem)
        await faults.record(slug, "permanent", f"switching on {loaded.version}", str(problem))
        raise
    return loaded


async def disable(slug: str, actor: str, also: Callable[[], Awaitable[None]]) -> None:
    """Switches off: pages, hooks and jobs stop everywhere, data stays; what is off already stays so. Raises UnfitError
    for a plugin nobody knows, or one that others need."""

    async def change() -> None:
        row = await _row(slug)
        if row is None:
            raise UnfitError(f"plugin {slug} was never switched on; `ombud plugin list` shows how each stands")
        if not row["wanted_on"]:
            return
        await _needed_by_none(slug)
        await db.execute(
            "UPDATE core_plugin SET wanted_on = FALSE, changed_by = $2, changed_at = $3 WHERE slug = $1",
            slug, actor, now(),
        )  # fmt: skip
        await also()
        await _tell(slug)

    await _in_one_piece(change)


async def uninstall(slug: str, actor: str, keep_data: bool, also: Callable[[Gone], Awaitable[None]]) -> Gone:
    """Ends its work here. Kept data stays with its declaration, so that core can still collect and erase it; else the
    plugin's tables, settings, secrets, jobs and faults go, also where its code is gone. Raises UnfitError."""
    done: list[Gone] = []

    async def change() -> None:
        row = await _row(slug)
        if row is None:
            raise UnfitError(f"of a plugin {slug} nothing is kept here; `ombud plugin list` shows how each stands")
        await _needed_by_none(slug)
        gone = Gone(row["applied_version"], keep_data, await counted(row["declaration"]))
        if keep_data:
            await db.execute("DELETE FROM core_delivery WHERE plugin = $1 AND state <> 'done'", slug)
            await db.execute(
                "UPDATE core_plugin SET wanted_on = FALSE, kept = TRUE, changed_by = $2, changed_at = $3 "
                "WHERE slug = $1",
                slug, actor, now(),
            )  # fmt: skip
        else:
            await _delete_all(slug, row["declaration"])
        await also(gone)
        await _tell(slug)
        done.append(gone)

    await _in_one_piece(change)
    return done[-1]


async def settle_in() -> list[str]:
    """For a desk whose records came from elsewhere, in that transaction: makes the tables of the plugins that are here
    in the version applied there. Returns one line for each that has to be switched on again by a person."""
    installed, said = plugins.discover(running.blocked), []
    rows = await db.fetch("SELECT slug, applied_version FROM core_plugin WHERE wanted_on ORDER BY slug")
    for row in rows:
        found = installed.get(row["slug"])
        if found is not None and not found.problem and found.version == row["applied_version"]:
            await apply_tables(plugins.load(found))
            continue
        here = f"version {found.version} is installed" if found else "it is not installed here"
        said.append(f"{row['slug']} {row['applied_version']}: {here}; then run `ombud plugin enable {row['slug']}`")
        # Without a version applied nothing of it runs before its tables are made.
        await db.execute("UPDATE core_plugin SET applied_version = '' WHERE slug = $1", row["slug"])
    return said


async def _in_one_piece(change: Callable[[], Awaitable[None]]) -> None:
    """Again while others hold the tables; the whole at most CHANGE_SECONDS, and nobody waits for it."""

    async def attempt() -> None:
        async with holding_up_nobody() as watch, schema_change():
            watch.watch(await db.fetchval("SELECT pg_backend_pid()"))
            await change()

    try:
        async with asyncio.timeout(CHANGE_SECONDS), _told():
            await with_retries(attempt)
    except TimeoutError as problem:
        raise MigrationError(
            f"it took longer than {CHANGE_SECONDS:g} s; nothing was changed. Fill rows in a job, not in a migration"
        ) from problem


@asynccontextmanager
async def _told() -> AsyncIterator[None]:
    """A migration's own failure, in words that name it."""
    try:
        yield
    except (MigrationError, UnfitError, TimeoutError, _OnlyTriedError):
        raise
    except asyncpg.QueryCanceledError as problem:
        raise MigrationError(
            "one of its statements ran longer than 10 s; nothing was changed. Fill rows in a job, not in a migration"
        ) from problem
    except asyncpg.PostgresError as problem:
        raise MigrationError(f"the database refused it: {problem}; nothing was changed") from problem
    except Exception as problem:
        raise MigrationError(f"it failed: {type(problem).__name__}: {problem}; nothing was changed") from problem


async def _row(slug: str) -> asyncpg.Record | None:
    return await db.fetchrow("SELECT * FROM core_plugin WHERE slug = $1 FOR UPDATE", slug)


async def _tell(slug: str) -> None:
    await db.execute("SELECT pg_notify($1, $2)", CHANNEL, slug)


async def _needs_met(manifest: Manifest) -> None:
    on = {row["slug"] for row in await db.fetch("SELECT slug FROM core_plugin WHERE wanted_on")}
    missing = [slug for slug in manifest.needs if slug not in on]
    if missing:
        raise UnfitError(f"it needs {', '.join(missing)}; switch that on first")


async def _needed_by_none(slug: str) -> None:
    rows = await db.fetch(
        "SELECT slug FROM core_plugin WHERE wanted_on AND declaration->'needs' ? $1 ORDER BY slug", slug
    )
    if rows:
        raise UnfitError(f"{', '.join(row['slug'] for row in rows)} needs it; switch that off first")


async def _want(loaded: Loaded, actor: str) -> None:
    declaration = {
        "name": loaded.manifest.name,
        "prefix": loaded.manifest.prefix,
        "needs": list(loaded.manifest.needs),
        "tables": declared(loaded.manifest.tables),
        "asks": bool(loaded.personal_data),
    }
    await db.execute(
        "INSERT INTO core_plugin (slug, wanted_on, applied_version, declaration, kept, changed_by, changed_at) "
        "VALUES ($1, TRUE, $2, $3, FALSE, $4, $5) ON CONFLICT (slug) DO UPDATE SET wanted_on = TRUE, "
        "applied_version = $2, declaration = $3, kept = FALSE, changed_by = $4, changed_at = $5",
        loaded.slug, loaded.version, declaration, actor, now(),
    )  # fmt: skip


async def _delete_all(slug: str, declaration: Mapping[str, Any]) -> None:
    """By the plugin's own migrations where they are here, and what these leave by its declaration."""
    found = plugins.discover(running.blocked).get(slug)
    if found is not None and not found.problem:
        await remove_tables(plugins.load(found))
    await drop_declared(slug, declaration)
    await db.execute("DELETE FROM core_delivery WHERE plugin = $1", slug)
    for table in ("core_fault", "core_rest", "core_plugin"):
        await db.execute(f"DELETE FROM {table} WHERE slug = $1", slug)
