"""What machines say: what a channel recognised, and core's own looks: no sender, ourselves, a flood of one sender."""

from datetime import datetime, timedelta
from uuid import UUID

from ombud.desk.inbox import limits
from ombud.desk.inbox.threads import case_in_addresses
from ombud.kernel.database import db
from ombud.speech import sentence
from ombud_plugin_api.correspondence import Automatic, InboundMessage

NO_SENDER, LOOP, FLOOD = "no_sender", "loop", "flood"
WORDS = {
    "auto_reply": "Automatic answer", "bounce": "Returned by a mail server", "report": "Delivery report",
    "list": "Mailing list", "bulk": "Mass mail", NO_SENDER: "No sender", LOOP: "Our own message",
}  # fmt: skip
HOUR = timedelta(hours=1)


async def recognised(said: InboundMessage) -> Automatic | None:
    """Whether a machine said it, and what tells so. At most one statement."""
    if said.automatic is not None:
        return said.automatic
    named = said.sender.email or said.sender.phone
    if not named and said.thread.addresses:  # a letter or a call may have no sender, mail has one
        return Automatic(kind=NO_SENDER, reason="It names no address to which one could answer.")
    if said.sender.email and await _is_ours(said):
        return Automatic(
            kind=LOOP, reason=sentence("It comes from %(email)s, which is an address of ours.", email=said.sender.email)
        )
    return None


async def _is_ours(said: InboundMessage) -> bool:
    """One of the mailboxes by which messages come in, or an address with a token that we signed."""
    address = said.sender.email.strip().casefold()
    if address in {each.strip().casefold() for each in (said.account, *said.thread.addresses)}:
        return True
    if case_in_addresses([address]) is not None:
        return True
    known = "SELECT EXISTS (SELECT 1 FROM core_message WHERE lower(account) = $1 AND account <> '')"
    return bool(await db.fetchval(known, address))


async def floods(said: InboundMessage, received_at: datetime, unit_id: UUID) -> bool:
    """Whether one address has sent more in the hour up to this message than its unit takes, or in the hour from it on:
    messages may be taken in another order than they came in. Two statements."""
    address = (said.sender.email or said.sender.phone).strip().lower()
    if not address:
        return False
    most = (await limits.limits_in(unit_id)).most_per_hour
    came = await db.fetchval(
        "SELECT greatest(count(*) FILTER (WHERE said_at <= $3), count(*) FILTER (WHERE said_at >= $3)) FROM ("
        "SELECT said_at FROM core_message WHERE lower(sender_address) = $1 AND sender_address <> '' "
        "AND said_at > $2 AND said_at < $4 ORDER BY said_at LIMIT 10000) AS same",
        address,
        received_at - HOUR,
        received_at,
        received_at + HOUR,
    )
    return bool(came >= most)
