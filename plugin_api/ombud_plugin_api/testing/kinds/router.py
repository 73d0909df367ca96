"""Plugins that propose who, or which queue, suits a case."""

import inspect
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from ombud_plugin_api.routing import Choice, Proposal, Router
from ombud_plugin_api.testing.checks import Broken, Contract, check
from ombud_plugin_api.testing.subject import Subject
from ombud_plugin_api.treatment import AspectFacts, CaseFacts

SECONDS = 2.0
AT = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
LANGUAGES = ("", "en", "pl", "cs", "uk", "zz")


def _case(language: str, **more: Any) -> CaseFacts:
    aspects = (AspectFacts(id="matter", category="fees", severity=2),)
    return CaseFacts(
        id="case", reference="KIT-1", unit="unit", language=language, channel="kit", received_at=AT, opened_at=AT,
        at=AT, aspects=aspects, **more,
    )  # fmt: skip


CASES = (
    *(_case(each) for each in LANGUAGES),
    _case("en", priority="urgent", severity=4, mood="angry", support_needs=True, confidential=True),
    CaseFacts(id="", received_at=AT, opened_at=AT, at=AT),
)
CHOICES = (
    Choice(id="p1", languages=frozenset({"en"}), skills=frozenset({"fees"}), load=3, room=9),
    Choice(id="p2", languages=frozenset({"en", "pl"}), load=11, room=0, knows_customer=True),
    Choice(id="p3", languages=frozenset({"uk", "sk"}), skills=frozenset({"fees", "fraud", "dummy"})),
    Choice(id="p4"),
    Choice(id="q1", kind="queue", key="new-complaints"),
)


class RouterContract(Contract):
    """What plugins that propose where work goes promise."""

    kind: ClassVar[str] = "router"
    title: ClassVar[str] = "Plugins that route"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return plugin.implements("provide_routers")

    @check(
        "basic-75",
        "Its routers say their name and version",
        why="The key and the version stand beside every decision they had a part in, so that somebody can tell a year "
        "later why a case went where it went.",
        example='Router("postbox", "Post box", "1", propose)',
        remedy="Let the key be the slug, or begin with it and a dot; give a label, a version and a propose that is not "
        "asynchronous.",
    )
    async def routers_are_named(self) -> None:
        await self.stage.enable()
        if not self._routers():
            raise Broken("provide_routers gave none")
        for router in self._routers():
            if router.key != self.plugin.slug and not router.key.startswith(f"{self.plugin.slug}."):
                raise Broken(f"the router {router.key!r} is not named by the slug {self.plugin.slug}")
            if not router.label.strip() or not router.version.strip():
                raise Broken(f"the router {router.key} lacks a label or a version")
            if inspect.iscoroutinefunction(router.propose):
                raise Broken(f"propose of {router.key} is asynchronous; it is pure, and runs in a thread")

    @check(
        "basic-76",
        "The same case and choices get the same proposals, each for a choice it was given; and nothing else happens",
        why="People ask why a case went to them, and a draft of the rules is tried on last year's cases: an answer "
        "that changes by itself explains nothing. A proposal for somebody who was not offered counts as a fault, "
        "because core leaves out whom a matter is about.",
        example='Proposal(choice=choices[0].id, score=0.8, reason="Speaks the customer\'s language.")',
        remedy="Give a list of Proposals with scores from 0 to 1, in words without names; read nothing but the case "
        "and the choices: no clock, no chance, no network, no database.",
    )
    async def proposing_is_pure(self) -> None:
        await self.stage.enable()
        for router in self._routers():
            for case in CASES:
                for choices in (CHOICES, CHOICES[1:2], CHOICES[4:], ()):
                    with self.stage.watch() as watched:
                        first, second = self._proposed(router, case, choices), self._proposed(router, case, choices)
                    if first != second:
                        raise Broken(f"{router.key} gives two different answers to one case")
                    if watched.statements or watched.reached:
                        raise Broken(f"{router.key} asks the database or the network while it proposes")
                    for each in first:
                        self._lawful(router, choices, each)

    @check(
        "sound-50",
        "Many choices cost a moment",
        why="Core stops a router after two seconds and goes on without it; one that takes them on every case of a "
        "large team holds the others up.",
        example="speakers = Counter(code for each in choices for code in each.languages)",
        remedy="Look at each choice once or twice, not at each pair of them.",
    )
    async def many_choices_are_bounded(self) -> None:
        await self.stage.enable()
        crowd = [
            Choice(id=f"p{n}", languages=frozenset({"en", f"x{n % 20}"}), skills=frozenset({f"s{n % 50}"}), load=n % 30)
            for n in range(1000)
        ]
        for router in self._routers():
            started = time.monotonic()
            self._proposed(router, CASES[1], crowd)
            if (taken := time.monotonic() - started) > SECONDS:
                raise Broken(f"{router.key} takes {taken:.1f} seconds over {len(crowd)} choices")

    def _routers(self) -> list[Router]:
        return list(self.stage.provided.routers)

    @staticmethod
    def _proposed(router: Router, case: CaseFacts, choices: Sequence[Choice]) -> list[Proposal]:
        try:
            given: Any = router.propose(case, choices)
        except Exception as problem:
            raise Broken(f"{router.key} answers a case with {type(problem).__name__}: {problem}") from None
        if not isinstance(given, list | tuple) or not all(isinstance(each, Proposal) for each in given):
            raise Broken(f"{router.key} gives {given!r:.60}; a list of proposals is asked for")
        return list(given)

    @staticmethod
    def _lawful(router: Router, choices: Sequence[Choice], given: Proposal) -> None:
        if given.choice not in {each.id for each in choices}:
            raise Broken(f"{router.key} proposes {given.choice!r}, which it was not offered")
        if not isinstance(given.score, int | float) or not 0 <= given.score <= 1:
            raise Broken(f"{router.key} gives the score {given.score!r}; a number from 0 to 1 is asked for")
