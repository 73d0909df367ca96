"""Switching plugins on and off: one transaction under one lock, heard by every process within moments.

Stored is only what the administrator wants and which version was applied; the state is derived from that and from
what is installed.
"""

import importlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ombud.kernel import outbox, plugins
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.migrations import backwards, forwards, pending, schema_change, with_retries
from ombud.kernel.plugins import Installed, Loaded, UnfitError
from ombud_plugin_api import CoreRef, Manifest
from ombud_plugin_api.tables import CORE_TABLES

if TYPE_CHECKING:
    from piccolo.conf.apps import AppConfig

log = logging.getLogger("ombud.plugins")

CHANNEL = "ombud_plugins"
Also = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Standing:
    """How a plugin stands. `state`: installed, enabled, disabled, upgrade needed, incompatible or missing."""

    slug: str
    state: str
    version: str
    applied_version: str
    problem: str
    manifest: Manifest | None
    changed_at: datetime | None


class Running:
    """The plugins that run in this process, kept equal to what the database wants."""

    def __init__(self) -> None:
        self.loaded: dict[str, Loaded] = {}
        self.problems: dict[str, str] = {}
        self.blocked: tuple[str, ...] = ()
        self.when_changed: Callable[[], None] = lambda: None

    async def refresh(self) -> None:
        """Reads what is wanted and loads or drops accordingly; called at the start and at every notice."""
        wanted = {row["slug"]: row["applied_version"] for row in await _wanted()}
        installed = plugins.discover(self.blocked)
        loaded, problems = {}, {}
        for slug, applied in sorted(wanted.items()):
            try:
                loaded[slug] = self._fit(installed.get(slug), applied)
            except UnfitError as problem:
                problems[slug] = str(problem)
                log.error("plugin %s does not run: %s", slug, problem)
        if loaded != self.loaded or problems != self.problems:
            self.loaded, self.problems = loaded, problems
            _forget_jobs(loaded)
            self.when_changed()

    def _fit(self, installed: Installed | None, applied: str) -> Loaded:
        if installed is None:
            raise UnfitError("its distribution is not installed; install it again or switch the plugin off")
        if installed.problem:
            raise UnfitError(installed.problem)
        if installed.version != applied:
            raise UnfitError(
                f"version {installed.version} is here, {applied} was applied; switch it on again to upgrade"
            )
        known = self.loaded.get(installed.slug)
        return known if known and known.version == installed.version else plugins.load(installed)


running = Running()


def _forget_jobs(loaded: Mapping[str, Loaded]) -> None:
    for slug in {job.plugin for job in outbox.registry.jobs.values() if job.plugin} - set(loaded):
        outbox.forget_plugin_jobs(slug)


async def _wanted() -> list[Any]:
    return await db.fetch("SELECT slug, applied_version FROM core_plugin WHERE wanted_on")


async def standings(blocked: tuple[str, ...] = ()) -> list[Standing]:
    """Every plugin known here, installed or only remembered, in the order of slugs."""
    installed = plugins.discover(blocked)
    rows = {row["slug"]: row for row in await db.fetch("SELECT * FROM core_plugin")}
    return [_standing(slug, installed.get(slug), rows.get(slug)) for slug in sorted({*installed, *rows})]


def _standing(slug: str, found: Installed | None, row: Any) -> Standing:
    applied = row["applied_version"] if row else ""
    problem = found.problem if found else "its distribution is not installed"
    problem = problem or running.problems.get(slug, "") if row and row["wanted_on"] else problem
    return Standing(
        slug=slug,
        state=_state(found, row),
        version=found.version if found else "",
        applied_version=applied,
        problem=problem,
        manifest=found.manifest if found else None,
        changed_at=row["changed_at"] if row else None,
    )


def _state(found: Installed | None, row: Any) -> str:
    if found is None:
        return "missing"
    if found.problem:
        return "incompatible"
    if row is None:
        return "installed"
    if not row["wanted_on"]:
        return "disabled"
    if row["applied_version"] != found.version:
        return "upgrade needed"
    return "incompatible" if found.slug in running.problems else "enabled"


async def enable(slug: str, actor: str, also: Callable[[Loaded], Awaitable[None]]) -> Loaded:
    """Migrates and switches on, or upgrades; `also` runs in the same transaction. Raises UnfitError, MigrationError."""
    found = plugins.discover(running.blocked).get(slug)
    if found is None:
        raise UnfitError(f"there is no plugin {slug} installed here; `ombud plugin list` shows those that are")
    loaded = plugins.load(found)
    await _needs_met(loaded.manifest)

    async def change() -> None:
        async with schema_change():
            await _apply_tables(loaded)
            await _want(loaded, actor)
            await also(loaded)
            await db.execute("SELECT pg_notify($1, $2)", CHANNEL, slug)

    await with_retries(change)
    return loaded


