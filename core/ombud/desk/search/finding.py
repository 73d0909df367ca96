"""Full-text search over cases, messages and people: one statement each, filtered by the policy, masked by field.

What finds is the index (`search_sql`); what is shown comes from the records as they are now.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from ombud.desk.case_list import CaseFilters, check, conditions
from ombud.desk.errors import Invalid, NotAllowed, SearchFailed
from ombud.desk.people_list import in_view_of
from ombud.desk.search import frequency
from ombud.desk.search import index as search_index
from ombud.desk.search.asked import Asked, read
from ombud.desk.search.index import TABLES, Standing
from ombud.desk.search.sql import answers, case_holds, holds, person_holds
from ombud.desk.shown import emptied, read_cursor, write_cursor
from ombud.kernel.database import NotOpen, db
from ombud.trust.policy import Arguments, Viewer, about_me, decide, mask_in

KINDS = {"case": "case.read", "message": "case.read", "person": "person.read"}
COUNTED = 50
LARGEST_PAGE = 100
SECONDS = 5  # a search that takes longer says so, and leaves the database to others


@dataclass(frozen=True)
class CaseHit:
    """A case. `matters`: the words of its aspects in view; `title` is the reference where an aspect is hidden."""

    id: UUID
    reference: str
    title: str
    customer: str | None
    status: str
    unit: str
    received_at: datetime
    confidential: bool
    about_me: bool
    matters: str


@dataclass(frozen=True)
class MessageHit:
    """Something said in a case, or in the inbox: then without `reference`, under its subject. `later` messages of the
    case, counted to a hundred, were said after it."""

    id: UUID
    reference: str
    title: str
    direction: str
    channel: str
    said_at: datetime
    text: str
    files: str
    later: int


@dataclass(frozen=True)
class PersonHit:
    """A person or an organisation; what the viewer may not see is None."""

    id: UUID
    kind: str
    name: str | None
    email: str | None
    phone: str | None
    postcode: str | None
    address: str | None
    cases: int


Hit = CaseHit | MessageHit | PersonHit


@dataclass(frozen=True)
class Hits:
    """A page of one kind. `count` is None on later pages; where `more_than_counted`, there are more than that."""

    kind: str
    rows: tuple[Any, ...]
    count: int | None
    more_than_counted: bool
    next_cursor: str | None


@dataclass(frozen=True)
class Found:
    """What a search found, kind by kind. `asked` is None where the text holds no word to look for."""

    asked: Asked | None
    parts: tuple[Hits, ...]
    standing: Standing


class _Place(msgspec.Struct, array_like=True):
    """Where a page ended: its kind, and the key of its last row."""

    kind: str
    at: datetime | None
    name: str
    id: UUID


async def search(
    viewer: Viewer,
    text: str,
    kind: str = "",
    filters: CaseFilters | None = None,
    cursor: str | None = None,
    size: int = 20,
) -> Found:
    """What answers the text: of one kind, or the first rows of each that the viewer may search; newest first, people by
    name. `filters` narrow the cases, and with them messages and people.

    Raises Invalid for a question, filter or cursor that means nothing, and SearchFailed where there is no answer.
    """
    kinds = _kinds(viewer, kind)
    if not 1 <= size <= LARGEST_PAGE:
        raise Invalid(f"A page holds from 1 to {LARGEST_PAGE} results.", "size")
    place = read_cursor(cursor, _Place) if cursor else None
    if place is not None and [place.kind] != kinds:
        raise Invalid("This cursor belongs to another kind of result. Start without one.", "cursor")
    asked = read(text)
    filters = replace(filters or CaseFilters(), text="")
    check(filters)
    look = _Look(viewer, asked, filters, place, size)
    return await _answered(look, kinds)


def _kinds(viewer: Viewer, kind: str) -> list[str]:
    if kind and kind not in KINDS:
        raise Invalid(f"The kind is one of {', '.join(KINDS)}.", "kind")
    allowed = [each for each, permission in KINDS.items() if viewer.may(permission) and kind in {"", each}]
    if not allowed:
        raise NotAllowed("Your roles do not allow this search. Ask an administrator of this desk for the right one.")
    return allowed


@dataclass(frozen=True)
class _Look:
    viewer: Viewer
    asked: Asked | None
    filters: CaseFilters
    place: _Place | None
    size: int
    table: str = ""
    common: frozenset[str] = frozenset()


async def _answered(look: _Look, kinds: Sequence[str]) -> Found:
    try:
        standing = await search_index.up_to_date()
        if look.asked is None:
            return Found(None, (), standing)
        parts = await _parts(look, look.asked, kinds, standing.live)
    except asyncpg.QueryCanceledError:
        raise SearchFailed(
            "This search took too long and was stopped. Add a word, choose one kind of result, or set a filter."
        ) from None
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, NotOpen) as problem:
        raise SearchFailed(
            "The search is not answering. It may have found something: try again in a moment, or go by the queues."
        ) from problem
    return Found(look.asked, tuple(parts), standing)


# The planner's statistics know nothing of the beginnings of words, and so it guesses wrong both ways. Common words are
# found by going back in time until a page is full: for those, whatever would read all of them first is ruled out. Rare
# ones are found by the index of words: beside the cost of asking the policy, the planner would not mind reading all.
_WAY = (
    "SELECT set_config('statement_timeout', $1, TRUE), set_config('enable_bitmapscan', $2, TRUE), "
    "set_config('enable_sort', $2, TRUE), set_config('enable_hashjoin', $2, TRUE), "
    "set_config('enable_mergejoin', $2, TRUE), set_config('enable_seqscan', $3, TRUE)"
)
_FOR_COMMON, _FOR_RARE = ("off", "on"), ("on", "off")


async def _parts(look: _Look, asked: Asked, kinds: Sequence[str], live: str) -> list[Hits]:
    """Reads the table in use, whose order an index has, and not the view over both. Where a rebuild switches meanwhile,
    this one may be emptied already, so the other one is read."""
    for _ in range(3):
        parts, in_use = await _parts_of_one(look, asked, kinds, live)
        if in_use == live:
            return parts
        live = in_use
    raise SearchFailed("The search index is being exchanged at this moment. Search again.")


async def _parts_of_one(look: _Look, asked: Asked, kinds: Sequence[str], live: str) -> tuple[list[Hits], str]:
    """What one table holds, and which one was in use at the end."""
    table, limit = TABLES[live], f"{int(SECONDS * 1000)}ms"
    common, way, parts = frequency.known_common(table, asked, kinds), None, []
    async with db.transaction():
        if common is None:
            await db.execute(_WAY, limit, *(way := _FOR_RARE))
            common = await frequency.common(table, asked, kinds)
        here = replace(look, table=table, common=common)
        for kind in kinds:
            needed = _FOR_COMMON if kind in common else _FOR_RARE
            if needed != way:
                await db.execute(_WAY, limit, *(way := needed))
            parts.append(await _READ[kind](here, asked))
        in_use = await db.fetchval("SELECT live FROM core_search_state WHERE id = 1")
    return parts, str(in_use)


def _order(common: bool) -> str:
    """Newest first. A sum is no column of the index on time, so that rare words are found by the index of words."""
    return "s.at DESC, s.id DESC" if common else "s.at + interval '0' DESC, s.id DESC"


def _after(look: _Look, arguments: Arguments) -> str:
    if look.place is None or look.place.at is None:
        return ""
    return f" AND (s.at, s.id) < ({arguments.add(look.place.at)}, {arguments.add(look.place.id)})"


def _limits(look: _Look, arguments: Arguments) -> tuple[str, str]:
    """How many are looked for, and how many of them are drawn; the first page counts to fifty."""
    shown = look.size + 1
    return arguments.add(shown if look.place else max(shown, COUNTED + 1)), arguments.add(shown)


_CASES = """
WITH found AS MATERIALIZED (
    SELECT s.id, s.at FROM {table} s JOIN core_case c ON c.id = s.id
    WHERE {matches} AND {conditions}{after} ORDER BY {order} LIMIT {limit})
