"""What the API takes. A change names the version it was made on; unknown fields are refused."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

Version = Annotated[int, Meta(ge=1, le=2**31 - 1, description="the version this change was made on")]
Priority = Literal["low", "normal", "high", "urgent"]
Severity = Annotated[int, Meta(ge=1, le=4, description="1 (minor) to 4 (grave)")]
Mood = Literal["", "calm", "tense", "upset", "angry"]
Outcome = Literal["upheld", "partly_upheld", "not_upheld", "withdrawn", "out_of_scope"]
RedressKind = Literal["money", "goods", "waiver", "apology", "correction"]
Moment = Annotated[datetime, Meta(tz=True)]


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    pass


class CaseChange(_Body):
    """What is left out stays as it is. `queue` is a queue's key."""

    version: Version
    title: str | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET
    severity: Severity | UnsetType = UNSET
    queue: str | UnsetType = UNSET
    mood: Mood | UnsetType = UNSET
    fields: dict[str, Any] | UnsetType = UNSET
    confidential: bool | UnsetType = UNSET


class AspectChange(_Body):
    """What is left out stays as it is."""

    version: Version
    title: str | UnsetType = UNSET
    category: str | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET
    severity: Severity | UnsetType = UNSET
    due_at: Moment | UnsetType = UNSET


class Assignment(_Body):
    """`owner`: the id of a member of staff, or null for nobody."""

    owner: UUID | None
    version: Version


class Claiming(_Body):
    """`take_over`: also where somebody else works on it; they are told, and the case records it."""

    take_over: bool = False


class Closing(_Body):
    """`reason`: needed where something that was promised is not done yet."""

    version: Version
    reason: str = ""


class Reopening(_Body):
    reason: str
    version: Version


class NewMessage(_Body):
    """`note` stays among staff, `answer` goes to the complainant, `told` is what a person said to you.

    Of an answer: `channel` says by which way (as on the case's page; left out: the customer's page, at once),
    `recipient` a party's person (left out: the complainant), `letter` what it is for, `files` which files of the case
    go along, `leaves_at` when, `ask_approval` that a second person sees it first. It can be taken back until it
    leaves. Of a final response: `letter_type`, where a regulator tells several letters apart, and `override`, why it
    leaves in spite of what the gate found, which needs a right of its own."""

    kind: Literal["note", "answer", "told"]
    text: str
    aspects: Annotated[list[UUID], Meta(max_length=50)] = []
    channel: Annotated[str, Meta(max_length=60)] = ""
    recipient: UUID | None = None
    letter: Literal["reply", "status", "request", "final_response"] = "reply"
    subject: Annotated[str, Meta(max_length=200)] = ""
    files: Annotated[list[UUID], Meta(max_length=50)] = []
    leaves_at: datetime | None = None
    ask_approval: bool = False
    letter_type: Annotated[str, Meta(max_length=60)] = ""
    override: Annotated[str, Meta(max_length=1000)] = ""


class NewAspect(_Body):
    """A matter that came up later; `title` is made from the text where it is left out."""

    text: str
    title: str = ""
    category: str = ""


class RedressLine(_Body):
    """`amount` is text, such as "42.00"; money and a waiver need it, goods may have a value. `calculation`: a kept sum
    whose amount it is."""

    kind: RedressKind
    amount: str = ""
    currency: str = ""
    note: str = ""
    calculation: UUID | None = None


class AspectDecision(_Body):
    """How one matter ends."""

    outcome: Outcome
    reason: str
    version: Version
    cause: str = ""
    redress: Annotated[list[RedressLine], Meta(max_length=20)] = []


class Reversal(_Body):
    reason: str


class Claimed(_Body):
    """What the customer asks for: text such as "1200.50", empty where they name no amount."""

    amount: Annotated[str, Meta(max_length=50)]
    version: Version
    currency: Annotated[str, Meta(max_length=10)] = ""


class Approval(_Body):
    """`content` of the request as it was read: what changed since is not approved."""

    content: Annotated[str, Meta(max_length=64)]
