"""What became of messages that went out, where it is told later: posted, arrived, delayed, come back."""

import re
from collections.abc import Sequence
from uuid import UUID

from ombud.desk.errors import Invalid, NotFound
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.canonical import moment_text
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud.trust.policy import Arguments, Viewer, decide
from ombud_plugin_api.correspondence import DELIVERY_STATES, DeliveryReport

KIND = "message.delivery_reported"
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/-]{0,79}")


async def report(actor: str, channels: Sequence[str], message_id: UUID, told: DeliveryReport) -> None:
    """Writes it into the case of a message that went out by one of these channels; the same again adds nothing.

    Raises Invalid for a state or a code there is not, NotFound for another message."""
    if told.state not in DELIVERY_STATES:
        raise Invalid(f"A delivery is one of {', '.join(DELIVERY_STATES)}, not {told.state!r}.", "state")
    if told.code and not _CODE.fullmatch(told.code):
        raise Invalid("The code of a delivery report has at most 80 letters, figures and simple signs.", "code")
    async with db.transaction():
        row = await db.fetchrow(
            "SELECT case_id, person_id FROM core_message WHERE id = $1 AND direction = 'out' AND channel = ANY($2) "
            "FOR UPDATE",
            message_id,
            list(channels),
        )
        if row is None:
            raise NotFound("There is no such message that this plugin sent.")
        stream = f"case/{row['case_id']}" if row["case_id"] else f"message/{message_id}"
        if await _told_before(stream, message_id, told):
            return
        at = moment_text(told.at or now())
        body = {"message": str(message_id), "state": told.state, "code": told.code, "at": at}
        words = {"text": Sealed(f"person/{row['person_id']}", told.text)} if told.text and row["person_id"] else {}
        await append(actor=actor, entries=[NewEntry(stream, KIND, body, words)])


async def _told_before(stream: str, message_id: UUID, told: DeliveryReport) -> bool:
    """Whether it is what was told last of this message."""
    last = await db.fetchrow(
        "SELECT body FROM core_ledger_entry WHERE stream = $1 AND kind = $2 AND body->>'message' = $3 "
        "ORDER BY seq DESC LIMIT 1",
        stream,
        KIND,
        str(message_id),
    )
    if last is None or (last["body"]["state"], last["body"]["code"]) != (told.state, told.code):
        return False
    return told.at is None or last["body"]["at"] == moment_text(told.at)


async def readable(viewer: Viewer, message_ids: Sequence[UUID]) -> frozenset[UUID]:
    """Those that the viewer may read where they stand in their cases."""
    arguments = Arguments(list(message_ids))
    seen = decide(viewer, "case.read", "message").where("m", arguments)
    rows = await db.fetch(f"SELECT m.id FROM core_message m WHERE m.id = ANY($1::uuid[]) AND {seen}", *arguments.values)
    return frozenset(row["id"] for row in rows)
