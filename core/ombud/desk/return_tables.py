"""Returns as they are kept, on this floor so that export and removal know them; `insight/returns` writes them. What was
frozen never changes; triggers say so too."""

from piccolo.columns import JSONB, UUID, Boolean, Date, Integer, Text, Timestamptz
from piccolo.table import Table

from ombud.kernel.ids import new_id


class ReturnHead(Table, tablename="core_return"):
    """One version of one return of one legal entity for one period."""

    id = UUID(primary_key=True, default=new_id)
    provider = Text(default="", help_text="the key of what a plugin provides")
    regulator = Text(default="")
    label = Text(default="")
    unit_id = UUID(default=None, help_text="the legal entity; everything below it counts")
    period_first = Date()
    period_last = Date()
    period_label = Text(default="")
    due_on = Date(default=None, null=True)
    taxonomy = Text(default="", help_text="the version of the regulator's taxonomy")
    number = Integer(default=1, help_text="1, and one more with each amendment")
    amends = UUID(default=None, null=True)
    state = Text(default="draft", help_text="draft, frozen, signed, filed, discarded")
    entered = JSONB(default="{}", help_text="figures that a person gave, by number")
    layout = JSONB(default="{}", help_text="title, rule, tables, checks and what is unverified, as frozen")
    digest = Text(default="", help_text="SHA-256 of what was frozen")
    created_at = Timestamptz()
    created_by = UUID(default=None, null=True)
    frozen_at = Timestamptz(default=None, null=True)
    frozen_by = UUID(default=None, null=True)
    signed_at = Timestamptz(default=None, null=True)
    signed_by = UUID(default=None, null=True)
    signed_name = Text(default="", help_text="who signed, as they were called then")
    filed_on = Date(default=None, null=True)
    filed_by = UUID(default=None, null=True)
    filed_reference = Text(default="", help_text="what the regulator gave")
    version = Integer(default=1)


class ReturnFigure(Table, tablename="core_return_figure"):
    """One frozen figure with its definition and its evidence: [case, aspect, what it added]."""

    id = UUID(primary_key=True, default=new_id)
    return_id = UUID(default=None)
    place = Integer(default=0)
    number = Text(default="")
    label = Text(default="")
    section = Text(default="", help_text="the table's key, empty for the header")
    row_code = Text(default="")
    column_number = Text(default="")
    definition = Text(default="")
    definition_version = Text(default="")
    unit = Text(default="count")
    value = Text(default=None, null=True, help_text="empty: blank, which is not nought")
    official = Boolean(default=False)
    evidence = JSONB(default="[]")


class ReturnCaseKept(Table, tablename="core_return_case"):
    """The coded facts of a case as they were when the return was frozen; ids alone, nobody's words or names."""

    id = UUID(primary_key=True, default=new_id)
    return_id = UUID(default=None)
    case_id = UUID(default=None)
    facts = JSONB(default="{}")
