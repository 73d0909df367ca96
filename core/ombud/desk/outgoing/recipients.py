"""To whom one may write in a case, and what is known of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from ombud.desk.outgoing.ways import PAGE, Way
from ombud.desk.words import label
from ombud.kernel.database import db

ROLES = ("complainant", "joint_complainant", "representative")
"""Parties who speak for the complaint; nobody else is answered."""


@dataclass(frozen=True)
class Reachable:
    """A party that may be written to. `known`: name, email, phone, address, language as they stand; only what may go
    out, never for a page."""

    person_id: UUID
    role: str
    known: dict[str, Any]

    @property
    def role_label(self) -> str:
        return label(self.role)


PARTIES = """
SELECT y.person_id, y.role, p.name, p.email, p.phone, p.address,
    coalesce(nullif(p.language, ''), c.language) AS language
FROM core_party y JOIN core_person p ON p.id = y.person_id JOIN core_case c ON c.id = y.case_id
WHERE y.case_id = $1 AND y.role = ANY($2::text[]) AND p.erased_at IS NULL
    AND (y.authority_until IS NULL OR y.authority_until >= $3)
ORDER BY array_position($2::text[], y.role), y.created_at, y.id
"""


async def reachable(case_id: UUID, today: date) -> list[Reachable]:
    """The complainant first; representatives whose authority has ended are not among them. One statement."""
    return of_rows(await db.fetch(PARTIES, case_id, list(ROLES), today))


def of_rows(rows: Iterable[Mapping[str, Any]]) -> list[Reachable]:
    """From rows of PARTIES, also as JSON holds them; each person once."""
    found: dict[UUID, Reachable] = {}
    for row in rows:
        person_id = UUID(str(row["person_id"]))
        known = {name: row[name] for name in ("name", "email", "phone", "address", "language")}
        found.setdefault(person_id, Reachable(person_id, row["role"], known))
    return list(found.values())


def frozen(way: Way, whom: Reachable) -> dict[str, Any]:
    """What a message keeps of its recipient: the name, the language, and what the way out needs."""
    kept = {"name": whom.known["name"], "language": whom.known["language"]}
    return kept if way.key == PAGE or not way.needs else {**kept, way.needs: whom.known[way.needs]}
