"""What the inbox keeps beside a message."""

from piccolo.columns import JSONB, UUID, BigInt, Integer, Text, Timestamptz
from piccolo.table import Table

from ombud.kernel.ids import new_id


class ThreadId(Table, tablename="core_thread_id"):
    """A Message-ID, or what a channel has for one, that we sent or saw: an answer to it belongs to the same case."""

    id = UUID(primary_key=True, default=new_id)
    value = Text(default="", help_text="without brackets")
    message_id = UUID(default=None)
    at = Timestamptz()


class ThreadAnswer(Table, tablename="core_thread_answer"):
    """What a message answers, so that it is looked at again when that arrives after it."""

    id = UUID(primary_key=True, default=new_id)
    message_id = UUID(default=None)
    value = Text(default="", help_text="without brackets")
    place = Integer(default=0, help_text="0 is the nearest")


class MessageCopy(Table, tablename="core_message_copy"):
    """The same message once more, by another mailbox: its receipt is kept, and it is shown with the first."""

    id = UUID(primary_key=True, default=new_id)
    message_id = UUID(default=None)
    raw_id = UUID(default=None)
    channel = Text(default="")
    account = Text(default="")
    at = Timestamptz()


class Triage(Table, tablename="core_triage"):
    """A decision on a message that came in. Never overwritten: a newer one overturns it."""

    id = UUID(primary_key=True, default=new_id)
    message_id = UUID(default=None)
    version = Integer(default=1, help_text="which decision on this message it is; the highest holds")
    decision = Text(default="", help_text="complaint, joined, not_complaint, or undone: it waits again")
    reason = Text(default="", help_text="a code: why it is no complaint")
    words = Text(default="", help_text="why, in the words of whoever decided")
    wording = Text(default="", help_text="the part of the message that decided it")
    rule = Text(default="", help_text="what decided, where no person did")
    actor = Text(default="", help_text="user/<id>, person/<id>, or system")
    unit_id = UUID(default=None, null=True)
    case_id = UUID(default=None, null=True)
    at = Timestamptz()


class TriageSample(Table, tablename="core_triage_sample"):
    """Decisions drawn by lot, so that somebody looks whether they were right. The seed draws the same ones again."""

    id = UUID(primary_key=True, default=new_id)
    user_id = UUID(default=None)
    seed = BigInt(default=0)
    filters = JSONB(default="{}", help_text="period, reason, unit, who decided")
    population = Integer(default=0, help_text="how many decisions fitted")
    created_at = Timestamptz()


class TriageReview(Table, tablename="core_triage_review"):
    """One drawn decision, and what the reviewer says of it."""

    id = UUID(primary_key=True, default=new_id)
    sample_id = UUID(default=None)
    triage_id = UUID(default=None)
    place = Integer(default=0)
    verdict = Text(default="", help_text="confirmed, overturned, or empty until somebody looked")
    words = Text(default="")
    by = UUID(default=None, null=True)
    at = Timestamptz(default=None, null=True)
