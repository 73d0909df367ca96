"""What every plugin promises, tried on a whole desk."""

from ombud_plugin_api.testing import PluginContract


class TestContract(PluginContract):
    slug = "pl-complaints"
    aims = "exemplary"
