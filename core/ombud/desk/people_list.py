"""People and organisations in the cases a viewer may see: a list, and one of them with their cases."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from ombud.desk.case_list import aspect_marks, aspects_read
from ombud.desk.case_shown import NeedsShown
from ombud.desk.errors import Invalid, NotFound
from ombud.desk.search import index as search_index
from ombud.desk.search.asked import read
from ombud.desk.search.sql import people_that_answer
from ombud.desk.shown import AspectMark, emptied, read_cursor, write_cursor
from ombud.desk.trail.history import SPOKEN_ABOUT
from ombud.desk.words import label
from ombud.desk.writing import demand
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import Arguments, Viewer, about_me, decide, mask_in

LARGEST_PAGE = 200


@dataclass(frozen=True)
class PersonRow:
    """A person in a list; `cases` counts those in the viewer's view. What they may not see is None."""

    id: UUID
    kind: str
    name: str | None
    email: str | None
    cases: int
    last_at: datetime | None


@dataclass(frozen=True)
class PeoplePage:
    rows: tuple[PersonRow, ...]
    next_cursor: str | None


@dataclass(frozen=True)
class PersonShown:
    """A person's details; what the viewer may not see is None."""

    id: UUID
    kind: str
    name: str | None
    email: str | None
    phone: str | None
    postcode: str | None
    address: str | None
    language: str
    since: datetime
    version: int


@dataclass(frozen=True)
class PartOf:
    """One case of a person, and their role in it. `title` is the reference where an aspect is hidden."""

    id: UUID
    reference: str
    title: str
    status: str
    role: str
    authority: str
    authority_until: date | None
    expired: bool
    received_at: datetime
    aspects: tuple[AspectMark, ...]
    needs: NeedsShown | None

    @property
    def role_label(self) -> str:
        return label(self.role)

    @property
    def status_label(self) -> str:
        return label(self.status)


@dataclass(frozen=True)
class PersonPageView:
    """`cases`: the newest two hundred in view, newest first; `units`: those the cases belong to."""

    person: PersonShown
    cases: tuple[PartOf, ...]
    units: frozenset[UUID] = frozenset()


class _Place(msgspec.Struct, array_like=True):
    name: str
    id: UUID


# Parties of a person that are in view: their cases are, and nobody a complaint speaks of is shown to a viewer whom
# one of its aspects concerns.
_IN_VIEW = """core_party y JOIN core_case c ON c.id = y.case_id
WHERE y.person_id = p.id AND {rows} AND NOT (y.role = ANY({spoken_about}) AND {mine})"""

_PEOPLE = """
WITH page AS (
    SELECT p.id, lower(p.name) AS sorting FROM core_person p
    WHERE {wanted} AND EXISTS (SELECT 1 FROM {in_view}){after} ORDER BY lower(p.name), p.id LIMIT {limit})
SELECT p.id, p.kind, p.name, p.email, page.sorting, seen.cases, seen.last_at, seen.units
FROM page JOIN core_person p ON p.id = page.id CROSS JOIN LATERAL (
    SELECT count(DISTINCT c.id) AS cases, max(c.last_word_at) FILTER (WHERE NOT {mine}) AS last_at,
        array_agg(DISTINCT c.unit_id) AS units FROM {in_view}) seen
ORDER BY page.sorting, p.id
"""


async def list_people(viewer: Viewer, cursor: str | None = None, size: int = 50, text: str = "") -> PeoplePage:
    """People by name, one statement, two with a text; `text`: words of a name, or of an address or a number that the
    viewer may see, the last one perhaps unfinished."""
    demand(viewer, "person.read")
    if not 1 <= size <= LARGEST_PAGE:
        raise Invalid(f"A page holds from 1 to {LARGEST_PAGE} people.", "size")
    asked = read(text)
    if text.strip():
        await search_index.up_to_date()
    arguments = Arguments()
    mine = _mine(viewer, arguments)
    in_view = in_view_of(viewer, arguments)
    wanted = "TRUE" if not text.strip() else "FALSE"
    if asked is not None:
        wanted = people_that_answer(viewer, asked, in_view, arguments)
    sql = _PEOPLE.format(
        in_view=in_view, mine=mine, wanted=wanted, after=_after(cursor, arguments), limit=arguments.add(size + 1)
    )
    rows = await db.fetch(sql, *arguments.values)
    shown = rows[:size]
    end = write_cursor(_Place(shown[-1]["sorting"], shown[-1]["id"])) if len(rows) > size else None
    return PeoplePage(tuple(_person_row(viewer, row) for row in shown), end)


