"""Plugins written into a folder by tests, as a wheel would lay them down: to be broken, upgraded and taken away."""

import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

PLUGIN = """
from litestar import get

import ombud_plugin_api as api
from ombud_plugin_api.hooks import hookimpl


@get("/", opt={"public": True})
async def hello() -> str:
    return "%(slug)s %(version)s"


@hookimpl
def provide_pages(manifest: api.Manifest) -> list:
    return [hello]


@hookimpl
def provide_permissions(manifest: api.Manifest) -> list[api.Permission]:
    return [api.Permission("%(slug)s.look", "Look at it", ("leader",))]
"""

TABLES = """
from piccolo.columns import Text
from piccolo.table import Table

from ombud_plugin_api import CoreRef


class Note(Table, tablename="%(prefix)s_note"):
    words = Text(default="")
    case_id = CoreRef(to="case")
"""

APP = """
from pathlib import Path

from piccolo.conf.apps import AppConfig

from .tables import Note

APP_CONFIG = AppConfig(
    app_name="%(slug)s", migrations_folder_path=str(Path(__file__).parent / "migrations"), table_classes=[Note]
)
"""

FIRST = """
from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.columns.column_types import UUID, Serial, Text

ID = "2026-01-01T00:00:00:000000"


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="%(slug)s", description="the first tables")
    manager.add_table(class_name="Note", tablename="%(prefix)s_note")
    manager.add_column(table_class_name="Note", tablename="%(prefix)s_note", column_name="words",
        db_column_name="words", column_class_name="Text", column_class=Text, params={"default": "", "null": False})
    manager.add_column(table_class_name="Note", tablename="%(prefix)s_note", column_name="case_id",
        db_column_name="case_id", column_class_name="UUID", column_class=UUID,
        params={"default": None, "null": True})
    return manager
"""

MIGRATION = """
import asyncio
import time

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "%(identity)s"


class Anything(Table):
    pass


async def run_sql(text):
    await Anything.raw(text).run()


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="%(slug)s", description="a further one")

    async def run():
        %(run)s

    async def back():
        %(back)s

    manager.add_raw(run)
    manager.add_raw_backwards(back)
    return manager
"""


@dataclass
class Made:
    """A plugin in a folder of its own that stands in sys.path; change it and `write` again."""

    slug: str
    site: Path
    version: str = "0.1.0"
    api: str = ">=0.9,<0.10"
    plugin: str = PLUGIN
    needs: tuple[str, ...] = ()
    manifest: str = ""
    tables: bool = True
    later: dict[str, str] = field(default_factory=dict)  # bodies of further migrations, by file name

    @property
    def package(self) -> str:
        return f"ombud_{self.prefix}"

    @property
    def prefix(self) -> str:
        return self.slug.replace("-", "_")

    @property
    def folder(self) -> Path:
        return self.site / self.package

    def write(self) -> "Made":
        self.remove()
        self.folder.mkdir(parents=True)
        words = {"slug": self.slug, "prefix": self.prefix, "version": self.version}
        files = {"__init__.py": "", "plugin.py": self.plugin % words, "plugin.toml": self._manifest()}
        if self.tables:
            files |= {"tables.py": TABLES % words, "piccolo_app.py": APP % words, "migrations/__init__.py": ""}
            files["migrations/m_0001.py"] = FIRST % words
            files |= {f"migrations/{name}.py": text for name, text in self.later.items()}
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        info = self.site / f"{self.package}-{self.version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: ombud-{self.slug}\nVersion: {self.version}\n")
        (info / "entry_points.txt").write_text(f"[ombud.plugins]\n{self.slug} = {self.package}.plugin\n")
        return self

    def _manifest(self) -> str:
        table = f'\n[[tables]]\nname = "{self.prefix}_note"\nperson = "case_id"\nperson_via = "case"\n'
        return (
            dedent(f"""
            slug = "{self.slug}"
            name = "{self.slug.capitalize()}"
            summary = "Made by a test."
            version = "{self.version}"
            api = "{self.api}"
            needs = {list(self.needs)!r}
            """)
            + self.manifest
            + (table if self.tables else "")
        )

    def migration(self, name: str, identity: str, run: str, back: str = "pass") -> "Made":
        """A further migration, which runs Python that may `await run_sql(text)`."""
        self.later[name] = MIGRATION % {"identity": identity, "slug": self.slug, "run": run, "back": back}
        return self

    def remove(self) -> None:
        """As if it had been uninstalled from the machine, and its code forgotten as in a process that starts anew."""
        for path in [*self.site.glob(f"{self.package}-*.dist-info"), self.folder]:
            shutil.rmtree(path, ignore_errors=True)
        for name in [each for each in sys.modules if each.split(".")[0] == self.package]:
            del sys.modules[name]
