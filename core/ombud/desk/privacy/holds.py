"""Legal holds: while one stands on a case or a person, nothing of it is erased, whoever orders it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotFound, NotNow
from ombud.desk.writing import case_id_of, demand
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud.trust.policy import Arguments, Viewer, about_me, decide

ERASE = "privacy.erase"


@dataclass(frozen=True)
class HoldShown:
    """One hold. `about`: the case's reference or the person's name, None where it is not shown."""

    id: UUID
    case: str
    person_id: UUID | None
    about: str | None
    reason: str
    source: str
    review_on: date | None
    placed_at: datetime
    by: str
    lifted_at: datetime | None
    lifted_because: str


async def place(viewer: Viewer, reason: str, source: str, review_on: date | None, *, reference: str = "",
                person_id: UUID | None = None) -> UUID:  # fmt: skip
    """On one case, or on all that is kept of a person."""
    demand(viewer, ERASE)
    reason = clean_text(reason, "reason", longest=2000)
    source = clean_text(source, "source", longest=300)
    if not reason:
        raise Invalid("Say why it must be kept, such as the proceedings it belongs to.", "reason")
    if not source:
        raise Invalid("Say on which law or order the hold rests.", "source")
    case_id = await case_id_of(viewer, reference) if reference else None
    if case_id is None and person_id is None:
        raise Invalid("Say which case is to be kept.", "case")
    if person_id is not None:
        await _demand_person(viewer, person_id)
    made = new_id()
    async with db.transaction():
        known = await db.fetchval(
            "SELECT TRUE FROM core_privacy_hold WHERE lifted_at IS NULL AND case_id IS NOT DISTINCT FROM $1 "
            "AND person_id IS NOT DISTINCT FROM $2",
            case_id, person_id,
        )  # fmt: skip
        if known:
            raise NotNow("A hold stands there already.")
        await db.execute(
            "INSERT INTO core_privacy_hold (id, case_id, person_id, reason, source, review_on, placed_at, placed_by, "
            "lifted_because) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '')",
            made, case_id, person_id, reason, source, review_on, now(), viewer.user_id,
        )  # fmt: skip
        await _tell(viewer, made, case_id, person_id, "privacy_hold.placed", {"reason": reason, "source": source})
    return made


async def _demand_person(viewer: Viewer, person_id: UUID) -> None:
    grant, arguments = decide(viewer, "person.read", "person"), Arguments()
    place_ = arguments.add(person_id)
    sql = f"SELECT TRUE FROM core_person p WHERE p.id = {place_} AND {grant.where('p', arguments)}"
    if not await db.fetchval(sql, *arguments.values):
        raise NotFound("There is no such person that you may see.")


async def lift(viewer: Viewer, hold_id: UUID, because: str) -> None:
    """Ends a hold; what was ordered meanwhile must be ordered again."""
    demand(viewer, ERASE)
    because = clean_text(because, "because", longest=2000)
    if not because:
        raise Invalid("Say why the hold ends.", "because")
    async with db.transaction():
        seen = [each for each in await holds(viewer) if each.id == hold_id]
        row = await db.fetchrow("SELECT * FROM core_privacy_hold WHERE id = $1 FOR UPDATE", hold_id)
        if row is None or not seen:
            raise NotFound("There is no such hold that you may see.")
        if row["lifted_at"] is not None:
            raise NotNow("This hold was lifted before.")
        await db.execute(
            "UPDATE core_privacy_hold SET lifted_at = $2, lifted_by = $3, lifted_because = $4 WHERE id = $1",
            hold_id, now(), viewer.user_id, because,
        )  # fmt: skip
        await _tell(viewer, hold_id, row["case_id"], row["person_id"], "privacy_hold.lifted", {"because": because})


async def _tell(
    viewer: Viewer, hold_id: UUID, case_id: UUID | None, person_id: UUID | None, kind: str, words: dict[str, str]
) -> None:
    subject = f"privacy-hold/{hold_id}"
    body = {"case": str(case_id or ""), "person": str(person_id or "")}
    sealed = {name: Sealed(subject, text) for name, text in words.items()}
    await append(actor=viewer.actor, entries=[NewEntry(subject, kind, body, sealed)])


async def holds(viewer: Viewer) -> list[HoldShown]:
    """Those on cases and people in view, standing ones first. Nobody sees one where an aspect is about them."""
    demand(viewer, ERASE)
    arguments = Arguments()
    cases = decide(viewer, "case.read", "case").where("c", arguments)
    people = decide(viewer, "person.read", "person").where("p", arguments)
    me = "FALSE" if viewer.system else about_me("c.id", arguments.add(viewer.user_id))
    rows = await db.fetch(
        "SELECT h.*, c.reference, p.name, coalesce(nullif(u.display_name, ''), u.name, '') AS by "
        "FROM core_privacy_hold h LEFT JOIN core_case c ON c.id = h.case_id LEFT JOIN core_person p "
        "ON p.id = h.person_id LEFT JOIN core_user u ON u.id = h.placed_by "
        f"WHERE (h.case_id IS NOT NULL AND {cases} AND NOT {me}) OR (h.person_id IS NOT NULL AND {people}) "
        "ORDER BY h.lifted_at DESC NULLS FIRST, h.placed_at DESC LIMIT 200",
        *arguments.values,
    )
    return [
        HoldShown(
            row["id"], row["reference"] or "", row["person_id"], row["reference"] or row["name"], row["reason"],
            row["source"], row["review_on"], row["placed_at"], row["by"], row["lifted_at"], row["lifted_because"],
        )
        for row in rows
    ]  # fmt: skip


async def standing(people: Collection[UUID]) -> tuple[set[UUID], dict[UUID, str]]:
    """Of these records: whom a hold keeps whole, and their cases that one keeps, with the law it rests on. For core's
    own erasure, which asks nobody's rights."""
    rows = await db.fetch(
        "SELECT h.person_id, h.case_id, h.source FROM core_privacy_hold h WHERE h.lifted_at IS NULL "
        "AND (h.person_id = ANY($1) OR h.case_id IN (SELECT case_id FROM core_party WHERE person_id = ANY($1)))",
        list(people),
    )
    whole = {row["person_id"] for row in rows if row["person_id"]}
    return whole, {row["case_id"]: row["source"] for row in rows if row["case_id"]}
