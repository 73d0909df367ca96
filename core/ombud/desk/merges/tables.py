"""What was moved between cases, and why."""

from piccolo.columns import JSONB, UUID, Boolean, Integer, Text, Timestamptz
from piccolo.table import Table

from ombud.kernel.ids import new_id


class Merge(Table, tablename="core_merge"):
    """One case that went into another, or out of it."""

    id = UUID(primary_key=True, default=new_id)
    kind = Text(default="merge", help_text="merge (from went into into), split (into came out of from) or move")
    from_case = UUID(default=None)
    into_case = UUID(default=None)
    same_people = Boolean(default=True, help_text="the complainants are the same, so their pages show both")
    before = JSONB(default="{}", help_text="of both cases: what undoing puts back")
    made_at = Timestamptz()
    made_by = UUID(default=None, null=True)
    undone_at = Timestamptz(default=None, null=True)
    undone_by = UUID(default=None, null=True)


class MergeRow(Table, tablename="core_merge_row"):
    """One row that moved. `what`: aspect, message, attachment, redress, finding, party, support, draft, shared."""

    id = UUID(primary_key=True, default=new_id)
    merge_id = UUID(default=None)
    what = Text(default="")
    row_id = UUID(default=None)
    place = Integer(default=0, help_text="the position an aspect had")


class SharedMessage(Table, tablename="core_shared_message"):
    """A message of another case that belongs to this one too: split copies references, never content."""

    id = UUID(primary_key=True, default=new_id)
    message_id = UUID(default=None)
    case_id = UUID(default=None)
