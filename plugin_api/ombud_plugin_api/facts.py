"""Frozen values that travel between core and plugins. Times are aware UTC, money is `Decimal` with an ISO 4217 code."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec


class PersonGiven(msgspec.Struct, frozen=True, kw_only=True):
    """What a complainant told of themselves; empty where they did not."""

    name: str
    email: str = ""
    phone: str = ""
    postcode: str = ""
    language: str = ""


class Matter(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that went wrong, in the complainant's words; core opens one aspect for each."""

    text: str
    title: str = ""
    category: str = ""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A file with its bytes. `content_type` is what the sender claims; core looks at the bytes itself."""

    name: str
    content_type: str
    data: bytes


class Representative(msgspec.Struct, frozen=True, kw_only=True):
    """Who speaks for the complainant. `authority`: the evidence, in words (`signed letter of 3 May, seen`); `until`:
    the last day on which it holds, None without an end."""

    person: PersonGiven
    authority: str
    until: date | None = None


class Complaint(msgspec.Struct, frozen=True, kw_only=True):
    """A complaint as a channel understood it. `received_at`: when it reached the firm, if not now.
    `unit`: the key of a unit, empty for the first. `fields`: values of the case type's own fields. `confidential`: only
    those with the right to such cases will see it. `told`: a member of staff wrote down what they heard, so that the
    words are not the complainant's own, and nobody reads a mood from them. `represented_by`: who speaks for `person`,
    the complainant, and by what authority."""

    channel: str
    person: PersonGiven
    matters: tuple[Matter, ...]
    summary: str = ""
    received_at: datetime | None = None
    unit: str = ""
    case_type: str = "complaint"
    language: str = "en"
    fields: dict[str, Any] = {}
    documents: tuple[Document, ...] = ()
    confidential: bool = False
    told: bool = False
    represented_by: Representative | None = None


class RawReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What came through a door, byte for byte. `key` makes the same content sent twice one complaint;
    it is unique per channel. `headers` holds only what parsing needs."""

    channel: str
    key: str
    content_type: str
    body: bytes


class Filed(msgspec.Struct, frozen=True, kw_only=True):
    """The receipt for a complaint. `duplicate`: the key was seen before and this is the first answer again."""

    reference: str
    case_id: UUID
    track_url: str
    received_at: datetime
    answer_by: date | None
    duplicate: bool = False


class AspectView(msgspec.Struct, frozen=True, kw_only=True):
    """An aspect as the viewer may see it."""

    id: UUID
    position: int
    letter: str
    title: str
    status: str
    outcome: str
    category: str
    due_at: datetime | None


class CaseView(msgspec.Struct, frozen=True, kw_only=True):
    """A case as the viewer may see it; what they may not see is None or missing. `unit`: the key of its unit.
    `partly_hidden`: an aspect of it is kept from the viewer; show them nothing of what was said in it."""

    id: UUID
    reference: str
    title: str
    status: str
    channel: str
    received_at: datetime
    due_at: datetime | None
    aspects: tuple[AspectView, ...] = ()
    unit: str = ""
    partly_hidden: bool = False


class CustomerAspect(msgspec.Struct, frozen=True, kw_only=True):
    """One matter as its complainant sees it. `state`: received, in_progress, decided. `redress`: (kind, amount,
    currency, note) lines still standing."""

    id: UUID
    letter: str
    title: str
    text: str
    state: str
    outcome: str
    reason: str
    decided_on: date | None
    redress: tuple[tuple[str, Decimal | None, str, str], ...] = ()


class CustomerMessage(msgspec.Struct, frozen=True, kw_only=True):
    """Something the complainant said or was told; staff notes never travel here."""

    id: UUID
    from_us: bool
    body: str
    said_at: datetime


class DocumentView(msgspec.Struct, frozen=True, kw_only=True):
    """A document of the case without its bytes; `size` in bytes."""

    id: UUID
    name: str
    content_type: str
    size: int
    added_at: datetime


class CustomerCase(msgspec.Struct, frozen=True, kw_only=True):
    """A case as the holder of a signed link sees it. `next_step` and `next_by` say what happens next and when; `unit`
    is the key of its unit; `first_word_by`: the day we promised to write by, None once we did; `names_the_way`: its
    final response must name who decides over the organisation, by the requirements chosen for its unit."""

    reference: str
    title: str
    status: str
    organisation: str
    phone: str
    language: str
    received_on: date
    answer_by: date | None
    closed_on: date | None
    next_step: str
    next_by: date | None
    aspects: tuple[CustomerAspect, ...]
    messages: tuple[CustomerMessage, ...]
    may_withdraw: bool
    proof_questions: tuple[str, ...]
    unit: str = ""
    first_word_by: date | None = None
    names_the_way: bool = False


class UnitView(msgspec.Struct, frozen=True, kw_only=True):
    """A unit of the organisation: legal entity, brand or team. `country`: ISO 3166-1 alpha-2, its own or that of the
    unit above, may be empty; `language`: BCP 47; `time_zone`: IANA name."""

    key: str
    name: str
    country: str = ""
    language: str = "en"
    time_zone: str = "UTC"


class LinkView(msgspec.Struct, frozen=True, kw_only=True):
    """A signed link of a case, for the staff who may revoke it."""

    id: UUID
    person_name: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
