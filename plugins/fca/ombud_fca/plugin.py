"""What the plugin gives core."""

from ombud_fca import annex1b, annex1r, consolidated
from ombud_fca.deadlines import PLACES, due
from ombud_fca.letters import REQUIREMENTS
from ombud_fca.settings import SCHEMA, try_out
from ombud_plugin_api import Deadlines, Manifest, ResponseRequirement, Return, Settings, hookimpl


@hookimpl
def provide_settings(manifest: Manifest) -> list[Settings]:
    return [Settings(SCHEMA, try_out)]


@hookimpl
def provide_deadlines(manifest: Manifest) -> list[Deadlines]:
    return [Deadlines("fca", "DISP", due, PLACES)]


@hookimpl
def provide_response_requirements(manifest: Manifest) -> list[ResponseRequirement]:
    return REQUIREMENTS


@hookimpl
def provide_returns(manifest: Manifest) -> list[Return]:
    return [annex1r.RETURN, annex1b.RETURN, consolidated.RETURN]
