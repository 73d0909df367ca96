"""A message that belongs to no case: a digest for staff, a letter about a privacy request, the ledger's root."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ombud.desk.inbox.threads import remember, thread_id_of
from ombud.desk.outgoing.moving import tell, wake
from ombud.desk.outgoing.ways import ways_in
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id


@dataclass(frozen=True)
class Letter:
    """`recipient`: name, email and language; `way`: the key of what sends it; `key`: by which it is known again, such
    as `privacy/<request>/…`, empty for one of its own; `person_id`: whose it is, collected and erased with them."""

    kind: str
    unit_id: UUID
    way: str
    recipient: Mapping[str, Any]
    subject: str
    text: str
    key: str = ""
    person_id: UUID | None = None
    created_by: UUID | None = None


async def email_way(unit_id: UUID) -> str:
    """The key of what sends e-mail in a unit; empty where nothing does. Never inside a transaction."""
    return next((each.key for each in await ways_in(unit_id) if each.needs == "email"), "")


async def post(letter: Letter, actor: str = "system") -> UUID:
    """Writes it as one that leaves at once, in the caller's transaction; no rule holds it and nobody approves it."""
    identity, moment = new_id(), now()
    thread = thread_id_of(identity)
    await db.execute(
        "INSERT INTO core_message (id, channel, direction, person_id, subject, body, said_at, recorded_at, key, "
        "decision, decision_reason, decided_by, unit_id) "
        "VALUES ($1, $2, 'out', $3, $4, $5, $6, $6, '', '', '', '', $7)",
        identity, letter.way, letter.person_id, letter.subject, letter.text, moment, letter.unit_id,
    )  # fmt: skip
    await db.execute(
        "INSERT INTO core_outgoing (id, unit_id, channel, kind, person_id, recipient, language, key, thread_id, "
        "answers, state, leave_at, attempts, trouble, detail, remote_id, delivery, delivery_code, delivery_text, "
        "approval, approved_hash, outcomes, documents, robot, created_by, created_at, version) VALUES ($1, $2, $3, $4, "
        "$5, $6, $7, $8, $9, '[]', 'intended', $10, 0, '', '', '', '', '', '', '', '', '', '[]', TRUE, $11, $10, 1)",
        identity, letter.unit_id, letter.way, letter.kind, letter.person_id, dict(letter.recipient),
        letter.recipient["language"], letter.key or f"ombud-{identity}", thread, moment, letter.created_by,
    )  # fmt: skip
    await remember(identity, thread)
    row = {"id": identity, "case_id": None, "person_id": letter.person_id, "created_by": letter.created_by,
           "channel": letter.way, "kind": letter.kind}  # fmt: skip
    await tell(actor, row, "message.written", {"state": "intended"})
    await wake(identity, moment, 1)
    return identity
