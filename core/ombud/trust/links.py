"""Signed links: a person follows a case without an account. They expire, and can be revoked one by one."""

import base64
import binascii
import hmac
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from uuid import UUID

from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust.ledger import NewEntry, append
from ombud.trust.link_signing import signature

TRACK = "track"
_SIGNED = 16


class BadLink(Exception):
    """A link that opens nothing; the text is for the customer and tells nothing about any case."""


class LinkInvalid(BadLink):
    def __init__(self) -> None:
        super().__init__("This link is not complete. Open it again from our message, or copy the whole address.")


class LinkExpired(BadLink):
    def __init__(self) -> None:
        super().__init__("This link has expired. Ask us for a new one; your complaint is not affected.")


class LinkRevoked(BadLink):
    def __init__(self) -> None:
        super().__init__("This link no longer works. Ask us for a new one; your complaint is not affected.")


class NoSuchLink(ValueError):
    """There is no link with this id."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link as stored; the token is not, it can be signed again from the id."""

    id: UUID
    case_id: UUID
    person_id: UUID
    purpose: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    revoked_by: str = ""


COLUMNS = tuple(each.name for each in fields(Link))


async def make(case_id: UUID, person_id: UUID, purpose: str = TRACK, days: int = 365, actor: str = "system") -> str:
    """Stores a link and returns its token."""
    link, token = prepare(case_id, person_id, purpose, days)
    places = ", ".join(f"${number}" for number in range(1, len(COLUMNS) + 1))
    async with db.transaction():
        await db.execute(f"INSERT INTO core_link ({', '.join(COLUMNS)}) VALUES ({places})", *row_of(link))
        body = {"link": str(link.id), "person": str(person_id), "purpose": purpose, "days": days}
        await append(actor=actor, entries=[NewEntry(f"case/{case_id}", "link.made", body)])
    return token


def prepare(case_id: UUID, person_id: UUID, purpose: str = TRACK, days: int = 365) -> tuple[Link, str]:
    """A link and its token without the database, for intake, which inserts the row in a statement of its own."""
    moment = now()
    link = Link(new_id(), case_id, person_id, purpose, moment, moment + timedelta(days=days))
    return link, token_of(link.id)


def row_of(link: Link) -> tuple[object, ...]:
    """The values of its row in the order of COLUMNS."""
    return tuple(getattr(link, name) for name in COLUMNS)


def token_of(link_id: UUID) -> str:
    """The 43 characters that stand in the address."""
    return _text(link_id.bytes + signature("link", link_id.bytes)[:_SIGNED])


def link_id_of(token: str) -> UUID:
    """The id in a token whose signature holds, without the database; raises LinkInvalid."""
    try:
        data = base64.urlsafe_b64decode(token.encode("ascii") + b"=")
    except (UnicodeEncodeError, binascii.Error):
        raise LinkInvalid from None
    if len(data) != 16 + _SIGNED or _text(data) != token:  # base64 has other spellings of the same bytes
        raise LinkInvalid
    if not hmac.compare_digest(data[16:], signature("link", data[:16])[:_SIGNED]):
        raise LinkInvalid
    return UUID(bytes=data[:16])


async def read(token: str) -> Link:
    """The link behind a token; raises LinkInvalid, LinkRevoked or LinkExpired, all of them BadLink."""
    found = await _links("id = $1", link_id_of(token))
    if not found:
        raise LinkInvalid
    if found[0].revoked_at is not None:
        raise LinkRevoked
    if found[0].expires_at <= now():
        raise LinkExpired
    return found[0]


async def revoke(link_id: UUID, actor: str) -> None:
    """Ends a link at once; once more changes nothing. Raises NoSuchLink."""
    async with db.transaction():
        case_id = await db.fetchval(
            """UPDATE core_link SET revoked_at = $2, revoked_by = $3 WHERE id = $1 AND revoked_at IS NULL
            RETURNING case_id""",
            link_id,
            now(),
            actor,
        )
        if case_id is not None:
            entry = NewEntry(f"case/{case_id}", "link.revoked", {"link": str(link_id)})
            await append(actor=actor, entries=[entry])
        elif not await _links("id = $1", link_id):
            raise NoSuchLink(f"there is no link {link_id}; the case shows its links")


async def of_case(case_id: UUID) -> list[Link]:
    """All links of a case, newest first, also those that no longer work."""
    return await _links("case_id = $1", case_id)


async def _links(condition: str, given: UUID) -> list[Link]:
    rows = await db.fetch(f"SELECT {', '.join(COLUMNS)} FROM core_link WHERE {condition} ORDER BY id DESC", given)
    return [Link(*row.values()) for row in rows]


def proof_for(link_id: UUID, minutes: int = 20) -> str:
    """Says that whoever holds the link has also shown a second factor; for a cookie, needs no table."""
    until = int(now().timestamp()) + minutes * 60
    return f"{until}.{_text(_proof(link_id, until))}"


def proof_ok(link_id: UUID, proof: str) -> bool:
    """True for a proof of this very link that has not run out."""
    until, dot, signed = proof.partition(".")
    if not dot or not (until.isascii() and until.isdigit() and len(until) <= 12) or not signed.isascii():
        return False
    right = hmac.compare_digest(_text(_proof(link_id, int(until))), signed)
    return right and now().timestamp() < int(until)


def _proof(link_id: UUID, until: int) -> bytes:
    return signature("proof", link_id.bytes + until.to_bytes(8, "big"))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
