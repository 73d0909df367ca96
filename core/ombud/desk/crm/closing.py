"""Tells customer systems of a closed case: in the background, once each, tried again while they are away.

A confidential case is told to nobody, and an aspect about a member of staff to no customer system. The closing waits a
minute, so that one which is taken back at once was never told. One key per case and system makes a second telling the
first one again; a case that was reopened and closed anew brings the same record up to date.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from ombud.desk import units
from ombud.desk.crm import kept
from ombud.desk.crm.kept import LONGEST_ID, Known
from ombud.desk.platform import context_in
from ombud.desk.words import letter
from ombud.kernel import faults
from ombud.kernel.calling import Outcome, call
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.outbox import JobContext, enqueue_job, subscribe
from ombud.process import address
from ombud.speech import sentence
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import Viewer
from ombud_plugin_api import ClosedAspect, ClosedCase, Permanent, PersonMatch, Recorded

JOB = "crm.record"
SECONDS = 20.0
GRACE = timedelta(seconds=60)


def listen() -> None:
    """Called once by every process, since each writes down who hears of an event."""
    subscribe("crm", ["case.status_changed"], heard, when=lambda: bool(_telling()))


def _telling() -> list[Known]:
    return [each for each in kept.systems() if each.crm.record is not None]


async def heard(event: dict[str, Any], context: JobContext) -> None:
    if event["body"].get("status") != "closed":
        return
    case_id = event["stream"].removeprefix("case/")
    for each in _telling():
        payload = {"crm": each.crm.key, "case": case_id}
        await enqueue_job(JOB, payload, key=f"{each.crm.key}/{case_id}", delay=GRACE, plugin=each.slug)


async def tell(payload: dict[str, Any], context: JobContext) -> None:
    """The job. Raises what the system raised, so that it is tried again, or parked for somebody to see."""
    known, case_id = kept.system(payload["crm"]), UUID(payload["case"])
    case = await _closed(case_id, payload["crm"])
    if known is None or known.crm.record is None or case is None:
        return
    given = await context_in(known.slug, Viewer(actor=f"plugin/{known.slug}"), context, case.unit)
    given.units = await units.chain(case.unit)
    for wanted in (known.crm.in_use, known.crm.writes):
        if not (await call(known.slug, wanted, given.settings, limit=1.0, place=_place(known))).or_raise():
            return
    key = await _intend(known, case)
    if key is None:
        return
    outcome: Outcome[Any] = await call(
        known.slug, known.crm.record, case, key, given, limit=SECONDS, place=_place(known)
    )
    await _keep(known, case, await _checked(known, outcome.or_raise()))


def _place(known: Known) -> str:
    return f"crm {known.crm.key} record"


# The link is that of the complainant in the case's unit; what concerns staff stays here.
_CLOSED = """
SELECT c.id, c.reference, c.title, u.key AS unit, c.channel, c.received_at, c.closed_at, l.match,
    EXISTS (SELECT 1 FROM core_aspect a WHERE a.case_id = c.id AND a.concerns_user_id IS NOT NULL) AS about_staff
FROM core_case c JOIN core_unit u ON u.id = c.unit_id
LEFT JOIN LATERAL (SELECT y.person_id FROM core_party y WHERE y.case_id = c.id AND y.role = 'complainant'
    ORDER BY y.created_at, y.id LIMIT 1) who ON TRUE
LEFT JOIN core_crm_link l ON l.person_id = who.person_id AND l.unit_id = c.unit_id AND l.crm = $2
    AND l.ended_at IS NULL AND l.record <> ''
WHERE c.id = $1 AND c.status = 'closed' AND NOT c.confidential
"""
_ASPECTS = """
SELECT a.position, a.title, a.category, a.outcome, a.cause, coalesce((
    SELECT jsonb_agg(jsonb_build_array(r.kind, r.amount::text, r.currency) ORDER BY r.created_at, r.id)
    FROM core_redress r WHERE r.aspect_id = a.id AND r.reverses IS NULL
        AND NOT EXISTS (SELECT 1 FROM core_redress back WHERE back.reverses = r.id)), '[]'::jsonb) AS redress
FROM core_aspect a WHERE a.case_id = $1 AND a.concerns_user_id IS NULL ORDER BY a.position, a.id
"""


async def _closed(case_id: UUID, crm: str) -> ClosedCase | None:
    """None where the case is open again, confidential, or gone."""
    row = await db.fetchrow(_CLOSED, case_id, crm)
    if row is None:
        return None
    aspects = await db.fetch(_ASPECTS, case_id)
    match: PersonMatch | None = kept.read_match(row["match"]) if row["match"] else None
    title = row["reference"] if row["about_staff"] else row["title"]
    return ClosedCase(
        id=row["id"], reference=row["reference"], title=title, unit=row["unit"], channel=row["channel"],
        received_at=row["received_at"], closed_at=row["closed_at"], href=address(f"/cases/{row['reference']}"),
        person=match, aspects=tuple(_aspect(place, each) for place, each in enumerate(aspects, 1)),
    )  # fmt: skip


def _aspect(place: int, row: Any) -> ClosedAspect:
    redress = tuple((kind, None if amount is None else Decimal(amount), unit) for kind, amount, unit in row["redress"])
    return ClosedAspect(
        letter=letter(place), title=row["title"], category=row["category"], outcome=row["outcome"], cause=row["cause"],
        redress=redress,
    )  # fmt: skip


async def _intend(known: Known, case: ClosedCase) -> str | None:
    """Writes down what is about to be told, and its key; None where this very closure was told before."""
    row = await db.fetchrow(
        "INSERT INTO core_crm_record AS old (id, case_id, crm, key, closed_at) VALUES ($1, $2, $3, $4, $5) "
        "ON CONFLICT (case_id, crm) DO UPDATE SET closed_at = $5, "
        "recorded_at = CASE WHEN old.closed_at = $5 THEN old.recorded_at END RETURNING key, recorded_at",
        new_id(), case.id, known.crm.key, f"ombud-{case.id}", case.closed_at,
    )  # fmt: skip
    return None if row is None or row["recorded_at"] is not None else str(row["key"])


async def _checked(known: Known, given: Any) -> Recorded:
    """What was written may have been written: rubbish as an answer is parked and not tried again."""
    if isinstance(given, Recorded) and isinstance(given.id, str) and 0 < len(given.id) <= LONGEST_ID:
        href = given.href if isinstance(given.href, str) and given.href.startswith(("https://", "http://")) else ""
        return Recorded(id=given.id.replace("\0", ""), href=href[:500])
    said = sentence(
        "%(system)s wrote something, but did not say what; look there for this case before it is tried again",
        system=known.crm.label,
    )
    await faults.record(known.slug, "error", _place(known), said)
    raise Permanent(said)


async def _keep(known: Known, case: ClosedCase, made: Recorded) -> None:
    moment: datetime = now()
    async with db.transaction():
        await db.execute("SELECT 1 FROM core_case WHERE id = $1 FOR UPDATE", case.id)
        kept_now = await db.execute(
            "UPDATE core_crm_record SET record = $3, href = $4, recorded_at = $5 "
            "WHERE case_id = $1 AND crm = $2 AND recorded_at IS NULL",
            case.id, known.crm.key, made.id, made.href, moment,
        )  # fmt: skip
        if kept_now == "UPDATE 1":
            body = {"crm": known.crm.key, "system": known.crm.label[:60]}
            await append(actor=f"plugin/{known.slug}", entries=[NewEntry(f"case/{case.id}", "crm.recorded", body)])
