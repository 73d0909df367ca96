"""What a plugin promises: its imports, its manifest, that it keeps nothing."""

import ast
import sys
from pathlib import Path

import ombud_salesforce
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running
from ombud.kernel.plugin_tables import piccolo_app
from ombud.testing_desk import Desk
from ombud_plugin_api import read_manifest
from ombud_salesforce.settings import SCHEMA

PACKAGE = Path(ombud_salesforce.__file__).parent
MAY_IMPORT = {"ombud_plugin_api", "ombud_salesforce", "httpx", "msgspec", "jwt", "phonenumbers"}


def test_it_imports_the_plugin_api_and_libraries_alone() -> None:
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                root = name.split(".")[0]
                assert root in MAY_IMPORT or root in sys.stdlib_module_names, f"{file.name} imports {name}"


def test_the_manifest_names_whom_it_reaches() -> None:
    manifest = read_manifest(PACKAGE / "plugin.toml")
    assert manifest.reaches == ("login.salesforce.com", "test.salesforce.com", "*.my.salesforce.com")
    assert (manifest.kinds, manifest.tables) == (("crm",), ())


def test_every_credential_is_a_secret() -> None:
    secrets = {name for name, rule in SCHEMA.items() if rule["meta"].get("secret")}
    assert secrets == {"private_key", "client_secret", "refresh_token"}


async def test_it_keeps_nothing_of_its_own(desk: Desk) -> None:
    await desk.enable("salesforce")
    assert piccolo_app(running.loaded["salesforce"]) is None
    assert await db.fetchval("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'salesforce%'") == 0
