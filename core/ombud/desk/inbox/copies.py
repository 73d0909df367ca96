"""The same message once more, because it was sent to two mailboxes of ours: one message, two receipts."""

from uuid import UUID

from ombud.desk.intake import Receipt
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust import vault
from ombud.trust.ledger import NewEntry, append
from ombud_plugin_api.correspondence import InboundMessage

_FIRST = """
SELECT m.id, m.person_id, m.case_id, m.raw_id FROM core_thread_id t JOIN core_message m ON m.id = t.message_id
WHERE t.value = $1 AND m.direction = 'in' AND m.person_id IS NOT NULL AND lower(m.sender_address) = lower($2)
    AND m.body = $3
ORDER BY m.recorded_at, m.id LIMIT 1
"""


async def join_first(receipt: Receipt, said: InboundMessage) -> UUID | None:
    """Keeps a second copy beside the first one, whose id it returns; None where there is no first. The same id from
    somebody else, or with other words, is another message: ids can be made up."""
    if not said.thread.id:
        return None
    first = await db.fetchrow(_FIRST, said.thread.id, said.sender.email or said.sender.phone, said.text)
    if first is None:
        return None
    await db.execute(
        "INSERT INTO core_message_copy (id, message_id, raw_id, channel, account, at) VALUES ($1, $2, $3, $4, $5, $6)",
        new_id(), first["id"], receipt.id, said.channel, said.account, now(),
    )  # fmt: skip
    vault_id = await db.fetchval(
        "UPDATE core_raw SET status = 'done', reason = '', message_id = $2, case_id = $3 WHERE id = $1 "
        "RETURNING vault_id",
        receipt.id,
        first["id"],
        first["case_id"],
    )
    await vault.move([vault_id], f"person/{first['person_id']}")
    await vault.retire(f"person/{receipt.person_id}")
    body = {"message": str(first["id"]), "raw": str(receipt.id), "channel": said.channel}
    await append(actor="system", entries=[NewEntry(f"message/{receipt.id}", "message.copied", body)])
    return UUID(str(first["id"]))
