"""What a plugin promises, whom it reaches, and that it keeps nothing."""

from pathlib import Path

import ombud_salesforce
from ombud_plugin_api import read_manifest
from ombud_plugin_api.testing import PluginContract
from ombud_salesforce.settings import SCHEMA


class TestContract(PluginContract):
    slug = "salesforce"


def test_the_manifest_names_whom_it_reaches_and_no_table() -> None:
    manifest = read_manifest(Path(ombud_salesforce.__file__).parent / "plugin.toml")
    assert manifest.reaches == ("login.salesforce.com", "test.salesforce.com", "*.my.salesforce.com")
    assert (manifest.kinds, manifest.tables) == (("crm",), ())


def test_every_credential_is_a_secret() -> None:
    secrets = {name for name, rule in SCHEMA.items() if rule["meta"].get("secret")}
    assert secrets == {"private_key", "client_secret", "refresh_token"}
