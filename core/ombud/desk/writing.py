"""The common steps of every change: find what the viewer may change, lock it, compare versions, write, record."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk import references
from ombud.desk.because import cause_now, explained
from ombud.desk.errors import Changed, NotAllowed, NotFound, NotNow
from ombud.kernel.database import db
from ombud.speech import sentence
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud.trust.policy import Arguments, Viewer, about_me, decide


def demand(viewer: Viewer, permission: str) -> None:
    """Refuses at once what the viewer may do nowhere."""
    if not viewer.may(permission):
        raise NotAllowed("Your roles do not allow this. Ask an administrator of this desk for the right one.")


async def case_id_of(viewer: Viewer, reference: str) -> UUID:
    """The id of a case the viewer may see; raises NotFound with one text for missing and hidden."""
    grant, arguments = decide(viewer, "case.read", "case"), Arguments()
    place = arguments.add(references.tidy(reference) or reference)
    found = await db.fetchval(
        f"SELECT c.id FROM core_case c WHERE c.reference = {place} AND {grant.where('c', arguments)}", *arguments.values
    )
    if found is None:
        raise no_case(reference)
    return UUID(str(found))


def no_case(reference: object) -> NotFound:
    return NotFound(
        sentence(
            "There is no case %(reference)s that you may see. Check the reference, or ask a team leader.",
            reference=reference,
        )
    )


async def lock_case(viewer: Viewer, permission: str, case_id: UUID, *, merged: bool = False) -> Record:
    """The case row, locked until the commit: what serialises its changes and its ledger stream. One that was merged
    into another is refused, unless `merged`."""
    demand(viewer, permission)
    grant, arguments = decide(viewer, permission, "case"), Arguments()
    place = arguments.add(case_id)
    row = await db.fetchrow(
        f"SELECT c.* FROM core_case c WHERE c.id = {place} AND {grant.where('c', arguments)} FOR UPDATE OF c",
        *arguments.values,
    )
    if row is None:
        raise no_case(case_id)
    if row["merged_into"] is not None and not merged:
        raise NotNow("This case was merged into another one. Open it again and work there.")
    if row["destroyed_at"] is not None:
        raise NotNow("This case was destroyed at the end of its time. Nothing can be added to it.")
    return row


async def lock_aspect(viewer: Viewer, permission: str, aspect_id: UUID) -> tuple[Record, Record]:
    """The case row and the aspect row, locked in that order."""
    demand(viewer, permission)
    grant, arguments = decide(viewer, permission, "aspect"), Arguments()
    place = arguments.add(aspect_id)
    found = await db.fetchrow(
        f"SELECT a.case_id FROM core_aspect a WHERE a.id = {place} AND {grant.where('a', arguments)}", *arguments.values
    )
    if found is None:
        raise NotFound("There is no such aspect that you may see. Open the case again; it may have been moved.")
    case = await lock_case(viewer, permission, found["case_id"])
    aspect = await db.fetchrow("SELECT * FROM core_aspect WHERE id = $1 FOR UPDATE", aspect_id)
    assert aspect is not None
    return case, aspect


async def refuse_concerned(viewer: Viewer, case_id: UUID) -> None:
    """Whoever one of the aspects is about changes nothing that speaks of the case as a whole, and is not told why."""
    if viewer.user_id is None:
        return
    concerned = f"SELECT {about_me('$1', '$2')}"
    if await db.fetchval(concerned, case_id, viewer.user_id):
        raise not_for_them()


def not_for_them() -> NotAllowed:
    return NotAllowed("You cannot do this in this case. Ask your team leader.")


def check_version(what: str, row: Mapping[str, Any], version: int | None, yours: Mapping[str, Any]) -> None:
    """Refuses a change made on an older version, with both sides; None means the writer saw no version (a machine)."""
    if version is not None and row["version"] != version:
        raise Changed(what, row["version"], {key: row.get(key) for key in yours}, yours)


async def update(table: str, identity: UUID, values: Mapping[str, Any]) -> None:
    """Writes the columns and counts the version up."""
    columns = list(values)
    sets = ", ".join(f"{column} = ${place}" for place, column in enumerate(columns, 2))
    await db.execute(
        f"UPDATE {table} SET {sets}, version = version + 1 WHERE id = $1", identity, *(values[each] for each in columns)
    )


async def record(
    viewer: Viewer,
    case_id: UUID,
    kind: str,
    body: Mapping[str, Any],
    sealed: Mapping[str, Sealed] | None = None,
    *,
    cause: str = "",
) -> None:
    cause = cause or cause_now()
    entry = NewEntry(f"case/{case_id}", kind, explained(body), sealed or {})
    await append(actor=viewer.actor, cause=cause, entries=[entry])


async def subject_of(case_id: UUID) -> str:
    """Whose key seals free text about a case: that of its first complainant who was not erased, else the case's own."""
    person = await db.fetchval(
        "SELECT y.person_id FROM core_party y JOIN core_person p ON p.id = y.person_id WHERE y.case_id = $1 "
        "AND y.role = 'complainant' AND p.erased_at IS NULL ORDER BY y.created_at, y.id LIMIT 1",
        case_id,
    )
    return f"person/{person}" if person else f"case/{case_id}"
