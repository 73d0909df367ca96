"""Merging two cases into one, and undoing it: a link, an event, and a list of what moved."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.aspects import ASPECTS
from ombud.desk.checking import clean_text
from ombud.desk.customers import plain
from ombud.desk.errors import Invalid, NotNow
from ombud.desk.inbox import mood
from ombud.desk.merges import moving
from ombud.desk.opening import moment
from ombud.desk.writing import lock_case, record, refuse_concerned, subject_of
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.speech import sentence
from ombud.trust.ledger import Sealed
from ombud.trust.policy import Viewer

OTHER_PEOPLE = (
    "Different people complain in these cases. Each would be read by whoever works on the other. "
    "Say that this is meant, or link the cases instead."
)


@dataclass(frozen=True)
class Facts:
    """What decides whether two cases may become one. `owner_concerned`: the owner of one is whom the other is about."""

    same: bool
    absorbed_merged: bool
    kept_merged: bool
    kept_closed: bool
    same_entity: bool
    aspects: int
    owner_concerned: bool


def obstacle(facts: Facts) -> str:
    """Why they cannot be merged now, with the remedy; empty where they can. Pure."""
    if facts.same:
        return "This is the case itself. Name another one."
    if facts.absorbed_merged:
        return "This case was merged into another one already. Open it again to see which."
    if facts.kept_merged:
        return "The other case was merged into a third one. Name that one."
    if facts.kept_closed:
        return "The case that should hold both is closed. Reopen it first, with the reason."
    if not facts.same_entity:
        return "The cases belong to different legal entities, which count and report their complaints apart."
    if facts.aspects > ASPECTS:
        return sentence(
            "Together they have %(aspects)s aspects; a case holds at most %(most)s.",
            aspects=facts.aspects,
            most=ASPECTS,
        )
    if facts.owner_concerned:
        return "The owner cannot take on all matters of the other case. Give the case to somebody else first."
    return ""


async def lock_both(viewer: Viewer, one: UUID, other: UUID) -> tuple[Record, Record]:
    """Both rows, always locked in the same order, so that two people who merge at once wait for each other."""
    rows = {each: await lock_case(viewer, "case.write", each, merged=True) for each in sorted({one, other})}
    return rows[one], rows[other]


async def facts_of(absorbed: Mapping[str, Any], kept: Mapping[str, Any]) -> Facts:
    row = await db.fetchrow(_ABOUT_BOTH, absorbed["id"], kept["id"], absorbed["unit_id"], kept["unit_id"])
    assert row is not None
    return Facts(
        absorbed["id"] == kept["id"], absorbed["merged_into"] is not None, kept["merged_into"] is not None,
        kept["status"] == "closed", row["entity"] == row["other_entity"], row["aspects"], row["owner_concerned"],
    )  # fmt: skip


_ENTITY = """
(WITH RECURSIVE up AS (SELECT id, parent_id, kind FROM core_unit WHERE id = {unit}
    UNION SELECT u.id, u.parent_id, u.kind FROM core_unit u JOIN up ON u.id = up.parent_id AND up.kind <> 'entity')
SELECT id FROM up ORDER BY (kind = 'entity') DESC, (parent_id IS NULL) DESC LIMIT 1)
"""
_ABOUT_BOTH = f"""
SELECT {_ENTITY.format(unit="$3")} AS entity, {_ENTITY.format(unit="$4")} AS other_entity,
    (SELECT count(*) FROM core_aspect WHERE case_id = ANY(ARRAY[$1, $2]::uuid[])) AS aspects,
    EXISTS (SELECT 1 FROM core_aspect a JOIN core_case c ON c.id = $2 WHERE a.case_id = $1
        AND a.concerns_user_id = c.owner_id) AS owner_concerned
