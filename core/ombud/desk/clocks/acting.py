"""What people do with clocks: hold one with a reason, let it run on, move an answer date, go over to today's policy."""

from datetime import datetime
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.calendars.versions import current
from ombud.desk.cases import refuse_closed
from ombud.desk.checking import clean_text
from ombud.desk.clocks import kept
from ombud.desk.clocks.kept import event
from ombud.desk.clocks.planning import Wanted
from ombud.desk.clocks.providers import wanted_by_plugins
from ombud.desk.clocks.reckoning import Terms
from ombud.desk.clocks.settling import LABELS, WORD_WARNS, Settling, migrate, move, put
from ombud.desk.errors import Changed, Invalid, NotFound, NotNow
from ombud.desk.opening import moment
from ombud.desk.promises import promises_in
from ombud.desk.writing import lock_aspect, lock_case, refuse_concerned, subject_of, update
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud.trust.policy import Arguments, Viewer, decide

REASONS = {
    "customer": "We wait for the customer", "third_party": "We wait for somebody outside",
    "agreed": "Agreed with the customer", "other": "Another reason",
}  # fmt: skip


async def _locked(viewer: Viewer, clock_id: UUID, version: int | None) -> tuple[Record, Record]:
    """Case and clock, locked; one of an aspect only for who may write in that aspect."""
    found = await db.fetchrow("SELECT case_id, aspect_id FROM core_clock WHERE id = $1", clock_id)
    if found is None:
        raise _no_clock()
    if found["aspect_id"] is not None:
        case, _ = await lock_aspect(viewer, "case.write", found["aspect_id"])
    else:
        case = await lock_case(viewer, "case.write", found["case_id"])
        await refuse_concerned(viewer, case["id"])
    refuse_closed(case)
    row = await db.fetchrow("SELECT * FROM core_clock WHERE id = $1 FOR UPDATE", clock_id)
    if row is None or row["case_id"] != case["id"]:
        raise _no_clock()
    if version is not None and row["version"] != version:
        raise Changed("This clock", row["version"], {"state": row["state"]}, {"state": row["state"]})
    return case, row


def _no_clock() -> NotFound:
    return NotFound("There is no such clock that you may see. Open the case again; its clocks may have changed.")


async def pause(viewer: Viewer, clock_id: UUID, reason: str, note: str = "", version: int | None = None) -> None:
    """Holds a clock; a regulator's never, since the customer's right to an answer does not wait."""
    if reason not in REASONS:
        raise Invalid("Choose why the clock is held.", "reason")
    note = clean_text(note, "note", longest=1000, required=reason == "other")
    async with db.transaction():
        case, row = await _locked(viewer, clock_id, version)
        reading = await kept.read(row["events"])
        if reading.terms.regulatory:
            raise NotNow("A regulator set this clock, so nothing holds it. Answer, or move its date with the reason.")
        if not reading.terms.holdable:
            raise NotNow("This clock ends on a fixed day, which a pause cannot move.")
        if row["state"] != "running":
            raise NotNow("Only a clock that runs can be held. Open the page again to see how it stands.")
        if reading.late:
            raise NotNow("The time is over already, so there is nothing to hold. Answer as soon as you can.")
        await put(row, [event("paused", now(), reason=reason)])
        await _tell(viewer, case, row, "paused", {"reason": reason}, note)


async def resume(viewer: Viewer, clock_id: UUID, version: int | None = None) -> None:
    """Lets a held clock run on from now, with what was left of its time."""
    async with db.transaction():
        case, row = await _locked(viewer, clock_id, version)
        if row["state"] != "paused":
            raise NotNow("This clock is not held. Open the page again to see how it stands.")
        reading = await put(row, [event("resumed", now(), reason="person")])
        await _tell(viewer, case, row, "resumed", {"reason": "person", "due_at": moment(reading.due_at)})


