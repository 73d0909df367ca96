"""What customer systems answered, whom colleagues chose, and what was written back. All of it goes with the person or
the case; erasing a person deletes answers and choices (a trigger, so that no way round it exists)."""

from piccolo.columns import JSONB, UUID, Text, Timestamptz
from piccolo.table import Table

from ombud.kernel.ids import new_id


class CrmSnapshot(Table, tablename="core_crm_snapshot"):
    """The last answer of one customer system about a person, asked in one unit: another unit may have another system,
    and its own rights."""

    id = UUID(primary_key=True, default=new_id)
    person_id = UUID(default=None)
    unit_id = UUID(default=None)
    crm = Text(default="", help_text="key of the customer system")
    answer = JSONB(default="{}", help_text="desk/crm/kept.py: Answer")
    asked_at = Timestamptz(default=None, null=True, help_text="when a refresh was asked for last")
    ended_at = Timestamptz(default=None, null=True, help_text="when the last refresh ended, well or not")
    fetched_at = Timestamptz(default=None, null=True, help_text="when the last one ended well; the answer is of then")
    fault = Text(default="", help_text="why the last refresh brought nothing: a kind of kernel/calling.Fault")
    fault_words = Text(default="")


class CrmLink(Table, tablename="core_crm_link"):
    """A colleague chose which record of a customer system the person is; an ended row is a choice taken back."""

    id = UUID(primary_key=True, default=new_id)
    person_id = UUID(default=None)
    unit_id = UUID(default=None)
    crm = Text(default="")
    record = Text(default="", help_text="the customer system's id; empty: none of those found is this person")
    match = JSONB(default="{}", help_text="the match as it was chosen")
    chosen_by = UUID(default=None, null=True)
    chosen_at = Timestamptz()
    ended_by = UUID(default=None, null=True)
    ended_at = Timestamptz(default=None, null=True)


class CrmRecord(Table, tablename="core_crm_record"):
    """What one customer system was told of one closed case: once, under one key, whatever is tried again."""

    id = UUID(primary_key=True, default=new_id)
    case_id = UUID(default=None)
    crm = Text(default="")
    key = Text(default="", help_text="idempotency key, the same at each try")
    record = Text(default="", help_text="the customer system's id; empty until it answered")
    href = Text(default="")
    closed_at = Timestamptz(help_text="the closure it tells of")
    recorded_at = Timestamptz(default=None, null=True)
