"""What people do with the ledger: verify it, look for entries, take the record of a case along."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as day_time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from ombud.desk import references, units
from ombud.desk.errors import Invalid, NotAllowed
from ombud.desk.in_view import in_view
from ombud.desk.trail.audit_trail import OPENED_BY
from ombud.desk.writing import demand, refuse_concerned
from ombud.kernel.database import db
from ombud.kernel.job_list import Piece, page
from ombud.kernel.outbox import JobContext, enqueue_job
from ombud.process import settings
from ombud.trust import checkpoints
from ombud.trust.ledger import Entry, NewEntry, Opening, append
from ombud.trust.ledger_export import MayOpen, export_streams, period_scope, streams_of_case, streams_of_period
from ombud.trust.ledger_verify import Report, verify, verify_streams
from ombud.trust.policy import Arguments, Viewer, about_me, decide, mask_in

JOB = "ledger.verify"
STREAM = "ledger/checks"
RIGHT = "ledger.read"
EVERY = 0.5  # seconds between two words of progress


async def everywhere(viewer: Viewer) -> bool:
    """Whether the right holds in every topmost unit: what concerns the whole desk is for those alone."""
    if viewer.system:
        return True
    tops = await db.fetch("SELECT id FROM core_unit WHERE parent_id IS NULL")
    return bool(tops) and all(viewer.may_in(RIGHT, row["id"]) for row in tops)


async def _demand_everywhere(viewer: Viewer) -> None:
    if not await everywhere(viewer):
        raise NotAllowed("The whole ledger is for those who may read it in every unit. Verify a single case instead.")


async def verify_later(viewer: Viewer, *, sealed: bool) -> UUID:
    """Has the whole ledger verified in the background; one that waits or runs already is not begun again."""
    demand(viewer, RIGHT)
    await _demand_everywhere(viewer)
    return await enqueue_job(JOB, {"actor": viewer.actor, "sealed": sealed}, key=JOB)


async def checkpoint_later(viewer: Viewer) -> UUID:
    """Has a checkpoint made and published now; the schedule's own, if it waits already, is the same."""
    demand(viewer, RIGHT)
    await _demand_everywhere(viewer)
    return await enqueue_job("ledger.checkpoint", {}, key="schedule/ledger.checkpoint")


async def run_verify(payload: dict[str, Any], context: JobContext) -> None:
    """The job: verifies with progress, and keeps the result as an entry of the ledger itself."""
    sealed, started = bool(payload.get("sealed")), time.monotonic()
    reached = [0, 0]

    def note(done: int, total: int) -> None:
        reached[:] = [done, total]

    saying = asyncio.create_task(_say(context, reached))  # its own task: the verification's transaction only reads
    try:
        held = settings().ledger
        report = await verify(progress=note, publish_file=held.publish_file, sealed=sealed, roots=held.roots)
    finally:
        saying.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await saying
    await _keep(str(payload["actor"]), {"scope": "all", "sealed": sealed}, report, time.monotonic() - started)


async def _say(context: JobContext, reached: list[int]) -> None:
    while True:
        await asyncio.sleep(EVERY)
        await context.progress(min(reached[0], max(0, reached[1] - 1)), reached[1])


async def verify_case(viewer: Viewer, reference: str) -> Report:
    """Verifies the record of one case now, its sealed values included, and keeps the result."""
    case = await in_view(viewer, _reference(reference), RIGHT)
    await refuse_concerned(viewer, case.id)
    started = time.monotonic()
    report = await verify_streams(await streams_of_case(case.id))
    scope = {"scope": "case", "case": str(case.id), "sealed": True}
    await _keep(viewer.actor, scope, report, time.monotonic() - started)
    return report


def _reference(typed: str) -> str:
    typed = typed.strip()
    if not typed or "\0" in typed:
        raise Invalid("Type the reference of a case, such as OMB-12345-6.", "reference")
    return references.tidy(typed) or typed


async def _keep(actor: str, scope: Mapping[str, Any], report: Report, seconds: float) -> None:
    body = {
        **scope, "holds": not report.broken, "broken": report.broken, "where": report.where, "entries": report.entries,
        "streams": report.streams, "checkpoints": report.checkpoints, "newer": report.newer,
        "published": report.published, "stamped": report.stamped,
        "opened": report.opened, "erased": report.erased, "seconds": int(seconds),
    }  # fmt: skip
    async with db.transaction():
        await append(actor=actor, entries=[NewEntry(STREAM, "ledger.verified", body)])


@dataclass(frozen=True)
class Verified:
    """A result that was kept. `reference`: of the one case that was looked at, if the viewer may see it."""

    at: datetime
    who: str
    whole: bool
    reference: str
    body: Mapping[str, Any]


