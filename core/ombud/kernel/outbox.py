"""Background work is written here, in the transaction of the fact it tells of, and handed over after commit.

At least once, in no order: handlers deduplicate by event id and are safe to run twice.
"""

import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any, Protocol
from uuid import UUID

from ombud.kernel import heartbeat
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.writes import Writes

CHANNEL = "ombud_outbox"
QUICK = 0.5  # seconds in which deliveries that came together are begun

Event = Mapping[str, Any]


class JobContext(Protocol):
    """What a handler gets beside its event or payload; `key` stays the same over all attempts."""

    delivery_id: UUID
    key: str
    attempt: int
    plugin: str
    state: dict[str, Any]

    @property
    def stopping(self) -> bool: ...

    async def progress(self, done: int, total: int, note: str = "") -> None: ...

    async def save(self, state: dict[str, Any]) -> None: ...


Handler = Callable[[dict[str, Any], JobContext], Awaitable[None]]
PluginHandler = Callable[[str, dict[str, Any], JobContext], Awaitable[None]]


@dataclass(eq=False)
class Delivered:
    """One of several events that are handled in one go. `failed`: why this one was not, which takes its own course;
    `later`: it was not begun, and costs no attempt. What says neither is done."""

    event: dict[str, Any]
    context: JobContext
    failed: Exception | None = None
    later: bool = False

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Around what is done for this one alone, such as a call of a provider: if it ends the process, the others
        are innocent."""
        token = heartbeat.delivery.set(self.context.delivery_id)
        try:
            yield
        finally:
            heartbeat.delivery.reset(token)


def in_time(several: Sequence[Delivered]) -> Iterator[Delivered]:
    """One after the other, as long as those before were quick; the rest is left for later."""
    until = time.monotonic() + QUICK
    for place, each in enumerate(several):
        if place and time.monotonic() > until:
            each.later = True
        else:
            yield each


TogetherHandler = Callable[[Sequence[Delivered]], Awaitable[None]]


async def handled_alone(handler: TogetherHandler, event: dict[str, Any], context: JobContext) -> None:
    """Gives one event to a handler of several."""
    only = Delivered(event, context)
    await handler([only])
    if only.failed is not None:
        raise only.failed


@dataclass(frozen=True)
class Job:
    handler: Handler
    plugin: str = ""


@dataclass(frozen=True)
class Subscription:
    kinds: tuple[str, ...]
    handler: Handler
    when: Callable[[], bool] = lambda: True
    together: TogetherHandler | None = None


async def _nobody(slug: str, event: dict[str, Any], context: JobContext) -> None:
    raise LookupError(f"plugin {slug} is not loaded in this process")


@dataclass
class Registry:
    """Who handles what in this process; `plugins_*` are set by the lifecycle, which knows what is enabled."""

    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    plugin_subscribers: Callable[[], Sequence[tuple[str, Sequence[str]]]] = lambda: ()
    plugins_enabled: Callable[[], Collection[str]] = lambda: ()
    deliver_to_plugin: PluginHandler = _nobody


registry = Registry()


def subscribe(
    name: str,
    kinds: Sequence[str],
    handler: Handler,
    *,
    when: Callable[[], bool] = lambda: True,
    together: TogetherHandler | None = None,
) -> None:
    """Core's own interest in events; a kind is `case.opened`, `case.*` or `*` (see `wants`). Call it at import or
    start. `when`: False at a moment when nobody would do anything with the event, so that none is written down.
    `together`: handles several at once for the price of few; where it fails, each of them goes to `handler`."""
    registry.subscriptions[name] = Subscription(tuple(kinds), handler, when, together)


def register_job(name: str, handler: Handler, *, plugin: str = "") -> None:
    """Names the handler of a job; with `plugin`, its deliveries wait while that plugin is off."""
    known = registry.jobs.get(name)
    if known is not None and known.plugin != plugin:
        raise ValueError(f"job {name} already belongs to {known.plugin or 'core'}; choose another name")
    registry.jobs[name] = Job(handler, plugin)


def forget_plugin_jobs(plugin: str) -> None:
    """When a plugin is unloaded or swapped."""
    registry.jobs = {name: job for name, job in registry.jobs.items() if job.plugin != plugin}


def set_plugins(
    *,
    subscribers: Callable[[], Sequence[tuple[str, Sequence[str]]]],
    enabled: Callable[[], Collection[str]],
    deliver: PluginHandler,
) -> None:
    """The lifecycle says whom to write deliveries for (slug and kinds), whose may run, and how to run one."""
    registry.plugin_subscribers = subscribers
    registry.plugins_enabled = enabled
    registry.deliver_to_plugin = deliver


def wants(wanted: Sequence[str], event: Event) -> bool:
    """Whether an event is of one of these kinds. A kind may be followed by what its body must say:
    `case.opened channel=post`."""
    if not (known := _needs(tuple(wanted), str(event["kind"]))):
        return False
    body = event.get("body", {})
    return any(all(str(body.get(name, "")) == value for name, value in needs) for needs in known)


@lru_cache(maxsize=4096)
def _needs(wanted: tuple[str, ...], kind: str) -> tuple[tuple[tuple[str, str], ...], ...]:
    """What the body must say, for each of these that is of this kind."""
    found = []
    for each in wanted:
        pattern, *needs = each.split()
        if pattern in ("*", kind) or (pattern.endswith(".*") and kind.startswith(pattern[:-1])):
            found.append(tuple((name, value) for name, _, value in (need.partition("=") for need in needs)))
    return tuple(found)


_DELIVERIES = """
INSERT INTO core_delivery (id, subscriber, plugin, event, dedupe, available_at, created_at)
SELECT new.id, new.subscriber, new.plugin, new.event, new.dedupe, now(), now()
FROM json_to_recordset($1) AS new (id uuid, subscriber text, plugin text, event jsonb, dedupe text) WHERE {gate}
ON CONFLICT (subscriber, dedupe) WHERE dedupe <> '' AND state IN ('waiting', 'running') DO NOTHING
"""


def put_events(writes: Writes, events: Sequence[Event]) -> int:
    """One delivery per event and interested subscriber, together with the fact; each event has `id` and `kind`. Returns
    how many there are. Nobody hears of them before the commit."""
    rows = [
        {"id": new_id(), "subscriber": subscriber, "plugin": slug, "event": dict(event), "dedupe": str(event["id"])}
        for event in events
        for subscriber, slug in _interested(event)
    ]
    if rows:
        writes.add([_DELIVERIES], rows)
        writes.then(wake_relay)
    return len(rows)


async def enqueue_events(events: Sequence[Event]) -> int:
    """The same in a statement of its own, in the caller's transaction."""
    writes = Writes()
    count = put_events(writes, events)
    if count:
        await writes.send()
    return count


