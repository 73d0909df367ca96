"""Questions in Salesforce's query language, with values that can be nothing but values. Pure."""

import re
from collections.abc import Iterable

FIELD = re.compile(r"([A-Za-z][A-Za-z0-9_]{0,79}\.)?[A-Za-z][A-Za-z0-9_]{0,79}")
OBJECT = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
RECORD = re.compile(r"[A-Za-z0-9]{15}([A-Za-z0-9]{3})?")
LONGEST = 255

# The escapes the language has; no other sign means anything within quotes.
_ESCAPES = {"\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def text(value: str) -> str:
    """A literal in quotes. Signs that no field can hold are left out."""
    plain = "".join(sign for sign in value[:LONGEST] if sign in _ESCAPES or (sign >= " " and sign != "\x7f"))
    return "'" + "".join(_ESCAPES.get(sign, sign) for sign in plain) + "'"


def any_of(field: str, values: Iterable[str]) -> str:
    """`Phone IN ('…', '…')`; empty where there is no value."""
    found = [each for each in dict.fromkeys(values) if each.strip()]
    return f"{named(field)} IN ({', '.join(text(each) for each in found)})" if found else ""


def named(field: str) -> str:
    """The name of a field, or ValueError: names come from settings, and go into the question as they are."""
    if not FIELD.fullmatch(field):
        raise ValueError(f"{field[:80]!r} is no name of a field")
    return field


def record(identity: str) -> str:
    """The id of a record as a literal, or ValueError."""
    if not RECORD.fullmatch(identity):
        raise ValueError(f"{identity[:80]!r} is no id of a record")
    return text(identity)


def either(*conditions: str) -> str:
    return " OR ".join(f"({each})" for each in conditions if each)
