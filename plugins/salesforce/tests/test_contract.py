"""What a plugin promises, whom it reaches, and that it keeps nothing."""

from pathlib import Path

import ombud_salesforce
from ombud.kernel.database import db
from ombud.testing_desk import Desk
from ombud_plugin_api import read_manifest
from ombud_plugin_api.testing import PluginContract
from ombud_salesforce.settings import SCHEMA

PACKAGE = Path(ombud_salesforce.__file__).parent


class TestContract(PluginContract):
    slug = "salesforce"


def test_the_manifest_names_whom_it_reaches() -> None:
    manifest = read_manifest(PACKAGE / "plugin.toml")
    assert manifest.reaches == ("login.salesforce.com", "test.salesforce.com", "*.my.salesforce.com")
    assert (manifest.kinds, manifest.tables) == (("crm",), ())


def test_every_credential_is_a_secret() -> None:
    secrets = {name for name, rule in SCHEMA.items() if rule["meta"].get("secret")}
    assert secrets == {"private_key", "client_secret", "refresh_token"}


async def test_it_keeps_nothing_of_its_own(desk: Desk) -> None:
    await desk.enable("salesforce")
    assert not (PACKAGE / "piccolo_app.py").exists()
    assert await db.fetchval("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'salesforce%'") == 0
