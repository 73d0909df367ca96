"""What the plugin keeps: letters on their way out, and scans until their letters are taken in."""

from typing import Any, cast
from uuid import uuid4

from piccolo.columns import JSONB, UUID, BigInt, Boolean, Date, Integer, Text, Timestamptz
from piccolo.table import Table

from ombud_plugin_api import CoreRef


class LettersLetter(Table, tablename="letters_letter"):
    """A letter of ours. state: queued, printed, posted, returned or withdrawn."""

    id = UUID(primary_key=True, default=uuid4)
    message_id = CoreRef("message")
    key = Text(default="", unique=True)
    unit = Text(default="")
    reference = Text(default="")
    kind = Text(default="")
    language = Text(default="en")
    subject = Text(default="")
    recipient = Text(default="")
    address = Text(default="")
    pages = Integer(default=1)
    file_id = UUID(default=None, null=True)
    state = Text(default="queued")
    queued_at = Timestamptz()
    batch = UUID(default=None, null=True)
    printed_at = Timestamptz(default=None, null=True)
    posted_on = Date(default=None, null=True)
    post_class = Text(default="")
    tracking = Text(default="")
    returned_on = Date(default=None, null=True)
    reason = Text(default="", help_text="why it came back, or was withdrawn")
    handled_by = Text(default="", help_text="who changed its state last")
    reported = Boolean(default=True, help_text="whether core knows its state")


class LettersEnclosure(Table, tablename="letters_enclosure"):
    """What goes with a letter; `by_hand`: it cannot be printed from here and is laid in."""

    id = UUID(primary_key=True, default=uuid4)
    letter = UUID(default=None)
    position = Integer(default=0)
    name = Text(default="")
    by_hand = Boolean(default=False)
    file_id = UUID(default=None, null=True)


class LettersProof(Table, tablename="letters_proof"):
    """Proof that a letter was posted: a photograph or PDF of the receipt."""

    id = UUID(primary_key=True, default=uuid4)
    letter = UUID(default=None)
    name = Text(default="")
    content_type = Text(default="")
    size = BigInt(default=0)
    file_id = UUID(default=None, null=True)
    digest = Text(default="")
    added_by = Text(default="")
    added_at = Timestamptz()


class LettersBatch(Table, tablename="letters_batch"):
    """Letters that were printed together."""

    id = UUID(primary_key=True, default=uuid4)
    made_by = Text(default="")
    made_at = Timestamptz()


class LettersLogo(Table, tablename="letters_logo"):
    """The picture at the head of a unit's letters; the unit's key, empty for the whole desk."""

    unit = Text(primary_key=True, default="")
    file_id = UUID(default=None)
    content_type = Text(default="")
    added_by = Text(default="")
    added_at = Timestamptz()


class LettersScan(Table, tablename="letters_scan"):
    """A file of scanned post. state: waiting, reading, review, done, broken or discarded."""

    id = UUID(primary_key=True, default=uuid4)
    name = Text(default="")
    digest = Text(default="")
    size = BigInt(default=0)
    unit = Text(default="")
    received_on = Date(default=None)
    state = Text(default="waiting")
    reason = Text(default="", help_text="a key of the texts' refusals")
    about = Text(default="")
    unread = Text(default="", help_text="why pages have no text: a key of the texts' unread")
    pages = Integer(default=0)
    file_id = UUID(default=None, null=True)
    job_id = UUID(default=None, null=True)
    uploaded_by = Text(default="")
    uploaded_at = Timestamptz()
    settled_at = Timestamptz(default=None, null=True)


class LettersPage(Table, tablename="letters_page"):
    """A page of a scan. kind: page, separator or blank. `file_page`: its place in its file, from 1."""

    id = UUID(primary_key=True, default=uuid4)
    scan = UUID(default=None)
    number = Integer(default=0)
    kind = Text(default="page")
    text = Text(default="")
    file_id = UUID(default=None, null=True)
    file_page = Integer(default=1)
    image_id = UUID(default=None, null=True)


class LettersIncoming(Table, tablename="letters_incoming"):
    """A letter in a scan, from its first page to the next one's. state: open, received or left_out. why: start,
    separator, reference or person: what said that it begins there."""

    id = UUID(primary_key=True, default=uuid4)
    scan = UUID(default=None)
    first_page = Integer(default=1)
    why = Text(default="start")
    sender = Text(default="")
    email = Text(default="")
    phone = Text(default="")
    postcode = Text(default="")
    subject = Text(default="")
    text = Text(default="")
    language = Text(default="")
    received_on = Date(default=None)
    left_pages = JSONB(default="[]", help_text="pages that are no part of it")
    version = Integer(default=1)
    state = Text(default="open")
    receipt_id = UUID(default=None, null=True)
    settled_by = Text(default="")
    settled_at = Timestamptz(default=None, null=True)


async def sql(statement: str, *values: Any) -> list[dict[str, Any]]:
    """Rows of a statement; `{}` stands for a value."""
    return cast(list[dict[str, Any]], await LettersLetter.raw(statement, *values).run())
