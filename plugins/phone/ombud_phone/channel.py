"""What was written down during a call or a visit, as core takes it. Pure: stored bytes are read again after a fault."""

import base64
import binascii
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from ombud_phone.calls import CHANNELS, Call, Typed
from ombud_plugin_api import (
    Channel,
    Complaint,
    Document,
    Matter,
    Permanent,
    PersonGiven,
    RawReceipt,
    Representative,
)

CONTENT_TYPE = "application/json"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes that core keeps: what was typed, when the call began, questions in words, files."""

    channel: str
    language: str
    began: datetime
    typed: Typed
    asked: list[tuple[str, str]] = []
    files: list[tuple[str, str, str]] = []


class TalkChannel:
    """A call or a visit."""

    def __init__(self, key: str, label: str, icon: str) -> None:
        self.key, self.label, self.icon = key, label, icon

    def parse(self, raw: RawReceipt) -> Complaint:
        try:
            kept = msgspec.json.decode(raw.body, type=Kept)
            documents = tuple(
                Document(name=name, content_type=kind, data=base64.b64decode(data, validate=True))
                for name, kind, data in kept.files
            )
        except (ValueError, msgspec.MsgspecError, binascii.Error, RecursionError):
            raise Permanent("these bytes are no call that was written down here; look at them") from None
        if kept.channel != self.key or not kept.typed.name.strip() or not kept.typed.said:
            raise Permanent("the call was written down without a name or without a matter; ask whoever took it")
        return complaint_of(kept, documents)


def channels() -> list[Channel]:
    return [TalkChannel("phone", "Telephone", "phone"), TalkChannel("in_person", "In person", "users")]


def complaint_of(kept: Kept, documents: tuple[Document, ...] = ()) -> Complaint:
    """The complaint; answers stand below the first matter, each with its question."""
    typed = kept.typed
    first, *others = typed.said
    asked = [f"{question}\n{answer}" for question, answer in kept.asked if answer]
    wish = [f"What they want\n{typed.wish}"] if typed.wish else []
    matters = (Matter(text="\n\n".join([first, *asked, *wish])), *(Matter(text=each) for each in others))
    person = PersonGiven(name=typed.name, email=typed.email, phone=typed.number, postcode=typed.postcode)
    return Complaint(
        channel=kept.channel, person=person, matters=matters, summary=typed.summary, received_at=kept.began,
        unit=typed.unit, case_type=typed.case_type or "complaint", language=kept.language, documents=documents,
        told=True, represented_by=_representative(typed),
    )  # fmt: skip


def _representative(typed: Typed) -> Representative | None:
    if not typed.represented:
        return None
    person = PersonGiven(name=typed.rep_name, phone=typed.rep_number)
    return Representative(person=person, authority=typed.rep_authority, until=day_of(typed.rep_until))


def day_of(text: str) -> date | None:
    """A day as forms send it; None for none, or for what is no day."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def receipt(
    call: Call, language: str, asked: list[tuple[str, str]], documents: list[Document]
) -> tuple[RawReceipt, Complaint]:
    """What is kept byte for byte, and what it means. The id of the call is the key, so that it is filed once."""
    kept = Kept(
        channel=call.channel if call.channel in CHANNELS else "phone", language=language,
        began=call.started_at.astimezone(UTC), typed=call.body, asked=asked,
        files=[(each.name, each.content_type, base64.b64encode(each.data).decode()) for each in documents],
    )  # fmt: skip
    raw = RawReceipt(
        channel=kept.channel,
        key=str(call.id),
        content_type=CONTENT_TYPE,
        body=msgspec.json.encode(kept, order="sorted"),
    )
    return raw, complaint_of(kept, tuple(documents))


def notes_of(typed: Typed, asked: list[tuple[str, str]]) -> str:
    """What was said, as one text for a case that is there already."""
    parts: list[Any] = [*typed.said, *(f"{question}\n{answer}" for question, answer in asked if answer)]
    if typed.wish:
        parts.append(f"What they want\n{typed.wish}")
    return "\n\n".join(parts)
