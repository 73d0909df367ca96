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
from ombud_plugin_api.correspondence import Thread

_PURPOSE = "reply"
_SIGNED = 10  # bytes of the signature; with the case's id 42 letters, which fit into the local part of an address
LONGEST = 500
MOST = 50  # ids of one message that count; a chain of References may be made as long as one likes
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
    if thread_id.strip():
        await db.execute(
            "INSERT INTO core_thread_id (id, value, message_id, at) VALUES ($1, $2, $3, $4) "
            "ON CONFLICT (value, message_id) DO NOTHING",
            new_id(), thread_id.strip()[:LONGEST], message_id, now(),
        )  # fmt: skip


def counted(thread: Thread) -> Thread:
    """The ids as they are kept and compared: without space, the nearest fifty."""
    answers = dict.fromkeys(each.strip()[:LONGEST] for each in thread.answers)
    named = tuple(each for each in answers if each)[:MOST]
    return Thread(id=thread.id.strip()[:LONGEST], answers=named, addresses=thread.addresses)


async def alone(thread: Thread) -> None:
    """Waits, in the caller's transaction, for whoever takes another message of the same thread, so that of a message
    and its answer the second always sees the first."""
    ids = sorted({thread.id, *thread.answers} - {""})
    if ids:
        await db.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('thread/' || each, 0)) FROM unnest($1::text[]) AS each", ids
        )


async def answers_kept(message_id: UUID, thread: Thread) -> None:
    """Keeps what a message answers, so that it is looked at again when that comes later."""
    await db.execute(
        "INSERT INTO core_thread_answer (id, message_id, value, place) SELECT gen_random_uuid(), $1, given.value, "
        "given.place - 1 FROM unnest($2::text[]) WITH ORDINALITY AS given (value, place)",
        message_id,
        list(thread.answers),
    )
