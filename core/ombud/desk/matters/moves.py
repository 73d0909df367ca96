"""Moving one aspect into another case, with what was said about it alone; and taking that back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.aspects import ASPECTS, may_own
from ombud.desk.cases import may_own as may_own_case
from ombud.desk.cases import refuse_closed
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotNow
from ombud.desk.inbox import mood
from ombud.desk.merges import moving
from ombud.desk.merges.merge import facts_of, lock_both, note, same_people
from ombud.desk.writing import lock_aspect, record, refuse_concerned, subject_of, update
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.speech import sentence
from ombud.trust.ledger import Sealed
from ombud.trust.policy import Arguments, Viewer, decide

OTHER_PEOPLE = (
    "Different people complain in that case. Whoever works on it would read what was said about this aspect. "
    "Say that this is meant, or link the aspects instead."
)


@dataclass(frozen=True)
class MoveShown:
    """One move of an aspect. `undoable`: it is where that move brought it, and may go back."""

    id: UUID
    from_reference: str
    into_reference: str
    by: str
    at: datetime
    undone: bool
    undoable: bool


_MOVES = """
SELECT g.id, g.made_at, g.undone_at, f.reference AS came, t.reference AS went, a.case_id = g.into_case AS here,
    coalesce(nullif(w.display_name, ''), w.name, 'Ombud') AS by
FROM core_merge g JOIN core_merge_row r ON r.merge_id = g.id AND r.what = 'aspect' AND r.row_id = {aspect}
JOIN core_aspect a ON a.id = r.row_id AND {rows}
LEFT JOIN core_case f ON f.id = g.from_case AND {source} LEFT JOIN core_case t ON t.id = g.into_case AND {target}
LEFT JOIN core_user w ON w.id = g.made_by WHERE g.kind = 'move' ORDER BY g.made_at, g.id
"""


async def moves_of(viewer: Viewer, aspect_id: UUID) -> tuple[MoveShown, ...]:
    """The moves of an aspect, oldest first; a case the viewer may not see has no reference. One statement."""
    arguments = Arguments()
    sql = _MOVES.format(
        aspect=arguments.add(aspect_id), rows=decide(viewer, "case.read", "aspect").where("a", arguments),
        source=decide(viewer, "case.read", "case").where("f", arguments),
        target=decide(viewer, "case.read", "case").where("t", arguments),
    )  # fmt: skip
    found = await db.fetch(sql, *arguments.values)
    return tuple(
        MoveShown(
            row["id"], row["came"] or "", row["went"] or "", row["by"], row["made_at"], row["undone_at"] is not None,
            row["undone_at"] is None and row["here"] and bool(row["came"]) and place == len(found),
        )
        for place, row in enumerate(found, 1)
    )  # fmt: skip


async def move(viewer: Viewer, aspect_id: UUID, target_id: UUID, reason: str, *, other_people: bool = False) -> str:
    """Puts an aspect behind those of another case; gives that case's reference. `other_people`: the writer knows that
    different people complain there. Raises NotNow with what stands against it, Invalid where nobody said so."""
    reason = clean_text(reason, "reason", longest=1000, required=True)
    async with db.transaction():
        source, target, aspect = await _locked(viewer, aspect_id, target_id)
        await _refuse(source, target, aspect)
        same = await same_people(source["id"], target["id"])
        if not same and not other_people:
            raise Invalid(OTHER_PEOPLE, "other_people")
        move_id = await note(viewer, "move", source, target, same)
        await _leave_owner(viewer, source, target, aspect)
        told = await moving.aspects_told([aspect_id], [source["id"], target["id"]])
        await _carry(move_id, source["id"], target["id"], aspect_id)
        await db.execute(
            "INSERT INTO core_aspect_past (id, aspect_id, case_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            new_id(), aspect_id, source["id"],
        )  # fmt: skip
        await _tell(viewer, source, target, move_id, aspect_id, told, reason)
        return str(target["reference"])


async def _locked(viewer: Viewer, aspect_id: UUID, target_id: UUID) -> tuple[Record, Record, Record]:
    """Both cases, always locked in the same order, then the aspect."""
    grant, arguments = decide(viewer, "case.write", "aspect"), Arguments()
    place = arguments.add(aspect_id)
    source_id = await db.fetchval(
        f"SELECT a.case_id FROM core_aspect a WHERE a.id = {place} AND {grant.where('a', arguments)}", *arguments.values
    )
    if source_id is not None:
        if source_id == target_id:
            raise Invalid("This is the case the aspect is in. Name another one.", "to")
        await lock_both(viewer, source_id, target_id)
    source, aspect = await lock_aspect(viewer, "case.write", aspect_id)
    if source["id"] != source_id:
        raise NotNow("Somebody moved this aspect a moment ago. Open it again to see where it is.")
    _, target = await lock_both(viewer, source["id"], target_id)
    for each in (source["id"], target_id):
        await refuse_concerned(viewer, each)
    return source, target, aspect


async def _refuse(source: Record, target: Record, aspect: Record) -> None:
    refuse_closed(source)
    if source["aspects_total"] == 1:
        raise NotNow("This is the only aspect of its case. Merge the cases instead.")
    if target["merged_into"] is not None:
        raise NotNow("That case was merged into another one. Name that one.")
    if target["status"] == "closed":
        raise NotNow("That case is closed. Reopen it first, with the reason.")
    if target["aspects_total"] >= ASPECTS:
        raise NotNow(
            sentence("That case holds %(most)s aspects already, which is the most there can be.", most=ASPECTS)
        )
    if not (await facts_of(source, target)).same_entity:
        raise NotNow("The cases belong to different legal entities, which count and report their complaints apart.")
    if target["owner_id"] is not None and aspect["concerns_user_id"] == target["owner_id"]:
        raise NotNow("The owner of that case cannot take this aspect on. Give that case to somebody else first.")


async def _leave_owner(viewer: Viewer, source: Record, target: Record, aspect: Record) -> None:
    """An owner who may not work in the other case lets go of it."""
    if aspect["owner_id"] is None:
        return
    try:
        await may_own(target, aspect, aspect["owner_id"])
        await may_own_case(target, aspect["owner_id"])
    except Invalid:
        await update("core_aspect", aspect["id"], {"owner_id": None})
        await record(viewer, source["id"], "aspect.assigned", {"aspect": str(aspect["id"]), "owner": ""})


# What speaks of an aspect: a message pinned to it, and one a passage or a file's page of which is.
_SPEAKS = """
SELECT m.id, EXISTS (SELECT 1 FROM core_message_aspect p WHERE p.message_id = m.id AND p.aspect_id <> $2)
    OR EXISTS (SELECT 1 FROM core_pin p WHERE p.message_id = m.id AND p.aspect_id <> $2) AS others
