"""What the plugin gives core."""

from ombud_plugin_api import Crm, Manifest, Settings, hookimpl
from ombud_salesforce import closing, people
from ombud_salesforce import settings as chosen


@hookimpl
def provide_settings(manifest: Manifest) -> list[Settings]:
    return chosen.settings()


@hookimpl
def provide_crms(manifest: Manifest) -> list[Crm]:
    return [
        Crm(
            "salesforce", "Salesforce", people.find, people.history, closing.record, icon="cloud", in_use=chosen.in_use,
            writes=closing.writes,
        )
    ]  # fmt: skip