"""


async def same_people(one: UUID, other: UUID) -> bool:
    """Whether each complainant of one case is one of the other: the same record, e-mail address or telephone."""
    rows = await db.fetch(
        "SELECT y.case_id, p.id, lower(p.email) AS email, p.phone FROM core_party y JOIN core_person p "
        "ON p.id = y.person_id WHERE y.case_id = ANY($1::uuid[]) AND y.role = 'complainant'",
        [one, other],
    )
    sides = [[_marks(row) for row in rows if row["case_id"] == side] for side in (one, other)]
    return all(any(mine & theirs for theirs in sides[1]) for mine in sides[0]) and all(
        any(mine & theirs for theirs in sides[0]) for mine in sides[1]
    )


def _marks(row: Mapping[str, Any]) -> frozenset[str]:
    """By what a person is known. Names do not count: two people share them."""
    phone = plain("phone", row["phone"])
    return frozenset(each for each in (str(row["id"]), row["email"], phone if len(phone) > 6 else "") if each)


async def merge(viewer: Viewer, absorbed_id: UUID, kept_id: UUID, reason: str, *, other_people: bool = False) -> UUID:
    """Puts all of one case into the other and closes it; returns the merge. `other_people`: the writer knows that
    different people complain. Raises NotNow with the obstacle, Invalid where the people differ and nobody said so."""
    reason = clean_text(reason, "reason", longest=1000, required=True)
    async with db.transaction():
        absorbed, kept = await lock_both(viewer, absorbed_id, kept_id)
        for each in (absorbed_id, kept_id):
            await refuse_concerned(viewer, each)
        if stops := obstacle(await facts_of(absorbed, kept)):
            raise NotNow(stops)
        same = await same_people(absorbed_id, kept_id)
        if not same and not other_people:
            raise Invalid(OTHER_PEOPLE, "other_people")
        merge_id = await note(viewer, "merge", absorbed, kept, same)
        told = await _aspects(absorbed_id, kept_id)
        sealed = {"reason": Sealed(await subject_of(absorbed_id), reason)}
        await moving.move(merge_id, absorbed_id, kept_id)
        await _leave(viewer, absorbed, kept_id, merge_id, told, sealed)
        await _gain(viewer, absorbed, kept, merge_id, told)
        await mood.settle(kept_id, viewer.actor)
        return merge_id


async def _aspects(source: UUID, target: UUID) -> list[dict[str, Any]]:
    rows = await db.fetch("SELECT id FROM core_aspect WHERE case_id = $1", source)
    return await moving.aspects_told([row["id"] for row in rows], [source, target])


async def note(viewer: Viewer, kind: str, source: Record, target: Record, same: bool) -> UUID:
    """Writes down that one case goes into, or comes out of, another; the rows that move refer to it."""
    merge_id = new_id()
    before = {"from": standing(source), "into": standing(target)}
    await db.execute(
        "INSERT INTO core_merge (id, kind, from_case, into_case, same_people, before, made_at, made_by) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        merge_id, kind, source["id"], target["id"], same, before, now(), viewer.user_id,
    )  # fmt: skip
    return merge_id


def standing(case: Mapping[str, Any]) -> dict[str, str]:
    """What undoing puts back, as text."""
    times = {name: moment(case[name]) if case[name] else "" for name in ("received_at", "due_at", "closed_at")}
    return {"status": case["status"], "received_on": case["received_on"].isoformat(), **times}


async def _leave(
    viewer: Viewer, case: Record, into: UUID, merge_id: UUID, told: list[dict[str, Any]], sealed: dict[str, Sealed]
) -> None:
    at = now()
    gone = {"status": "closed", "closed_at": case["closed_at"] or at, "merged_into": into, "changed_at": at}
    await moving.count_again(case["id"], gone)
    body = {"merge": str(merge_id), "into": str(into), "status": "closed", "aspects": [each["id"] for each in told]}
    await record(viewer, case["id"], "case.merged", body, sealed)


async def _gain(viewer: Viewer, absorbed: Record, kept: Record, merge_id: UUID, told: list[dict[str, Any]]) -> None:
    """The clock of the case that stays runs from whichever came first, and is due when the first of both was."""
    first = min(absorbed, kept, key=lambda each: each["received_at"])
    due_at = min((each["due_at"] for each in (absorbed, kept) if each["due_at"]), default=None)
    undecided = any(each["status"] == "open" for each in told)
    status = _status(kept["status"], 1) if undecided else kept["status"]
    values = {
        "received_at": first["received_at"], "received_on": first["received_on"], "due_at": due_at, "status": status,
        "confidential": kept["confidential"] or absorbed["confidential"], "changed_at": now(),
        "last_word_at": max(absorbed["last_word_at"], kept["last_word_at"]),
    }  # fmt: skip
    await moving.count_again(kept["id"], values)
    await _told(viewer, kept["id"], "case.absorbed", merge_id, absorbed["id"], told, values)


async def _told(
    viewer: Viewer, case_id: UUID, kind: str, merge_id: UUID, other: UUID, told: list[dict[str, Any]],
    values: Mapping[str, Any],
) -> None:  # fmt: skip
    body = {
        "merge": str(merge_id), "from": str(other), "aspects": told, "status": values["status"],
        "received_at": moment(values["received_at"]), "due_at": moment(values["due_at"]) if values["due_at"] else "",
    }  # fmt: skip
    if "confidential" in values:
        body["confidential"] = values["confidential"]
    await record(viewer, case_id, kind, body)


async def undo(viewer: Viewer, merge_id: UUID) -> str:
    """Parts them again, with what was said since and belongs to the case that returns; gives its reference."""
    found = await db.fetchrow("SELECT * FROM core_merge WHERE id = $1 AND kind = 'merge'", merge_id)
    if found is None:
        raise NotNow("There is no such merge. Open the case again to see how it stands.")
    async with db.transaction():
        absorbed, kept = await lock_both(viewer, found["from_case"], found["into_case"])
        for each in (absorbed, kept):
            await refuse_concerned(viewer, each["id"])
        _undoable(absorbed, kept)
        tag = await db.execute(
            "UPDATE core_merge SET undone_at = $2, undone_by = $3 WHERE id = $1 AND undone_at IS NULL",
            merge_id, now(), viewer.user_id,
        )  # fmt: skip
        if tag == "UPDATE 0":
            raise NotNow("This merge was undone already.")
        await moving.move_back(merge_id, absorbed["id"], kept["id"])
        for each in (absorbed, kept):
            await moving.close_ranks(each["id"])
        await _restore(viewer, absorbed, found)
        await _part(viewer, absorbed["id"], kept, found)
        for each in (absorbed["id"], kept["id"]):
            await mood.settle(each, viewer.actor)
        return str(absorbed["reference"])


def _undoable(absorbed: Record, kept: Record) -> None:
    if kept["merged_into"] is not None:
        raise NotNow("The case was merged on into a third one. Undo that merge first.")
    if kept["status"] == "closed":
        raise NotNow("The case is closed. Reopen it first, with the reason.")
    if absorbed["merged_into"] != kept["id"]:
        raise NotNow("This merge was undone already.")


async def _restore(viewer: Viewer, absorbed: Record, found: Record) -> None:
    before = found["before"]["from"]
    open_ = await db.fetchval("SELECT count(*) FROM core_aspect WHERE case_id = $1 AND status = 'open'", absorbed["id"])
    status = before["status"]
    if status in {"closed", "resolved"} and open_:
        status = "in_progress"
    elif status in {"new", "in_progress"} and not open_:
        status = "resolved"
    closed_at = datetime.fromisoformat(before["closed_at"]) if status == "closed" else None
    values = {"status": status, "closed_at": closed_at, "merged_into": None, "changed_at": now()}
    await moving.count_again(absorbed["id"], values)
    told = await _aspects(absorbed["id"], found["into_case"])
    whole = {**values, "received_at": absorbed["received_at"], "due_at": absorbed["due_at"]}
    await _told(viewer, absorbed["id"], "case.restored", found["id"], found["into_case"], told, whole)


async def _part(viewer: Viewer, absorbed_id: UUID, kept: Record, found: Record) -> None:
    """The clock goes back to what it was, unless somebody set it meanwhile; confidential stays confidential."""
    before, merged = found["before"]["into"], found["before"]["from"]
    values: dict[str, Any] = {"changed_at": now()}
    for name in ("received_at", "due_at"):
        was = [datetime.fromisoformat(each[name]) for each in (before, merged) if each[name]]
        if was and kept[name] == min(was):
            values[name] = datetime.fromisoformat(before[name]) if before[name] else None
    if "received_at" in values:
        values["received_on"] = datetime.fromisoformat(before["received_on"]).date()
    row = await db.fetchrow(
        "SELECT count(*) AS total, count(*) FILTER (WHERE status = 'open') AS open FROM core_aspect WHERE case_id = $1",
        kept["id"],
    )
    assert row is not None
    if row["total"] == 0:
        raise NotNow("Nothing would be left in this case. Add an aspect first.")
    values["status"] = (
        "resolved" if not row["open"] else ("in_progress" if kept["status"] == "resolved" else kept["status"])
    )
    await moving.count_again(kept["id"], values)
    gone = await db.fetch(
        "SELECT r.row_id FROM core_merge_row r JOIN core_aspect a ON a.id = r.row_id AND a.case_id = $2 "
        "WHERE r.merge_id = $1 AND r.what = 'aspect'",
        found["id"], absorbed_id,
    )  # fmt: skip
    whole = {"received_at": kept["received_at"], "due_at": kept["due_at"], **values}
    body = {
        "merge": str(found["id"]), "from": str(absorbed_id), "aspects": [str(row["row_id"]) for row in gone],
        "status": values["status"], "received_at": moment(whole["received_at"]),
        "due_at": moment(whole["due_at"]) if whole["due_at"] else "",
    }  # fmt: skip
    await record(viewer, kept["id"], "case.parted", body)


def _status(was: str, undecided: int) -> str:
    if not undecided:
        return "resolved"
    return "in_progress" if was == "resolved" else was
