"""Plugins' background work: their jobs and event handlers, run with a context of their own."""

import asyncio
import inspect
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any
from uuid import UUID

import msgspec

from ombud.desk.platform import context_for, context_in
from ombud.kernel import outbox, plugins, schedule
from ombud.kernel.calling import Outcome, call
from ombud.kernel.delivery import NoHandler
from ombud.kernel.lifecycle import running
from ombud.kernel.plugins import Loaded, UnfitError
from ombud.trust.policy import Viewer
from ombud.trust.viewers import viewer_of_user
from ombud_plugin_api import Context, Event, Job, PollingChannel, Transient

log = logging.getLogger("ombud.plugins")

EVENT_SECONDS = 30.0


def connect() -> None:
    """Tells the outbox who listens, and keeps plugins' jobs registered; called once by every process."""
    outbox.set_plugins(subscribers=_subscribers, enabled=lambda: set(running.loaded), deliver=_deliver)
    running.when_changed = _register_jobs


def fit_slugs(blocked: Collection[str]) -> list[str]:
    """The installed plugins that could run here, dependencies before those that need them."""
    found = plugins.discover(blocked)
    order: list[str] = []
    fit: dict[str, Loaded] = {}
    for slug, each in found.items():
        try:
            fit[slug] = plugins.load(each)
        except UnfitError as problem:
            log.error("plugin %s is not fit: %s", slug, problem)
    while ready := [slug for slug in fit if slug not in order and set(fit[slug].manifest.needs) <= set(order)]:
        order += ready
    return order


def _subscribers() -> Sequence[tuple[str, Sequence[str]]]:
    return [(slug, each.manifest.events) for slug, each in running.loaded.items() if each.on_event is not None]


async def _deliver(slug: str, event: dict[str, Any], context: outbox.JobContext) -> None:
    loaded = running.loaded.get(slug)
    if loaded is None or loaded.on_event is None:
        raise NoHandler(f"plugin {slug} hears no events in this process")
    platform = context_for(slug, Viewer(actor=f"plugin/{slug}")).platform
    asked = asked_for(loaded.on_event, event=msgspec.convert(event, Event), platform=platform)
    outcome: Outcome[None] = await call(
        slug, partial(loaded.on_event, **asked), limit=EVENT_SECONDS, place=f"on_event {event['kind']}"
    )
    outcome.or_raise()


def asked_for(function: Callable[..., Any], **offered: Any) -> dict[str, Any]:
    """The arguments the implementation asks for, as pluggy does it."""
    return {name: value for name, value in offered.items() if name in _parameters(function)}


@lru_cache(maxsize=256)
def _parameters(function: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(function).parameters)


def _register_jobs() -> None:
    for slug in {entry.plugin for entry in schedule.schedule.entries.values() if entry.plugin}:
        schedule.schedule.forget_plugin(slug)
    for slug, loaded in running.loaded.items():
        for job in (*loaded.jobs, *_polls(loaded)):
            name = f"{slug}.{job.name}"
            outbox.register_job(name, _runner(slug, job), plugin=slug)
            if job.every_seconds:
                rhythm = schedule.interval(seconds=job.every_seconds)
                schedule.every(name, rhythm, name, {"payload": {}}, plugin=slug)


def _polls(loaded: Loaded) -> list[Job]:
    """What its channels that fetch have to do, as jobs: the schedule starts no second one while the first runs."""
    polling = [each for each in loaded.channels if isinstance(each, PollingChannel)]
    return [
        Job(f"poll-{each.key}", partial(_poll, each), each.limit_seconds, every_seconds=each.every_seconds)
        for each in polling
    ]


async def _poll(channel: PollingChannel, payload: Mapping[str, Any], context: Context) -> None:
    await channel.poll(context)


def _runner(slug: str, job: Job) -> outbox.Handler:
    async def run(payload: dict[str, Any], context: outbox.JobContext) -> None:
        viewer = await viewer_of_user(UUID(payload["user"])) if payload.get("user") else None
        given = await context_in(slug, viewer or Viewer(actor=f"plugin/{slug}"), context)
        try:
            async with asyncio.timeout(job.limit_seconds):
                await job.run(payload["payload"], given)
        except TimeoutError as problem:
            raise Transient(f"{job.name} ran for {job.limit_seconds:.0f} s; it goes on from its state") from problem

    return run
