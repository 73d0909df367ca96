"""Rules and their versions, the timers of rules of time, and replays that were asked for."""

from piccolo.columns import JSONB, UUID, Boolean, Integer, Text, Timestamptz
from piccolo.table import Table

from ombud.kernel.ids import new_id


class RuleHead(Table, tablename="core_rule"):
    """One rule, whatever its versions say."""

    key = Text(primary_key=True, default="")
    shipped = Boolean(default=False, help_text="one of ours, for the standard flow")
    created_at = Timestamptz()
    version = Integer(default=1)


class RuleVersion(Table, tablename="core_rule_version"):
    """What a rule says, and when it held. Unique (rule, number); once it held, or was tried in shadow, what it says
    never changes."""

    id = UUID(primary_key=True, default=new_id)
    rule = Text(default="")
    number = Integer(default=1)
    definition = JSONB(default="{}")
    made_at = Timestamptz()
    made_by = UUID(default=None, null=True)
    valid_from = Timestamptz(default=None, null=True)
    valid_to = Timestamptz(default=None, null=True)
    shadow_from = Timestamptz(default=None, null=True)
    shadow_to = Timestamptz(default=None, null=True)


class RuleTimer(Table, tablename="core_rule_timer"):
    """When a rule of time is due in a case. Unique (case, rule, version, anchor): an anchor fires once."""

    id = UUID(primary_key=True, default=new_id)
    case_id = UUID(default=None)
    rule = Text(default="")
    number = Integer(default=1)
    anchor = Timestamptz(help_text="the moment it counts from")
    due_at = Timestamptz()
    fired_at = Timestamptz(default=None, null=True)


class RuleReplay(Table, tablename="core_rule_replay"):
    """A draft that ran over past cases, and what came of it; no case's words."""

    id = UUID(primary_key=True, default=new_id)
    rule = Text(default="")
    definition = JSONB(default="{}", help_text="as it was when it was asked for; empty: the rules in force")
    months = Integer(default=3)
    asked_at = Timestamptz()
    asked_by = UUID(default=None, null=True)
    state = Text(default="waiting", help_text="waiting, running, done, failed")
    result = JSONB(default="{}")
    finished_at = Timestamptz(default=None, null=True)
