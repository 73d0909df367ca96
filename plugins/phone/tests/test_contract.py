"""What a plugin promises: the kit takes a call as an agent would, reads it back and files it."""

from datetime import UTC, datetime

import msgspec

from ombud_phone.calls import Typed
from ombud_phone.channel import CONTENT_TYPE, Kept
from ombud_plugin_api import RawReceipt
from ombud_plugin_api.testing import Marked, PluginContract, Subject


class TestContract(PluginContract):
    slug = "phone"
    aims = "exemplary"
    jobs = {"sweep": {}}
    patience = 180.0

    def receipt(self, plugin: Subject, channel: str, person: Marked) -> RawReceipt:
        """A call as core keeps it."""
        typed = Typed(
            name=person.name, email=person.email, number=person.phone, postcode=person.postcode, matters=[person.text]
        )
        kept = Kept(channel=channel, language="en", began=datetime(2026, 11, 26, 9, tzinfo=UTC), typed=typed)
        return RawReceipt(
            channel=channel, key=person.mark, content_type=CONTENT_TYPE, body=msgspec.json.encode(kept, order="sorted")
        )
