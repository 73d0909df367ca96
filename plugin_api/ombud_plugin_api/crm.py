"""Customer systems: what core asks them about a person, what they answer, what they are told at closure.

Frozen values. Times are aware UTC; money is `Decimal` with an ISO 4217 code. Core keeps answers as snapshots of the
person, shows each with its source and age, and never waits for them on a page.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from ombud_plugin_api.platform import Context

EVIDENCE = ("reference", "email", "phone", "name", "postcode")
DATUM_KINDS = ("account", "contact", "case", "talk", "fact")
SHOWS = ("", "name", "email", "phone", "postcode", "address")


class PersonHints(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of whom core asks for; empty where nothing is. `person`: core's id, for a `CoreRef("person")`;
    `kind`: person or organisation; `units`: keys of the unit asked in and of those above it, nearest first;
    `references`: texts of the case types' own fields by name (a customer number, a contract)."""

    person: UUID
    kind: str = "person"
    name: str = ""
    email: str = ""
    phone: str = ""
    postcode: str = ""
    units: tuple[str, ...] = ()
    references: Mapping[str, str] = {}


class PersonMatch(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody in the customer system who may be the person. `id`: theirs, at most 200 characters; `evidence`: what
    agrees, of EVIDENCE; `note` tells two of one name apart (account, town, customer since); `href`: their page in
    the customer system; `source`: where this stands, such as `Contact`; `fetched_at`: when it was so."""

    id: str
    name: str
    source: str
    fetched_at: datetime
    evidence: tuple[str, ...] = ()
    email: str = ""
    phone: str = ""
    postcode: str = ""
    reference: str = ""
    note: str = ""
    href: str = ""


class Datum(msgspec.Struct, frozen=True, kw_only=True):
    """One thing the customer system knows. `kind`, of DATUM_KINDS: an account or product, a way to reach them, an open
    case, a talk with them, anything else. `label` names it (`Current account`), `value` tells it (`PLN, open`); `at`:
    when it happened; `shows`: the field of a person that it tells, of SHOWS, by which core masks it."""

    kind: str
    label: str
    source: str
    fetched_at: datetime
    value: str = ""
    at: datetime | None = None
    href: str = ""
    shows: str = ""


class ClosedAspect(msgspec.Struct, frozen=True, kw_only=True):
    """One matter as it was decided. `redress`: (kind, amount, currency) of what stands."""

    letter: str
    title: str
    category: str
    outcome: str
    cause: str
    redress: tuple[tuple[str, Decimal | None, str], ...] = ()


class ClosedCase(msgspec.Struct, frozen=True, kw_only=True):
    """A case at its closure, for the customer system. Never a confidential one, and without aspects about members of
    staff. `person`: whom a colleague chose as the complainant's record, else None; `href`: the case's page."""

    id: UUID
    reference: str
    title: str
    unit: str
    channel: str
    received_at: datetime
    closed_at: datetime
    href: str
    aspects: tuple[ClosedAspect, ...] = ()
    person: PersonMatch | None = None


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What the customer system made of it: its id there, and its page."""

    id: str
    href: str = ""


def _always(settings: Mapping[str, Any]) -> bool:
    return True


@dataclass(frozen=True)
class Crm:
    """A customer system. `key`: the plugin's slug, or begins with it and a dot; `label`: its name for people.

    `find(hints, context)`: those who may be the person, the likeliest first, at most 20; an empty list where nobody is,
    None where the system is not used in this unit. `history(match, context)`: what it knows of them, the newest first
    in each kind, at most 200. `record(case, key, context)`: writes the closure down and returns what it made; the same
    key again makes nothing new, and may bring it up to date. Without `record`, nothing is written back.

    All three run in the work process, outside transactions, under 20 seconds, with the settings of the unit. Raise
    `Transient` (busy, slow, away; `record` is tried again with growing pauses), `Misconfigured` (a setting is wrong) or
    `Permanent` (it refuses); the text is shown to people, so it holds no secret.

    `in_use(settings)`: pure; False where the settings say that the system is not used, and nothing is shown; `writes`
    in the same way for whether closures are written back.
    `fresh_for`, `stale_after`: seconds after which an answer is asked for again, and after which it is marked old."""

    key: str
    label: str
    find: Callable[[PersonHints, Context], Awaitable[Sequence[PersonMatch] | None]]
    history: Callable[[PersonMatch, Context], Awaitable[Sequence[Datum]]]
    record: Callable[[ClosedCase, str, Context], Awaitable[Recorded]] | None = None
    icon: str = "address-book"
    in_use: Callable[[Mapping[str, Any]], bool] = _always
    writes: Callable[[Mapping[str, Any]], bool] = _always
    fresh_for: float = 300.0
    stale_after: float = 3600.0
