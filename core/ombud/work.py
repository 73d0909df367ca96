"""What the work process runs of core: resumed intake, kept counters, checkpoints, sweeps; and the plugins' work."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from msgspec import structs

from ombud.config import Config
from ombud.desk import attachments, hand_filing, intake, queues, trials
from ombud.desk.api_complaint import parse_api_complaint
from ombud.desk.bulk import run as bulk_run
from ombud.desk.calendars import setup as calendar_setup
from ombud.desk.casefile import making as case_file_making
from ombud.desk.checking import checked_complaint
from ombud.desk.clocks import by_rules as clocks_by_rules
from ombud.desk.clocks import trying, trying_promises, trying_settings
from ombud.desk.clocks import watching as clock_watching
from ombud.desk.colleagues import claims, draft_files, presence
from ombud.desk.colleagues.live import look_again
from ombud.desk.crm import asking as crm_asking
from ombud.desk.crm import closing as crm_closing
from ombud.desk.errors import DeskRefusal
from ombud.desk.inbox import rematching, taking
from ombud.desk.notices import digest
from ombud.desk.outgoing import moving, sending
from ombud.desk.privacy import collecting, erasing
from ombud.desk.redress.payments import asking, paying, service
from ombud.desk.retention import running as retention_run
from ombud.desk.routing import jobs as routing
from ombud.desk.routing import trying as trying_routing
from ombud.desk.routing import trying_ladders
from ombud.desk.rules import asked, in_force
from ombud.desk.rules import running as running_rules
from ombud.desk.search import build as search_build
from ombud.desk.search import index as search_index
from ombud.desk.trail import ledger_desk, root_mail
from ombud.desk.viewing import record as views
from ombud.kernel import lifecycle, schedule
from ombud.kernel.calling import Outcome, call
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running
from ombud.kernel.notices import Notices
from ombud.kernel.outbox import Handler, JobContext, enqueue_job, register_job
from ombud.process import settings
from ombud.start import open_desk
from ombud.trust import checkpoints, resets, sessions, stamping, throttle
from ombud_plugin_api import Channel, InboundChannel, InboundMessage, RawReceipt
from ombud_plugin_api.errors import PluginFault, Transient
from ombud_plugin_api.facts import Complaint

log = logging.getLogger("ombud.work")

PARSE_SECONDS = 10.0
CORE_CHANNELS = {"api": parse_api_complaint}


@asynccontextmanager
async def set_up(config: Config) -> AsyncIterator[None]:
    """Entered by the work process once its database is open: jobs register, the schedule is told, plugins load."""
    register(config)
    await open_desk(config)
    notices = Notices(db.url)
    notices.on(lifecycle.CHANNEL, running.refresh)
    notices.on(in_force.CHANNEL, in_force.refresh)
    notices.start()
    look_again()
    await search_build.build_first()
    searching = asyncio.create_task(search_index.keep(), name="search index")
    try:
        yield
    finally:
        searching.cancel()
        await asyncio.wait({searching})
        await notices.stop()


def register(config: Config) -> None:
    """Core's jobs and when they run."""
    for name, handler in _jobs().items():
        register_job(name, handler)
    clocks_by_rules.register()
    trials.RUNNERS.update(_trials())
    for name, pace in _paces(config).items():
        schedule.every(name, schedule.interval(**pace), name)


def _trials() -> dict[str, trials.Runner]:
    """What can be tried on the past, beside rules."""
    return {
        trying.KIND: trying.run,
        trying_settings.KIND: trying_settings.run,
        trying_promises.KIND: trying_promises.run,
        trying_routing.KIND: trying_routing.run,
        trying_ladders.KIND: trying_ladders.run,
    }


def _jobs() -> dict[str, Handler]:
    return {
        "intake.resume": resume,
        "intake.sweep": sweep_receipts,
        rematching.JOB: rematching.run,
        "queues.fold": fold_counts,
        bulk_run.JOB: bulk_run.in_background,
        "bulk.sweep": bulk_run.sweep,
        "live.sweep": sweep_live,
        "ledger.checkpoint": make_checkpoint,
        "ledger.timestamp": timestamp,
        root_mail.JOB: root_mail.send,
        "ledger.verify": ledger_desk.run_verify,
        case_file_making.JOB: case_file_making.run,
        "trust.sweep": sweep_access,
        crm_asking.JOB: crm_asking.refresh,
        crm_closing.JOB: crm_closing.tell,
        moving.JOB: sending.due,
        sending.SWEEP: sending.sweep,
        paying.JOB: service.hand_over,
        asking.JOB: asking.run,
        service.SWEEP: service.sweep,
        collecting.JOB: collecting.run,
        erasing.JOB: erasing.run,
        retention_run.JOB: retention_run.run,
        retention_run.NIGHTLY: retention_run.nightly,
        digest.JOB: digest.send,
        calendar_setup.SWEEP: calendar_setup.renew,
        clock_watching.JOB: clock_watching.look,
        search_build.JOB: search_build.rebuild_job,
        running_rules.JOB: running_rules.due,
        running_rules.ARM: running_rules.arm,
        asked.JOB: asked.run,
        trials.JOB: trials.run,
        routing.CLIMB: routing.look,
        routing.ASSIGN: routing.assign,
        routing.SWEEP: routing.sweep,
        views.SWEEP: views.sweep,
    }


