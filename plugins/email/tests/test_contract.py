"""What a plugin promises, and what of it is a secret."""

import asyncio
import atexit
import sys
from pathlib import Path

import trustme

sys.path.insert(0, str(Path(__file__).parent))
from servers import DOVECOT, Dovecot

from ombud_email.mailbox import SECRETS
from ombud_email.settings import SCHEMA
from ombud_plugin_api.testing import Marked, PluginContract, Stage, Subject
from ombud_plugin_api.testing.doors import sample_receipt, through_channels


class TestContract(PluginContract):
    slug = "email"

    async def waits(self, stage: Stage, plugin: Subject, person: Marked) -> bool:
        """A mail of this person lies in a mailbox on a real server."""
        if not DOVECOT:
            return False
        server = self.server()
        text = plugin.samples("email")[0].read_text("utf-8")
        for name in ("name", "email", "phone", "postcode", "text"):
            text = text.replace(f"{{{name}}}", getattr(person, name))
        await asyncio.to_thread(server.deliver, "complaints", text.encode())
        chosen = {"address": "complaints@firm.example", "imap_host": "127.0.0.1", "imap_port": server.port,
                  "imap_tls": "plain", "user": "complaints"}  # fmt: skip
        for name, value in chosen.items():
            await stage.set_setting(name, value)
        await stage.set_secret("password", server.password)
        return True

    @classmethod
    def server(cls) -> Dovecot:
        """Started for the one check that asks for it, and gone with the process at the latest."""
        made = Dovecot(trustme.CA())
        made.start()
        atexit.register(made.remove)
        return made

    async def door(self, stage: Stage, plugin: Subject, person: Marked, twice: bool = False) -> bool:
        """Mail comes by the channel; the forms of the pages are for the organisation's own mailboxes."""
        return await through_channels(stage, plugin, person, sample_receipt, twice)


def test_every_credential_is_a_secret() -> None:
    assert {name for name, rule in SCHEMA.items() if rule["meta"].get("secret")} == set(SECRETS)