SELECT c.id, c.reference, c.title, c.status, c.unit_id, u.name AS unit, c.confidential, c.received_at, page.at,
    {mine} AS about_me, (SELECT count(*) FROM found) AS found,
    (SELECT p.name FROM core_party y JOIN core_person p ON p.id = y.person_id
     WHERE y.case_id = c.id AND y.role = 'complainant' ORDER BY y.created_at, y.id LIMIT 1) AS customer,
    (SELECT string_agg(concat_ws('. ', a.title, a.text), E'\\n' ORDER BY a.position) FROM core_aspect a
     WHERE a.case_id = c.id AND {aspects}) AS matters
FROM (SELECT * FROM found ORDER BY at DESC, id DESC LIMIT {shown}) page
JOIN core_case c ON c.id = page.id JOIN core_unit u ON u.id = c.unit_id
ORDER BY page.at DESC, page.id DESC
"""


async def _cases(look: _Look, asked: Asked) -> Hits:
    arguments, viewer, common = Arguments(), look.viewer, "case" in look.common
    limit, shown = _limits(look, arguments)
    sql = _CASES.format(
        table=look.table, order=_order(common),
        matches=answers(asked, "case", case_holds(viewer, asked, arguments), arguments),
        conditions=conditions(viewer, look.filters, arguments), after=_after(look, arguments), limit=limit,
        shown=shown, mine=_mine(viewer, arguments), aspects=decide(viewer, "case.read", "aspect").where("a", arguments),
    )  # fmt: skip
    return _hits(look, "case", await db.fetch(sql, *arguments.values), _case_hit)


def _mine(viewer: Viewer, arguments: Arguments) -> str:
    return "FALSE" if viewer.system else about_me("c.id", arguments.add(viewer.user_id))


def _case_hit(viewer: Viewer, row: Any) -> CaseHit:
    seen = emptied(dict(row), mask_in(viewer, row["unit_id"]))
    return CaseHit(
        id=row["id"], reference=row["reference"], title=row["reference"] if row["about_me"] else row["title"],
        customer=seen["customer"], status=row["status"], unit=row["unit"], received_at=row["received_at"],
        confidential=row["confidential"], about_me=row["about_me"], matters=row["matters"] or "",
    )  # fmt: skip


_MESSAGES = """
WITH found AS MATERIALIZED (
    SELECT s.id, s.at FROM {table} s JOIN core_message m ON m.id = s.id LEFT JOIN core_case c ON c.id = m.case_id
    WHERE {matches} AND {conditions} AND {rows}{after} ORDER BY {order} LIMIT {limit})