def _paces(config: Config) -> dict[str, dict[str, int]]:
    """How often those run that run by themselves."""
    stamped = {"ledger.timestamp": {"hours": 1}} if config.ledger.timestamp_url else {}
    mailed = {root_mail.JOB: {"hours": 6}} if config.ledger.publish_email else {}
    return (
        stamped
        | mailed
        | {
            running_rules.JOB: {"seconds": 30},
            running_rules.ARM: {"hours": 24},
            routing.CLIMB: {"minutes": 1},
            routing.SWEEP: {"hours": 6},
            views.SWEEP: {"hours": 24},
            digest.JOB: {"minutes": 15},
            retention_run.NIGHTLY: {"hours": 24},
            calendar_setup.SWEEP: {"hours": 24},
            clock_watching.JOB: {"seconds": 10},
            "queues.fold": {"seconds": 20},
            "intake.sweep": {"minutes": 1},
            sending.SWEEP: {"seconds": 30},
            service.SWEEP: {"minutes": 1},
            "bulk.sweep": {"minutes": 1},
            "live.sweep": {"minutes": 1},
            "trust.sweep": {"hours": 1},
            "ledger.checkpoint": {"minutes": config.ledger.checkpoint_minutes},
        }
    )


async def fold_counts(payload: dict[str, Any], context: JobContext) -> None:
    await queues.fold_counts()


async def make_checkpoint(payload: dict[str, Any], context: JobContext) -> None:
    await checkpoints.make_checkpoint()
    await checkpoints.publish(settings().ledger.publish_file)


async def timestamp(payload: dict[str, Any], context: JobContext) -> None:
    """Has the newest checkpoint time-stamped outside; what goes wrong stands among the jobs."""
    held = settings().ledger
    if held.timestamp_url:
        await stamping.stamp_newest(held.timestamp_url, held.roots, held.publish_file)


async def sweep_access(payload: dict[str, Any], context: JobContext) -> None:
    await throttle.sweep()
    await sessions.sweep(settings().sign_in.idle_minutes)
    await resets.sweep()


async def sweep_live(payload: dict[str, Any], context: JobContext) -> None:
    await presence.sweep()
    await claims.sweep()
    await draft_files.sweep()


async def sweep_receipts(payload: dict[str, Any], context: JobContext) -> None:
    """Receipts whose process died between the two commits of intake are taken up again after half a minute."""
    rows = await db.fetch(
        "SELECT id FROM core_raw WHERE status = 'stored' AND received_at < now() - interval '30 seconds' "
        "ORDER BY received_at LIMIT 500"
    )
    for row in rows:
        await enqueue_job("intake.resume", {"raw": str(row["id"])}, key=f"resume/{row['id']}")


async def resume(payload: dict[str, Any], context: JobContext) -> None:
    """Parses a stored receipt again and opens its case; what cannot be parsed goes to "Needs a look"."""
    raw, receipt, _ = await intake.load_raw(UUID(payload["raw"]))
    if receipt.status == "done":
        return
    try:
        said = await _parsed(raw)
        if isinstance(said, InboundMessage):
            await taking.take(receipt, said)
            return
        complaint = checked_complaint(said)
        documents = attachments.taken(complaint.documents)
        await intake.open_case(receipt, structs.replace(complaint, documents=documents))
    except (PluginFault, DeskRefusal) as refusal:
        if isinstance(refusal, Transient):
            raise
        await intake.fault(receipt.id, "parsed", str(refusal))


async def _parsed(raw: RawReceipt) -> Complaint | InboundMessage:
    if raw.channel in CORE_CHANNELS:
        return CORE_CHANNELS[raw.channel](raw)
    if raw.channel == hand_filing.RECEIPTS:
        return await hand_filing.parse(raw)
    for slug, loaded in running.loaded.items():
        for channel in loaded.channels:
            if channel.key == raw.channel:
                return await _parsed_by(slug, channel, raw)
    raise Transient(f"no plugin that runs here reads the channel {raw.channel}; the receipt waits for it")


async def _parsed_by(slug: str, channel: Channel | InboundChannel, raw: RawReceipt) -> Complaint | InboundMessage:
    outcome: Outcome[Complaint | InboundMessage] = await call(
        slug, channel.parse, raw, limit=PARSE_SECONDS, place=f"parse {raw.channel}"
    )
    if outcome.fault is None and isinstance(outcome.result, Complaint | InboundMessage):
        return outcome.result
    if outcome.fault is not None and outcome.fault.kind in {"resting", "busy", "transient"}:
        raise Transient(outcome.fault.message)
    said = outcome.fault.message if outcome.fault else "it gave neither a message nor a complaint"
    raise UnreadableError(f"The channel {raw.channel} could not read it: {said}")


class UnreadableError(DeskRefusal):
    """What a channel could not read; a person looks at the bytes."""
