"""A row as core keeps it, and the complaint in it."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import msgspec

from ombud_cfpb.deadlines import CHANNEL
from ombud_cfpb.reading import Row
from ombud_plugin_api import Complaint, Document, Matter, Permanent, PersonGiven, RawReceipt

CONTENT_TYPE = "application/json"
WASHINGTON = ZoneInfo("America/New_York")
WITHHELD = "Name withheld (CFPB {id})"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What a receipt holds: what does not change at the bureau, so that the same complaint in a later file is the
    same bytes."""

    complaint_id: str
    sent: date
    received: date | None = None
    product: str = ""
    sub_product: str = ""
    issue: str = ""
    sub_issue: str = ""
    narrative: str = ""
    company: str = ""
    state: str = ""
    zip_code: str = ""
    tags: str = ""
    submitted_via: str = ""
    name: str = ""
    email: str = ""
    phone: str = ""
    unit: str = ""


class CfpbChannel:
    """The way in of complaints that the bureau sent."""

    key = CHANNEL
    label = "CFPB"
    icon = "building-bank"

    def parse(self, raw: RawReceipt) -> Complaint:
        try:
            return complaint_of(msgspec.json.decode(raw.body, type=Kept))
        except msgspec.MsgspecError as fault:
            raise Permanent(
                f"The complaint of the CFPB cannot be read again: {fault}. Import its file anew."
            ) from fault


def kept_of(row: Row, unit: str) -> Kept:
    return Kept(unit=unit, **{name: getattr(row, name) for name in Kept.__struct_fields__ if name != "unit"})


def receipt_of(row: Row, unit: str) -> RawReceipt:
    """Its key is the bureau's number, so that a complaint in two files is one."""
    body = msgspec.json.encode(kept_of(row, unit), order="sorted")
    return RawReceipt(channel=CHANNEL, key=row.complaint_id, content_type=CONTENT_TYPE, body=body)


def complaint_of(kept: Kept) -> Complaint:
    """Received at noon in Washington on the day on which it was sent to the company: from that day the clocks run."""
    title = " – ".join(each for each in (kept.issue, kept.sub_issue) if each)
    text = (
        kept.narrative or f"{title}\n\n{', '.join(each for each in (kept.product, kept.sub_product) if each)}".strip()
    )
    return Complaint(
        channel=CHANNEL, unit=kept.unit, summary=title[:200],
        person=PersonGiven(name=kept.name or WITHHELD.format(id=kept.complaint_id), email=kept.email, phone=kept.phone,
                           postcode=kept.zip_code),
        matters=(Matter(text=text, title=title[:200]),),
        received_at=datetime.combine(kept.sent, time(12), WASHINGTON),
        documents=(Document(name="cfpb-complaint.txt", content_type="text/plain", data=_beside(kept).encode()),),
    )  # fmt: skip


def _beside(kept: Kept) -> str:
    told = {
        "CFPB complaint": kept.complaint_id, "Received by the CFPB": str(kept.received or ""),
        "Sent to the company": str(kept.sent), "Company": kept.company, "Product": kept.product,
        "Sub-product": kept.sub_product, "Issue": kept.issue, "Sub-issue": kept.sub_issue, "State": kept.state,
        "Submitted via": kept.submitted_via, "Tags": kept.tags,
    }  # fmt: skip
    return "\n".join(f"{name}: {value}" for name, value in told.items() if value) + "\n"