SELECT m.id, coalesce(c.reference, '') AS reference,
    coalesce(c.title, nullif(m.subject, ''), left(m.body, 80)) AS title, m.direction, m.channel,
    m.said_at, m.body AS text, page.at, {mine} AS about_me,
    (SELECT count(*) FROM found) AS found,
    (SELECT string_agg(f.name, ', ' ORDER BY f.created_at, f.id) FROM core_attachment f WHERE f.message_id = m.id)
        AS files,
    (SELECT count(*) FROM (SELECT 1 FROM core_message n WHERE n.case_id = m.case_id
        AND (n.said_at, n.id) > (m.said_at, m.id) LIMIT 100) after) AS later
FROM (SELECT * FROM found ORDER BY at DESC, id DESC LIMIT {shown}) page
JOIN core_message m ON m.id = page.id LEFT JOIN core_case c ON c.id = m.case_id
ORDER BY page.at DESC, page.id DESC
"""


async def _messages(look: _Look, asked: Asked) -> Hits:
    arguments, viewer, common = Arguments(), look.viewer, "message" in look.common
    limit, shown = _limits(look, arguments)
    sql = _MESSAGES.format(
        table=look.table, order=_order(common),
        matches=answers(asked, "message", holds(asked, arguments), arguments),
        conditions=_of_their_cases(look, arguments),
        rows=decide(viewer, "case.read", "message").where("m", arguments), after=_after(look, arguments), limit=limit,
        shown=shown, mine=_mine(viewer, arguments),
    )  # fmt: skip
    return _hits(look, "message", await db.fetch(sql, *arguments.values), _message_hit)


def _of_their_cases(look: _Look, arguments: Arguments) -> str:
    """Messages of the inbox belong to no case: filters of cases leave them out, and without filters they stay."""
    narrowed = conditions(look.viewer, look.filters, arguments)
    return narrowed if look.filters.narrows() else f"(c.id IS NULL OR {narrowed})"


def _message_hit(viewer: Viewer, row: Any) -> MessageHit:
    return MessageHit(
        id=row["id"], reference=row["reference"], title=row["reference"] if row["about_me"] else row["title"],
        direction=row["direction"], channel=row["channel"], said_at=row["said_at"], text=row["text"],
        files=row["files"] or "", later=row["later"],
    )  # fmt: skip


_PEOPLE = """
WITH found AS MATERIALIZED (
    SELECT p.id, lower(p.name) AS sorting FROM {table} s JOIN core_person p ON p.id = s.id
    WHERE {matches} AND EXISTS (SELECT 1 FROM {in_view}){after} ORDER BY lower(p.name), p.id LIMIT {limit})
