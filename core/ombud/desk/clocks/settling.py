"""Brings the clocks of a case to where the case stands: starts, meets, stops, moves them and takes them up again.

Runs in the work process whenever something happened that may concern a clock, and from the schedule; it compares, so it
is safe to run twice and makes up for whatever was missed. Answering a complaint never waits for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud import speech
from ombud.desk.because import explained
from ombud.desk.calendars.arithmetic import Calendar, local_day
from ombud.desk.calendars.versions import current
from ombud.desk.clocks import kept
from ombud.desk.clocks.kept import Event, columns, event
from ombud.desk.clocks.planning import AspectSeen, CaseSeen, ClockSeen, Step, Wanted, met, plan
from ombud.desk.clocks.providers import wanted_of_all
from ombud.desk.clocks.reckoning import Terms, first_due
from ombud.desk.opening import moment
from ombud.desk.promises import promises_known
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.outbox import Delivered, JobContext, handled_alone, subscribe
from ombud.kernel.settled import SETTLED
from ombud.kernel.writes import Writes
from ombud.trust.ledger import NewEntry, append

ANSWER_WARNS, WORD_WARNS = (75, 90), (75,)
LABELS = {"answer": "Full answer", "acknowledge": "First word"}

# The entries of an opening start no clocks here: the schedule finds the case, so that intake pays nothing for it.
_HEARS = (
    "message.sent", "message.received direction=in decision=", "aspect.added", "aspect.decided", "aspect.reopened",
    "aspect.changed", "aspect.moved", "case.changed", "case.status_changed", "case.merged", "case.absorbed",
    "case.parted", "case.restored", "case.split", "case.split_off",
)  # fmt: skip


def listen() -> None:
    """Called once by every process, since each writes down who hears of an event."""
    subscribe("clocks", list(_HEARS), heard, together=heard_together)


async def heard(event_: dict[str, Any], context: JobContext) -> None:
    """A case whose clocks were not started yet is left to the schedule, which looks at all that happened by then."""
    await handled_alone(heard_together, event_, context)


async def heard_together(several: Sequence[Delivered]) -> None:
    """Of several cases: one statement finds those that have clocks, and each is settled once for each who acted."""
    of_actor: dict[str, set[UUID]] = {}
    for each in several:
        stream = str(each.event["stream"])
        if stream.startswith("case/"):
            of_actor.setdefault(str(each.event["actor"]), set()).add(UUID(stream.removeprefix("case/")))
    named = {case_id for group in of_actor.values() for case_id in group}
    rows = await db.fetch("SELECT id FROM core_case WHERE id = ANY($1) AND clocked", list(named)) if named else []
    clocked = {row["id"] for row in rows}
    for actor, group in of_actor.items():
        ids = sorted(group & clocked)
        done = await settle_all(ids, actor, wait=False) if len(ids) > 1 else set()
        for case_id in ids:
            if case_id not in done:
                await settle(case_id, actor)


@dataclass
class Settling:
    """One case while its clocks are settled: what is written down gathers here and goes out in one go."""

    case: Record
    calendar: Any
    actor: str
    entries: list[NewEntry]
    begun: list[dict[str, Any]] = field(default_factory=list)
    """New clocks that no statement wrote down yet."""

    @property
    def stream(self) -> str:
        return f"case/{self.case['id']}"

    def next_id(self) -> UUID:
        """Of a new clock: they sort as they were begun, also within one millisecond."""
        last = max((each["id"].int for each in self.begun), default=0)
        return max(new_id(), UUID(int=last + 1))

    def tell(self, kind: str, clock: str, aspect: Any, **codes: Any) -> None:
        body = {"clock": clock, "aspect": str(aspect or ""), **codes}
        self.entries.append(NewEntry(self.stream, f"clock.{kind}", explained(body)))


async def settle(case_id: UUID, actor: str = "system") -> None:
    """Safe to run at any time, outside transactions. A case that is gone is left alone."""
    await settle_all([case_id], actor)


_UNITS = f"SELECT id, unit_id, {SETTLED} AS settled FROM core_case WHERE id = ANY($1)"


async def settle_all(case_ids: Sequence[UUID], actor: str = "system", *, wait: bool = True) -> set[UUID]:
    """Several cases in one transaction, for the price of few; returns those that are settled. Without `wait` a case
    that somebody works on at this moment is left out, so that none waits for another one."""
    rows = await db.fetch(_UNITS, list(case_ids))
    ground = await _ground(rows)
    async with db.transaction():
        lock = _LOCKED if wait else f"{_LOCKED} SKIP LOCKED"
        cases = await db.fetch(lock, [row["id"] for row in rows])
        await _settle_locked(cases, ground, actor)
    return {case["id"] for case in cases}


# In the order of their ids, as all do who lock several.
_LOCKED = "SELECT * FROM core_case WHERE id = ANY($1) ORDER BY id FOR UPDATE"


@dataclass(frozen=True)
class _Ground:
    """What is known of a case before it is locked: the plugins' wishes are asked outside transactions."""

    calendar: Calendar
    word_days: int
    asked_for: Sequence[Wanted]
    asked: set[str]


