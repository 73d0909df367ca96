"""What belongs to one aspect. Nothing here names a case: it follows its aspect, into whichever case that moves."""

from piccolo.columns import JSONB, UUID, Boolean, Date, Integer, Text, Timestamptz
from piccolo.table import Table

from ombud.kernel.ids import new_id


class Evidence(Table, tablename="core_evidence"):
    """One thing asked for, received or relied upon. Its file's hash is copied when it is received, so that it says what
    was relied upon even when the file is erased."""

    id = UUID(primary_key=True, default=new_id)
    aspect_id = UUID(default=None)
    what = Text(default="", help_text="in the words of whoever asked for it")
    need = Text(default="", help_text="key of the evidence a protocol asks for, or empty")
    asked_of = Text(default="", help_text="who was asked, in words; empty where it came unasked")
    due_on = Date(default=None, null=True, help_text="by when it was asked for")
    state = Text(default="asked", help_text="asked, received, not_coming, or withdrawn with the message that asked")
    message_id = UUID(default=None, null=True, help_text="the message that asked for it")
    attachment_id = UUID(default=None, null=True)
    sha256 = Text(default="", help_text="of the file, as it was received")
    why_not = Text(default="", help_text="why it is not coming")
    relied = Boolean(default=False)
    relied_for = Text(default="", help_text="what it shows")
    created_at = Timestamptz()
    created_by = UUID(default=None, null=True)
    received_at = Timestamptz(default=None, null=True)
    version = Integer(default=1)


class Task(Table, tablename="core_task"):
    """What was promised: due on a day, done, and the customer told of it; or dropped, with the reason."""

    id = UUID(primary_key=True, default=new_id)
    aspect_id = UUID(default=None)
    what = Text(default="")
    due_on = Date(default=None, null=True)
    created_at = Timestamptz(help_text="when it was promised")
    created_by = UUID(default=None, null=True)
    done_at = Timestamptz(default=None, null=True)
    done_by = UUID(default=None, null=True)
    told_at = Timestamptz(default=None, null=True)
    told_by = UUID(default=None, null=True)
    dropped_at = Timestamptz(default=None, null=True)
    dropped_by = UUID(default=None, null=True)
    dropped_why = Text(default="")
    version = Integer(default=1)


class Protocol(Table, tablename="core_protocol"):
    """How matters of a category are worked on, in a unit and all below; without a unit on the whole desk, without a
    category for every matter that has none of its own."""

    id = UUID(primary_key=True, default=new_id)
    name = Text(default="")
    category = Text(default="", help_text="code of a category; it counts for those below it too")
    unit_id = UUID(default=None, null=True)
    active = Boolean(default=True)
    created_at = Timestamptz()
    version = Integer(default=1)


class ProtocolVersion(Table, tablename="core_protocol_version"):
    """What a protocol asks for from a day on; never changed, only followed by another."""

    id = UUID(primary_key=True, default=new_id)
    protocol_id = UUID(default=None)
    number = Integer(default=1)
    valid_from = Date()
    steps = JSONB(default="[]", help_text="[{key, label, guidance, demand: free | warn | block}]")
    evidence = JSONB(default="[]", help_text="[{key, label, demand}]")
    created_at = Timestamptz()
    created_by = UUID(default=None, null=True)


class ProtocolKept(Table, tablename="core_protocol_kept"):
    """The version an aspect is worked on by, fixed with its first step, evidence or decision."""

    id = UUID(primary_key=True, default=new_id)
    aspect_id = UUID(default=None)
    protocol_version_id = UUID(default=None)
    at = Timestamptz()


class Step(Table, tablename="core_step"):
    """A step of a protocol that was done; taken back, the row goes and the ledger holds both."""

    id = UUID(primary_key=True, default=new_id)
    aspect_id = UUID(default=None)
    step = Text(default="", help_text="its key in the protocol")
    note = Text(default="")
    at = Timestamptz()
    done_by = UUID(default=None, null=True)


class Pin(Table, tablename="core_pin"):
    """A passage of a message (positions, no words) or a page of a file that belongs to an aspect."""

    id = UUID(primary_key=True, default=new_id)
    aspect_id = UUID(default=None)
    message_id = UUID(default=None, null=True)
    attachment_id = UUID(default=None, null=True)
    start = Integer(default=None, null=True, help_text="first character of the message's text")
    finish = Integer(default=None, null=True, help_text="the one after the last")
    page = Integer(default=None, null=True)
    at = Timestamptz()
    made_by = UUID(default=None, null=True)


class AspectLink(Table, tablename="core_aspect_link"):
    """One aspect tied to another. `follows_from`: the first is a consequence of the second."""

    id = UUID(primary_key=True, default=new_id)
    aspect_id = UUID(default=None)
    other_id = UUID(default=None)
    kind = Text(default="same_cause", help_text="same_cause, follows_from, split_from")
    at = Timestamptz()
    made_by = UUID(default=None, null=True)


class AspectPast(Table, tablename="core_aspect_past"):
    """A case an aspect was in before it moved on: what concerns a member of staff there stays hidden from them."""

    id = UUID(primary_key=True, default=new_id)
    aspect_id = UUID(default=None)
    case_id = UUID(default=None)
