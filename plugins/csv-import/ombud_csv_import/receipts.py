"""A row as core keeps it: the raw bytes of a receipt, and the complaint in them when core replays it."""

import hashlib

import msgspec

from ombud_csv_import.rows import ComplaintRow, shortened
from ombud_plugin_api import Complaint, Matter, Permanent, PersonGiven, RawReceipt

CHANNEL = "import"
CONTENT_TYPE = "application/json"


class ImportChannel:
    """The way in of imported rows; the case itself is known by the channel its row names."""

    key = CHANNEL
    label = "Import"
    icon = "table-import"

    def parse(self, raw: RawReceipt) -> Complaint:
        try:
            return msgspec.json.decode(raw.body, type=Complaint)
        except msgspec.MsgspecError as fault:
            raise Permanent(f"The imported row cannot be read again: {fault}. Import its file anew.") from fault


def complaint_of(row: ComplaintRow, source: str, unit: str) -> Complaint:
    """A summary that only repeats the opening of the text is left out: core makes the title by itself."""
    person, first = row.person, row.matters[0]
    return Complaint(
        channel=row.channel,
        person=PersonGiven(name=person.name, email=person.email, phone=person.phone, postcode=person.postcode),
        matters=tuple(Matter(text=each.text, category=each.category) for each in row.matters),
        summary="" if row.summary == shortened(first.text) else row.summary,
        received_at=row.received_at,
        unit=unit,
        fields={**_origin(row, source), **row.extra},
    )


def _origin(row: ComplaintRow, source: str) -> dict[str, str]:
    told = {"import_source": source, "external_id": row.external_id, "import_notes": "\n".join(row.notes)}
    return {name: value for name, value in told.items() if value}


def receipt_of(row: ComplaintRow, complaint: Complaint) -> RawReceipt:
    return RawReceipt(
        channel=CHANNEL, key=row.key, content_type=CONTENT_TYPE, body=msgspec.json.encode(complaint, order="sorted")
    )


def digest(raw: RawReceipt) -> str:
    """Tells whether a row says the same as the one that was filed under its key."""
    return hashlib.sha256(raw.body).hexdigest()
