"""Core never imports a plugin nor names one; plugins import only `ombud_plugin_api`; that imports neither."""

import ast
import re
import subprocess
import sys
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from ombud.kernel.plugins import folder_of

ROOT = Path(__file__).parents[2]
OURS = {
    "ombud": ROOT / "core" / "ombud",
    "ombud_plugin_api": ROOT / "plugin_api" / "ombud_plugin_api",
}
PLUGINS = {
    point.name: point.value.split(".")[0]
    for point in entry_points(group="ombud.plugins")
    if ROOT in folder_of(point.value.split(".")[0]).parents
}


@cache
def sources() -> dict[Path, str]:
    """The code and the templates of core and of the plugin API, read once for all plugins that they may not name."""
    files = [path for folder in OURS.values() for path in [*folder.rglob("*.py"), *folder.rglob("templates/**/*.html")]]
    return {path: path.read_text("utf-8") for path in files if "node_modules" not in path.parts}


def imported(folder: Path) -> set[str]:
    """The top-level packages that the code of a folder imports, anywhere in it."""
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    return found


def packages(found: set[str]) -> set[str]:
    return {each for each in found if each == "ombud" or each.startswith("ombud_")}


def test_every_folder_of_plugins_is_installed_from_its_own_distribution() -> None:
    folders = {path.parent.name for path in (ROOT / "plugins").glob("*/pyproject.toml")}
    assert folders == set(PLUGINS)


def test_core_imports_the_plugin_api_and_no_plugin() -> None:
    assert packages(imported(OURS["ombud"])) == {"ombud", "ombud_plugin_api"}


def test_the_plugin_api_imports_neither_core_nor_plugins() -> None:
    assert packages(imported(OURS["ombud_plugin_api"])) <= {"ombud_plugin_api"}


@pytest.mark.parametrize("slug", sorted(PLUGINS))
def test_a_plugin_imports_only_itself_and_the_plugin_api(slug: str) -> None:
    package = PLUGINS[slug]
    assert packages(imported(folder_of(package))) <= {package, "ombud_plugin_api"}


WORDS = {"email", "letters", "phone", "sentiment"}
"""Plugins called by a word that core needs for other things too: named are then their package, pages and settings."""


@pytest.mark.parametrize("slug", sorted(PLUGINS))
def test_core_and_the_plugin_api_name_no_plugin(slug: str) -> None:
    word = rf"(?:p-|/p/|plugin/|ombud-){re.escape(slug)}\b" if slug in WORDS else rf"\b{re.escape(slug)}\b"
    names = re.compile(rf"{word}|\b{PLUGINS[slug]}\b")
    assert len(sources()) > 400
    named = [path.relative_to(ROOT).as_posix() for path, text in sources().items() if names.search(text)]
    assert named == [], f"the plugin {slug} is named there"


def test_a_command_of_core_begins_without_what_only_pages_passwords_and_uploads_need() -> None:
    """Each command would wait for the import. What an enabled plugin imports comes later, with the plugin."""
    code = "import sys, ombud.commands.people; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    loaded = set(done.stdout.split())
    assert {"ombud.start", "asyncpg"} <= loaded
    assert loaded & {"litestar", "psycopg", "zxcvbn", "puremagic", "jinja2", "uvicorn", "dramatiq"} == set()
