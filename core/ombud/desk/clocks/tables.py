"""Clocks as they stand, and the policies they run by."""

from piccolo.columns import JSONB, UUID, Boolean, Integer, Text, Timestamptz
from piccolo.table import Table

from ombud.kernel.ids import new_id


class ClockPolicy(Table, tablename="core_clock_policy"):
    """Terms that clocks were started by, numbered by key. A row never changes; other terms get another number."""

    id = UUID(primary_key=True, default=new_id)
    key = Text(default="", help_text="answer, acknowledge, or a plugin's slug and its own key")
    number = Integer(default=1)
    digest = Text(default="", help_text="SHA-256 of the terms")
    terms = JSONB(default="{}")
    made_at = Timestamptz()


class Clock(Table, tablename="core_clock"):
    """A clock as its events leave it. `events` is all it is reckoned from; the ledger holds the same."""

    id = UUID(primary_key=True, default=new_id)
    case_id = UUID(default=None)
    aspect_id = UUID(default=None, null=True)
    key = Text(default="", help_text="answer, acknowledge, or a plugin's")
    label = Text(default="")
    policy = Text(default="")
    policy_version = Integer(default=1)
    calendar_id = UUID(default=None, null=True)
    calendar_version = Integer(default=0)
    regulatory = Boolean(default=False, help_text="a pause does not stop it")
    state = Text(default="running", help_text="running, paused, met, stopped")
    started_at = Timestamptz()
    due_at = Timestamptz(default=None, null=True, help_text="empty while a pause holds it")
    warn_at = Timestamptz(default=None, null=True, help_text="when the next warning is due")
    warned = Integer(default=0, help_text="the last warning given, in per cent of its time")
    breached_at = Timestamptz(default=None, null=True, help_text="the due time that passed")
    ended_at = Timestamptz(default=None, null=True)
    events = JSONB(default="[]")
    version = Integer(default=1)
