"""What the plugin gives core."""

from ombud_hipaa import register
from ombud_hipaa.deadlines import due
from ombud_hipaa.reading import laws
from ombud_hipaa.settings import SCHEMA, try_out
from ombud_plugin_api import Deadlines, Law, Manifest, Return, Settings, hookimpl


@hookimpl
def provide_settings(manifest: Manifest) -> list[Settings]:
    return [Settings(SCHEMA, try_out)]


@hookimpl
def provide_deadlines(manifest: Manifest) -> list[Deadlines]:
    return [Deadlines("hipaa", "HIPAA privacy complaints", due, ("US",))]


@hookimpl
def provide_rights(manifest: Manifest) -> list[Law]:
    return laws()


@hookimpl
def provide_returns(manifest: Manifest) -> list[Return]:
    return [register.RETURN]
