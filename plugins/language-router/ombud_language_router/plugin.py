"""What the plugin gives core."""

from ombud_language_router.proposing import propose
from ombud_plugin_api import Manifest, Router, hookimpl

VERSION = "1"  # of what is proposed; raise it when the same case and people may get other scores


@hookimpl
def provide_routers(manifest: Manifest) -> list[Router]:
    return [Router("language-router", "Languages", VERSION, propose)]