FROM core_message m WHERE m.case_id = $1 AND (
    EXISTS (SELECT 1 FROM core_message_aspect p WHERE p.message_id = m.id AND p.aspect_id = $2)
    OR EXISTS (SELECT 1 FROM core_pin p WHERE p.message_id = m.id AND p.aspect_id = $2)
    OR EXISTS (SELECT 1 FROM core_evidence e JOIN core_attachment f ON f.id = e.attachment_id
        WHERE e.aspect_id = $2 AND f.message_id = m.id)
    OR EXISTS (SELECT 1 FROM core_pin p JOIN core_attachment f ON f.id = p.attachment_id
        WHERE p.aspect_id = $2 AND f.message_id = m.id))
"""
_LOOSE = """
SELECT f.id FROM core_attachment f WHERE f.case_id = $1 AND f.message_id IS NULL
AND (EXISTS (SELECT 1 FROM core_evidence e WHERE e.attachment_id = f.id AND e.aspect_id = $2)
    OR EXISTS (SELECT 1 FROM core_pin p WHERE p.attachment_id = f.id AND p.aspect_id = $2))
AND NOT EXISTS (SELECT 1 FROM core_evidence e WHERE e.attachment_id = f.id AND e.aspect_id <> $2)
AND NOT EXISTS (SELECT 1 FROM core_pin p WHERE p.attachment_id = f.id AND p.aspect_id <> $2)
"""


async def _carry(move_id: UUID, source: UUID, target: UUID, aspect_id: UUID) -> None:
    """The aspect, its redress and findings, and messages about it alone; those that speak of more become shared."""
    rows = await db.fetch(_SPEAKS, source, aspect_id)
    alone = [row["id"] for row in rows if not row["others"]]
    shared = [row["id"] for row in rows if row["others"]]
    files = [row["id"] for row in await db.fetch(_LOOSE, source, aspect_id)]
    files += [row["id"] for row in await db.fetch(
        "SELECT id FROM core_attachment WHERE message_id = ANY($1::uuid[])", alone
    )]  # fmt: skip
    await moving.move_some(move_id, source, target, "aspect", [aspect_id])
    await moving.move_some(move_id, source, target, "message", alone)
    await moving.move_some(move_id, source, target, "attachment", files)
    for what in ("redress", "finding"):
        ids = await db.fetch(
            f"SELECT id FROM {moving.TABLES[what]} WHERE case_id = $1 AND aspect_id = $2", source, aspect_id
        )
        await moving.move_some(move_id, source, target, what, [row["id"] for row in ids])
    await db.execute(
        "WITH made AS (INSERT INTO core_shared_message (id, message_id, case_id) SELECT gen_random_uuid(), each, $2 "
        "FROM unnest($3::uuid[]) AS each ON CONFLICT DO NOTHING RETURNING id) "
        "INSERT INTO core_merge_row (id, merge_id, what, row_id, place) "
        "SELECT gen_random_uuid(), $1, 'shared', id, 0 FROM made",
        move_id, target, shared,
    )  # fmt: skip
    await moving.follow_messages(source)
    await moving.follow_aspects(source)
    await moving.close_ranks(source)


async def _tell(
    viewer: Viewer, source: Record, target: Record, move_id: UUID, aspect_id: UUID, told: Sequence[dict[str, Any]],
    reason: str = "", *, undo: bool = False,
) -> None:  # fmt: skip
    """Counts both cases anew, lets their states follow, and writes the entries: in each its own."""
    sealed = {"reason": Sealed(await subject_of(source["id"]), reason)} if reason else {}
    more = {"undo": True} if undo else {}
    left = await _status(source)
    await moving.count_again(source["id"], {"status": left, "changed_at": now()})
    body = {
        "merge": str(move_id), "aspect": str(aspect_id), "into": str(target["id"]), "aspects": [str(aspect_id)],
        "status": left, **more,
    }  # fmt: skip
    await record(viewer, source["id"], "aspect.moved", body, sealed)
    gained = await _status(target)
    await moving.count_again(target["id"], {"status": gained, "changed_at": now()})
    body = {
        "merge": str(move_id), "aspect": str(aspect_id), "from": str(source["id"]), "aspects": list(told),
        "status": gained, **more,
    }  # fmt: skip
    await record(viewer, target["id"], "aspect.arrived", body)
    for each in (source["id"], target["id"]):
        await mood.settle(each, viewer.actor)


async def _status(case: Record) -> str:
    open_ = await db.fetchval("SELECT count(*) FROM core_aspect WHERE case_id = $1 AND status = 'open'", case["id"])
    if not open_:
        return "resolved"
    return "in_progress" if case["status"] == "resolved" else str(case["status"])


async def undo(viewer: Viewer, aspect_id: UUID, move_id: UUID) -> str:
    """Brings an aspect back into the case it came from; gives that case's reference."""
    found = await db.fetchrow(
        "SELECT g.* FROM core_merge g JOIN core_merge_row r ON r.merge_id = g.id AND r.what = 'aspect' "
        "WHERE g.id = $1 AND g.kind = 'move' AND r.row_id = $2",
        move_id, aspect_id,
    )  # fmt: skip
    if found is None:
        raise NotNow("There is no such move of this aspect. Open it again to see how it stands.")
    async with db.transaction():
        there, home, aspect = await _locked(viewer, aspect_id, found["from_case"])
        if there["id"] != found["into_case"]:
            raise NotNow("The aspect was moved on since. Take that back first.")
        await _refuse(there, home, aspect)
        tag = await db.execute(
            "UPDATE core_merge SET undone_at = $2, undone_by = $3 WHERE id = $1 AND undone_at IS NULL",
            move_id, now(), viewer.user_id,
        )  # fmt: skip
        if tag == "UPDATE 0":
            raise NotNow("This move was taken back already.")
        await _leave_owner(viewer, there, home, aspect)
        told = await moving.aspects_told([aspect_id], [there["id"], home["id"]])
        await _carry_back(move_id, there["id"], home["id"], aspect_id)
        await _tell(viewer, there, home, move_id, aspect_id, told, undo=True)
        return str(home["reference"])


