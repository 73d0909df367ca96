"""Rights of people over what is kept of them: what laws grant, within which times, and what a plugin keeps of somebody
that its manifest cannot say. Data and two functions; core runs the request, its clock and its proof."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ombud_plugin_api.facts import Document
from ombud_plugin_api.platform import Context

DOES = (
    "access", "portability", "correct", "erase", "restrict", "object", "review", "opt_out", "limit", "answer",
)  # fmt: skip
"""What core does for a right: hands out everything, or what the person gave; corrects; erases; marks as restricted,
objected to, opted out of, limited; has a person look at an automated decision; answers in words alone."""
SPANS = ("months", "days", "business_days")
PROVENANCE = ("official", "secondary", "unverified")
"""Read in the law itself; read about it; from general knowledge. What is not official is shown as such."""
IDENTITY = ("always", "doubt", "never")
"""When who asks must be shown to be the person: always, where there is reasonable doubt, never."""
SIGNALS = ("gpc",)
"""What a browser may say by itself: `gpc` is Global Privacy Control, the header `Sec-GPC: 1`."""


@dataclass(frozen=True)
class Span:
    """A time that a law gives, with the article it stands in. It runs from the day of receipt, which is day 0."""

    amount: int
    unit: str
    source: str
    provenance: str = "unverified"


@dataclass(frozen=True)
class Ground:
    """A reason that the law accepts for keeping or refusing. `against`: which of DOES it answers; empty: all."""

    key: str
    label: str
    source: str
    provenance: str = "unverified"
    against: tuple[str, ...] = ()


@dataclass(frozen=True)
class Right:
    """One kind of request. `key`: a code, unique in its law; `does`: one of DOES; `answer`: the time to answer in;
    `acknowledge`: by when receipt must be confirmed; `extension`: by how much the time may grow once, and under which
    rule; `identity`: one of IDENTITY; `agent`: what shows that somebody may ask for the person; `signal`: one of
    SIGNALS that is a request for this right by itself. Core honours it on every page of the public, says so there, and
    keeps the log."""

    key: str
    label: str
    does: str
    source: str
    answer: Span
    acknowledge: Span | None = None
    extension: Span | None = None
    extension_rule: str = ""
    identity: str = "doubt"
    agent: str = ""
    help: str = ""
    provenance: str = "unverified"
    signal: str = ""


@dataclass(frozen=True)
class Law:
    """The rights of one place. `key`: the slug, or one that begins with it and a dot; `places`: ISO 3166 codes of
    countries and their parts, such as `GB` or `US-CA`, or `EU`: a request is recorded by it in units of these
    countries, and in others as the plugin's setting `applies` says (`applies_rule`); `note`: what staff should know, in
    a sentence."""

    key: str
    label: str
    places: tuple[str, ...]
    rights: tuple[Right, ...]
    grounds: tuple[Ground, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class RightAsked:
    """A request as somebody sent it by a public form. `law` and `right`: keys of one of the plugin's laws; `agent_name`
    and `authority`: who asks for the person, and the documents that show it; `documents`: others; `key`: so that one
    form sent twice is one request; `language`: in which letters about it are written."""

    law: str
    right: str
    key: str
    name: str = ""
    email: str = ""
    words: str = ""
    agent_name: str = ""
    language: str = ""
    authority: tuple[Document, ...] = ()
    documents: tuple[Document, ...] = ()


@dataclass(frozen=True)
class RequestFollowed:
    """What the holder of a request's link may see. It never says whether the desk knows the person. `state`: open,
    answered or withdrawn; `outcome`: granted, partly, refused; `may_prove`: a code can be sent to the address that was
    given; `proved`: it was given back; `answer`: what was answered, only with a proof."""

    reference: str
    law: str
    right: str
    does: str
    received_on: date
    answer_by: date
    state: str
    outcome: str
    organisation: str
    identity: str
    for_somebody: bool
    may_prove: bool
    proved: bool
    extended_because: str = ""
    answered_at: datetime | None = None
    answer: str = ""


@dataclass(frozen=True)
class PersonSought:
    """Whom core looks for: `id` is core's person, the rest what they are known by; none of it is to be kept or
    logged."""

    id: str
    name: str
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()


@dataclass(frozen=True)
class PersonalData:
    """What the manifest's tables cannot say: rows that lead to nobody, and what lies outside the desk. `collect(person,
    context)` gives mappings of plain values, each one thing that is kept; `erase(person, context)` destroys the same
    and returns how many there were; safe to run twice. One that fails or takes too long stops the request, which names
    the plugin; so it may not answer `nothing` where it does not know."""

    label: str
    collect: Callable[[PersonSought, Context], Awaitable[Sequence[Mapping[str, Any]]]]
    erase: Callable[[PersonSought, Context], Awaitable[int]]


__all__ = [
    "DOES", "IDENTITY", "PROVENANCE", "SIGNALS", "SPANS", "Ground", "Law", "PersonSought", "PersonalData",
    "RequestFollowed", "Right", "RightAsked", "Span",
]  # fmt: skip
