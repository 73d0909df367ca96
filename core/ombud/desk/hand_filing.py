"""A complaint that a member of staff writes down (a letter, a call, a visit): how its form is read, at the desk and
again when a broken-off filing is resumed."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from ombud.desk import fields, units
from ombud.desk.checking import MATTERS, checked_moment
from ombud.desk.errors import Invalid
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud_plugin_api.facts import Complaint, Matter, PersonGiven, RawReceipt

RECEIPTS = "desk"  # the channel of the receipt; that of the case is how the complaint reached us
CHANNELS = {"phone": "Phone call", "letter": "Letter", "in_person": "Visit", "email": "E-mail"}
SPOKEN = frozenset({"phone", "in_person"})  # what staff heard and wrote down in words of their own
_AT_NOON = time(12)
Parts = Mapping[str, Sequence[str]]


async def parse(raw: RawReceipt) -> Complaint:
    """Reads a stored form again; raises Invalid. A form that named today is dated by its receipt, as it was then."""
    parts = parse_qs(raw.body.decode("utf-8", "replace"), keep_blank_values=True)
    unit = await units.by_key(_first(parts, "unit")) or await units.first()
    return complaint_of(parts, unit.time_zone, await fields.schema_of(_first(parts, "case_type")))


def complaint_of(parts: Parts, zone: str, schema: Mapping[str, Any]) -> Complaint:
    """What the form says, as intake takes it; raises Invalid for what it cannot say."""
    matters = [(text, category) for text, category in matters_of(parts) if text.strip()]
    return Complaint(
        channel=_first(parts, "channel"),
        person=PersonGiven(name=_first(parts, "name"), email=_first(parts, "email"), phone=_first(parts, "phone")),
        matters=tuple(Matter(text=text, category=category) for text, category in matters),
        summary=_first(parts, "summary"),
        received_at=received_at(_first(parts, "received_on"), zone),
        unit=_first(parts, "unit"),
        case_type=_first(parts, "case_type"),
        confidential=bool(_first(parts, "confidential")),
        told=_first(parts, "channel") in SPOKEN,
        fields=fields.check(schema, fields.from_form(schema, {name: _first(parts, name) for name in parts})),
    )


def _first(parts: Parts, name: str) -> str:
    values = parts.get(name, ())
    return values[0] if values else ""


def received_at(text: str, zone: str) -> datetime | None:
    """Noon of a past day where the unit is; None for today, which means the moment of filing."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise Invalid("Give the day it reached you, like 2026-11-23. Clocks run from it.", "received_on") from None
    today = now().astimezone(ZoneInfo(zone)).date()
    if day == today:
        return None
    if day > today:
        raise Invalid("This day lies in the future. Give the day it reached you.", "received_on")
    return checked_moment(datetime.combine(day, _AT_NOON, ZoneInfo(zone)).astimezone(UTC), "received_on")


def matters_of(parts: Parts) -> list[tuple[str, str]]:
    """The matters as (text, category), empty ones too."""
    texts, categories = parts.get("matter", ()), list(parts.get("category", ()))
    return list(zip(texts, categories + [""] * len(texts), strict=False))[:MATTERS] or [("", "")]


async def is_filed(principal: str, key: str) -> bool:
    """Whether a form with this key was filed already."""
    found = "SELECT EXISTS (SELECT 1 FROM core_raw WHERE channel = $1 AND principal = $2 AND key = $3)"
    return bool(await db.fetchval(found, RECEIPTS, principal, key))
