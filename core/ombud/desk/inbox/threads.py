"""By what an answer finds its case: the ids of messages that we sent or saw, and the signed token in our address."""

import base64
import binascii
import hmac
import re
from collections.abc import Sequence
from urllib.parse import urlsplit
from uuid import UUID

from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.process import address
from ombud.trust.link_signing import signature

_PURPOSE = "reply"
_SIGNED = 10  # bytes of the signature; with the case's id 42 letters, which fit into the local part of an address
_TOKEN = re.compile(r"\+([a-z2-7]{42})@", re.IGNORECASE)


def thread_id_of(message_id: UUID) -> str:
    """The fixed Message-ID of a message of ours, without brackets (RFC 5322 §3.6.4)."""
    host = urlsplit(address("/")).hostname or "localhost"
    return f"{message_id.hex}@{host}"


def reply_token(case_id: UUID) -> str:
    """Letters and digits for the address to which an answer should come; mail servers may change their case."""
    signed = case_id.bytes + signature(_PURPOSE, case_id.bytes)[:_SIGNED]
    return base64.b32encode(signed).decode().rstrip("=").lower()


def case_in_addresses(addresses: Sequence[str]) -> UUID | None:
    """The case whose token one of these addresses bears; None where there is none, or one that we did not sign."""
    for each in addresses:
        for token in _TOKEN.findall(each):
            if (found := _case_of(token)) is not None:
                return found
    return None


def _case_of(token: str) -> UUID | None:
    try:
        raw = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
    except binascii.Error:
        return None
    if not hmac.compare_digest(raw[16:], signature(_PURPOSE, raw[:16])[:_SIGNED]):
        return None
    return UUID(bytes=raw[:16])


async def remember(message_id: UUID, thread_id: str) -> None:
    """Keeps the id of a message in the caller's transaction; the same again changes nothing."""
    if thread_id:
        await db.execute(
            "INSERT INTO core_thread_id (id, value, message_id, at) VALUES ($1, $2, $3, $4) "
            "ON CONFLICT (value, message_id) DO NOTHING",
            new_id(), thread_id[:500], message_id, now(),
        )  # fmt: skip