def in_view_of(viewer: Viewer, arguments: Arguments) -> str:
    """SQL after FROM: the parties of the person `p` in view, with their cases `c`; it can go on with AND."""
    return _IN_VIEW.format(
        rows=decide(viewer, "person.read", "case").where("c", arguments), mine=_mine(viewer, arguments),
        spoken_about=arguments.add(list(SPOKEN_ABOUT)),
    )  # fmt: skip


def _mine(viewer: Viewer, arguments: Arguments) -> str:
    return "FALSE" if viewer.system else about_me("c.id", arguments.add(viewer.user_id))


def _after(cursor: str | None, arguments: Arguments) -> str:
    if not cursor:
        return ""
    place = read_cursor(cursor, _Place)
    return f" AND (lower(p.name), p.id) > ({arguments.add(place.name)}, {arguments.add(place.id)})"


def _person_row(viewer: Viewer, row: Any) -> PersonRow:
    seen = emptied(dict(row), mask_in(viewer, *row["units"]))
    return PersonRow(row["id"], row["kind"], seen["name"], seen["email"], row["cases"], row["last_at"])


_CASES = """
SELECT c.id, c.reference, c.title, c.status, c.received_at, c.unit_id, y.role, y.authority, y.authority_until,
    {mine} AS hidden, n.in_vulnerable_circumstances, n.complains_of_our_response, n.adjustments, n.lawful_basis,
    n.confirmed_at, n.review_on, n.version AS needs_version, coalesce(nullif(w.display_name, ''), w.name) AS confirmer,
    coalesce((SELECT jsonb_agg(jsonb_build_object('id', a.id, 'title', a.title, 'status', a.status,
        'outcome', a.outcome, 'category', a.category, 'owner_id', a.owner_id, 'due_at', a.due_at) ORDER BY a.position)
     FROM core_aspect a WHERE a.case_id = c.id AND {aspects}), '[]'::jsonb) AS aspects
FROM core_party y JOIN core_case c ON c.id = y.case_id
LEFT JOIN core_support_needs n ON n.case_id = c.id AND n.person_id = y.person_id
LEFT JOIN core_user w ON w.id = n.confirmed_by
WHERE y.person_id = {person} AND {rows} AND NOT (y.role = ANY({spoken_about}) AND {mine})
ORDER BY c.received_at DESC, c.id DESC, y.id LIMIT 200
"""


async def person_page(viewer: Viewer, person_id: UUID) -> PersonPageView:
    """A person with their cases in view, in two statements; raises NotFound where there is none in view."""
    demand(viewer, "person.read")
    arguments = Arguments()
    sql = _CASES.format(
        mine=_mine(viewer, arguments),
        aspects=decide(viewer, "case.read", "aspect").where("a", arguments),
        person=arguments.add(person_id),
        rows=decide(viewer, "person.read", "case").where("c", arguments),
        spoken_about=arguments.add(list(SPOKEN_ABOUT)),
    )
    rows = await db.fetch(sql, *arguments.values)
    if not rows:
        raise NotFound("There is no such person that you may see.")
    row = await db.fetchrow("SELECT p.*, p.created_at AS since FROM core_person p WHERE p.id = $1", person_id)
    assert row is not None
    units = frozenset(each["unit_id"] for each in rows)
    seen = emptied(dict(row), mask_in(viewer, *units))
    person = PersonShown(**{name: seen[name] for name in PersonShown.__dataclass_fields__})
    return PersonPageView(person, tuple(_part(viewer, each) for each in rows), units)


def _part(viewer: Viewer, row: Any) -> PartOf:
    until = row["authority_until"]
    masked = "support_needs" in mask_in(viewer, row["unit_id"])
    needs = None if masked or row["confirmed_at"] is None else NeedsShown(
        row["in_vulnerable_circumstances"], row["complains_of_our_response"], row["adjustments"], row["lawful_basis"],
        row["confirmer"] or "", row["confirmed_at"], row["review_on"], row["needs_version"],
    )  # fmt: skip
    return PartOf(
        id=row["id"], reference=row["reference"], title=row["reference"] if row["hidden"] else row["title"],
        status=row["status"], role=row["role"], authority=row["authority"], authority_until=until,
        expired=until is not None and until < now().date(), received_at=row["received_at"],
        aspects=aspect_marks(aspects_read(row["aspects"])), needs=needs,
    )  # fmt: skip
