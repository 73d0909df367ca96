"""A plugin's tables: made by its own migrations, held to its manifest, tied to core's records, and taken away again."""

import importlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from piccolo.columns import ForeignKey

from ombud.kernel.database import db
from ombud.kernel.migrations import backwards, forwards, pending
from ombud.kernel.plugins import Loaded, UnfitError
from ombud_plugin_api import CoreRef
from ombud_plugin_api.tables import CORE_TABLES

if TYPE_CHECKING:
    from piccolo.conf.apps import AppConfig

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


async def apply_tables(loaded: Loaded) -> None:
    """Brings them to the version that is installed, in the caller's transaction; raises UnfitError."""
    config = piccolo_app(loaded)
    if config is None:
        return
    check_tables(loaded, config)
    if await pending(f"{loaded.package}.migrations", loaded.slug):
        before = await _tables()
        await forwards(f"{loaded.package}.migrations", loaded.slug)
        _check_fresh(loaded, before, await _tables())
    await _refer_to_core(config)


async def remove_tables(loaded: Loaded) -> None:
    """Takes the plugin's migrations back, in the caller's transaction."""
    if piccolo_app(loaded) is not None:
        await backwards(f"{loaded.package}.migrations", loaded.slug)


async def drop_declared(slug: str, declaration: Mapping[str, Any]) -> list[str]:
    """Drops what of the declared tables is there, without the plugin's code, in the caller's transaction; what it
    declared once is believed only where a name bears its prefix. Returns the names."""
    prefix = slug.replace("-", "_") + "_"
    names = [str(table["name"]) for table in declaration.get("tables", ())]
    there = await _tables()
    gone = [name for name in names if name in there and NAME.fullmatch(name) and name.startswith(prefix)]
    if gone:
        await db.execute(f"DROP TABLE {', '.join(gone)}")
    if "migration" in there:
        await db.execute("DELETE FROM migration WHERE app_name = $1", slug)
    return gone


async def counted(declaration: Mapping[str, Any]) -> dict[str, int]:
    """How many rows each declared table that is there holds."""
    there = await _tables()
    names = [str(table["name"]) for table in declaration.get("tables", ())]
    known = [name for name in names if name in there and NAME.fullmatch(name)]
    return {name: await db.fetchval(f"SELECT count(*) FROM {name}") for name in known}


def piccolo_app(loaded: Loaded) -> "AppConfig | None":
    """The plugin's tables, if it has any."""
    from piccolo.conf.apps import AppConfig  # it imports a code formatter, which no start should wait for

    if not (loaded.folder / "piccolo_app.py").is_file():
        return None
    config = importlib.import_module(f"{loaded.package}.piccolo_app").APP_CONFIG
    if not isinstance(config, AppConfig):
        raise UnfitError("its piccolo_app.py holds no AppConfig named APP_CONFIG")
    return config


def check_tables(loaded: Loaded, config: "AppConfig") -> None:
    """Declared, under its prefix, and tied to core by CoreRef alone; raises UnfitError."""
    own = {table._meta.tablename for table in config.table_classes}
    if undeclared := sorted(own - {table.name for table in loaded.manifest.tables}):
        raise UnfitError(f"table {undeclared[0]} is not declared in plugin.toml; add it under [[tables]]")
    for table in config.table_classes:
        for column in table._meta.columns:
            if isinstance(column, ForeignKey):
                target = column._foreign_key_meta.resolved_references._meta.tablename
                if target not in own:
                    raise UnfitError(
                        f"column {column._meta.name} of {table._meta.tablename} is a ForeignKey to {target}; refer to "
                        "core by CoreRef, and to other plugins not at all"
                    )


def _check_fresh(loaded: Loaded, before: set[str], after: set[str]) -> None:
    wrong = sorted(name for name in after - before if not name.startswith(loaded.manifest.prefix))
    if wrong:
        raise UnfitError(f"its migration made {', '.join(wrong)}; its tables must begin with {loaded.manifest.prefix}")
    if gone := sorted(name for name in before - after if not name.startswith(loaded.manifest.prefix)):
        raise UnfitError(f"its migration dropped {', '.join(gone)}, which is not its own")


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


def declared(tables: Sequence[Any]) -> list[dict[str, Any]]:
    """Manifest's tables as the database keeps them, to be known when the code is gone."""
    return [
        {
            "name": each.name,
            "person": each.person,
            "person_via": each.person_via,
            "personal": list(each.personal),
            "erase": each.erase,
            "files": list(each.files),
        }
        for each in tables
    ]
