"""What the plugin promised at 0.9, and must go on to keep."""

from ombud_plugin_api.testing import PluginContract


class TestContract(PluginContract):
    slug = "keepsake"
    aims = "sound"
    jobs = {"tidy": {}}
