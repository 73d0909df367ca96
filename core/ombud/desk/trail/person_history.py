"""A person's whole history over all their cases, as far as the viewer sees them: what was said, what changed, who else
was there, and who might be the same person."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from ombud.desk.shown import read_cursor, write_cursor
from ombud.desk.trail.history import SPOKEN_ABOUT, Phrase, actor_name
from ombud.desk.words import label
from ombud.desk.writing import demand
from ombud.kernel.database import db
from ombud.trust.ledger import open_sealed
from ombud.trust.policy import HIDDEN, Arguments, Viewer, about_me, decide, mask_in

PAGE = 30
EXCERPT = 600  # characters
OTHERS = 20
CHANGED = "person.changed"
CHOICES = {
    "crm.chosen": "%(who)s chose who this is in a customer system",
    "crm.none_chosen": "%(who)s said that a customer system does not know this person",
    "crm.choice_ended": "%(who)s took a choice in a customer system back",
}


@dataclass(frozen=True)
class Moment:
    """One thing in a person's history. `what`: message, party, needs, changed, chosen, none_chosen,
    choice_ended. `values`: before and after of a correction, masked for the viewer; `reference`: the
    case, where it was in one."""

    what: str
    at: datetime
    phrase: Phrase
    reference: str = ""
    channel: str = ""
    direction: str = ""
    subject: str = ""
    text: str = ""
    cut: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class HistoryPage:
    moments: tuple[Moment, ...]
    next_cursor: str | None


class _Place(msgspec.Struct, array_like=True):
    at: datetime
    key: str


def _in_view(viewer: Viewer, arguments: Arguments, person: str) -> str:
    """SQL, FROM and WHERE: parties `y` of a person in cases `c` in view; nobody a complaint speaks of is shown to whom
    one of its aspects concerns."""
    rows = decide(viewer, "person.read", "case").where("c", arguments)
    spoken_about = arguments.add(list(SPOKEN_ABOUT))
    mine = "FALSE" if viewer.system else about_me("c.id", arguments.add(viewer.user_id))
    return (
        f"core_party y JOIN core_case c ON c.id = y.case_id WHERE y.person_id = {person} AND {rows} "
        f"AND NOT (y.role = ANY({spoken_about}) AND {mine})"
    )


# What names nobody, such as an answer, was said to or by the complainant.
_HISTORY = """
WITH whole AS (
    SELECT 'message' AS what, m.said_at AS at, 'm' || m.id::text AS key, c.reference, m.channel, m.direction,
        m.subject, left(m.body, {excerpt}) AS text, length(m.body) > {excerpt} AS cut, NULL::bigint AS seq, '' AS role,
        '' AS actor, NULL::uuid AS confirmer, c.unit_id
    FROM core_message m JOIN core_case c ON c.id = m.case_id
    WHERE (m.person_id = {person} OR (m.person_id IS NULL AND EXISTS (SELECT 1 FROM core_party t
        WHERE t.case_id = m.case_id AND t.person_id = {person} AND t.role = 'complainant')))
    AND m.case_id IN (SELECT case_id FROM core_party WHERE person_id = {person})
    AND m.direction <> 'note' AND {messages}
    UNION ALL
    SELECT 'party', y.created_at, 'p' || y.id::text, c.reference, '', '', '', '', FALSE, NULL, y.role, '', NULL,
        c.unit_id
    FROM {in_view}
    UNION ALL
    SELECT 'needs', n.confirmed_at, 'n' || n.id::text, c.reference, '', '', '', '', FALSE, NULL, '', '', n.confirmed_by,
        c.unit_id
    FROM core_support_needs n JOIN core_case c ON c.id = n.case_id WHERE n.person_id = {person} AND {needs}
    UNION ALL
    SELECT e.kind, e.at, 'e' || lpad(e.seq::text, 12, '0'), '', '', '', '', '', FALSE, e.seq, '', e.actor, NULL, NULL
    FROM core_ledger_entry e WHERE e.stream = {stream} AND e.kind = ANY({kinds})
)
SELECT whole.*, k.name AS token_name, NULL AS person_name,
    coalesce(nullif(w.display_name, ''), w.name) AS user_name
