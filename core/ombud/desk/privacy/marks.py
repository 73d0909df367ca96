"""What requests and signals leave with a person, and how it ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotFound
from ombud.desk.privacy.reach import demand_reach
from ombud.desk.privacy.requests import HANDLE
from ombud.desk.writing import demand
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud.trust.policy import Viewer


@dataclass(frozen=True)
class Mark:
    """What a request or a browser's signal left with a person."""

    id: UUID
    kind: str
    since: datetime


async def marks(people: Sequence[UUID]) -> list[Mark]:
    """Those that stand, for whoever may see the people."""
    rows = await db.fetch(
        "SELECT id, kind, since FROM core_privacy_mark WHERE person_id = ANY($1) AND ended_at IS NULL "
        "ORDER BY since, kind, id",
        list(people),
    )
    return [Mark(row["id"], row["kind"], row["since"]) for row in rows]


@dataclass(frozen=True)
class MarkShown:
    """One that stands, with whom it stands for; `name` is None where it is not shown to this viewer."""

    id: UUID
    kind: str
    since: datetime
    person_id: UUID
    name: str | None


async def one(viewer: Viewer, mark_id: UUID) -> MarkShown:
    """For the form that lifts it, under the rights that lifting takes."""
    demand(viewer, HANDLE)
    row = await db.fetchrow(
        "SELECT m.id, m.kind, m.since, m.person_id, p.name FROM core_privacy_mark m "
        "JOIN core_person p ON p.id = m.person_id WHERE m.id = $1 AND m.ended_at IS NULL",
        mark_id,
    )
    if row is None:
        raise NotFound("This does not stand any more.")
    await demand_reach(viewer, HANDLE, [row["person_id"]])
    return MarkShown(row["id"], row["kind"], row["since"], row["person_id"],
                     row["name"] if viewer.may("person.read") else None)  # fmt: skip


async def end(viewer: Viewer, mark_id: UUID, because: str) -> UUID:
    """Lifts it, for a reason that the person was told before (GDPR Art. 18(3)); gives the person's id."""
    demand(viewer, HANDLE)
    because = clean_text(because, "because", longest=1000)
    async with db.transaction():
        row = await db.fetchrow(
            "SELECT person_id, kind FROM core_privacy_mark WHERE id = $1 AND ended_at IS NULL FOR UPDATE", mark_id
        )
        if row is None:
            raise NotFound("This does not stand any more.")
        await demand_reach(viewer, HANDLE, [row["person_id"]])
        if not because:
            raise Invalid("Say why, as you told the person before.", "because")
        await db.execute(
            "UPDATE core_privacy_mark SET ended_at = $2, ended_by = $3, ended_because = $4 WHERE id = $1",
            mark_id, now(), viewer.user_id, because,
        )  # fmt: skip
        subject = f"person/{row['person_id']}"
        entry = NewEntry(subject, "privacy_mark.ended", {"kind": row["kind"]}, {"because": Sealed(subject, because)})
        await append(actor=viewer.actor, entries=[entry])
    return UUID(str(row["person_id"]))
