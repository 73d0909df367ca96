"""A message that came in, from its stored bytes into the inbox."""

from ombud.desk import attachments
from ombud.desk.inbox import threads
from ombud.desk.intake import Receipt
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud_plugin_api.correspondence import InboundMessage


async def take(receipt: Receipt, said: InboundMessage) -> None:
    """Puts it into the inbox in one transaction; safe to call twice."""
    async with db.transaction():
        status = await db.fetchval("SELECT status FROM core_raw WHERE id = $1 FOR UPDATE", receipt.id)
        if status == "done":
            return
        identity, moment = new_id(), now()
        received = said.received_at or receipt.received_at
        await db.execute(
            "INSERT INTO core_person (id, kind, name, email, phone, postcode, address, language, created_at, version) "
            "VALUES ($1, 'person', $2, $3, $4, '', '', $5, $6, 1)",
            receipt.person_id, said.sender.name, said.sender.email, said.sender.phone, said.language, moment,
        )  # fmt: skip
        await db.execute(
            "INSERT INTO core_message (id, person_id, raw_id, channel, direction, subject, body, said_at, recorded_at, "
            "key, decision, decision_reason, decided_by) VALUES ($1, $2, $3, $4, 'in', $5, $6, $7, $8, '', '', '', '')",
            identity, receipt.person_id, receipt.id, said.channel, said.subject, said.text, received, moment,
        )  # fmt: skip
        await threads.remember(identity, said.thread.id)
        documents = attachments.taken(said.documents)
        await attachments.store(documents, case_id=None, message_id=identity, person_id=receipt.person_id)
        await db.execute(
            "UPDATE core_raw SET status = 'done', reason = '', message_id = $2 WHERE id = $1", receipt.id, identity
        )
        sealed = {"body": Sealed(f"person/{receipt.person_id}", said.text)}
        body = {"message": str(identity), "raw": str(receipt.id), "channel": said.channel, "direction": "in"}
        await append(
            actor=f"person/{receipt.person_id}",
            entries=[NewEntry(f"message/{receipt.id}", "message.received", body, sealed)],
        )