async def _ground(rows: Sequence[Record]) -> dict[UUID, _Ground]:
    settled = rows[0]["settled"] if rows else 0
    calendars = {unit_id: await current(unit_id) for unit_id in {row["unit_id"]: None for row in rows}}
    asked = await wanted_of_all({row["id"]: row["unit_id"] for row in rows}, calendars, settled)
    ground = {}
    for row in rows:
        promised = await promises_known(row["unit_id"], settled)
        ground[row["id"]] = _Ground(calendars[row["unit_id"]], promised.acknowledge_within_days, *asked[row["id"]])
    return ground


async def _settle_locked(cases: Sequence[Record], ground: Mapping[UUID, _Ground], actor: str) -> None:
    settlings = {case["id"]: Settling(case, ground[case["id"]].calendar, actor, []) for case in cases}
    ids = list(settlings)
    await _bring_along(settlings)
    seen, clocks = await _seen_all(cases), await _clocks(ids)
    for identity, settling in settlings.items():
        known, rows = ground[identity], clocks[identity]
        wanted = [*_promised(settling, seen[identity], known.word_days), *known.asked_for]
        stand = [await _clock_seen(row) for row in rows]
        for step in plan(seen[identity], stand, wanted, known.asked):
            await _do(settling, step, {str(row["id"]): row for row in rows}, seen[identity])
    await _write_down(list(settlings.values()), actor)


async def _write_down(settlings: Sequence[Settling], actor: str) -> None:
    """New clocks, the note that a case has its clocks, and the entries that tell of all of it, in one statement."""
    writes, entries = Writes(), [entry for each in settlings for entry in each.entries]
    _put_clocks(writes, [row for each in settlings for row in each.begun])
    fresh = [each.case["id"] for each in settlings if not each.case["clocked"]]
    if fresh:
        writes.add(["UPDATE core_case SET clocked = TRUE WHERE id = ANY($1)"], fresh)
    if entries or fresh:
        await append(actor=actor, entries=entries, writes=writes)


_MOVED = """
UPDATE core_clock k SET case_id = a.case_id FROM core_aspect a
WHERE a.id = k.aspect_id AND a.case_id = ANY($1) AND k.case_id <> a.case_id RETURNING k.*
"""


async def _bring_along(settlings: Mapping[UUID, Settling]) -> None:
    """Clocks of aspects that came from another case come with them; this case's entries tell them as they stand."""
    for row in await db.fetch(_MOVED, list(settlings)):
        settling = settlings[row["case_id"]]
        _tell_started(settling, row)
        if row["state"] == "paused":
            settling.tell("paused", row["key"], row["aspect_id"], reason="moved")
        elif row["state"] == "met":
            settling.tell("met", row["key"], row["aspect_id"], at=moment(row["ended_at"]))


def _tell_started(settling: Settling, row: Any) -> None:
    settling.tell(
        "started", row["key"], row["aspect_id"], policy=row["policy"], policy_version=row["policy_version"],
        calendar=str(row["calendar_id"] or ""), calendar_version=row["calendar_version"],
        started_at=moment(row["started_at"]), due_at=moment(row["due_at"]) if row["due_at"] else "",
    )  # fmt: skip


_ASPECTS = """
SELECT case_id, id, status, decided_at, due_at FROM core_aspect WHERE case_id = ANY($1) ORDER BY case_id, position
"""
_SAID = """
SELECT m.case_id, coalesce(o.sent_at, m.said_at) AS at,
    m.author_id IS NOT NULL AND coalesce(o.robot, FALSE) = FALSE
        AND coalesce(o.kind, 'reply') NOT IN ('acknowledgement', 'status') AS person
FROM core_message m LEFT JOIN core_outgoing o ON o.id = m.id
WHERE m.case_id = ANY($1) AND m.direction = 'out' AND (o.id IS NULL OR o.state = 'sent') ORDER BY 2
"""


async def _seen_all(cases: Sequence[Record]) -> dict[UUID, CaseSeen]:
    ids = [case["id"] for case in cases]
    aspects, said = _by_case(ids, await db.fetch(_ASPECTS, ids)), _by_case(ids, await db.fetch(_SAID, ids))
    return {case["id"]: _case_seen(case, aspects[case["id"]], said[case["id"]]) for case in cases}


def _by_case(ids: Sequence[UUID], rows: Sequence[Record]) -> dict[UUID, list[Record]]:
    found: dict[UUID, list[Record]] = {each: [] for each in ids}
    for row in rows:
        found[row["case_id"]].append(row)
    return found


