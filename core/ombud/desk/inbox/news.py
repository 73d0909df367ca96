"""Tells open inboxes that a message came, or was dealt with: its id alone."""

from uuid import UUID

from ombud.kernel.database import db
from ombud.trust.ledger import NEWS

SIGN = "i"


def tell(message_id: UUID) -> None:
    """At the commit."""
    db.tell(NEWS, f"{SIGN} {message_id}")
