"""What is said in a case: notes among staff, what a person told us, what we answered."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.desk import attachments
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotNow
from ombud.desk.writing import lock_case, record, subject_of
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.process import settings
from ombud.trust.ledger import Sealed
from ombud.trust.policy import Arguments, Viewer, decide
from ombud_plugin_api.facts import Document

KINDS = {"note": "note", "answer": "out", "told": "in"}


async def write(
    viewer: Viewer,
    case_id: UUID,
    kind: str,
    text: str,
    *,
    aspect_ids: Sequence[UUID] = (),
    key: str = "",
    documents: Sequence[Document] = (),
    channel: str = "desk",
) -> UUID:
    """Adds to the timeline: `note` (staff only), `told` (what a person said to the writer), `answer` (on the
    complainant's page at once; people and the API send answers by desk/outgoing). The same key in the same case adds it
    once."""
    if kind not in KINDS:
        raise Invalid("Choose whether this is a note, an answer, or what you were told.", "kind")
    text = clean_text(text, "text", longest=settings().limits.text_chars, required=True)
    checked = attachments.checked(documents)
    async with db.transaction():
        case = await lock_case(viewer, "case.write", case_id)
        if case["status"] == "closed" and kind == "answer":
            raise NotNow("The case is closed. Reopen it before you answer, with the reason.")
        pinned = await seen_aspects(viewer, case_id, aspect_ids)
        return await add(
            viewer, case_id, direction=KINDS[kind], channel=channel, text=text, author_id=viewer.user_id,
            aspect_ids=pinned, key=key, documents=checked,
        )  # fmt: skip


async def seen_aspects(viewer: Viewer, case_id: UUID, aspect_ids: Sequence[UUID]) -> list[UUID]:
    if not aspect_ids:
        return []
    grant, arguments = decide(viewer, "case.write", "aspect"), Arguments()
    case, wanted = arguments.add(case_id), arguments.add(list(aspect_ids))
    rows = await db.fetch(
        f"SELECT a.id FROM core_aspect a WHERE a.case_id = {case} AND a.id = ANY({wanted}::uuid[]) "
        f"AND {grant.where('a', arguments)}",
        *arguments.values,
    )
    if len(rows) != len(set(aspect_ids)):
        raise Invalid("One of the aspects is not in this case. Open the case again.", "aspects")
    return [row["id"] for row in rows]


async def add(
    viewer: Viewer,
    case_id: UUID,
    *,
    direction: str,
    channel: str,
    text: str,
    author_id: UUID | None = None,
    person_id: UUID | None = None,
    raw_id: UUID | None = None,
    said_at: datetime | None = None,
    aspect_ids: Sequence[UUID] = (),
    key: str = "",
    documents: Sequence[Document] = (),
    subject: str = "",
    unsent: Mapping[str, Any] | None = None,
    origin: UUID | None = None,
) -> UUID:
    """Writes the rows and the entry of a message in the caller's transaction; text and documents are checked.
    `unsent`: codes of one that leaves later (desk/outgoing): until then it is no last word of the case; `origin`:
    the merged case to which it was said."""
    if key:
        known = await db.fetchval("SELECT id FROM core_message WHERE case_id = $1 AND key = $2", case_id, key)
        if known is not None:
            return UUID(str(known))
    identity, moment = new_id(), now()
    said = said_at or moment
    await db.execute(
        """
        WITH said AS (
            INSERT INTO core_message (id, case_id, person_id, author_id, raw_id, channel, direction, subject, body,
                said_at, recorded_at, key, decision, decision_reason, decided_by, decided_at, origin_case_id)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $14, $8, $9, $10, $11, $12, '', '', NULL, $17)),
        pins AS (
            INSERT INTO core_message_aspect (id, message_id, aspect_id)
            SELECT gen_random_uuid(), $1, each FROM unnest($13::uuid[]) AS each),
        triage AS (
            INSERT INTO core_triage (id, message_id, version, decision, reason, words, wording, rule, actor, unit_id,
                case_id, at)
            SELECT gen_random_uuid(), $1, 1, 'joined', '', '', '', 'joined.' || $6, $16, c.unit_id, $2, $10
            FROM core_case c WHERE c.id = $2 AND $7 = 'in')
        UPDATE core_case SET changed_at = $10,
            last_word_at = CASE WHEN $7 = 'note' OR $15 THEN last_word_at ELSE $9 END,
            last_word_channel = CASE WHEN $7 = 'note' OR $15 THEN last_word_channel ELSE $6 END
        WHERE id = $2
        """,
        identity, case_id, person_id, author_id, raw_id, channel, direction, text, said, moment, key,
        "complaint" if direction == "in" else "", list(aspect_ids), subject, unsent is not None, viewer.actor, origin,
    )  # fmt: skip
    whose = await subject_of(case_id)
    if documents:
        person = UUID(whose.split("/")[1])
        await attachments.store(documents, case_id=case_id, message_id=identity, person_id=person)
    kinds = {"in": "message.received", "out": "message.sent", "note": "note.written"}
    body = {"message": str(identity), "channel": channel, "direction": direction,
            "aspects": [str(each) for each in aspect_ids], "documents": len(documents), **(unsent or {})}  # fmt: skip
    sealed = {"body": Sealed(whose, text)} | ({"subject": Sealed(whose, subject)} if subject else {})
    kind = "message.written" if unsent is not None else kinds[direction]
    await record(viewer, case_id, kind, body, sealed)
    return identity


async def is_written(case_id: UUID, key: str) -> bool:
    """Whether a form with this idempotency key has written its message already."""
    found = "SELECT EXISTS (SELECT 1 FROM core_message WHERE case_id = $1 AND key = $2 AND key <> '')"
    return bool(await db.fetchval(found, case_id, key))
