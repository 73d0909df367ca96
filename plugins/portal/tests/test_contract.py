"""What a plugin promises: its imports and its doors."""

import ast
import sys
from pathlib import Path

import ombud_portal
from ombud_plugin_api import read_manifest

PACKAGE = Path(ombud_portal.__file__).parent
MAY_IMPORT = {"ombud_plugin_api", "ombud_portal", "litestar"}


def test_it_imports_the_plugin_api_and_libraries_alone() -> None:
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                root = name.split(".")[0]
                assert root in MAY_IMPORT or root in sys.stdlib_module_names, f"{file.name} imports {name}"


def test_the_manifest_opens_the_door_for_followers() -> None:
    assert read_manifest(PACKAGE / "plugin.toml").doors == {"track": "{token}"}
