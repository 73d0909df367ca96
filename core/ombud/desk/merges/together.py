"""Which cases one link opens: its own, and those it was merged with or split into while the same people complain."""

from dataclasses import dataclass
from uuid import UUID

from ombud.kernel.database import db


@dataclass(frozen=True)
class Together:
    """`cases`: whose matters and messages belong to the holder of the link, wherever they are kept by now; `root`: the
    case that holds today what the link's case held; `people`: under which records of ours its holder is known there."""

    cases: tuple[UUID, ...]
    root: UUID
    people: tuple[UUID, ...]


_TOGETHER = """
WITH RECURSIVE up AS (SELECT id, merged_into FROM core_case WHERE id = $1
    UNION SELECT c.id, c.merged_into FROM core_case c JOIN up ON c.id = up.merged_into),
beside AS (SELECT $1::uuid AS id
    UNION SELECT CASE WHEN m.from_case = beside.id THEN m.into_case ELSE m.from_case END
    FROM core_merge m JOIN beside ON beside.id IN (m.from_case, m.into_case)
    WHERE m.same_people AND m.undone_at IS NULL)
SELECT (SELECT id FROM up WHERE merged_into IS NULL) AS root, ARRAY(SELECT id FROM beside) AS cases,
    ARRAY(SELECT p.id FROM core_person me JOIN core_party y ON y.case_id IN (SELECT coalesce(
        (SELECT merged_into FROM core_case WHERE core_case.id = beside.id), beside.id) FROM beside)
        JOIN core_person p ON p.id = y.person_id WHERE me.id = $2 AND (p.id = me.id
            OR (p.email <> '' AND lower(p.email) = lower(me.email))
            OR (p.phone <> '' AND p.phone = me.phone))) AS people
"""


async def together(case_id: UUID, person_id: UUID) -> Together:
    """One statement."""
    row = await db.fetchrow(_TOGETHER, case_id, person_id)
    assert row is not None
    return Together(tuple(row["cases"]), row["root"] or case_id, tuple({person_id, *row["people"]}))


def first_of(alias: str, cases: str) -> str:
    """SQL: a message or aspect that belonged to one of these cases first, whichever case holds it now."""
    return (
        f"(({alias}.origin_case_id IS NULL AND {alias}.case_id = ANY({cases}::uuid[])) "
        f"OR {alias}.origin_case_id = ANY({cases}::uuid[]))"
    )
