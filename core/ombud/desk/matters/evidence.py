"""The evidence register of one aspect: what was asked for, what came, and what the decision relies upon."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk import attachments
from ombud.desk.cases import refuse_closed
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotNow
from ombud.desk.words import is_code
from ombud.desk.writing import check_version, lock_aspect, record, subject_of, update
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.speech import sentence
from ombud.trust.ledger import Sealed
from ombud.trust.policy import Arguments, Viewer, decide
from ombud_plugin_api.facts import Document

MOST = 200
STATES = {
    "asked": "Asked for", "received": "Received", "not_coming": "Not coming", "withdrawn": "Not asked for after all",
}  # fmt: skip
ON_ITS_WAY = {
    "waiting_approval": "Asked for once the message is approved", "sending": "Asked for once the message leaves",
    "held": "Asked for once the message leaves", "scheduled": "Asked for once the message leaves",
    "intended": "Asked for once the message leaves", "unsure": "Its message may not have arrived",
    "failed": "Its message did not arrive",
}  # fmt: skip
"""How something stands whose message has not left, or did not arrive; by the state of the message."""


@dataclass(frozen=True)
class FileOfEvidence:
    """The file behind it; None in its place where there is none, or the viewer may not see it."""

    id: UUID
    name: str


@dataclass(frozen=True)
class EvidenceShown:
    """One line of the register. `late`: asked for by a day that has passed; `file_hidden`: its file is not for this
    viewer; `message_id`: the message that asked, where the viewer may see it; `message`: how that stands on its way
    out, empty where it simply is said."""

    id: UUID
    what: str
    need: str
    asked_of: str
    due_on: date | None
    state: str
    late: bool
    message_id: UUID | None
    file: FileOfEvidence | None
    file_hidden: bool
    sha256: str
    why_not: str
    relied: bool
    relied_for: str
    by: str
    created_at: datetime
    received_at: datetime | None
    version: int
    message: str = ""

    @property
    def state_label(self) -> str:
        return (ON_ITS_WAY.get(self.message) if self.state == "asked" else None) or STATES[self.state]


_LISTED = """
SELECT e.*, coalesce(nullif(w.display_name, ''), w.name, 'Ombud') AS by, f.id AS file_id, f.name AS file_name,
    m.id AS asked_in, o.state AS way
FROM core_evidence e LEFT JOIN core_user w ON w.id = e.created_by
LEFT JOIN core_attachment f ON f.id = e.attachment_id AND {files}
LEFT JOIN core_message m ON m.id = e.message_id AND {messages}
LEFT JOIN core_outgoing o ON o.id = e.message_id
WHERE e.aspect_id = {aspect} AND EXISTS (SELECT 1 FROM core_aspect a WHERE a.id = e.aspect_id AND {rows})
ORDER BY e.created_at, e.id
"""


async def register(viewer: Viewer, aspect_id: UUID, today: date) -> tuple[EvidenceShown, ...]:
    """The register of an aspect as the viewer may see it, oldest first; one statement."""
    arguments = Arguments()
    sql = _LISTED.format(
        files=decide(viewer, "case.read", "attachment").where("f", arguments),
        messages=decide(viewer, "case.read", "message").where("m", arguments),
        aspect=arguments.add(aspect_id), rows=decide(viewer, "case.read", "aspect").where("a", arguments),
    )  # fmt: skip
    return tuple(_shown(row, today) for row in await db.fetch(sql, *arguments.values))


def _shown(row: Record, today: date) -> EvidenceShown:
    seen = FileOfEvidence(row["file_id"], row["file_name"]) if row["file_id"] else None
    return EvidenceShown(
        id=row["id"], what=row["what"], need=row["need"], asked_of=row["asked_of"], due_on=row["due_on"],
        state=row["state"], late=_late(row, today), message=row["way"] or "",
        message_id=row["asked_in"], file=seen, file_hidden=row["attachment_id"] is not None and seen is None,
        sha256=row["sha256"], why_not=row["why_not"], relied=row["relied"], relied_for=row["relied_for"], by=row["by"],
        created_at=row["created_at"], received_at=row["received_at"], version=row["version"],
    )  # fmt: skip


def _late(row: Record, today: date) -> bool:
    """What a message asks for that has not left is not late yet."""
    asked = row["state"] == "asked" and row["way"] not in ON_ITS_WAY
    return asked and row["due_on"] is not None and row["due_on"] < today


async def files_of(viewer: Viewer, aspect_id: UUID) -> list[tuple[UUID, str]]:
    """The files of the aspect's case, shared ones too, that the viewer may see: (id, name), newest first."""
    arguments = Arguments()
    rows = await db.fetch(_FILES.format(
        aspect=arguments.add(aspect_id), files=decide(viewer, "case.read", "attachment").where("f", arguments),
    ), *arguments.values)  # fmt: skip
    return [(row["id"], row["name"]) for row in rows]


