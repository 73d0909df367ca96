"""How long cases are kept, the runs that destroyed them, and what each run did with a case."""

from piccolo.columns import JSONB, UUID, Boolean, Date, Integer, Text, Timestamptz
from piccolo.table import Table

from ombud.kernel.ids import new_id


class RetentionRule(Table, tablename="core_retention_rule"):
    """How long cases of a unit, a country and a type are kept; what is empty stands for any. One that was changed
    counts its version up; the ledger holds each change with before and after."""

    id = UUID(primary_key=True, default=new_id)
    unit_id = UUID(default=None, null=True, help_text="this unit and all below")
    country = Text(default="", help_text="ISO 3166-1 alpha-2, of the case's unit")
    case_type = Text(default="")
    amount = Integer(default=0)
    span = Text(default="years", help_text="days, months or years")
    counts_from = Text(default="closed", help_text="closed, or last_word: whichever of both is later")
    source = Text(default="", help_text="the law or reason it rests on")
    automatic = Boolean(default=False, help_text="carried out each night, without anybody ordering it")
    created_at = Timestamptz()
    changed_at = Timestamptz()
    changed_by = UUID(default=None, null=True)
    retired_at = Timestamptz(default=None, null=True)
    version = Integer(default=1)


class RetentionRun(Table, tablename="core_retention_run"):
    """One run, with the rules and the ends of their periods as they were when it began."""

    id = UUID(primary_key=True, default=new_id)
    kind = Text(default="person", help_text="person, schedule or command: who began it")
    state = Text(default="running", help_text="running or done")
    day = Date(help_text="periods that ended before this day")
    rules = JSONB(default="[]", help_text="the rules as they were")
    plan = JSONB(default="[]", help_text="[{unit, case_type, rule, before, by_word}]")
    after_at = Timestamptz(default=None, null=True, help_text="how far it came: the last case looked at")
    after_id = UUID(default=None, null=True)
    began_at = Timestamptz()
    began_by = Text(default="", help_text="the actor")
    ended_at = Timestamptz(default=None, null=True)
    destroyed = Integer(default=0)
    held = Integer(default=0)
    more = Boolean(default=False, help_text="it ended at its bound; the next one goes on")
    certificate = Text(default="", help_text="the signed file; empty where nothing was due")
    sha256 = Text(default="", help_text="of the certificate")


class RetentionItem(Table, tablename="core_retention_item"):
    """What a run did with one case: codes, counts and ids."""

    id = UUID(primary_key=True, default=new_id)
    run_id = UUID(default=None)
    case_id = UUID(default=None)
    rule_id = UUID(default=None)
    state = Text(default="", help_text="destroyed or held")
    reasons = JSONB(default="[]", help_text="codes: why it was held back")
    cases = Integer(default=1, help_text="with those that were merged into it")
    people = Integer(default=0, help_text="erased with it, because nothing else is kept of them")
    gone = JSONB(default="{}", help_text="rows by table")
    keys = Integer(default=0, help_text="keys destroyed")
    journal_line = Integer(default=0)
    at = Timestamptz()