async def _carry_back(move_id: UUID, there: UUID, home: UUID, aspect_id: UUID) -> None:
    """What the move brought, and what was said or given about the aspect alone since, goes back with it. That it was
    there once stays known, so that nothing of it shows there to a member of staff it is about."""
    back = new_id()
    await db.execute(
        "INSERT INTO core_merge (id, kind, from_case, into_case, same_people, before, made_at, made_by, undone_at) "
        "SELECT $1, 'move', into_case, from_case, same_people, before, now(), undone_by, now() FROM core_merge "
        "WHERE id = $2",
        back, move_id,
    )  # fmt: skip
    await _carry(back, there, home, aspect_id)
    await db.execute(
        "DELETE FROM core_shared_message s USING core_merge_row r WHERE r.merge_id = $1 AND r.what = 'shared' "
        "AND s.id = r.row_id",
        move_id,
    )
    await db.execute(
        "INSERT INTO core_aspect_past (id, aspect_id, case_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        new_id(), aspect_id, there,
    )  # fmt: skip
    for table in ("core_aspect", "core_message"):
        await db.execute(f"UPDATE {table} SET origin_case_id = NULL WHERE case_id = $1 AND origin_case_id = $1", home)
    await db.execute("DELETE FROM core_merge WHERE id = $1", back)
