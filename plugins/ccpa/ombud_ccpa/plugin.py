"""What the plugin gives core."""

from ombud_ccpa.reading import laws
from ombud_plugin_api import Law, Manifest, Settings, applies_rule, hookimpl

TOLD = "By country: in units of the United States. Of which state's law a request is, whoever records it says."


@hookimpl
def provide_settings(manifest: Manifest) -> list[Settings]:
    return [Settings({"applies": applies_rule("Requests are recorded by these laws", help_=TOLD)})]


@hookimpl
def provide_rights(manifest: Manifest) -> list[Law]:
    return laws()
