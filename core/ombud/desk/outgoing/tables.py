"""What is kept of a message that goes out, beside its words in core_message."""

from piccolo.columns import JSONB, UUID, Boolean, Integer, Text, Timestamptz
from piccolo.table import Table

from ombud.kernel.ids import new_id


class Outgoing(Table, tablename="core_outgoing"):
    """One message on its way out; its id is that of the core_message row with subject and text. `recipient` is frozen
    when it is written; it, and what a server said of it, is blanked when the person is erased."""

    id = UUID(primary_key=True, default=new_id)
    case_id = UUID(default=None, null=True)
    unit_id = UUID(default=None)
    channel = Text(default="", help_text="key of a deliverer, or `page`: the customer's page")
    kind = Text(default="reply")
    person_id = UUID(default=None, null=True, help_text="to whom; empty for a member of staff")
    recipient = JSONB(default="{}")
    language = Text(default="en")
    key = Text(default="", help_text="the same over all attempts")
    thread_id = Text(default="", help_text="its own Message-ID, fixed")
    answers = JSONB(default="[]", help_text="Message-IDs it answers, the nearest first")
    state = Text(default="held")
    leave_at = Timestamptz(default=None, null=True, help_text="when it is next to be handed over")
    attempts = Integer(default=0)
    sender = UUID(default=None, null=True, help_text="the delivery that handed it over last")
    sending_at = Timestamptz(default=None, null=True)
    trouble = Text(default="", help_text="transient or misconfigured: why it still waits")
    detail = Text(default="", help_text="what the other side said")
    remote_id = Text(default="")
    sent_at = Timestamptz(default=None, null=True)
    asked_at = Timestamptz(default=None, null=True, help_text="when the deliverer was last asked what became of it")
    delivery = Text(default="", help_text="posted, delivered, delayed, bounced, withdrawn, or empty")
    delivery_code = Text(default="")
    delivery_text = Text(default="")
    delivery_at = Timestamptz(default=None, null=True)
    seen_to_at = Timestamptz(default=None, null=True, help_text="when somebody saw to one that failed or came back")
    approval = Text(default="", help_text="why a second person must approve: kind, amount, asked; empty: nobody must")
    approved_by = UUID(default=None, null=True)
    approved_at = Timestamptz(default=None, null=True)
    approved_hash = Text(default="", help_text="SHA-256 of what was approved")
    outcomes = Text(default="", help_text="SHA-256 of the outcomes a final response was written from")
    letter_type = Text(default="", help_text="which letter a final response is, where a regulator tells several apart")
    let_pass = JSONB(default="[]", help_text="keys of what the gate found and somebody let pass")
    let_pass_why = Text(default="")
    let_pass_by = UUID(default=None, null=True)
    documents = JSONB(default="[]", help_text="files of the case that go along, beside those written for it")
    template_id = UUID(default=None, null=True)
    robot = Boolean(default=False, help_text="nobody wrote it")
    created_by = UUID(default=None, null=True)
    created_at = Timestamptz()
    version = Integer(default=1)


class MessageTemplate(Table, tablename="core_message_template"):
    """One version of a text to begin with; all versions share a key, and the newest that is not retired is offered."""

    id = UUID(primary_key=True, default=new_id)
    key = Text(default="")
    number = Integer(default=1, help_text="counts the versions of a key")
    name = Text(default="")
    kind = Text(default="reply")
    language = Text(default="en")
    unit_id = UUID(default=None, null=True, help_text="for this unit and all below it; empty: the whole desk")
    case_type = Text(default="", help_text="empty: every case type")
    subject = Text(default="")
    text = Text(default="")
    piece = Text(default="", help_text="the part that repeats for each aspect, where the text says {{ pieces }}")
    retired_at = Timestamptz(default=None, null=True)
    created_by = UUID(default=None, null=True)
    created_at = Timestamptz()


class Macro(Table, tablename="core_macro"):
    """A text and changes of the case that are made together."""

    id = UUID(primary_key=True, default=new_id)
    name = Text(default="")
    unit_id = UUID(default=None, null=True)
    template_key = Text(default="", help_text="the text it begins with; empty: none")
    changes = JSONB(default="{}", help_text="priority, queue, owner (me or nobody), status (closed)")
    retired_at = Timestamptz(default=None, null=True)
    created_by = UUID(default=None, null=True)
    created_at = Timestamptz()
    version = Integer(default=1)
