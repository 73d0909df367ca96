"""Tables of background work: deliveries, workers, what the schedule fired, faults of providers and their rest."""

from piccolo.columns import JSONB, UUID, Integer, Text, Timestamptz
from piccolo.table import Table

from ombud.kernel.ids import new_id


class Delivery(Table, tablename="core_delivery"):
    """One event or job for one subscriber; written in the transaction of the fact it tells of."""

    id = UUID(primary_key=True, default=new_id)
    subscriber = Text(default="", help_text="core/<name>, plugin/<slug> or job/<name>")
    plugin = Text(default="", help_text="the plugin whose switch decides whether it waits; empty for core")
    event = JSONB(default="{}", help_text="the event, or a job's payload")
    dedupe = Text(default="", help_text="at most one unfinished delivery per subscriber and key")
    state = Text(default="waiting", help_text="waiting, running, done, parked or given_up")
    attempts = Integer(default=0, help_text="counted before the handler runs")
    kills = Integer(default=0, help_text="how often its process died while it ran")
    available_at = Timestamptz()
    handed_at = Timestamptz(default=None, null=True, help_text="given to the broker and not yet started")
    locked_by = UUID(default=None, null=True, help_text="the worker that runs it")
    started_at = Timestamptz(default=None, null=True, help_text="when the latest attempt began")
    progress = JSONB(default="{}", help_text="done, total and note, for people to see")
    checkpoint = JSONB(default="{}", help_text="what the handler saved, to resume from")
    error = Text(default="")
    reason = Text(default="", help_text="why somebody gave it up")
    created_at = Timestamptz()
    finished_at = Timestamptz(default=None, null=True)


class Worker(Table, tablename="core_worker"):
    """A process that is alive, or was a few seconds ago."""

    id = UUID(primary_key=True, default=new_id)
    role = Text(default="work", help_text="work or web")
    host = Text(default="")
    pid = Integer(default=0)
    started_at = Timestamptz()
    beat_at = Timestamptz()


class Fired(Table, tablename="core_fired"):
    """A moment of the schedule that was fired; unique, so that many schedulers fire it once."""

    id = UUID(primary_key=True, default=new_id)
    name = Text(default="")
    fire_at = Timestamptz()
    counts_from = Timestamptz(help_text="the next moment is computed from here")


class Planned(Table, tablename="core_planned"):
    """An entry of the schedule as the process that keeps it sees it; for people to look at."""

    name = Text(primary_key=True, default="")
    job = Text(default="")
    plugin = Text(default="")
    rhythm = Text(default="", help_text="interval:<seconds> or cron:<fields> <zone>")
    last_at = Timestamptz(default=None, null=True)
    next_at = Timestamptz(default=None, null=True)


class Fault(Table, tablename="core_fault"):
    """Something a provider or handler did wrong."""

    id = UUID(primary_key=True, default=new_id)
    slug = Text(default="", help_text="the plugin, or core")
    at = Timestamptz()
    kind = Text(default="error", help_text="error, timeout, transient, permanent, misconfigured, killed or parked")
    place = Text(default="", help_text="the method, handler or job")
    error = Text(default="")
    trace = Text(default="", help_text="hash of the stack, to count equal faults together")


class Rest(Table, tablename="core_rest"):
    """A provider that faulted repeatedly and is left alone for a while."""

    slug = Text(primary_key=True, default="")
    until = Timestamptz()
    level = Integer(default=0, help_text="each rest in a row is twice as long as the one before")
