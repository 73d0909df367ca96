"""Whether the desk can take a complaint; what it cannot take is refused with the part and the remedy."""

import re
from datetime import UTC, datetime, timedelta

from ombud.desk.errors import Invalid
from ombud.kernel.clock import now
from ombud.process import settings
from ombud.speech import number, sentence
from ombud_plugin_api.facts import Complaint, Matter, PersonGiven, Representative

MATTERS = 20
LINE = 200
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+\Z")
OLDEST = datetime(1990, 1, 1, tzinfo=UTC)


def clean_text(text: str, field: str, *, longest: int, required: bool = False) -> str:
    """Text without surrounding space and with one kind of line end; refuses what PostgreSQL or a reader cannot hold."""
    if _LONE_SURROGATE.search(text):
        raise Invalid("The text holds broken characters. Type them again, or send the text as UTF-8.", field)
    if _CONTROL.search(text):
        raise Invalid("The text holds control characters such as NUL. Remove them and send it again.", field)
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if required and not text:
        raise Invalid("This is empty. Write at least a few words.", field)
    if len(text) > longest:
        raise Invalid(
            sentence(
                "This is too long: %(what)s characters of at most %(longest)s. Shorten it, or attach a file.",
                what=number(len(text)),
                longest=number(longest),
            ),
            field,
        )
    return text


def checked_email(text: str, field: str) -> str:
    email = clean_text(text, field, longest=LINE)
    if email and not _EMAIL.match(email):
        raise Invalid("This is not an e-mail address. Write it like name@example.org, or leave it empty.", field)
    return email


def checked_complaint(complaint: Complaint) -> Complaint:
    """The complaint with clean text; raises Invalid naming the first part that cannot be taken."""
    if not complaint.matters:
        raise Invalid("There is no matter to answer. Say at least one thing that went wrong.", "matters")
    if len(complaint.matters) > MATTERS:
        raise Invalid(
            sentence("These are too many matters: at most %(most)s. Put what belongs together into one.", most=MATTERS),
            "matters",
        )
    longest = settings().limits.text_chars
    return Complaint(
        channel=complaint.channel,
        person=checked_person(complaint.person),
        matters=tuple(_matter(each, place, longest) for place, each in enumerate(complaint.matters)),
        summary=clean_text(complaint.summary, "summary", longest=longest),
        received_at=checked_moment(complaint.received_at, "received_at"),
        unit=clean_text(complaint.unit, "unit", longest=LINE),
        case_type=clean_text(complaint.case_type, "case_type", longest=LINE),
        language=complaint.language if complaint.language in {"en", "pl"} else "en",
        fields=complaint.fields,
        documents=complaint.documents,
        confidential=complaint.confidential,
        told=complaint.told,
        represented_by=_representative(complaint.represented_by),
    )


def checked_person(person: PersonGiven, field: str = "person") -> PersonGiven:
    return PersonGiven(
        name=clean_text(person.name, f"{field}.name", longest=LINE, required=True),
        email=checked_email(person.email, f"{field}.email"),
        phone=clean_text(person.phone, f"{field}.phone", longest=50),
        postcode=clean_text(person.postcode, f"{field}.postcode", longest=20),
        language=person.language,
    )


def _representative(given: Representative | None) -> Representative | None:
    if given is None:
        return None
    authority = clean_text(given.authority, "represented_by.authority", longest=500)
    if not authority:
        raise Invalid(
            "Say what lets them act for the complainant, such as a signed letter and its date.",
            "represented_by.authority",
        )
    person = checked_person(given.person, "represented_by.person")
    return Representative(person=person, authority=authority, until=given.until)


def _matter(matter: Matter, place: int, longest: int) -> Matter:
    return Matter(
        text=clean_text(matter.text, f"matters.{place}.text", longest=longest, required=True),
        title=clean_text(matter.title, f"matters.{place}.title", longest=LINE),
        category=clean_text(matter.category, f"matters.{place}.category", longest=LINE),
    )


def checked_moment(at: datetime | None, field: str) -> datetime | None:
    """A time of receipt lies in the past and carries a zone; a clock cannot start tomorrow."""
    if at is None:
        return None
    if at.tzinfo is None:
        raise Invalid("The time has no time zone. Write it like 2026-11-23T09:00:00Z.", field)
    if at > now() + timedelta(minutes=5):
        raise Invalid("The time of receipt lies in the future. Give the moment it really arrived.", field)
    if at < OLDEST:
        raise Invalid("The time of receipt lies before 1990. Check the year.", field)
    return at.astimezone(UTC)
