"""Which rules that are on, or will be, would set the same thing differently for the same event: for a rule's page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ombud import speech
from ombud.desk.engine.clashes import Clash, clashes
from ombud.desk.engine.terms import Definition, Rule
from ombud.desk.engine.vocabulary import Vocabulary
from ombud.desk.rules import in_force, versions
from ombud.desk.rules.wording import change_words
from ombud.desk.words import label
from ombud.kernel.clock import now
from ombud.speech import sentence

Names = Mapping[str, str]


@dataclass(frozen=True)
class Told:
    """One clash in words. `wins`: what this rule asks for counts, since it is asked later."""

    rule: str
    label: str
    thing: str
    mine: str
    theirs: str
    wins: bool


async def clashing(definition: Definition, words: Vocabulary, names: Names) -> list[Told]:
    """In the order of the rules."""
    moment = now()
    standing = [
        each.rule
        for each in await in_force.held(moment)
        if not each.rule.shadow and not each.built_in and (each.until is None or each.until > moment)
    ]
    mine = Rule(definition=definition, version=0)
    found = clashes(mine, standing, words, await in_force.parents())
    told = [_told(each, definition.key, names) for each in found]
    return [each for number, each in enumerate(told) if each not in told[:number]]  # of two versions of one rule


def _told(clash: Clash, key: str, names: Names) -> Told:
    wins = clash.second.key == key
    other = clash.with_(key)
    kind, _, name = clash.thing.partition(":")
    thing = (
        sentence("the clock %(name)s", name=name)
        if kind == "clock"
        else sentence("the %(thing)s", thing=label(kind).lower())
    )
    mine, theirs = (clash.counts, clash.was) if wins else (clash.was, clash.counts)
    return Told(other.key, other.definition.label or other.key, thing, _said(mine, names), _said(theirs, names), wins)


def _said(change: Any, names: Names) -> str:
    return change_words(speech.builtins_of(change), names)


async def of_version(key: str, number: int, words: Vocabulary, names: Names) -> list[Told]:
    """Of a version of a rule as it is kept."""
    return await clashing((await versions.rule(key)).number(number).definition, words, names)
