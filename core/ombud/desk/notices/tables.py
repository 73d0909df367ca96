"""What was told to whom, and how each wants to be told."""

from piccolo.columns import UUID, Boolean, Date, Text, Timestamptz
from piccolo.table import Table

from ombud.kernel.ids import new_id


class Notice(Table, tablename="core_notice"):
    """Something a member of staff should know. It holds no words: what is shown is read by their rights."""

    id = UUID(primary_key=True, default=new_id)
    user_id = UUID(default=None)
    kind = Text(default="")
    event = Text(default="", help_text="the event that caused it, so that it is told once")
    case_id = UUID(default=None, null=True)
    message_id = UUID(default=None, null=True)
    at = Timestamptz()
    seen_at = Timestamptz(default=None, null=True)
    digested_at = Timestamptz(default=None, null=True, help_text="when it went into a digest")


class NoticeChoice(Table, tablename="core_notice_choice"):
    """How somebody wants to be told of one kind; without a row as usual."""

    id = UUID(primary_key=True, default=new_id)
    user_id = UUID(default=None)
    kind = Text(default="")
    way = Text(default="page", help_text="page (at once, on the page), digest (once a day by e-mail), none")


class NoticeDigest(Table, tablename="core_notice_digest"):
    """That somebody's digest of a day was written, so that there is one."""

    id = UUID(primary_key=True, default=new_id)
    user_id = UUID(default=None)
    day = Date()


class ContactChoice(Table, tablename="core_contact_choice"):
    """A person does not want notices of a kind; what they are owed, such as the final response, still comes."""

    id = UUID(primary_key=True, default=new_id)
    person_id = UUID(default=None)
    kind = Text(default="status")
    wanted = Boolean(default=False)
    recorded_by = UUID(default=None, null=True)
    at = Timestamptz()