async def settle_in() -> list[str]:
    """For a desk whose records came from elsewhere, in that transaction: makes the tables of the plugins that are here
    in the version applied there. Returns one line for each that has to be switched on again by a person."""
    installed, said = plugins.discover(running.blocked), []
    rows = await db.fetch("SELECT slug, applied_version FROM core_plugin WHERE wanted_on ORDER BY slug")
    for row in rows:
        found = installed.get(row["slug"])
        if found is not None and not found.problem and found.version == row["applied_version"]:
            await _apply_tables(plugins.load(found))
            continue
        here = f"version {found.version} is installed" if found else "it is not installed here"
        said.append(f"{row['slug']} {row['applied_version']}: {here}; then run `ombud plugin enable {row['slug']}`")
        # Without a version applied nothing of it runs before its tables are made.
        await db.execute("UPDATE core_plugin SET applied_version = '' WHERE slug = $1", row["slug"])
    return said


async def _needs_met(manifest: Manifest) -> None:
    on = {row["slug"] for row in await _wanted()}
    missing = [slug for slug in manifest.needs if slug not in on]
    if missing:
        raise UnfitError(f"it needs {', '.join(missing)}; switch that on first")


async def _apply_tables(loaded: Loaded) -> None:
    config = piccolo_app(loaded)
    if config is None:
        return
    _check_tables(loaded, config)
    if await pending(f"{loaded.package}.migrations", loaded.slug):
        before = await _tables()
        await forwards(f"{loaded.package}.migrations", loaded.slug)
        _check_prefix(loaded, await _tables() - before)
    await _refer_to_core(config)


def piccolo_app(loaded: Loaded) -> "AppConfig | None":
    """The plugin's tables, if it has any."""
    from piccolo.conf.apps import AppConfig  # it imports a code formatter, which no start should wait for

    if not (loaded.folder / "piccolo_app.py").is_file():
        return None
    config = importlib.import_module(f"{loaded.package}.piccolo_app").APP_CONFIG
    if not isinstance(config, AppConfig):
        raise UnfitError("its piccolo_app.py holds no AppConfig named APP_CONFIG")
    return config


def _check_tables(loaded: Loaded, config: "AppConfig") -> None:
    declared = {table.name for table in loaded.manifest.tables}
    for table in config.table_classes:
        if table._meta.tablename not in declared:
            raise UnfitError(f"table {table._meta.tablename} is not declared in plugin.toml; add it under [[tables]]")


def _check_prefix(loaded: Loaded, fresh: set[str]) -> None:
    wrong = sorted(name for name in fresh if not name.startswith(loaded.manifest.prefix))
    if wrong:
        raise UnfitError(f"its migration made {', '.join(wrong)}; its tables must begin with {loaded.manifest.prefix}")


async def _tables() -> set[str]:
    return {row["tablename"] for row in await db.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


async def _refer_to_core(config: "AppConfig") -> None:
    """Gives each CoreRef its constraint and index: Piccolo runs raw SQL before it makes tables, so it is done here."""
    for table in config.table_classes:
        for column in table._meta.columns:
            if isinstance(column, CoreRef):
                await _constrain(table._meta.tablename, column._meta.db_column_name, CORE_TABLES[column.to])


async def _constrain(table: str, column: str, target: str) -> None:
    name = f"{table}_{column}_core"
    if not await db.fetchval("SELECT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = $1)", name):
        await db.execute(
            f'ALTER TABLE "{table}" ADD CONSTRAINT "{name}" FOREIGN KEY ("{column}") '
            f"REFERENCES {target} (id) ON DELETE CASCADE"
        )
        await db.execute(f'CREATE INDEX "{name}" ON "{table}" ("{column}")')


async def _want(loaded: Loaded, actor: str) -> None:
    declaration = {
        "prefix": loaded.manifest.prefix,
        "tables": [
            {
                "name": each.name,
                "person": each.person,
                "person_via": each.person_via,
                "personal": list(each.personal),
                "erase": each.erase,
            }
            for each in loaded.manifest.tables
        ],
    }
    await db.execute(
        "INSERT INTO core_plugin (slug, wanted_on, applied_version, declaration, changed_by, changed_at) "
        "VALUES ($1, TRUE, $2, $3, $4, $5) ON CONFLICT (slug) DO UPDATE SET wanted_on = TRUE, applied_version = $2, "
        "declaration = $3, changed_by = $4, changed_at = $5",
        loaded.slug,
        loaded.version,
        declaration,
        actor,
        now(),
    )


async def disable(slug: str, actor: str, also: Also) -> None:
    """Switches off: pages, hooks and jobs stop everywhere, data stays. Raises UnfitError for an unknown plugin."""
    async with db.transaction():
        changed = await db.execute(
            "UPDATE core_plugin SET wanted_on = FALSE, changed_by = $2, changed_at = $3 WHERE slug = $1",
            slug,
            actor,
            now(),
        )
        if changed == "UPDATE 0":
            raise UnfitError(f"plugin {slug} was never switched on; `ombud plugin list` shows how each stands")
        await also()
        await db.execute("SELECT pg_notify($1, $2)", CHANNEL, slug)


async def remove_tables(loaded: Loaded) -> None:
    """Takes the plugin's migrations back; for uninstalling and for tests, in the caller's transaction."""
    if piccolo_app(loaded) is not None:
        await backwards(f"{loaded.package}.migrations", loaded.slug)
