"""Splitting a case: some of its aspects go on as a case of their own, with the same people and the same clock.

What was said stays one message: what is pinned to those aspects alone goes with them, the rest is shared by both cases.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk import queues, references
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotNow
from ombud.desk.fields import coded, schema_of
from ombud.desk.inbox import mood
from ombud.desk.merges import moving
from ombud.desk.merges.merge import note
from ombud.desk.opening import moment
from ombud.desk.promises import promises_in
from ombud.desk.words import is_language
from ombud.desk.writing import lock_case, record, refuse_concerned, subject_of
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.process import settings
from ombud.trust import links
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud.trust.policy import Viewer


async def split(viewer: Viewer, case_id: UUID, aspect_ids: Sequence[UUID], reason: str) -> str:
    """Gives the reference of the new case. Raises Invalid where nothing is chosen or nothing would be left."""
    reason = clean_text(reason, "reason", longest=1000, required=True)
    chosen = list(dict.fromkeys(aspect_ids))
    async with db.transaction():
        case = await lock_case(viewer, "case.write", case_id)
        await refuse_concerned(viewer, case_id)
        if case["status"] == "closed":
            raise NotNow("The case is closed. Reopen it first, with the reason.")
        moved = await _chosen(case, chosen)
        opened = await _open(viewer, case, moved)
        merge_id = await note(viewer, "split", case, opened, same=True)
        told = await moving.aspects_told(chosen, [case_id])
        sealed = {"reason": Sealed(await subject_of(case_id), reason)}
        await _move(merge_id, case_id, opened["id"], chosen)
        await _leave(viewer, case, opened["id"], merge_id, chosen, sealed)
        await _arrive(viewer, case, opened, merge_id, told)
        for each in (case_id, opened["id"]):
            await mood.settle(each, viewer.actor)
        return str(opened["reference"])


async def _chosen(case: Record, chosen: list[UUID]) -> list[Record]:
    if not chosen:
        raise Invalid("Choose at least one aspect that should go on by itself.", "aspects")
    rows = await db.fetch(
        "SELECT * FROM core_aspect WHERE case_id = $1 AND id = ANY($2::uuid[]) ORDER BY position", case["id"], chosen
    )
    if len(rows) != len(chosen):
        raise Invalid("One of the aspects is not in this case. Open the case again.", "aspects")
    if len(rows) == case["aspects_total"]:
        raise Invalid("At least one aspect stays in this case. Leave one out.", "aspects")
    return rows


_OPENED = """
INSERT INTO core_case (id, reference, unit_id, case_type, title, status, priority, severity, owner_id, queue_id,
    channel, language, confidential, received_at, received_on, opened_at, due_at, changed_at, closed_at, fields,
    aspects_total, aspects_closed, mood, last_word_at, last_word_channel, version)
SELECT $2, $3, c.unit_id, c.case_type, $4, $5, $6, $7, NULL, $8, c.channel, c.language, c.confidential, c.received_at,
    c.received_on, $9, $10, $9, NULL, c.fields, 0, 0, '', c.last_word_at, c.last_word_channel, 1