FROM whole
LEFT JOIN core_token k ON k.id = substring(whole.actor FROM '^token/([0-9a-f-]{{36}})$')::uuid
LEFT JOIN core_user w ON w.id = coalesce(whole.confirmer,
    substring(whole.actor FROM '^user/([0-9a-f-]{{36}})$')::uuid, k.user_id)
{after} ORDER BY whole.at DESC, whole.key DESC LIMIT {limit}
"""


async def history(
    viewer: Viewer, person_id: UUID, units: frozenset[UUID], cursor: str | None = None, size: int = PAGE
) -> HistoryPage:
    """Newest first, in pages. `units`: those of the person's cases in view, which `people_list.person_page` answers
    with; the caller has asked it, so that a person out of view was refused."""
    demand(viewer, "person.read")
    arguments = Arguments()
    person = arguments.add(person_id)
    after = ""
    if cursor:
        place = read_cursor(cursor, _Place)
        after = f"WHERE (whole.at, whole.key) < ({arguments.add(place.at)}, {arguments.add(place.key)})"
    sql = _HISTORY.format(
        person=person, excerpt=EXCERPT, messages=decide(viewer, "case.read", "message").where("m", arguments),
        in_view=_in_view(viewer, arguments, person), needs=decide(viewer, "support.read", "case").where("c", arguments),
        stream=arguments.add(f"person/{person_id}"), kinds=arguments.add([CHANGED, *CHOICES]),
        after=after, limit=arguments.add(size + 1),
    )  # fmt: skip
    rows = await db.fetch(sql, *arguments.values)
    corrections = [row["seq"] for row in rows[:size] if row["what"] == CHANGED]
    last = rows[size - 1] if len(rows) > size else None
    values = await _values(person_id, corrections, mask_in(viewer, *units))
    moments = tuple(_moment(row, values.get(row["seq"], {})) for row in rows[:size])
    return HistoryPage(moments, write_cursor(_Place(last["at"], last["key"])) if last else None)


async def _values(person_id: UUID, seqs: list[int], mask: frozenset[str]) -> dict[int, dict[str, Any]]:
    """What a correction said before and after, opened for those who see the field."""
    values: dict[int, dict[str, Any]] = {}
    if seqs:
        for each in await open_sealed([(f"person/{person_id}", seq) for seq in seqs]):
            hidden = each.field.partition(".")[0] in mask
            values.setdefault(each.seq, {})[each.field] = HIDDEN if hidden else each.value
    return values


def _moment(row: Any, values: Mapping[str, Any]) -> Moment:
    what, case = row["what"], row["reference"]
    if what == "message":
        said = "Wrote to us in %(case)s" if row["direction"] == "in" else "We wrote in %(case)s"
        words = Phrase(said, {"case": case}, "mail" if row["direction"] == "in" else "send")
    elif what == "party":
        words = Phrase(
            "Became part of %(case)s: %(role)s", {"case": case, "role": label(row["role"]).lower()}, "user-plus"
        )
    elif what == "needs":
        who = row["user_name"] or "Somebody"
        words = Phrase("%(who)s confirmed support needs in %(case)s", {"who": who, "case": case}, "heart-handshake")
    elif what in CHOICES:
        words = Phrase(CHOICES[what], {"who": actor_name(row, show_people=False)}, "address-book")
    else:
        fields = sorted({each.partition(".")[0] for each in values})
        told = {"who": actor_name(row, show_people=False), "fields": ", ".join(label(f).lower() for f in fields)}
        words = Phrase("%(who)s corrected: %(fields)s", {**told, "fields": told["fields"] or "details"}, "edit")
    return Moment(
        what.partition(".")[2] or what,
        row["at"],
        words,
        case,
        row["channel"],
        row["direction"],
        row["subject"],
        row["text"],
        row["cut"],
        values,
    )


@dataclass(frozen=True)
class Counts:
    """Cases in view."""

    open: int
    closed: int


async def counts(viewer: Viewer, person_id: UUID) -> Counts:
    demand(viewer, "person.read")
    arguments = Arguments()
    view = _in_view(viewer, arguments, arguments.add(person_id))
    row = await db.fetchrow(
        "SELECT count(DISTINCT c.id) FILTER (WHERE c.status <> 'closed') AS open, "
        f"count(DISTINCT c.id) FILTER (WHERE c.status = 'closed') AS closed FROM {view}",
        *arguments.values,
    )
    assert row is not None
    return Counts(row["open"], row["closed"])


@dataclass(frozen=True)
class Other:
    """Somebody else in the same cases; `name` is None where it is not shown to the viewer."""

    id: UUID
    kind: str
    name: str | None
    roles: tuple[str, ...]
    cases: int


_OTHERS = """
SELECT p.id, p.kind, p.name, array_agg(DISTINCT o.role) AS roles, count(DISTINCT c.id) AS cases,
    array_agg(DISTINCT c.unit_id) AS units
