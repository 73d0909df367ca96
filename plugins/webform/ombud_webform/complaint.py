"""What a person submitted, as the bytes that core keeps and as the complaint those bytes mean. Pure."""

from datetime import datetime

import msgspec

from ombud_plugin_api import Complaint, Document, Matter, Permanent, PersonGiven, RawReceipt
from ombud_webform.wording import texts

CHANNEL = "webform"
CONTENT_TYPE = "application/json"
TITLE = 80


class MatterGiven(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`wanted`: codes of what would put it right."""

    text: str
    title: str = ""
    when: str = ""
    wanted: tuple[str, ...] = ()


class FileGiven(msgspec.Struct, frozen=True, kw_only=True):
    """msgspec writes the bytes as base64."""

    name: str
    content_type: str
    data: bytes


class Submission(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that was sent, in one value with one spelling. `sent_at` is empty where no draft remembers it."""

    name: str
    matters: tuple[MatterGiven, ...]
    email: str = ""
    phone: str = ""
    postcode: str = ""
    summary: str = ""
    language: str = "en"
    sent_at: datetime | None = None
    files: tuple[FileGiven, ...] = ()


def receipt(key: str, given: Submission) -> RawReceipt:
    """The same submission always gives the same bytes."""
    body = msgspec.json.encode(given, order="deterministic")
    return RawReceipt(channel=CHANNEL, key=key, content_type=CONTENT_TYPE, body=body)


def read(raw: RawReceipt) -> Complaint:
    """The complaint in stored bytes; raises `Permanent` where there is none."""
    try:
        given = msgspec.json.decode(raw.body, type=Submission)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise Permanent(f"These bytes are no submission of the complaint form: {problem}.") from problem
    return complaint(given)


def complaint(given: Submission) -> Complaint:
    return Complaint(
        channel=CHANNEL,
        person=PersonGiven(
            name=given.name, email=given.email, phone=given.phone, postcode=given.postcode, language=given.language
        ),
        matters=tuple(Matter(text=told(each, given.language), title=title_of(each)) for each in given.matters),
        summary=given.summary,
        received_at=given.sent_at,
        language=given.language,
        documents=tuple(
            Document(name=each.name, content_type=each.content_type, data=each.data) for each in given.files
        ),
    )


def title_of(matter: MatterGiven) -> str:
    """The person's own title, or the opening of their own words; never the questions that follow them."""
    words = " ".join(matter.text.split())
    short = words if len(words) <= TITLE else words[: TITLE - 1].rsplit(" ", 1)[0].rstrip(",.;:") + "…"
    return matter.title.strip() or short


def told(matter: MatterGiven, language: str) -> str:
    """The person's own words first, then their answers to the two questions below the text box."""
    words = texts(language)
    known = [words["wanted"][code] for code in matter.wanted if code in words["wanted"]]
    answers = []
    if matter.when.strip():
        answers.append(f"{words['matters']['when']} {matter.when.strip()}")
    if known:
        answers.append(f"{words['matters']['wanted']} {'; '.join(known)}")
    return "\n\n".join(part for part in (matter.text.strip(), "\n".join(answers)) if part)
