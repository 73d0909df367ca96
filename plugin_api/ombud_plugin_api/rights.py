"""Rights of people over what is kept of them: what laws grant, within which times, and what a plugin keeps of somebody
that its manifest cannot say. Data and two functions; core runs the request, its clock and its proof."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
    rule; `identity`: one of IDENTITY; `agent`: what shows that somebody may ask for the person."""

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
    "DOES", "IDENTITY", "PROVENANCE", "SPANS", "Ground", "Law", "PersonSought", "PersonalData", "Right", "Span",
]  # fmt: skip