def _interested(event: Event) -> list[tuple[str, str]]:
    core = [
        (f"core/{name}", "")
        for name, each in registry.subscriptions.items()
        if wants(each.kinds, event) and each.when()
    ]
    return core + [(f"plugin/{slug}", slug) for slug, kinds in registry.plugin_subscribers() if wants(kinds, event)]


async def enqueue_job(
    name: str,
    payload: Mapping[str, Any],
    *,
    key: str | None = None,
    delay: timedelta | None = None,
    plugin: str | None = None,
) -> UUID:
    """Writes a job in the caller's transaction, or alone; returns its delivery id.

    With `key`, a job of that name and key that waits or runs is not written again: its id is returned.
    `plugin` defaults to the one that registered the job in this process.
    """
    if plugin is None:
        known = registry.jobs.get(name)
        plugin = known.plugin if known else ""
    identity = await db.fetchval(
        """
        WITH added AS (
            INSERT INTO core_delivery (id, subscriber, plugin, event, dedupe, available_at, created_at)
            VALUES ($1, $2, $3, $4, $5, now() + $6, now())
            ON CONFLICT (subscriber, dedupe) WHERE dedupe <> '' AND state IN ('waiting', 'running') DO NOTHING
            RETURNING id
        )
        SELECT id FROM added
        UNION ALL
        SELECT id FROM core_delivery
        WHERE subscriber = $2 AND dedupe = $5 AND $5 <> '' AND state IN ('waiting', 'running')
        LIMIT 1
        """,
        new_id(),
        f"job/{name}",
        plugin,
        dict(payload),
        key or "",
        delay or timedelta(0),
    )
    if identity is None:  # the other one ended between our conflict and our look
        return await enqueue_job(name, payload, key=key, delay=delay, plugin=plugin)
    if not delay:
        wake_relay()
    return UUID(str(identity))


def wake_relay() -> None:
    """At the commit; a lost notice costs a second, not the work."""
    db.tell(CHANNEL)


@dataclass(frozen=True)
class Parked:
    """A delivery that will not run again by itself."""

    id: UUID
    subscriber: str
    plugin: str
    attempts: int
    kills: int
    error: str
    event: dict[str, Any]


async def list_parked(*, plugin: str | None = None, limit: int = 100) -> list[Parked]:
    """The newest first, for the page of the administrator."""
    rows = await db.fetch(
        """
        SELECT id, subscriber, plugin, attempts, kills, error, event FROM core_delivery
        WHERE state = 'parked' AND ($1::text IS NULL OR plugin = $1)
        ORDER BY finished_at DESC LIMIT $2
        """,
        plugin,
        limit,
    )
    return [Parked(**dict(row)) for row in rows]


async def run_again(identity: UUID) -> bool:
    """Gives a parked delivery a fresh start with its checkpoint kept; False if it is not parked, or a twin waits."""
    changed = await db.execute(
        """
        UPDATE core_delivery AS old
        SET state = 'waiting', attempts = 0, kills = 0, error = '', available_at = now(), created_at = now(),
            handed_at = NULL, finished_at = NULL
        WHERE id = $1 AND state = 'parked' AND NOT EXISTS (
            SELECT 1 FROM core_delivery AS twin
            WHERE old.dedupe <> '' AND twin.subscriber = old.subscriber AND twin.dedupe = old.dedupe
                AND twin.state IN ('waiting', 'running'))
        """,
        identity,
    )
    wake_relay()
    return changed == "UPDATE 1"


@dataclass(frozen=True)
class Progress:
    state: str
    done: int
    total: int
    note: str
    error: str


async def job_progress(identity: UUID) -> Progress | None:
    """How far a job is, for a page that waits for it; None if there is no such delivery."""
    row = await db.fetchrow("SELECT state, progress, error FROM core_delivery WHERE id = $1", identity)
    if row is None:
        return None
    said = row["progress"]
    return Progress(row["state"], said.get("done", 0), said.get("total", 0), said.get("note", ""), row["error"])
