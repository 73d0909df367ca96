"""Looks for entries of the ledger by stream, kind, actor and day, newest first, however long the ledger is."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ombud.desk.trail.history import COLUMNS, NAMES, Happened, happened
from ombud.desk.trail.ledger_desk import RIGHT, everywhere
from ombud.desk.words import letter
from ombud.desk.writing import demand
from ombud.kernel.database import db
from ombud.trust.policy import Arguments, Viewer, about_me, decide

WINDOW = 100_000  # entries that one look passes over at most; the next one goes on from there


@dataclass(frozen=True)
class Sought:
    """Filters; a kind or an actor may be only the beginning of one, such as `user.` or `plugin/`. An actor may also be
    how the name of a user begins."""

    stream: str = ""
    kind: str = ""
    actor: str = ""
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True)
class EntryFound:
    """An entry in words with its codes. `number` counts through the whole ledger."""

    number: int
    stream: str
    hash: str
    sealed: tuple[str, ...]
    happened: Happened


@dataclass(frozen=True)
class Found:
    """`further`: the number to go on from; None at the end. `whole`: the window was not exhausted before the page."""

    entries: tuple[EntryFound, ...]
    further: int | None
    cut_short: bool


async def search(viewer: Viewer, sought: Sought, before: int | None, size: int, zone: str = "UTC") -> Found:
    """What the policy lets this viewer see: entries about cases as in their audit trail, those about the desk itself
    for who may read the ledger in every unit."""
    demand(viewer, RIGHT)
    lowest, highest = await _between(sought, zone)
    top = min(each for each in (before, highest + 1) if each is not None)
    bottom = max(lowest, 1) if sought.stream else max(lowest, await _window_end(top), 1)
    arguments = Arguments()
    where = await _conditions(viewer, sought, top, bottom, arguments, zone)
    rows = await db.fetch(
        f"WITH page AS MATERIALIZED (SELECT e.id FROM core_ledger_entry e WHERE {where} "
        f"ORDER BY e.id DESC LIMIT {arguments.add(size + 1)}) "
        f"SELECT e.id AS number, e.stream, e.hash, e.sealed, c.unit_id, {COLUMNS} "
        f"FROM page JOIN core_ledger_entry e USING (id) {NAMES} "
        "LEFT JOIN core_case c ON c.id = substring(e.stream FROM '^case/([0-9a-f-]{36})$')::uuid ORDER BY e.id DESC",
        *arguments.values,
    )
    letters = await _letters(viewer, [row["stream"] for row in rows])
    entries = tuple(_found(viewer, row, letters.get(row["stream"], {})) for row in rows[:size])
    if len(rows) > size:
        return Found(entries, entries[-1].number, False)
    more = bottom > max(lowest, 1)
    return Found(entries, bottom if more else None, more)


async def _between(sought: Sought, zone: str) -> tuple[int, int]:
    """The lowest and the highest number in which entries of these days can be."""
    if sought.first_day is None and sought.last_day is None:
        highest = await db.fetchval("SELECT id FROM core_ledger_entry ORDER BY id DESC LIMIT 1")
        return 1, highest or 0
    row = await db.fetchrow(
        "SELECT min(id) AS low, max(id) AS high FROM core_ledger_entry WHERE at >= $1 AND at < $2", *_days(sought, zone)
    )
    return (row["low"], row["high"]) if row and row["low"] is not None else (1, 0)


def _days(sought: Sought, zone: str) -> tuple[datetime, datetime]:
    there = ZoneInfo(zone)
    first = sought.first_day or date(1970, 1, 1)
    last = sought.last_day or date(2999, 12, 30)
    return datetime.combine(first, time.min, there), datetime.combine(last + timedelta(days=1), time.min, there)


async def _window_end(top: int) -> int:
    found = await db.fetchval(
        f"SELECT id FROM core_ledger_entry WHERE id < $1 ORDER BY id DESC OFFSET {WINDOW - 1} LIMIT 1", top
    )
    return found or 1


async def _conditions(viewer: Viewer, sought: Sought, top: int, bottom: int, arguments: Arguments, zone: str) -> str:
    parts = [f"e.id < {arguments.add(top)}", f"e.id >= {arguments.add(bottom)}"]
    if sought.stream:
        parts.append(f"e.stream = {arguments.add(sought.stream)}")
    if sought.kind:
        parts.append(f"starts_with(e.kind, {arguments.add(sought.kind)})")
    if "/" in sought.actor or sought.actor == "system":
        parts.append(f"starts_with(e.actor, {arguments.add(sought.actor)})")
    elif sought.actor:
        parts.append(f"e.actor = ANY({arguments.add(await _actors(sought.actor))})")
    if sought.first_day or sought.last_day:
        first, last = _days(sought, zone)
        parts.append(f"e.at >= {arguments.add(first)} AND e.at < {arguments.add(last)}")
    return " AND ".join([*parts, await _visible(viewer, arguments)])


async def _actors(name: str) -> list[str]:
    """The users whose names begin so, and their tokens."""
    rows = await db.fetch(
        "WITH those AS (SELECT id FROM core_user WHERE starts_with(lower(name), lower($1)) "
        "OR starts_with(lower(display_name), lower($1)) LIMIT 100) SELECT 'user/' || id AS actor FROM those "
        "UNION ALL SELECT 'token/' || k.id FROM core_token k JOIN those ON those.id = k.user_id",
        name,
    )
    return [row["actor"] for row in rows]


async def _visible(viewer: Viewer, arguments: Arguments) -> str:
    """A case's entries need the right in its unit; whoever one of its aspects is about sees none of them."""
    entry = decide(viewer, RIGHT, "entry").where("e", arguments)
    case_id = "nullif(substring(e.stream FROM '^case/(.*)$'), '')::uuid"
    of_cases = f"({entry} AND NOT {about_me(case_id, arguments.add(viewer.user_id))})"
    raw = decide(viewer, RIGHT, "raw").where("r", arguments)
    message = "substring(e.stream FROM '^message/([0-9a-f-]{36})$')::uuid"
    of_messages = f"(e.stream LIKE 'message/%' AND EXISTS (SELECT 1 FROM core_raw r WHERE r.id = {message} AND {raw}))"
    if await everywhere(viewer):
        return f"({of_cases} OR {of_messages} OR (e.stream !~ '^(case|message)/' AND {_names_none(viewer, arguments)}))"
    return f"({of_cases} OR {of_messages})"