def _case_seen(case: Record, aspects: Sequence[Record], said: Sequence[Record]) -> CaseSeen:
    decided = [row["decided_at"] for row in aspects if row["decided_at"]]
    resolved = max(decided, default=None) if case["status"] in {"resolved", "closed"} else None
    return CaseSeen(
        case["status"], case["merged_into"] is not None,
        None if case["merged_into"] is not None else resolved or case["closed_at"], case["due_at"],
        tuple(row["at"] for row in said), tuple(row["at"] for row in said if row["person"]),
        tuple(_aspect_seen(row) for row in aspects),
    )  # fmt: skip


def _aspect_seen(row: Record) -> AspectSeen:
    return AspectSeen(str(row["id"]), row["status"] == "closed", row["decided_at"], row["due_at"])


async def _clocks(case_ids: Sequence[UUID]) -> dict[UUID, list[Record]]:
    found = "SELECT * FROM core_clock WHERE case_id = ANY($1) ORDER BY started_at, id"
    return _by_case(case_ids, await db.fetch(found, case_ids))


async def _clock_seen(row: Record) -> ClockSeen:
    terms = await kept.terms_of(row["policy"], row["policy_version"])
    last: dict[str, Any] = next((each for each in reversed(row["events"]) if each["kind"] in {"stopped", "met"}), {})
    return ClockSeen(
        str(row["id"]), row["key"], str(row["aspect_id"] or ""), row["state"], row["policy"], terms.met_by,
        row["started_at"], row["due_at"], last.get("reason", "") if row["state"] == "stopped" else "",
    )  # fmt: skip


def _promised(settling: Settling, seen: CaseSeen, word_days: int) -> list[Wanted]:
    """Core's own: the answer of the case and of each aspect, and the first word."""
    received = settling.case["received_at"]
    dates = [("", seen.due_at), *((each.id, each.due_at) for each in seen.aspects)]
    answers = [
        Wanted("answer", aspect, LABELS["answer"], "answer", _answer_terms(settling, received, due_at), received)
        for aspect, due_at in dates
        if due_at is not None
    ]
    word = Terms(days=word_days, regulatory=True, met_by="word", warn=WORD_WARNS)
    return [*answers, Wanted("acknowledge", "", LABELS["acknowledge"], "acknowledge", word, received)]


def _answer_terms(settling: Settling, received: datetime, due_at: datetime) -> Terms:
    """So many days, as the date was set when the case was opened; a date that no number of days gives stands itself."""
    days = (local_day(settling.calendar, due_at) - local_day(settling.calendar, received)).days
    counted = Terms(days=max(0, days), regulatory=True, met_by="decision", warn=ANSWER_WARNS)
    if first_due(counted, settling.calendar, received) == due_at:
        return counted
    return Terms(until=due_at, regulatory=True, met_by="decision", warn=ANSWER_WARNS)


async def _do(settling: Settling, step: Step, rows: dict[str, Record], seen: CaseSeen) -> None:
    if step.do == "start":
        assert step.wanted is not None
        await _begin(settling, step.wanted, seen)
        return
    row = rows[step.clock]
    if step.do == "meet":
        assert step.at is not None
        await _meet(settling, row, max(step.at, row["started_at"]))
    elif step.do == "stop":
        await put(row, [event("stopped", now(), reason=step.reason)])
        settling.tell("stopped", row["key"], row["aspect_id"], reason=step.reason)
    elif step.do == "resume":
        await put(row, [event("resumed", now(), reason=step.reason)])
        settling.tell("resumed", row["key"], row["aspect_id"], reason=step.reason)
    elif step.do == "move":
        assert step.due_at is not None
        await move(settling, row, step.due_at, step.reason)
    else:
        assert step.wanted is not None
        await migrate(settling, row, step.wanted, step.reason)


async def start(settling: Settling, wanted: Wanted) -> None:
    """A new clock from its first event, which lies in the past where the complaint does; written down at once."""
    seen = await _seen_all([settling.case])
    await _begin(settling, wanted, seen[settling.case["id"]])
    await _flush(settling)


async def _begin(settling: Settling, wanted: Wanted, seen: CaseSeen) -> None:
    """A new clock that is written down with the others of its case."""
    number = await kept.number_of(wanted.policy, wanted.terms)
    begun = event("started", wanted.started_at, policy=wanted.policy, number=number, calendar=settling.calendar)
    reading = await kept.read([begun])
    row: dict[str, Any] = {
        "id": settling.next_id(), "case_id": settling.case["id"],
        "aspect_id": UUID(wanted.aspect) if wanted.aspect else None, "key": wanted.key, "label": wanted.label,
        "policy": wanted.policy, "policy_version": number, "calendar_id": UUID(settling.calendar.key),
        "calendar_version": settling.calendar.version, "started_at": wanted.started_at,
        "events": [begun], "warned": 0, "breached_at": None, **columns(reading, 0),
    }  # fmt: skip
    settling.begun.append(row)
    _tell_started(settling, row)
    done = met(seen, wanted.terms.met_by, wanted.aspect, wanted.started_at)
    if done is not None:
        await _flush(settling)
        await _meet(settling, row, max(done, wanted.started_at))