SELECT p.id, p.kind, p.name, p.email, p.phone, p.postcode, p.address, page.sorting, seen.cases, seen.units,
    (SELECT count(*) FROM found) AS found
FROM (SELECT * FROM found ORDER BY sorting, id LIMIT {shown}) page JOIN core_person p ON p.id = page.id
CROSS JOIN LATERAL (SELECT count(DISTINCT c.id) AS cases, array_agg(DISTINCT c.unit_id) AS units
    FROM {all_in_view}) seen
ORDER BY page.sorting, p.id
"""


async def _people(look: _Look, asked: Asked) -> Hits:
    arguments, viewer = Arguments(), look.viewer
    limit, shown = _limits(look, arguments)
    in_view = in_view_of(viewer, arguments)
    narrowed = in_view
    if look.filters.narrows():
        narrowed += f" AND {conditions(viewer, look.filters, arguments)}"
    after = ""
    if look.place is not None:
        after = f" AND (lower(p.name), p.id) > ({arguments.add(look.place.name)}, {arguments.add(look.place.id)})"
    sql = _PEOPLE.format(
        table=look.table,
        matches=answers(asked, "person", person_holds(viewer, asked, in_view, arguments), arguments),
        in_view=narrowed, all_in_view=in_view, after=after, limit=limit, shown=shown,
    )  # fmt: skip
    return _hits(look, "person", await db.fetch(sql, *arguments.values), _person_hit)


def _person_hit(viewer: Viewer, row: Any) -> PersonHit:
    seen = emptied(dict(row), mask_in(viewer, *row["units"]))
    return PersonHit(**{name: seen[name] for name in PersonHit.__dataclass_fields__})


def _hits(look: _Look, kind: str, rows: Sequence[Any], draw: Callable[[Viewer, Any], Hit]) -> Hits:
    shown = rows[: look.size]
    end = None
    if len(rows) > look.size:
        last = shown[-1]
        by_name = kind == "person"
        place = _Place(kind, None if by_name else last["at"], last["sorting"] if by_name else "", last["id"])
        end = write_cursor(place)
    found = 0 if not rows else rows[0]["found"]
    count = None if look.place else min(found, max(COUNTED, look.size))
    return Hits(kind, tuple(draw(look.viewer, row) for row in shown), count, count is not None and found > count, end)


_READ: dict[str, Callable[[_Look, Asked], Awaitable[Hits]]] = {
    "case": _cases, "message": _messages, "person": _people,
}  # fmt: skip
