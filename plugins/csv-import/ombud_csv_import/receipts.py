"""A row as core keeps it: the raw bytes of a receipt, and the complaint in them when core replays it."""

import hashlib
from dataclasses import replace

import msgspec

from ombud_csv_import.rows import ComplaintRow, shortened
from ombud_plugin_api import Complaint, Document, Matter, Permanent, PersonGiven, Platform, RawReceipt

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


def complaint_of(row: ComplaintRow, source: str, unit: str, own_fields: frozenset[str]) -> Complaint:
    """`own_fields`: fields of the case type that take text. What the row tells beside them goes into a document.

    A summary that only repeats the opening of the text is left out: core makes the title by itself.
    """
    person, first = row.person, row.matters[0]
    beside = _beside(row, source, own_fields)
    return Complaint(
        channel=row.channel,
        person=PersonGiven(name=person.name, email=person.email, phone=person.phone, postcode=person.postcode),
        matters=tuple(Matter(text=each.text, category=each.category) for each in row.matters),
        summary="" if row.summary == shortened(first.text) else row.summary,
        received_at=row.received_at,
        unit=unit,
        fields={name: value for name, value in row.extra.items() if name in own_fields},
        documents=(Document(name="imported-row.txt", content_type="text/plain", data=beside.encode()),),
    )


def _beside(row: ComplaintRow, source: str, own_fields: frozenset[str]) -> str:
    """Where the row came from, and what of it has no field in the case."""
    lines = [f"Imported from: {source}"]
    lines += [f"Id there: {row.external_id}"] if row.external_id else []
    lines += [
        f"{name.replace('_', ' ').capitalize()}: {value}" for name, value in row.extra.items() if name not in own_fields
    ]
    return "\n".join([*lines, *row.notes]) + "\n"


async def own_fields(platform: Platform) -> frozenset[str]:
    """The fields of the case type that a cell can fill as it stands."""
    rules = await platform.case_fields()
    return frozenset(name for name, rule in rules.items() if rule.get("type", "string") == "string")


def receipt_of(row: ComplaintRow, complaint: Complaint) -> RawReceipt:
    return RawReceipt(
        channel=CHANNEL, key=row.key, content_type=CONTENT_TYPE, body=msgspec.json.encode(complaint, order="sorted")
    )


def digest(row: ComplaintRow) -> str:
    """Tells whether a row says the same as the one that was filed under its key, wherever in a file it stands."""
    if not row.external_id:
        return row.key  # the key is made of the whole row
    return hashlib.sha256(msgspec.json.encode(replace(row, line=0), order="sorted")).hexdigest()