FROM (SELECT DISTINCT c.id, c.unit_id FROM {in_view}) c
JOIN core_party o ON o.case_id = c.id AND o.person_id <> {person} AND NOT (o.role = ANY({spoken_about}) AND {mine})
JOIN core_person p ON p.id = o.person_id
GROUP BY p.id ORDER BY p.kind <> {kind}, count(DISTINCT c.id) DESC, lower(p.name), p.id LIMIT {limit}
"""


async def others(viewer: Viewer, person_id: UUID, kind: str) -> list[Other]:
    """Who came with the person in cases in view; an organisation's people first, a person's organisations first."""
    demand(viewer, "person.read")
    arguments = Arguments()
    person = arguments.add(person_id)
    sql = _OTHERS.format(
        in_view=_in_view(viewer, arguments, person), person=person, spoken_about=arguments.add(list(SPOKEN_ABOUT)),
        mine="FALSE" if viewer.system else about_me("c.id", arguments.add(viewer.user_id)),
        kind=arguments.add("person" if kind == "organisation" else "organisation"), limit=arguments.add(OTHERS),
    )  # fmt: skip
    return [
        Other(
            row["id"], row["kind"], None if "name" in mask_in(viewer, *row["units"]) else row["name"],
            tuple(label(role) for role in row["roles"]), row["cases"],
        )
        for row in await db.fetch(sql, *arguments.values)
    ]  # fmt: skip


@dataclass(frozen=True)
class Likeness:
    """Another record that may be the same person, and what both have in common."""

    id: UUID
    name: str | None
    evidence: tuple[str, ...]
    cases: int


_ALIKE = """
WITH me AS (SELECT id, lower(email) AS email, regexp_replace(phone, '[^0-9]', '', 'g') AS phone
    FROM core_person WHERE id = {person}),
alike AS (
    SELECT p.id, 'email' AS why FROM me JOIN core_person p ON lower(p.email) = me.email AND p.email <> ''
    WHERE me.email <> '' AND p.id <> me.id
    UNION
    SELECT p.id, 'phone' FROM me JOIN core_person p ON p.phone <> ''
        AND regexp_replace(p.phone, '[^0-9]', '', 'g') = me.phone
    WHERE length(me.phone) >= 6 AND p.id <> me.id
)
SELECT p.id, p.name, a.why, seen.units, seen.cases FROM (
    SELECT id, array_agg(why ORDER BY why) AS why FROM alike GROUP BY id) a
JOIN core_person p ON p.id = a.id CROSS JOIN LATERAL (
    SELECT array_agg(DISTINCT c.unit_id) AS units, count(DISTINCT c.id) AS cases
    FROM {in_view} AND c.unit_id = ANY({reachable}::uuid[])) seen
WHERE seen.cases > 0 ORDER BY seen.cases DESC, lower(p.name), p.id LIMIT {limit}
"""


async def alike(viewer: Viewer, person_id: UUID, units: frozenset[UUID]) -> list[Likeness]:
    """Others in view with the same e-mail or phone number: a hint with its evidence, nothing is joined. Only where the
    viewer sees both addresses, else a likeness would tell one."""
    if "email" in mask_in(viewer, *units):
        return []
    arguments = Arguments()
    person = arguments.add(person_id)
    reachable = viewer.units("person.contact")
    if viewer.system:
        reachable = frozenset(row["id"] for row in await db.fetch("SELECT id FROM core_unit"))
    sql = _ALIKE.format(
        person=person, in_view=_in_view(viewer, arguments, "p.id"), reachable=arguments.add(list(reachable)),
        limit=arguments.add(OTHERS),
    )  # fmt: skip
    return [
        Likeness(
            row["id"], None if "name" in mask_in(viewer, *row["units"]) else row["name"],
            tuple("Same e-mail" if why == "email" else "Same phone number" for why in row["why"]), row["cases"],
        )
        for row in await db.fetch(sql, *arguments.values)
    ]  # fmt: skip
