"""A case as it was at a moment, from its ledger alone: facts by the fold, words by what can still be opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ombud.desk.engine.folding import State, folded
from ombud.desk.errors import Invalid
from ombud.desk.in_view import InView, in_view
from ombud.desk.trail.audit_trail import OPENED_BY
from ombud.desk.trail.timeline import Said, messages
from ombud.desk.words import letter
from ombud.desk.writing import refuse_concerned
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.ledger import Entry, entry_of, open_sealed
from ombud.trust.policy import HIDDEN, Arguments, Viewer, mask_in

RIGHT = "case.history"
MOST = 1000  # messages


@dataclass
class Words:
    """The free words of a case or an aspect at the moment; `erased`: some cannot be opened any more."""

    title: str = ""
    text: str = ""
    reason: str = ""
    erased: bool = False


@dataclass(frozen=True)
class RedressThen:
    kind: str
    amount: str
    currency: str
    day: datetime


@dataclass(frozen=True)
class AspectThen:
    """One matter as it stood. `facts`: codes; `owner`: the name of the colleague, empty for nobody."""

    letter: str
    facts: Any
    words: Words
    owner: str
    redress: tuple[RedressThen, ...]


@dataclass(frozen=True)
class CaseThen:
    """`state` is None where there was no case yet. `entry`, `hash`: the last entry that is told here; `checkpoint`: the
    number and time of the one that holds it, None where none does yet. `later`: entries since."""

    case: InView
    at: datetime
    state: State | None
    words: Words = field(default_factory=Words)
    owner: str = ""
    queue: str = ""
    unit: str = ""
    people: tuple[str, ...] = ()
    aspects: tuple[AspectThen, ...] = ()
    said: tuple[Said, ...] = ()
    entry: int = 0
    hash: str = ""
    checkpoint: tuple[int, datetime] | None = None
    later: int = 0


_ENTRIES = """
SELECT e.stream, e.seq, e.at, e.actor, e.cause, e.kind, e.body, e.sealed, e.prev, e.hash FROM core_ledger_entry e
WHERE e.stream = $1 AND e.at <= $2 ORDER BY e.seq
"""


async def as_of(viewer: Viewer, reference: str, asked: str = "") -> CaseThen:
    """The case at a moment, in some nine statements. `asked`: a day (its end) or a day and time in the zone of the
    case's unit, now where it is empty. Raises Invalid; NotFound; NotAllowed without the right to the audit trail, and
    for somebody whom an aspect is about, because what was before could speak of it."""
    case = await in_view(viewer, reference, RIGHT)
    await refuse_concerned(viewer, case.id)
    zone = ZoneInfo(str(await db.fetchval("SELECT time_zone FROM core_unit WHERE id = $1", case.unit_id)))
    at = _moment(asked.strip(), zone)
    stream = f"case/{case.id}"
    entries = [entry_of(row) for row in await db.fetch(_ENTRIES, stream, at)]
    later = await db.fetchval("SELECT count(*) FROM core_ledger_entry WHERE stream = $1 AND at > $2", stream, at)
    state = folded(entries)
    if not entries or not state.seen:
        return CaseThen(case, at, None, later=later)
    words, of_aspect, people = await _words(entries, state, mask_in(viewer, case.unit_id))
    names = await _names(state)
    matters = sorted(state.aspects.values(), key=lambda each: (each.position, each.id))
    redress = _redress(entries)
    last = entries[-1]
    return CaseThen(
        case, at, state, words, names.get(state.owner, ""), names.get(state.queue, ""), names.get(state.unit, ""),
        people,
        tuple(
            AspectThen(letter(place), each.facts(), of_aspect.get(each.id, Words()), names.get(each.owner, ""),
                       tuple(redress.get(each.id, ())))
            for place, each in enumerate(matters, 1)
        ),
        await _said(viewer, case, at), last.seq, last.hash.hex(), await _checkpoint(stream, last.seq), later,
    )  # fmt: skip


def _moment(asked: str, zone: ZoneInfo) -> datetime:
    if not asked:
        return now()
    try:
        at = datetime.fromisoformat(asked)
    except ValueError:
        raise Invalid("This is not a day and time. Write it like 2026-11-23 or 2026-11-23T14:30.", "at") from None
    if not 1990 <= at.year <= 2999:
        raise Invalid("This day lies outside what the ledger can hold.", "at")
    if len(asked) == len("2026-11-23"):  # to its end
        at = datetime.combine(at.date() + timedelta(days=1), time(), zone) - timedelta(microseconds=1)
    return at if at.tzinfo else at.replace(tzinfo=zone)


async def _said(viewer: Viewer, case: InView, at: datetime) -> tuple[Said, ...]:
    """Messages of the case that were recorded by then."""

    def by_then(arguments: Arguments) -> str:
        return f" AND m.recorded_at <= {arguments.add(at)}"

    return tuple(await messages(viewer, case.id, case.unit_id, case.letters, further=by_then, limit=MOST, shares=True))


async def _checkpoint(stream: str, seq: int) -> tuple[int, datetime] | None:
    row = await db.fetchrow(
        "SELECT c.n, c.at FROM core_checkpoint_entry m JOIN core_checkpoint c ON c.n = m.checkpoint "
        "WHERE m.stream = $1 AND m.seq = $2",
        stream,
        seq,
    )
    return (row["n"], row["at"]) if row else None


async def _words(
    entries: Sequence[Entry], state: State, mask: frozenset[str]
) -> tuple[Words, dict[str, Words], tuple[str, ...]]:
    """Of the case, of each aspect, and the names of people as they came."""
    opened: dict[int, dict[str, Any]] = {}
    for each in await open_sealed([(one.stream, one.seq) for one in entries if one.sealed]):
        opened.setdefault(each.seq, {})[each.field] = HIDDEN if OPENED_BY.get(each.field) in mask else each.value
    case, aspects, people = Words(), {each: Words() for each in state.aspects}, list[str]()
    for entry in entries:
        values = opened.get(entry.seq, {})
        gone = set(entry.sealed) - set(values)
        if entry.kind in {"case.opened", "case.changed"}:
            _put(case, values, gone, ("title",))
        if entry.kind == "case.opened":
            _matters(entry, values, gone, aspects)
        found = aspects.get(str(entry.body.get("aspect", "")))
        if found is not None:
            _put(found, values, gone, ("title", "text"))
            _reason(entry, values, gone, found)
        name = values.get("person.name") or (values.get("name") if entry.kind == "party.added" else None)
        if isinstance(name, str):
            people.append(name)
    return case, aspects, tuple(dict.fromkeys(people))


def _put(words: Words, values: Mapping[str, Any], gone: set[str], names: Sequence[str]) -> None:
    for name in names:
        if isinstance(values.get(name), str):
            setattr(words, name, values[name])
        words.erased = words.erased or name in gone


def _matters(entry: Entry, values: Mapping[str, Any], gone: set[str], aspects: Mapping[str, Words]) -> None:
    for place, each in enumerate(entry.body.get("aspects", ()), 1):
        found = aspects.get(str(each["id"]))
        if found is not None:
            found.text = str(values.get(f"matter.{place}", ""))
            found.erased = f"matter.{place}" in gone


def _reason(entry: Entry, values: Mapping[str, Any], gone: set[str], found: Words) -> None:
    if entry.kind == "aspect.decided":
        found.reason, found.erased = str(values.get("reason", "")), found.erased or "reason" in gone
    elif entry.kind == "aspect.reopened":
        found.reason = ""


def _redress(entries: Sequence[Entry]) -> dict[str, list[RedressThen]]:
    """Lines that stood at the moment, by aspect."""
    lines: dict[str, tuple[str, RedressThen]] = {}
    for entry in entries:
        told = entry.body.get("redress") if entry.kind == "aspect.decided" else None
        given = list(told or ()) if told else [entry.body] if entry.kind == "redress.added" else []
        for each in given:
            line = RedressThen(str(each.get("kind", "")), str(each.get("amount") or ""), str(each.get("currency", "")),
                               entry.at)  # fmt: skip
            lines[str(each.get("line", ""))] = (str(entry.body.get("aspect", "")), line)
        if entry.kind == "redress.reversed":
            lines.pop(str(entry.body.get("reverses")), None)
    found: dict[str, list[RedressThen]] = {}
    for aspect, line in lines.values():
        found.setdefault(aspect, []).append(line)
    return found


async def _names(state: State) -> dict[str, str]:
    """Names of colleagues, queues and units that the state speaks of."""
    named = (state.owner, state.queue, state.unit, *(each.owner for each in state.aspects.values()))
    ids = sorted({each for each in named if each})
    rows = await db.fetch(
        "SELECT id::text AS id, coalesce(nullif(display_name, ''), name) AS name FROM core_user "
        "WHERE id = ANY($1::text[]::uuid[]) UNION ALL SELECT id::text, name FROM core_queue "
        "WHERE id = ANY($1::text[]::uuid[]) UNION ALL SELECT id::text, name FROM core_unit "
        "WHERE id = ANY($1::text[]::uuid[])",
        ids,
    )
    return {row["id"]: row["name"] for row in rows}
