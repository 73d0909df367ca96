"""What a plugin promises; the kit uploads a file, takes the columns as they are guessed and starts the import."""

import msgspec

from ombud_csv_import.receipts import CHANNEL, CONTENT_TYPE
from ombud_plugin_api import Complaint, Matter, PersonGiven, RawReceipt
from ombud_plugin_api.testing import Marked, PluginContract, Subject


class TestContract(PluginContract):
    slug = "csv-import"

    def receipt(self, plugin: Subject, channel: str, person: Marked) -> RawReceipt:
        """A row as core keeps it."""
        given = PersonGiven(name=person.name, email=person.email, phone=person.phone, postcode=person.postcode)
        complaint = Complaint(channel=CHANNEL, person=given, matters=(Matter(text=person.text),))
        body = msgspec.json.encode(complaint, order="sorted")
        return RawReceipt(channel=CHANNEL, key=person.mark, content_type=CONTENT_TYPE, body=body)
