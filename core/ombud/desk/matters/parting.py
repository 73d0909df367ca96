"""Splitting an aspect in two inside its case, and putting the two together again."""

from collections.abc import Sequence
from uuid import UUID

from asyncpg import ForeignKeyViolationError, Record

from ombud.desk import taxonomies
from ombud.desk.aspects import ASPECTS
from ombud.desk.cases import refuse_closed
from ombud.desk.checking import clean_text
from ombud.desk.errors import NotNow
from ombud.desk.matters.ties import note_tie
from ombud.desk.merges import moving
from ombud.desk.opening import moment, shortened
from ombud.desk.words import is_code
from ombud.desk.writing import lock_aspect, record, subject_of
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.process import settings
from ombud.speech import sentence
from ombud.trust.ledger import Sealed
from ombud.trust.policy import Viewer

# What may go along, by the form's name.
GOES_ALONG = {"evidence": "core_evidence", "task": "core_task", "pin": "core_pin"}


async def part(
    viewer: Viewer, aspect_id: UUID, text: str, title: str = "", category: str = "",
    going: dict[str, Sequence[UUID]] | None = None,
) -> UUID:  # fmt: skip
    """A second aspect beside this one, with its owner, clock, priority and whom it is about; what is named in `going`
    (evidence, task, pin) goes along. Messages that speak of this one speak of both."""
    text = clean_text(text, "text", longest=settings().limits.text_chars, required=True)
    title = clean_text(title, "title", longest=200) or shortened(text, 80)
    category = clean_text(category, "category", longest=200)
    async with db.transaction():
        case, aspect = await lock_aspect(viewer, "case.write", aspect_id)
        refuse_closed(case)
        if aspect["status"] == "closed":
            raise NotNow("This aspect is decided already. Reopen it first, with the reason.")
        if case["aspects_total"] >= ASPECTS:
            raise NotNow(
                sentence("A case holds at most %(most)s aspects. Put what belongs together into one.", most=ASPECTS)
            )
        category = await taxonomies.coded("category", case["unit_id"], taxonomies.today(), category)
        made = await _insert(viewer, case, aspect, text, title, category or aspect["category"])
        for what, ids in (going or {}).items():
            await db.execute(
                f"UPDATE {GOES_ALONG[what]} SET aspect_id = $1 WHERE aspect_id = $2 AND id = ANY($3::uuid[])",
                made, aspect_id, list(ids),
            )  # fmt: skip
        await db.execute(
            "INSERT INTO core_message_aspect (id, message_id, aspect_id) SELECT gen_random_uuid(), message_id, $1 "
            "FROM core_message_aspect WHERE aspect_id = $2",
            made, aspect_id,
        )  # fmt: skip
        await note_tie(viewer, made, aspect_id, "split_from")
        return made


async def _insert(viewer: Viewer, case: Record, aspect: Record, text: str, title: str, category: str) -> UUID:
    identity = new_id()
    place = int(await db.fetchval("SELECT max(position) FROM core_aspect WHERE case_id = $1", case["id"])) + 1
    await db.execute(
        "INSERT INTO core_aspect (id, case_id, position, title, text, category, status, priority, severity, owner_id, "
        "queue_id, concerns_user_id, due_at, version) "
        "SELECT $2, case_id, $3, $4, $5, $6, 'open', priority, severity, owner_id, queue_id, concerns_user_id, "
        "due_at, 1 FROM core_aspect WHERE id = $1",
        aspect["id"], identity, place, title, text, category,
    )  # fmt: skip
    await moving.count_again(case["id"], {"changed_at": now()})
    subject = await subject_of(case["id"])
    sealed = {"title": Sealed(subject, title), "text": Sealed(subject, text)}
    sealed |= {} if is_code(category) else {"category": Sealed(subject, category)}
    body = {
        "aspect": str(identity), "position": place, "category": category if is_code(category) else "",
        "priority": aspect["priority"], "severity": aspect["severity"], "owner": str(aspect["owner_id"] or ""),
        "about": str(aspect["concerns_user_id"] or ""), "split_from": str(aspect["id"]),
        "due_at": moment(aspect["due_at"]) if aspect["due_at"] else "",
    }  # fmt: skip
    await record(viewer, case["id"], "aspect.added", body, sealed)
    await record(viewer, case["id"], "aspect.parted", {"aspect": str(aspect["id"]), "made": str(identity)})
    return identity


async def join(viewer: Viewer, aspect_id: UUID) -> UUID:
    """Takes a split back: what the split aspect holds by now goes to the one it came from, whose id is the answer, and
    it is gone. Not once it is decided, has redress, or is about a member of staff: those stand for themselves."""
    async with db.transaction():
        case, aspect = await lock_aspect(viewer, "case.write", aspect_id)
        refuse_closed(case)
        into = await db.fetchval(
            "SELECT a.id FROM core_aspect_link l JOIN core_aspect a ON a.id = l.other_id "
            "WHERE l.aspect_id = $1 AND l.kind = 'split_from' AND a.case_id = $2 AND a.status = 'open'",
            aspect_id, case["id"],
        )  # fmt: skip
        if into is None:
            raise NotNow("The aspect it was split from is not open in this case any more.")
        if aspect["status"] == "closed":
            raise NotNow("This aspect is decided already. Reopen it first, with the reason.")
        if aspect["concerns_user_id"] is not None:
            raise NotNow("An aspect about a member of staff stays one of its own. Decide it by itself.")
        if await db.fetchval("SELECT EXISTS (SELECT 1 FROM core_redress WHERE aspect_id = $1)", aspect_id):
            raise NotNow("This aspect has redress, which belongs to it. Decide it by itself.")
        await lock_aspect(viewer, "case.write", into)
        await _hand_over(aspect_id, into)
        body = {"aspect": str(into), "from": str(aspect_id), "aspects": [str(aspect_id)], "status": case["status"]}
        subject = await subject_of(case["id"])
        sealed = {"title": Sealed(subject, aspect["title"]), "text": Sealed(subject, aspect["text"])}
        await _remove(aspect_id)
        await moving.close_ranks(case["id"])
        await moving.count_again(case["id"], {"changed_at": now()})
        await record(viewer, case["id"], "aspect.joined", body, sealed)
        return UUID(str(into))


async def _hand_over(aspect_id: UUID, into: UUID) -> None:
    for table in (*GOES_ALONG.values(), "core_finding"):
        await db.execute(f"UPDATE {table} SET aspect_id = $2 WHERE aspect_id = $1", aspect_id, into)
    await db.execute(
        "UPDATE core_message_aspect p SET aspect_id = $2 WHERE p.aspect_id = $1 AND NOT EXISTS (SELECT 1 "
        "FROM core_message_aspect o WHERE o.message_id = p.message_id AND o.aspect_id = $2)",
        aspect_id, into,
    )  # fmt: skip
    await db.execute(
        "UPDATE core_step s SET aspect_id = $2 WHERE s.aspect_id = $1 AND NOT EXISTS (SELECT 1 FROM core_step o "
        "WHERE o.step = s.step AND o.aspect_id = $2)",
        aspect_id, into,
    )  # fmt: skip
    await db.execute("DELETE FROM core_draft WHERE purpose = $1", f"decision:{aspect_id}")


async def _remove(aspect_id: UUID) -> None:
    try:
        await db.execute("DELETE FROM core_aspect WHERE id = $1", aspect_id)
    except ForeignKeyViolationError as held:
        raise NotNow("Something else was recorded on this aspect, so it stays. Decide it by itself.") from held
