"""What became of a message of ours, as a server said it: written on its case, where whoever sends hears of it."""

from ombud.desk.inbox import joining
from ombud.desk.writing import subject_of
from ombud.kernel.database import db
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud_plugin_api.correspondence import DELIVERY_STATES, DeliveryReport

KIND = "message.delivery_reported"

_SENT = """
SELECT m.id, m.case_id FROM core_thread_id t JOIN core_message m ON m.id = t.message_id
WHERE t.value = $1 AND m.direction = 'out' AND m.case_id IS NOT NULL ORDER BY m.recorded_at, m.id LIMIT 1
"""


async def report(about: str, said: DeliveryReport) -> bool:
    """Appends an entry of KIND (body: message, state, code) to the case of the message that `about`, its thread id,
    names; False where it names none of ours. In the caller's transaction, or in one of its own."""
    if said.state not in DELIVERY_STATES or not about.strip():
        return False
    async with db.transaction():
        sent = await db.fetchrow(_SENT, about.strip())
        if sent is None:
            return False
        await joining.lock(sent["case_id"])
        subject = await subject_of(sent["case_id"])
        words = {"recipient": said.recipient[:200], "text": said.text[:2000]}
        sealed = {name: Sealed(subject, text.replace("\0", "")) for name, text in words.items() if text}
        body = {"message": str(sent["id"]), "state": said.state, "code": said.code[:20].replace("\0", "")}
        await append(actor="system", entries=[NewEntry(f"case/{sent['case_id']}", KIND, body, sealed)])
    return True
