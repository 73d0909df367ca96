"""What a plugin promises, and its door."""

from pathlib import Path

import ombud_portal
from ombud_plugin_api import read_manifest
from ombud_plugin_api.testing import PluginContract


class TestContract(PluginContract):
    slug = "portal"


def test_the_manifest_opens_the_door_for_followers() -> None:
    assert read_manifest(Path(ombud_portal.__file__).parent / "plugin.toml").doors == {"track": "{token}"}