def _names_none(viewer: Viewer, arguments: Arguments) -> str:
    """SQL over `e`, of the desk itself: it names no case, or one in view (a hold on a confidential case is of it)."""
    named = "substring(e.body->>'case' FROM '^[0-9a-f-]{36}$')::uuid"
    rows, mine = decide(viewer, RIGHT, "case").where("n", arguments), about_me("n.id", arguments.add(viewer.user_id))
    shown = f"EXISTS (SELECT 1 FROM core_case n WHERE n.id = {named} AND {rows} AND NOT {mine})"
    gone = f"NOT EXISTS (SELECT 1 FROM core_case n WHERE n.id = {named})"
    return f"({named} IS NULL OR {shown} OR {gone})"


async def _letters(viewer: Viewer, streams: Sequence[str]) -> dict[str, dict[str, str]]:
    """The letters of aspects by stream, counting only what the viewer sees."""
    cases = sorted({stream.removeprefix("case/") for stream in streams if stream.startswith("case/")})
    if not cases:
        return {}
    arguments = Arguments(cases)
    rows = await db.fetch(
        "SELECT a.id::text AS id, 'case/' || a.case_id AS stream FROM core_aspect a WHERE a.case_id = "
        f"ANY($1::text[]::uuid[]) AND {decide(viewer, RIGHT, 'aspect').where('a', arguments)} "
        "ORDER BY a.case_id, a.position",
        *arguments.values,
    )
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        found[row["stream"]][row["id"]] = letter(len(found[row["stream"]]) + 1)
    return found


def _found(viewer: Viewer, row: Any, letters: dict[str, str]) -> EntryFound:
    named = row["unit_id"] is not None and viewer.may_in("person.read", row["unit_id"])
    return EntryFound(
        row["number"], row["stream"], row["hash"].hex(), tuple(sorted(row["sealed"])), happened(row, letters, named)
    )
