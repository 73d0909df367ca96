"""What the plugin gives core."""

from ombud_ccpa.reading import laws
from ombud_plugin_api import Law, Manifest, hookimpl


@hookimpl
def provide_rights(manifest: Manifest) -> list[Law]:
    return laws()