async def results(viewer: Viewer, limit: int = 10) -> list[Verified]:
    """The latest verifications, newest first."""
    arguments = Arguments(STREAM, limit)
    cases = decide(viewer, RIGHT, "case").where("c", arguments)
    rows = await db.fetch(
        f"""SELECT e.at, e.actor, e.body, coalesce(nullif(u.display_name, ''), u.name) AS user_name, c.reference
        FROM core_ledger_entry e
        LEFT JOIN core_token k ON e.actor = 'token/' || k.id
        LEFT JOIN core_user u ON e.actor = 'user/' || u.id OR u.id = k.user_id
        LEFT JOIN core_case c ON c.id::text = e.body->>'case' AND {cases}
        WHERE e.stream = $1 AND e.kind = 'ledger.verified' ORDER BY e.seq DESC LIMIT $2""",
        *arguments.values,
    )
    return [
        Verified(row["at"], row["user_name"] or "Ombud", row["body"]["scope"] == "all", row["reference"] or "",
                 row["body"])
        for row in rows
    ]  # fmt: skip


async def verifying() -> Piece | None:
    """The verification that waits or runs at this moment."""
    for state in ("running", "waiting", "parked"):
        found = await page(state, subscriber=f"job/{JOB}", size=1)
        if found:
            return found[0]
    return None


async def record_of(viewer: Viewer, reference: str) -> tuple[str, AsyncIterator[bytes]]:
    """The signed record of a case, line by line, for somebody who doubts the desk; that it was taken is recorded.

    Sealed values are opened as far as the viewer may read them. Raises NotFound, NotAllowed, PublishedDiffers.
    """
    case = await in_view(viewer, _reference(reference), RIGHT)
    await refuse_concerned(viewer, case.id)
    async with db.transaction():
        await append(actor=viewer.actor, entries=[NewEntry(f"case/{case.id}", "ledger.exported", {})])
    await checkpoints.make_checkpoint()
    await checkpoints.publish(settings().ledger.publish_file)
    streams = await streams_of_case(case.id)
    may_open = _opener(viewer, case.unit_id)
    return case.reference, export_streams(streams, f"case/{case.id}", may_open, checkpoint_first=False)


async def bounds(first: date, last: date) -> tuple[datetime, datetime]:
    """From the beginning of the first day to the end of the last one, in the zone of the desk's first unit."""
    zone = ZoneInfo((await units.first()).time_zone)
    since = datetime.combine(first, day_time(), zone)
    return since.astimezone(UTC), datetime.combine(last + timedelta(days=1), day_time(), zone).astimezone(UTC)


async def record_of_period(viewer: Viewer, first: date, last: date, *, words: bool) -> AsyncIterator[bytes]:
    """The signed record of all that was written down on these days, for who may read the ledger in every unit.

    `words`: sealed values of cases in view are opened as far as the viewer may read them. Cases that the viewer may
    not see stay out, and the verifier says how many entries are not there. Raises NotAllowed, Invalid."""
    demand(viewer, RIGHT)
    await _demand_everywhere(viewer)
    if not first <= last:
        raise Invalid("The first day comes after the last one. Change one of them.", "since")
    since, until = await bounds(first, last)
    async with db.transaction():
        body = {"since": first.isoformat(), "until": last.isoformat(), "words": words}
        await append(actor=viewer.actor, entries=[NewEntry(STREAM, "ledger.period_exported", body)])
    await checkpoints.make_checkpoint()
    await checkpoints.publish(settings().ledger.publish_file)
    ends = await streams_of_period(since, until)
    unit_of = await _units_in_view(viewer, list(ends))
    kept = [each for each in ends if each in unit_of or not each.startswith(("case/", "message/"))]
    if not kept:
        raise Invalid("The ledger has no entry of these days that you may see. Choose other days.", "since")
    openers = {unit: _opener(viewer, unit) for unit in set(unit_of.values())}

    def may_open(entry: Entry, opening: Opening) -> bool:
        unit = unit_of.get(entry.stream)
        return words and unit is not None and since <= entry.at < until and openers[unit](entry, opening)

    return export_streams(kept, period_scope(since, until), may_open, checkpoint_first=False, up_to=ends)


_UNITS_IN_VIEW = """
SELECT s.stream, c.unit_id FROM unnest($1::text[]) AS s (stream)
LEFT JOIN core_message m ON s.stream = 'message/' || m.id
LEFT JOIN core_raw r ON s.stream = 'message/' || r.id
JOIN core_case c ON c.id = coalesce(m.case_id, r.case_id) OR s.stream = 'case/' || c.id
WHERE {rows} AND NOT {mine}
"""


async def _units_in_view(viewer: Viewer, streams: list[str]) -> dict[str, UUID]:
    """The unit of each stream of a case in view, or of a message in one; none of a case with an aspect about them."""
    arguments = Arguments(streams)
    sql = _UNITS_IN_VIEW.format(
        rows=decide(viewer, RIGHT, "case").where("c", arguments),
        mine=about_me("c.id", arguments.add(viewer.user_id)),
    )
    return {row["stream"]: row["unit_id"] for row in await db.fetch(sql, *arguments.values)}


def _opener(viewer: Viewer, unit_id: UUID) -> MayOpen:
    reads, mask = viewer.may_in("case.read", unit_id), mask_in(viewer, unit_id)

    def may_open(entry: Entry, opening: Opening) -> bool:
        return reads and OPENED_BY.get(opening.field) not in mask

    return may_open


async def stream_of(viewer: Viewer, reference: str) -> str:
    """The stream of a case the viewer may look up; raises NotFound."""
    case = await in_view(viewer, _reference(reference), RIGHT)
    return f"case/{case.id}"
