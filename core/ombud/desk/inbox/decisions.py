"""The ledger of decisions on what came in: one row for each, never overwritten; a newer one overturns it."""

from dataclasses import dataclass
from uuid import UUID

from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.ledger import NewEntry, Sealed

COMPLAINT, JOINED, NOT_COMPLAINT, UNDONE = "complaint", "joined", "not_complaint", "undone"
SYSTEM = "system"

REASONS = {
    "question": "A question or a request for service",
    "praise": "Thanks or praise",
    "advertising": "Advertising or spam",
    "not_for_us": "Meant for somebody else",
    "duplicate": "Said before, in another message",
    "machine": "Written by a machine",
    "other": "Another reason",
}
BY_RULE = {"delivery_report": "A report about a message of ours", "answer_of_machine": "A machine answered us"}


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision. `rule` or a person's `actor`; `wording`: the part of the message that decided it."""

    decision: str
    actor: str = SYSTEM
    reason: str = ""
    words: str = ""
    wording: str = ""
    rule: str = ""
    case_id: UUID | None = None


# What core_message itself says of the newest decision, for lists.
_KEPT = {COMPLAINT: "complaint", JOINED: "complaint", NOT_COMPLAINT: "not_complaint", UNDONE: ""}

_WRITE = """
WITH decided AS (
    INSERT INTO core_triage (id, message_id, version, decision, reason, words, wording, rule, actor, unit_id, case_id,
        at)
    SELECT gen_random_uuid(), m.id, coalesce((SELECT max(t.version) FROM core_triage t WHERE t.message_id = m.id), 0)
        + 1, $2, $3, $4, $5, $6, $7, m.unit_id, $8, $9
    FROM core_message m WHERE m.id = $1)
UPDATE core_message SET decision = $10, decision_reason = coalesce(nullif($3, ''), $6), decided_by = $7,
    decided_at = CASE WHEN $10 = '' THEN NULL ELSE $9 END
WHERE id = $1
"""


async def keep(message_id: UUID, decided: Decided) -> None:
    """Writes the row in the caller's transaction, which holds the message."""
    await db.execute(
        _WRITE, message_id, decided.decision, decided.reason, decided.words, decided.wording, decided.rule,
        decided.actor, decided.case_id, now(), _KEPT[decided.decision],
    )  # fmt: skip


def entry(stream: str, message_id: UUID, decided: Decided, subject: str) -> NewEntry:
    """What the ledger says of it: codes in clear, words sealed for whoever wrote the message."""
    body = {
        "message": str(message_id), "decision": decided.decision, "reason": decided.reason, "rule": decided.rule,
        "case": str(decided.case_id or ""),
    }  # fmt: skip
    words = {"words": decided.words, "wording": decided.wording}
    sealed = {name: Sealed(subject, text) for name, text in words.items() if text}
    return NewEntry(stream, "message.decided", body, sealed)