async def move_answer(
    viewer: Viewer, clock_id: UUID, due_at: datetime, reason: str, version: int | None = None
) -> None:
    """Gives the answer of a case or an aspect another date; the one before stays in the history."""
    reason = clean_text(reason, "because", longest=1000, required=True)
    async with db.transaction():
        case, row = await _locked(viewer, clock_id, version)
        if row["key"] != "answer":
            raise NotNow("Only the date of an answer is set by hand. Other clocks are held, or follow their policy.")
        if row["state"] != "running":
            raise NotNow("This clock does not run any more, so its date stays as it is.")
        if due_at <= row["started_at"]:
            raise Invalid("Choose a day after the complaint came in.", "due")
        if due_at == row["due_at"]:
            return
        settling = Settling(case, None, viewer.actor, [])
        await move(settling, row, due_at, "person")
        moved = settling.entries[0]
        sealed = {"reason": Sealed(await subject_of(case["id"]), reason)}
        told = NewEntry(moved.stream, moved.kind, moved.body, sealed)
        changed = {"due_at": moment(due_at)}
        if row["aspect_id"] is None:
            await update("core_case", case["id"], {"due_at": due_at, "changed_at": now()})
            follows = NewEntry(moved.stream, "case.changed", changed)
        else:
            await update("core_aspect", row["aspect_id"], {"due_at": due_at})
            follows = NewEntry(moved.stream, "aspect.changed", {"aspect": str(row["aspect_id"]), **changed})
        await append(actor=viewer.actor, entries=[told, follows])


async def go_over(viewer: Viewer, clock_id: UUID, version: int | None = None) -> None:
    """Lets one running clock go over to the policy and calendar that hold today, reckoned from its start."""
    wanted = await wanted_today(viewer, clock_id)
    async with db.transaction():
        case, row = await _locked(viewer, clock_id, version)
        if row["state"] not in {"running", "paused"}:
            raise NotNow("This clock does not run any more, so it keeps the policy it ended under.")
        calendar = await current(case["unit_id"])
        settling = Settling(case, calendar, viewer.actor, [])
        await migrate(settling, row, wanted, "person")
        await append(actor=viewer.actor, entries=settling.entries)


async def wanted_today(viewer: Viewer, clock_id: UUID) -> Wanted:
    """The clock as it would start today. Raises NotNow for one that nothing asks for any more, or whose date is set in
    the case. Plugins are asked, so outside transactions."""
    row = await _seen(viewer, clock_id)
    if row["key"] == "answer":
        raise NotNow("The date of an answer stands in the case. Move it there, with the reason.")
    if row["key"] == "acknowledge":
        days = (await promises_in(row["unit_id"])).acknowledge_within_days
        terms = Terms(days=days, regulatory=True, met_by="word", warn=WORD_WARNS)
        return Wanted("acknowledge", "", LABELS["acknowledge"], "acknowledge", terms, row["started_at"])
    calendar = await current(row["unit_id"])
    asked_for, _ = await wanted_by_plugins(row["case_id"], row["unit_id"], calendar)
    for each in asked_for:
        if (each.key, each.aspect) == (row["key"], str(row["aspect_id"] or "")):
            return each
    raise NotNow("No policy asks for this clock today, so it keeps the one it began with.")


async def _seen(viewer: Viewer, clock_id: UUID) -> Record:
    arguments = Arguments()
    place = arguments.add(clock_id)
    case = decide(viewer, "case.read", "case").where("c", arguments)
    aspect = decide(viewer, "case.read", "aspect").where("a", arguments)
    row = await db.fetchrow(
        f"SELECT k.*, c.unit_id FROM core_clock k JOIN core_case c ON c.id = k.case_id AND {case} WHERE k.id = {place} "
        f"AND (k.aspect_id IS NULL OR EXISTS (SELECT 1 FROM core_aspect a WHERE a.id = k.aspect_id AND {aspect}))",
        *arguments.values,
    )
    if row is None:
        raise _no_clock()
    return row


async def _tell(viewer: Viewer, case: Record, row: Record, kind: str, codes: dict[str, Any], note: str = "") -> None:
    body = {"clock": row["key"], "aspect": str(row["aspect_id"] or ""), **codes}
    sealed = {"note": Sealed(await subject_of(case["id"]), note)} if note else {}
    await append(actor=viewer.actor, entries=[NewEntry(f"case/{case['id']}", f"clock.{kind}", body, sealed)])
