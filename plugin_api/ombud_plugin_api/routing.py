"""Routers: what says who, or which queue, suits a case. They propose; core weighs and decides.

Everything is frozen and pure. Choices carry no names: a router knows what somebody can do, not who they are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from ombud_plugin_api.treatment import CaseFacts

CHOICES = ("person", "queue")


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody, or a queue, that the work could go to. `kind`, of CHOICES; `id`: what a proposal names. Of a person:
    `skills` and `languages` that they have, `load` (weight of their open work) and `room` (how much more they take,
    None without a limit), `knows_customer`: they had an earlier case of the same customer. Of a queue: its `key`."""

    id: str
    kind: str = "person"
    key: str = ""
    skills: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    load: int = 0
    room: int | None = None
    knows_customer: bool = False


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What a router says of one choice. `score`: from 0 (does not suit) to 1 (suits best); `reason`: in a sentence,
    without anybody's words or names."""

    choice: str
    score: float
    reason: str = ""


@dataclass(frozen=True)
class Router:
    """What proposes. `propose(case, choices)` is pure and runs in the work process under two seconds; where one aspect
    is routed, `case.aspects` holds that one alone. It gives proposals for choices it was given, or none where it has
    nothing to say; a choice without a proposal is not against it. Core never offers whom a matter is about, who is away
    or who may not see the case, and no proposal changes that."""

    key: str
    label: str
    version: str
    propose: Callable[[CaseFacts, Sequence[Choice]], Sequence[Proposal]]
