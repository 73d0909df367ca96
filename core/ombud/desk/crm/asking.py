"""Asks a customer system about a person, in the work process: a slow, dead or mad one costs no page a moment."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from ombud.desk.crm import kept
from ombud.desk.crm.kept import STRONG, Answer, Known, Rubbish, checked_data, checked_matches
from ombud.desk.crm.subject import Subject
from ombud.desk.platform import CoreContext, context_in
from ombud.desk.trail.history import SPOKEN_ABOUT
from ombud.kernel import faults
from ombud.kernel.calling import Outcome, call
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.outbox import JobContext, enqueue_job
from ombud.trust.policy import Viewer
from ombud_plugin_api import PersonHints, PersonMatch

JOB = "crm.refresh"
SECONDS = 20.0  # for each question
IN_USE_SECONDS = 1.0
PATIENCE = timedelta(seconds=45)  # after which nobody waits for a refresh any more, and it may be asked for again

_ASK = """
INSERT INTO core_crm_snapshot AS old (id, person_id, unit_id, crm, answer, asked_at)
VALUES ($1, $2, $3, $4, '{}', $5)
ON CONFLICT (person_id, unit_id, crm) DO UPDATE SET asked_at = $5
WHERE old.asked_at IS NULL OR old.ended_at >= old.asked_at OR old.asked_at < $6
RETURNING id
"""


async def ask(known: Known, subject: Subject) -> None:
    """Has the answer fetched anew, once however many look at it: in the background, at once."""
    moment = now()
    async with db.transaction():
        mine = await db.fetchval(
            _ASK, new_id(), subject.person_id, subject.unit_id, known.crm.key, moment, moment - PATIENCE
        )
        if mine is not None:
            payload = {"crm": known.crm.key, "person": str(subject.person_id), "unit": str(subject.unit_id)}
            await enqueue_job(JOB, payload, key="/".join(payload.values()), plugin=known.slug)


async def refresh(payload: dict[str, Any], context: JobContext) -> None:
    """The job: asks, and keeps the answer or why there is none. A fault ends it; the next look asks again."""
    known = kept.system(payload["crm"])
    person_id, unit_id = UUID(payload["person"]), UUID(payload["unit"])
    hints = await _hints(person_id, unit_id)
    if known is None or hints is None:
        return
    version, asked = hints
    given = await context_in(known.slug, Viewer(actor=f"plugin/{known.slug}"), context, asked.units[0])
    given.units = asked.units
    chosen = await _chosen(known, person_id, unit_id)
    answer, fault, words = await _answer(known, asked, chosen, given)
    await _keep(known, person_id, unit_id, answer and Answer(**{**_parts(answer), "version": version}), fault, words)


def _parts(answer: Answer) -> dict[str, Any]:
    return {name: getattr(answer, name) for name in answer.__struct_fields__}


async def _answer(
    known: Known, asked: PersonHints, chosen: PersonMatch | None, given: CoreContext
) -> tuple[Answer | None, str, str]:
    """The answer, or None with the kind of fault and its words."""
    used: Outcome[bool] = await call(
        known.slug, known.crm.in_use, given.settings, limit=IN_USE_SECONDS, place=_place(known, "in_use")
    )
    if used.fault is not None:
        return None, used.fault.kind, used.fault.message
    if not used.value:
        return Answer(used=False), "", ""
    found: Outcome[Any] = await call(
        known.slug, known.crm.find, asked, given, limit=SECONDS, place=_place(known, "find")
    )
    if found.fault is not None:
        return None, found.fault.kind, found.fault.message
    if found.value is None:
        return Answer(used=False), "", ""
    try:
        matches = checked_matches(found.value)
        about = _about(matches, chosen)
        if about is None:
            return Answer(matches=matches), "", ""
        told: Outcome[Any] = await call(
            known.slug, known.crm.history, about, given, limit=SECONDS, place=_place(known, "history")
        )
        if told.fault is not None:
            return None, told.fault.kind, told.fault.message
        return Answer(matches=matches, about=about, data=checked_data(told.value)), "", ""
    except Rubbish as problem:
        await faults.record(known.slug, "error", _place(known, "answer"), str(problem))
        return None, "error", str(problem)


def _place(known: Known, what: str) -> str:
    return f"crm {known.crm.key} {what}"


def _about(matches: tuple[PersonMatch, ...], chosen: PersonMatch | None) -> PersonMatch | None:
    """Whose data may be shown: whom a person chose; else the only one found, if more than a name speaks for them."""
    if chosen is not None:
        return next((each for each in matches if each.id == chosen.id), chosen)
    return matches[0] if len(matches) == 1 and STRONG & set(matches[0].evidence) else None


async def _chosen(known: Known, person_id: UUID, unit_id: UUID) -> PersonMatch | None:
    row = await db.fetchrow(
        "SELECT record, match FROM core_crm_link WHERE person_id = $1 AND unit_id = $2 AND crm = $3 "
        "AND ended_at IS NULL AND record <> ''",
        person_id, unit_id, known.crm.key,
    )  # fmt: skip
    return kept.read_match(row["match"]) if row else None


# The values of own fields come from the person's cases in the unit; from confidential ones only where there is no
# other, for whoever sees the person then sees such a case.
_HINTS = """
WITH RECURSIVE up AS (SELECT id, parent_id, key, 0 AS far FROM core_unit WHERE id = $2
    UNION ALL SELECT u.id, u.parent_id, u.key, up.far + 1 FROM core_unit u JOIN up ON u.id = up.parent_id)
SELECT p.version, p.kind, p.name, p.email, p.phone, p.postcode, (SELECT array_agg(key ORDER BY far) FROM up) AS units,
    (SELECT array_agg(c.fields ORDER BY c.received_at, c.id) FROM core_case c WHERE c.unit_id = $2
        AND c.id IN (SELECT case_id FROM core_party y WHERE y.person_id = p.id AND NOT y.role = ANY($3))
        AND (NOT c.confidential OR NOT EXISTS (SELECT 1 FROM core_party y JOIN core_case o ON o.id = y.case_id
            WHERE y.person_id = p.id AND o.unit_id = $2 AND NOT o.confidential))) AS fields
FROM core_person p WHERE p.id = $1 AND p.erased_at IS NULL
"""


async def _hints(person_id: UUID, unit_id: UUID) -> tuple[int, PersonHints] | None:
    """With the version of the details; None where person or unit are gone."""
    row = await db.fetchrow(_HINTS, person_id, unit_id, list(SPOKEN_ABOUT))
    if row is None or not row["units"]:
        return None
    own = {
        name: str(value)
        for fields in row["fields"] or ()
        for name, value in fields.items()
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip()
    }
    hints = PersonHints(
        person=person_id, kind=row["kind"], name=row["name"], email=row["email"], phone=row["phone"],
        postcode=row["postcode"], units=tuple(row["units"]), references=own,
    )  # fmt: skip
    return row["version"], hints


async def _keep(known: Known, person_id: UUID, unit_id: UUID, answer: Answer | None, fault: str, words: str) -> None:
    """A fault keeps the answer of before. A row that went meanwhile, with its person, is not made again."""
    await db.execute(
        "UPDATE core_crm_snapshot SET answer = coalesce($4::jsonb, answer), ended_at = $5, "
        "fetched_at = CASE WHEN $4::jsonb IS NULL THEN fetched_at ELSE $5 END, fault = $6, fault_words = $7 "
        "WHERE person_id = $1 AND unit_id = $2 AND crm = $3",
        person_id, unit_id, known.crm.key, answer.plain if answer else None, now(), fault, words[:500],
    )  # fmt: skip
