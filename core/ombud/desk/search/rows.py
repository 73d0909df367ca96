"""What the index holds of each record, read in bulk: the words of cases, messages and people, weighted by who may
search them.

| kind | A | B | C | D |
|---|---|---|---|---|
| case | reference | title, own fields | names of its parties | its aspects |
| message | | subject | names of its files | body |
| person | name | | e-mail, phone, postcode, address | |
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.desk.search.words import Part, vector
from ombud.desk.trail.history import SPOKEN_ABOUT
from ombud.kernel.database import db

KINDS = ("case", "message", "person")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the index."""

    id: UUID
    kind: str
    case_id: UUID | None
    at: datetime
    words: str


_SQL = {
    "case": """
        SELECT c.id, c.id AS case_id, c.received_at AS at, c.reference, c.title, c.fields,
            (SELECT string_agg(p.name, E'\\n' ORDER BY y.created_at, y.id) FROM core_party y
             JOIN core_person p ON p.id = y.person_id
             WHERE y.case_id = c.id AND y.role <> ALL($1::text[])) AS names,
            (SELECT string_agg(concat_ws(E'\\n', a.title, a.text), E'\\n' ORDER BY a.position) FROM core_aspect a
             WHERE a.case_id = c.id) AS matters
        FROM core_case c WHERE {which}""",
    "message": """
        SELECT m.id, m.case_id, m.said_at AS at, m.subject, m.body,
            (SELECT string_agg(f.name, E'\\n' ORDER BY f.created_at, f.id) FROM core_attachment f
             WHERE f.message_id = m.id) AS files
        FROM core_message m WHERE (m.case_id IS NOT NULL OR m.unit_id IS NOT NULL) AND $1::text[] IS NOT NULL
            AND {which}""",
    "person": """
        SELECT p.id, NULL::uuid AS case_id, p.created_at AS at, p.name, p.email, p.phone, p.postcode, p.address
        FROM core_person p WHERE $1::text[] IS NOT NULL AND {which}""",
}
_ALIAS = {"case": "c", "message": "m", "person": "p"}


async def of_subjects(kind: str, ids: Sequence[UUID]) -> list[Row]:
    """The rows of these records; of one that is gone there is none."""
    found = await db.fetch(_SQL[kind].format(which=f"{_ALIAS[kind]}.id = ANY($2)"), list(SPOKEN_ABOUT), list(ids))
    return [_row(kind, each) for each in found]


async def after(kind: str, last: UUID | None, limit: int) -> list[dict[str, Any]]:
    """The next records by id, for `worded`, which may run in another process."""
    alias = _ALIAS[kind]
    sql = _SQL[kind].format(which=f"($2::uuid IS NULL OR {alias}.id > $2) ORDER BY {alias}.id LIMIT $3")
    return [dict(each) for each in await db.fetch(sql, list(SPOKEN_ABOUT), last, limit)]


def worded(kind: str, records: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Pure: the rows of these records, most of the work of building an index."""
    return [_row(kind, each) for each in records]


async def count() -> int:
    """About how many records there are to index."""
    sql = " + ".join(f"(SELECT count(*) FROM core_{kind})" for kind in KINDS)
    return int(await db.fetchval(f"SELECT {sql}"))


def _row(kind: str, record: Mapping[str, Any]) -> Row:
    return Row(record["id"], kind, record["case_id"], record["at"], vector(_PARTS[kind](record)))


def _case_parts(record: Mapping[str, Any]) -> list[Part]:
    fields = "\n".join(
        str(value) for value in (record["fields"] or {}).values() if isinstance(value, str | int | float)
    )
    return [
        Part("A", record["reference"]),
        Part("B", record["title"]),
        Part("B", fields),
        Part("C", record["names"] or ""),
        Part("D", record["matters"] or "", prose=True),
    ]


def _message_parts(record: Mapping[str, Any]) -> list[Part]:
    return [
        Part("B", record["subject"]),
        Part("C", record["files"] or ""),
        Part("D", record["body"], prose=True),
    ]


def _person_parts(record: Mapping[str, Any]) -> list[Part]:
    contact = "\n".join(record[name] for name in ("email", "phone", "postcode", "address") if record[name])
    return [Part("A", record["name"]), Part("C", contact)]


_PARTS = {"case": _case_parts, "message": _message_parts, "person": _person_parts}