_COLUMNS = {
    "id": "uuid", "case_id": "uuid", "aspect_id": "uuid", "key": "text", "label": "text", "policy": "text",
    "policy_version": "int", "calendar_id": "uuid", "calendar_version": "int", "started_at": "timestamptz",
    "state": "text", "due_at": "timestamptz", "ended_at": "timestamptz", "regulatory": "bool",
    "warn_at": "timestamptz", "events": "text",
}  # fmt: skip
_CLOCKS = f"""
INSERT INTO core_clock ({", ".join(_COLUMNS)}, warned, version)
SELECT {", ".join(f"new.{name}" for name in _COLUMNS).replace("new.events", "new.events::jsonb")}, 0, 1
FROM unnest({", ".join(f"${place}::{kind}[]" for place, kind in enumerate(_COLUMNS.values(), 1))})
    AS new ({", ".join(_COLUMNS)})
"""


def _put_clocks(writes: Writes, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        given = [{**row, "events": speech.encoded(row["events"]).decode()} for row in rows]
        writes.add([_CLOCKS], *([row[name] for row in given] for name in _COLUMNS))


async def _flush(settling: Settling) -> None:
    """What comes next changes clocks that must stand there."""
    writes, rows = Writes(), settling.begun
    settling.begun = []
    _put_clocks(writes, rows)
    if rows:
        await writes.send()


async def _meet(settling: Settling, row: Mapping[str, Any], at: datetime) -> None:
    """One that passed its end before anybody looked was breached, too."""
    at = max(at, datetime.fromisoformat(row["events"][-1]["at"]))
    if row["state"] == "running" and row["due_at"] < at and row["breached_at"] is None:
        await breach(settling, row)
    await put(row, [event("met", at)])
    settling.tell("met", row["key"], row["aspect_id"], at=moment(at))


async def breach(settling: Settling, row: Mapping[str, Any]) -> None:
    await db.execute(
        "UPDATE core_clock SET breached_at = due_at, warn_at = NULL, version = version + 1 WHERE id = $1", row["id"]
    )
    settling.tell("breached", row["key"], row["aspect_id"], due_at=moment(row["due_at"]))


async def over(settling: Settling, row: Record) -> None:
    """Somebody else's time has ended; nothing was missed."""
    await put(row, [event("stopped", row["due_at"], reason="over")])
    settling.tell("stopped", row["key"], row["aspect_id"], reason="over")


async def move(settling: Settling, row: Record, due_at: datetime, because: str) -> None:
    await put(row, [event("moved", now(), reason=because, due_at=due_at)], again=due_at > now())
    settling.tell("moved", row["key"], row["aspect_id"], due_at=moment(due_at), because=because)


async def migrate(settling: Settling, row: Record, wanted: Wanted, because: str) -> None:
    """Lets a clock go over to other terms and to the calendar that holds now, reckoned from its start."""
    number = await kept.number_of(wanted.policy, wanted.terms)
    gone_over = event(
        "migrated", now(), reason=because, policy=wanted.policy, number=number, calendar=settling.calendar
    )
    reading = await put(
        row, [gone_over], again=True, label=wanted.label, policy=wanted.policy, policy_version=number,
        calendar_id=UUID(settling.calendar.key), calendar_version=settling.calendar.version,
    )  # fmt: skip
    settling.tell(
        "moved", row["key"], row["aspect_id"], due_at=moment(reading.due_at) if reading.due_at else "",
        because=f"migrated:{because}", policy=wanted.policy, policy_version=number, calendar=settling.calendar.key,
        calendar_version=settling.calendar.version,
    )  # fmt: skip


async def put(row: Mapping[str, Any], more: Sequence[Event], *, again: bool = False, **values: Any) -> Any:
    """Adds events to a clock and brings its row to what they say. `again`: an end that lies ahead may pass anew."""
    events = [*row["events"], *more]
    reading = await kept.read(events)
    changed = {**values, "events": events, **columns(reading, row["warned"])}
    if again and reading.due_at is not None and reading.due_at > now():
        changed["breached_at"] = None
    sets = ", ".join(f"{name} = ${place}" for place, name in enumerate(changed, 2))
    await db.execute(f"UPDATE core_clock SET {sets}, version = version + 1 WHERE id = $1", row["id"], *changed.values())
    return reading
