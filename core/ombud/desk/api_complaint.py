"""A complaint as the API takes it: its shape, and how its bytes are read, at the door and again when it is resumed."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from ombud.desk.errors import Invalid
from ombud_plugin_api.facts import Complaint, Matter, PersonGiven, RawReceipt

DEEPEST = 20
_BROKEN = re.compile(r"[\x00\ud800-\udfff]")
_WHERE = re.compile(r" - at `\$\.?(?P<place>.*)`$")

Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339 with a time zone, such as 2026-11-23T09:00:00Z")]


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    pass


class PersonBody(_Body):
    """Who complains."""

    name: str
    email: str = ""
    phone: str = ""
    postcode: str = ""


class MatterBody(_Body):
    """One thing that went wrong; it becomes an aspect of its own."""

    text: str
    category: str = ""
    title: str = ""


class ComplaintBody(_Body, kw_only=True):
    """`unit` and `case_type` are keys of this desk; `fields` are the case type's own."""

    channel: Literal["api"] = "api"
    person: PersonBody
    matters: Annotated[list[MatterBody], Meta(min_length=1, max_length=20)]
    summary: str = ""
    received_at: Moment | None = None
    unit: str = ""
    case_type: str = "complaint"
    language: str = "en"
    fields: dict[str, Any] = {}


def parse_api_complaint(raw: RawReceipt) -> Complaint:
    """The complaint in the exact bytes of a request; pure. Raises Invalid."""
    return complaint_of(decode(raw.body, ComplaintBody))


def complaint_of(body: ComplaintBody) -> Complaint:
    """The complaint of a body that was read strictly."""
    return Complaint(
        channel=body.channel,
        person=PersonGiven(
            name=body.person.name, email=body.person.email, phone=body.person.phone, postcode=body.person.postcode
        ),
        matters=tuple(Matter(text=each.text, title=each.title, category=each.category) for each in body.matters),
        summary=body.summary,
        received_at=body.received_at,
        unit=body.unit,
        case_type=body.case_type,
        language=body.language,
        fields=body.fields,
    )


Kind = TypeVar("Kind")


def decode(body: bytes, kind: type[Kind]) -> Kind:
    """JSON as this kind of body, strictly; raises Invalid naming the field, also for what no database can keep."""
    try:
        plain = msgspec.json.decode(body)
        _refuse_unkeepable(plain, (), 0)
        return msgspec.convert(plain, kind)
    except msgspec.ValidationError as problem:
        raise _invalid(str(problem)) from None
    except RecursionError:
        raise Invalid("This JSON is nested too deep. Send a flat body as the API's page shows.") from None
    except UnicodeDecodeError:
        raise Invalid("The body is not valid UTF-8. Send the text as UTF-8.") from None
    except msgspec.DecodeError as problem:
        raise Invalid(f"The body is not valid JSON ({problem}). Send JSON as UTF-8.") from None


def _refuse_unkeepable(value: Any, place: tuple[str, ...], depth: int) -> None:
    field = ".".join(place)
    if depth > DEEPEST:
        raise Invalid("This JSON is nested too deep. Send a flat body as the API's page shows.", field)
    if isinstance(value, str) and _BROKEN.search(value):
        raise Invalid("The text holds control characters such as NUL. Remove them and send it again.", field)
    if isinstance(value, int) and not -(2**53) <= value <= 2**53:
        raise Invalid("This number is too large. Send it as text, or a smaller one.", field)
    if isinstance(value, list):
        for number, each in enumerate(value):
            _refuse_unkeepable(each, (*place, str(number)), depth + 1)
    elif isinstance(value, dict):
        for name, each in value.items():
            if _BROKEN.search(name) or len(name) > 200:
                raise Invalid("A field's name holds broken characters or is too long.", field)
            _refuse_unkeepable(each, (*place, name), depth + 1)


def _invalid(problem: str) -> Invalid:
    """msgspec's words, with the place as `person.name` or `matters.0.text`."""
    found = _WHERE.search(problem)
    place = found.group("place").replace("[", ".").replace("]", "").lstrip(".") if found else ""
    text = _WHERE.sub("", problem).replace("`", "")
    missing = re.search(r"required field (\S+)$", text)
    if missing:
        place = f"{place}.{missing.group(1)}".lstrip(".")
        return Invalid("This is missing. Add it and send it again.", place)
    unknown = re.search(r"unknown field (\S+)$", text)
    if unknown:
        place = f"{place}.{unknown.group(1)}".lstrip(".")
        return Invalid("There is no such field. Leave it out, or check its name on the API's page.", place)
    return Invalid(f"{text}. Correct it and send it again.", place)
