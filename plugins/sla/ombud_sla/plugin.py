"""What the plugin gives core."""

from ombud_plugin_api import Deadlines, Manifest, Settings, hookimpl
from ombud_sla.deadlines import due
from ombud_sla.settings import SCHEMA, try_out


@hookimpl
def provide_settings(manifest: Manifest) -> list[Settings]:
    return [Settings(SCHEMA, try_out)]


@hookimpl
def provide_deadlines(manifest: Manifest) -> list[Deadlines]:
    return [Deadlines("sla", "Service levels", due)]