FROM core_case c WHERE c.id = $1 RETURNING *
"""


async def _open(viewer: Viewer, case: Record, moved: Sequence[Record]) -> Record:
    """The new case with the people of the old one; nobody owns it, and its queue is chosen anew."""
    first = moved[0]
    undecided = any(row["status"] == "open" for row in moved)
    number = await db.fetchval("SELECT nextval('core_case_number')")
    reference = references.make(int(number), settings().complaints.reference_prefix)
    severity = max(row["severity"] for row in moved)
    due_at = min((row["due_at"] for row in moved if row["due_at"]), default=case["due_at"])
    facts = {**dict(case), "category": first["category"], "priority": first["priority"], "severity": severity}
    facts["account"] = await db.fetchval(f"SELECT {queues.ACCOUNT.format(case='c')} FROM core_case c WHERE id = $1",
                                         case["id"])  # fmt: skip
    rows = await db.fetch("SELECT * FROM core_queue WHERE active")
    opened = await db.fetchrow(
        _OPENED, case["id"], new_id(), reference, first["title"], "new" if undecided else "resolved",
        first["priority"], severity, queues.choose(facts, [dict(row) for row in rows]), now(), due_at,
    )  # fmt: skip
    assert opened is not None
    await _people(case, opened)
    return opened


async def _people(case: Record, opened: Record) -> None:
    """The same people in the same roles, with the same confirmed support needs."""
    for table, columns in (
        ("core_party", "person_id, role, authority, authority_until, created_at"),
        ("core_support_needs", "person_id, in_vulnerable_circumstances, complains_of_our_response, adjustments, "
         "lawful_basis, confirmed_by, confirmed_at, review_on, version"),
    ):  # fmt: skip
        await db.execute(
            f"INSERT INTO {table} (id, case_id, {columns}) SELECT gen_random_uuid(), $2, {columns} FROM {table} "
            "WHERE case_id = $1 ORDER BY id",
            case["id"],
            opened["id"],
        )


_PINNED_ELSEWHERE = (
    "EXISTS (SELECT 1 FROM core_message_aspect p WHERE p.message_id = m.id AND NOT p.aspect_id = ANY($2::uuid[]))"
)
_PINNED_HERE = (
    "EXISTS (SELECT 1 FROM core_message_aspect p WHERE p.message_id = m.id AND p.aspect_id = ANY($2::uuid[]))"
)


async def _move(merge_id: UUID, source: UUID, target: UUID, aspects: list[UUID]) -> None:
    rows = await db.fetch(
        f"SELECT m.id FROM core_message m WHERE m.case_id = $1 AND {_PINNED_HERE} AND NOT {_PINNED_ELSEWHERE}",
        source, aspects,
    )  # fmt: skip
    said = [row["id"] for row in rows]
    await moving.move_some(merge_id, source, target, "aspect", aspects)
    await moving.move_some(merge_id, source, target, "message", said)
    for what, of in (("attachment", "message_id"), ("redress", "aspect_id"), ("finding", "aspect_id")):
        ids = await db.fetch(
            f"SELECT id FROM {moving.TABLES[what]} WHERE case_id = $1 AND {of} = ANY($2::uuid[])",
            source, said if of == "message_id" else aspects,
        )  # fmt: skip
        await moving.move_some(merge_id, source, target, what, [row["id"] for row in ids])
    await db.execute(
        "INSERT INTO core_shared_message (id, message_id, case_id) SELECT gen_random_uuid(), each, $2 FROM ("
        "SELECT id AS each FROM core_message WHERE case_id = $1 UNION "
        "SELECT message_id FROM core_shared_message WHERE case_id = $1) AS shared ON CONFLICT DO NOTHING",
        source, target,
    )  # fmt: skip
    await moving.follow_messages(source)
    await moving.close_ranks(source)


async def _leave(
    viewer: Viewer, case: Record, into: UUID, merge_id: UUID, gone: Sequence[UUID], sealed: dict[str, Sealed]
) -> None:
    left = await db.fetchval("SELECT count(*) FROM core_aspect WHERE case_id = $1 AND status = 'open'", case["id"])
    status = case["status"] if left else "resolved"
    await moving.count_again(case["id"], {"status": status, "changed_at": now()})
    body = {"merge": str(merge_id), "into": str(into), "status": status, "aspects": [str(each) for each in gone]}
    await record(viewer, case["id"], "case.split", body, sealed)


async def _arrive(viewer: Viewer, case: Record, opened: Record, merge_id: UUID, told: list[dict[str, Any]]) -> None:
    await moving.count_again(opened["id"], {"changed_at": now()})
    person = await db.fetchval(
        "SELECT person_id FROM core_party WHERE case_id = $1 AND role = 'complainant' ORDER BY created_at, id LIMIT 1",
        opened["id"],
    )
    subject = await subject_of(opened["id"])
    body: dict[str, Any] = {
        "reference": opened["reference"], "unit": str(opened["unit_id"]), "channel": opened["channel"],
        "status": opened["status"], "case_type": opened["case_type"], "priority": opened["priority"],
        "severity": opened["severity"], "owner": "", "queue": str(opened["queue_id"] or ""),
        "received_at": moment(opened["received_at"]), "due_at": _moment(opened["due_at"]), "person": str(person or ""),
        "aspects": [], "confidential": opened["confidential"], "split_from": str(case["id"]),
        "language": opened["language"] if is_language(opened["language"]) else "",
        "coded": coded(await schema_of(opened["case_type"]), opened["fields"]),
    }  # fmt: skip
    entries = [
        NewEntry(f"case/{opened['id']}", "case.opened", body, {"title": Sealed(subject, opened["title"])}),
        NewEntry(
            f"case/{opened['id']}", "case.split_off",
            {"merge": str(merge_id), "from": str(case["id"]), "aspects": told},
        ),
    ]  # fmt: skip
    await append(actor=viewer.actor, cause=f"command/{merge_id}", entries=entries)
    if person is not None:
        promised = await promises_in(opened["unit_id"])
        await links.make(opened["id"], person, links.TRACK, promised.tracking_link_days, actor=viewer.actor)


def _moment(at: datetime | None) -> str:
    return moment(at) if at else ""