_IN_CASE = (
    "(SELECT case_id FROM core_aspect WHERE id = {aspect})",
    "(SELECT h.message_id FROM core_shared_message h JOIN core_aspect own ON own.case_id = h.case_id "
    "WHERE own.id = {aspect})",
)
_FILES = f"""
SELECT f.id, f.name FROM core_attachment f
WHERE (f.case_id = {_IN_CASE[0]} OR f.message_id IN {_IN_CASE[1]}) AND {{files}}
ORDER BY f.created_at DESC, f.id LIMIT 300
"""
_MESSAGES = f"""
SELECT m.id, m.said_at, m.direction, m.body, coalesce(p.name, '') AS person,
    coalesce(nullif(w.display_name, ''), w.name, '') AS author
FROM core_message m LEFT JOIN core_person p ON p.id = m.person_id LEFT JOIN core_user w ON w.id = m.author_id
WHERE (m.case_id = {_IN_CASE[0]} OR m.id IN {_IN_CASE[1]}) AND {{messages}}{{only}}
ORDER BY m.said_at DESC, m.id LIMIT 200
"""


async def messages_of(viewer: Viewer, aspect_id: UUID, only: str = "") -> list[Record]:
    """The messages of the aspect's case that the viewer may see, newest first; `only`: of one direction."""
    arguments = Arguments()
    sql = _MESSAGES.format(
        aspect=arguments.add(aspect_id), messages=decide(viewer, "case.read", "message").where("m", arguments),
        only=f" AND m.direction = {arguments.add(only)}" if only else "",
    )  # fmt: skip
    return await db.fetch(sql, *arguments.values)


async def ask(
    viewer: Viewer, aspect_id: UUID, what: str, *, asked_of: str = "", due_on: date | None = None, need: str = "",
    message_id: UUID | None = None,
) -> UUID:  # fmt: skip
    """Writes down that something was asked for, of whom and by when; `message_id`: the message that asked."""
    what, asked_of = _what(what), clean_text(asked_of, "asked_of", longest=200, required=True)
    async with db.transaction():
        case, _ = await lock_aspect(viewer, "case.write", aspect_id)
        refuse_closed(case)
        if message_id is not None and message_id not in {row["id"] for row in await messages_of(viewer, aspect_id)}:
            raise Invalid("This message is not in the case. Choose one of the list.", "message")
        return await write_down(viewer, case["id"], aspect_id, what, asked_of, due_on, need, message_id)


async def write_down(
    viewer: Viewer, case_id: UUID, aspect_id: UUID, what: str, asked_of: str, due_on: date | None, need: str,
    message_id: UUID | None,
) -> UUID:  # fmt: skip
    """The line and its entry, in the caller's transaction; words are checked and the aspect is locked."""
    identity = await _add(viewer, aspect_id, what, need, asked_of, due_on, message_id)
    body = {
        "aspect": str(aspect_id), "evidence": str(identity), "need": need,
        "due_on": due_on.isoformat() if due_on else "",
    }  # fmt: skip
    if message_id is not None:
        body["message"] = str(message_id)
    await _record(viewer, case_id, "evidence.asked", body, {"what": what, "asked_of": asked_of})
    return identity


def _what(text: str) -> str:
    return clean_text(text, "what", longest=500, required=True)


async def _add(
    viewer: Viewer, aspect_id: UUID, what: str, need: str, asked_of: str, due_on: date | None,
    message_id: UUID | None,
) -> UUID:  # fmt: skip
    if not is_code(need):
        raise Invalid("Choose what the protocol asks for from the list.", "need")
    if await db.fetchval("SELECT count(*) FROM core_evidence WHERE aspect_id = $1", aspect_id) >= MOST:
        raise NotNow(
            sentence("An aspect has at most %(most)s lines of evidence. Put what belongs together into one.", most=MOST)
        )
    identity = new_id()
    await db.execute(
        "INSERT INTO core_evidence (id, aspect_id, what, need, asked_of, due_on, state, message_id, sha256, why_not, "
        "relied, relied_for, created_at, created_by, version) "
        "VALUES ($1, $2, $3, $4, $5, $6, 'asked', $7, '', '', FALSE, '', $8, $9, 1)",
        identity, aspect_id, what, need, asked_of, due_on, message_id, now(), viewer.user_id,
    )  # fmt: skip
    return identity


async def bring(
    viewer: Viewer, aspect_id: UUID, what: str, *, need: str = "", attachment_id: UUID | None = None,
    documents: Sequence[Document] = (),
) -> UUID:  # fmt: skip
    """Registers what came without being asked for."""
    what = _what(what)
    documents = attachments.checked(documents)
    async with db.transaction():
        case, _ = await lock_aspect(viewer, "case.write", aspect_id)
        refuse_closed(case)
        identity = await _add(viewer, aspect_id, what, need, "", None, None)
        await _receive(viewer, case, aspect_id, identity, attachment_id, documents, {"what": what}, need)
        return identity


async def receive(
    viewer: Viewer, aspect_id: UUID, evidence_id: UUID, version: int | None = None, *,
    attachment_id: UUID | None = None, documents: Sequence[Document] = (),
) -> None:  # fmt: skip
    """It came: as a file of the case, as a new file, or as something that is no file (a call, a thing looked at)."""
    documents = attachments.checked(documents)
    async with db.transaction():
        case, row = await _locked(viewer, aspect_id, evidence_id, version)
        await _receive(viewer, case, aspect_id, row["id"], attachment_id, documents, {}, row["need"])


