"""What a plugin promises, and what of it is a secret."""

from ombud_email.mailbox import SECRETS
from ombud_email.settings import SCHEMA
from ombud_plugin_api.testing import Marked, PluginContract, Stage, Subject
from ombud_plugin_api.testing.doors import sample_receipt, through_channels


class TestContract(PluginContract):
    slug = "email"

    async def door(self, stage: Stage, plugin: Subject, person: Marked, twice: bool = False) -> bool:
        """Mail comes by the channel; the forms of the pages are for the organisation's own mailboxes."""
        return await through_channels(stage, plugin, person, sample_receipt, twice)


def test_every_credential_is_a_secret() -> None:
    assert {name for name, rule in SCHEMA.items() if rule["meta"].get("secret")} == set(SECRETS)
