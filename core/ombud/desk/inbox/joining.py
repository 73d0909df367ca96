"""Puts a message into a case, with everything that came with it, and takes it out again."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.desk.inbox import matching, mood
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust import ledger_sealed, vault
from ombud.trust.ledger import NewEntry, Sealed
from ombud_plugin_api.facts import PersonGiven


@dataclass(frozen=True, slots=True)
class Joining:
    """A message that joins. `person_id`: the party who sent it; `last_word`: whether it is the customer's last word,
    which a machine's is not; `by`: thread, token, reference or person, `told` what said so."""

    message_id: UUID
    raw_id: UUID | None
    person_id: UUID
    by: str
    told: str
    channel: str
    text: str
    said_at: datetime
    origin: UUID | None = None  # the case to which it was said, where that was merged into this one
    last_word: bool = True
    seen: bool = False  # by the person who puts it there


async def lock(case_id: UUID) -> Any:
    """The case as it is, held until the commit; the one that holds what it held, where it was merged meanwhile."""
    while True:
        case = await db.fetchrow(
            "SELECT id, unit_id, status, closed_at, merged_into FROM core_case WHERE id = $1 FOR UPDATE", case_id
        )
        if case is None or case["merged_into"] is None:
            return case
        case_id = case["merged_into"]


_JOIN = """
WITH said AS (
    UPDATE core_message SET case_id = $2, person_id = $3, unit_id = $4, matched_by = $5, matched_with = $6,
        possible_case_id = NULL, possible_reason = '', held = '', origin_case_id = $13,
        after_close = $7, waits = $12, triage_due_at = NULL
    WHERE id = $1),
files AS (UPDATE core_attachment SET case_id = $2 WHERE message_id = $1),
receipts AS (UPDATE core_raw SET case_id = $2 WHERE message_id = $1)
UPDATE core_case SET changed_at = $8,
    last_word_at = CASE WHEN $10 THEN greatest(last_word_at, $9) ELSE last_word_at END,
    last_word_channel = CASE WHEN $10 AND $9 >= last_word_at THEN $11 ELSE last_word_channel END
WHERE id = $2
"""


async def join(joining: Joining, case: Any) -> NewEntry:
    """Writes it in the caller's transaction, in which the case is locked; returns the entry for the case's stream.

    A closed case is not reopened: its message stands in the inbox too, so that somebody sees it. Bytes of the message
    become those of the party, so that erasing the party takes them.
    """
    closed = case["status"] == "closed" and joining.last_word
    await db.execute(
        _JOIN, joining.message_id, case["id"], joining.person_id, case["unit_id"], joining.by, joining.told,
        closed, now(), joining.said_at, joining.last_word, joining.channel, closed and not joining.seen, joining.origin,
    )  # fmt: skip
    documents = await hand_over(joining.message_id, f"person/{joining.person_id}")
    body: dict[str, Any] = {
        "message": str(joining.message_id), "raw": str(joining.raw_id or ""), "channel": joining.channel,
        "direction": "in", "aspects": [], "documents": documents, "matched_by": joining.by, "after_close": closed,
    }  # fmt: skip
    sealed = {"body": Sealed(f"person/{joining.person_id}", joining.text)}
    return NewEntry(f"case/{case['id']}", "message.received", body, sealed)


async def hand_over(message_id: UUID, subject: str) -> int:
    """The bytes of a message, as it came and its files, become those of this subject; returns how many files."""
    rows = await db.fetch(
        "SELECT f.vault_id, v.subject, TRUE AS file FROM core_attachment f JOIN core_vault v ON v.id = f.vault_id "
        "WHERE f.message_id = $1 UNION ALL "
        "SELECT r.vault_id, v.subject, FALSE FROM core_raw r JOIN core_vault v ON v.id = r.vault_id "
        "WHERE r.message_id = $1",
        message_id,
    )
    await vault.move([row["vault_id"] for row in rows if row["subject"] != subject], subject)
    return sum(row["file"] for row in rows)


async def forget_sender(sender_id: UUID | None, person_id: UUID) -> None:
    """The row of a sender who turned out to be a party goes, and what was sealed for it becomes the party's."""
    if sender_id is None or sender_id == person_id:
        return
    await ledger_sealed.hand_over(f"person/{sender_id}", f"person/{person_id}")
    await vault.retire(f"person/{sender_id}")
    await db.execute(
        "DELETE FROM core_person p WHERE p.id = $1 "
        "AND NOT EXISTS (SELECT 1 FROM core_party y WHERE y.person_id = p.id) "
        "AND NOT EXISTS (SELECT 1 FROM core_message m WHERE m.person_id = p.id)",
        sender_id,
    )


async def parties(case_id: UUID) -> Any:
    """A case as `matching.party` looks at it."""
    return await db.fetchrow(matching.CASES, [case_id], [])


_LEAVE = """
WITH pins AS (DELETE FROM core_message_aspect WHERE message_id = $1),
findings AS (DELETE FROM core_finding WHERE message_id = $1 AND kind <> 'mood'),
tone AS (UPDATE core_finding SET case_id = NULL WHERE message_id = $1 AND kind = 'mood'),
files AS (UPDATE core_attachment SET case_id = NULL WHERE message_id = $1),
receipts AS (UPDATE core_raw SET case_id = NULL WHERE message_id = $1),
said AS (
    UPDATE core_message SET case_id = NULL, person_id = $3, matched_by = '', matched_with = '', after_close = FALSE,
        origin_case_id = NULL,
        possible_case_id = $2, possible_reason = $4 WHERE id = $1),
last AS (
    SELECT m.said_at, m.channel FROM core_message m WHERE m.case_id = $2 AND m.id <> $1 AND m.direction <> 'note'
        AND m.robot = '' ORDER BY m.said_at DESC, m.id DESC LIMIT 1)
UPDATE core_case c SET changed_at = $5, last_word_at = coalesce((SELECT said_at FROM last), c.received_at),
    last_word_channel = coalesce((SELECT channel FROM last), c.channel)
WHERE c.id = $2
"""


async def leave(row: Any, sender_id: UUID) -> None:
    """Takes a message (its row) out of its case, in the caller's transaction: its sender is a person of its own again,
    to whom its bytes belong."""
    sender = sender_of(row["sender_name"], row["sender_address"])
    await db.execute(
        "INSERT INTO core_person (id, kind, name, email, phone, postcode, address, language, created_at, version) "
        "VALUES ($1, 'person', $2, $3, $4, '', '', $5, $6, 1)",
        sender_id, sender.name, sender.email, sender.phone, row["language"], now(),
    )  # fmt: skip
    await db.execute(_LEAVE, row["id"], row["case_id"], sender_id, row["matched_by"], now())
    await mood.settle(row["case_id"])
    await hand_over(row["id"], f"person/{sender_id}")


def sender_of(name: str, address: str) -> PersonGiven:
    """The sender as they gave themselves, out of the two columns that keep it."""
    mail = "@" in address
    return PersonGiven(name=name, email=address if mail else "", phone="" if mail else address)