async def _receive(
    viewer: Viewer, case: Record, aspect_id: UUID, evidence_id: UUID, attachment_id: UUID | None,
    documents: Sequence[Document], words: Mapping[str, str], need: str,
) -> None:  # fmt: skip
    if documents:
        if len(documents) > 1:
            raise Invalid("Choose one file for each line of evidence.", "file")
        attachment_id = await _keep(case["id"], documents)
    elif attachment_id is not None and attachment_id not in {each for each, _ in await files_of(viewer, aspect_id)}:
        raise Invalid("This file is not in the case. Choose one of the list.", "attachment")
    sha256 = ""
    if attachment_id is not None:
        sha256 = await db.fetchval("SELECT sha256 FROM core_attachment WHERE id = $1", attachment_id) or ""
    values = {
        "state": "received", "received_at": now(), "attachment_id": attachment_id, "sha256": sha256, "why_not": "",
    }  # fmt: skip
    await update("core_evidence", evidence_id, values)
    body = {
        "aspect": str(aspect_id), "evidence": str(evidence_id), "need": need,
        "attachment": str(attachment_id or ""), "sha256": sha256,
    }  # fmt: skip
    await _record(viewer, case["id"], "evidence.received", body, words)


async def _keep(case_id: UUID, documents: Sequence[Document]) -> UUID:
    whose, _, person = (await subject_of(case_id)).partition("/")
    if whose != "person":
        raise NotNow("The case has no complainant, so a file cannot be kept for them. Add the complainant first.")
    (identity,) = await attachments.store(documents, case_id=case_id, message_id=None, person_id=UUID(person))
    return identity


async def not_coming(viewer: Viewer, aspect_id: UUID, evidence_id: UUID, why: str, version: int | None = None) -> None:
    """It was asked for and will not come; the reason says how the matter is decided without it."""
    why = clean_text(why, "why_not", longest=500, required=True)
    async with db.transaction():
        case, row = await _locked(viewer, aspect_id, evidence_id, version)
        if row["state"] == "received":
            raise NotNow("It was received already.")
        await update("core_evidence", evidence_id, {"state": "not_coming", "why_not": why})
        body = {"aspect": str(aspect_id), "evidence": str(evidence_id), "need": row["need"]}
        await _record(viewer, case["id"], "evidence.not_coming", body, {"why_not": why})


async def ask_again(viewer: Viewer, aspect_id: UUID, evidence_id: UUID, version: int | None = None) -> None:
    """Takes back that it came, or that it will not: it is asked for again. What it was stays in the history."""
    async with db.transaction():
        case, row = await _locked(viewer, aspect_id, evidence_id, version)
        if row["state"] == "asked":
            return
        await update("core_evidence", evidence_id, {
            "state": "asked", "received_at": None, "attachment_id": None, "sha256": "", "why_not": "", "relied": False,
            "relied_for": "", **({"message_id": None} if row["state"] == "withdrawn" else {}),
        })  # fmt: skip
        body = {"aspect": str(aspect_id), "evidence": str(evidence_id), "need": row["need"]}
        await _record(viewer, case["id"], "evidence.reopened", body, {})


async def rely(
    viewer: Viewer, aspect_id: UUID, evidence_id: UUID, relied: bool, shows: str = "", version: int | None = None
) -> None:
    """Says that the decision relies upon it, and what it shows; or takes that back."""
    shows = clean_text(shows, "relied_for", longest=500)
    async with db.transaction():
        case, row = await _locked(viewer, aspect_id, evidence_id, version)
        if relied and row["state"] != "received":
            raise NotNow("Only what was received can be relied upon.")
        if row["relied"] == relied and row["relied_for"] == shows:
            return
        await update("core_evidence", evidence_id, {"relied": relied, "relied_for": shows if relied else ""})
        body = {
            "aspect": str(aspect_id), "evidence": str(evidence_id), "need": row["need"], "sha256": row["sha256"],
        }  # fmt: skip
        kind = "evidence.relied" if relied else "evidence.not_relied"
        await _record(viewer, case["id"], kind, body, {"relied_for": shows} if relied else {})


async def _locked(viewer: Viewer, aspect_id: UUID, evidence_id: UUID, version: int | None) -> tuple[Record, Record]:
    case, _ = await lock_aspect(viewer, "case.write", aspect_id)
    refuse_closed(case)
    row = await db.fetchrow(
        "SELECT * FROM core_evidence WHERE id = $1 AND aspect_id = $2 FOR UPDATE", evidence_id, aspect_id
    )
    if row is None:
        raise NotNow("There is no such evidence here any more. Open the page again to see how it stands.")
    check_version("This evidence", row, version, {"state": row["state"]})
    return case, row


async def _record(viewer: Viewer, case_id: UUID, kind: str, body: Mapping[str, Any], words: Mapping[str, str]) -> None:
    subject = await subject_of(case_id)
    await record(viewer, case_id, kind, body, {key: Sealed(subject, text) for key, text in words.items() if text})
