"""Plugins that bring conditions for rules."""

import inspect
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ombud_plugin_api.testing import rule_words
from ombud_plugin_api.testing.checks import Broken, Contract, check
from ombud_plugin_api.testing.subject import Subject
from ombud_plugin_api.treatment import CaseFacts, Condition

SECONDS = 0.1  # for one question; a replay asks a hundred thousand times
LONGEST = 120


class ConditionsContract(Contract):
    """What plugins that bring conditions promise."""

    kind: ClassVar[str] = "conditions"
    title: ClassVar[str] = "Plugins that bring conditions for rules"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return plugin.implements("provide_conditions")

    @check(
        "basic-32",
        "Its conditions are in words: a label, and a description of what was chosen",
        why="An administrator reads a rule as a sentence before it is switched on. A condition that describes every "
        "choice in the same words, or in none, hides what the rule will do.",
        example='Condition("postbox.heavy", "Heavy letter", SCHEMA, heavy,\n'
        "          lambda args: f\"the letter weighs {args['grams']} g or more\")",
        remedy="Give each condition and each of its arguments a label, and let `describe` give one short line that "
        "says the chosen values.",
    )
    async def conditions_are_in_words(self) -> None:
        await self.stage.enable()
        if not self._conditions():
            raise Broken("provide_conditions gave none")
        for condition in self._conditions():
            if not condition.label.strip():
                raise Broken(f"the condition {condition.key} has no label")
        told_apart(self._conditions(), self.own.arguments)

    @check(
        "basic-33",
        "The same case and arguments get the same answer, yes or no; and nothing else happens",
        why="A draft is tried over last year's cases, in processes that have no database of the plugin's and no "
        "network, and every effect says which conditions held. An answer that changes by itself, or comes from "
        "elsewhere, makes both untrue.",
        example="def heavy(facts, args):\n    return facts.fields.get(\"grams\", 0) >= args['grams']",
        remedy="Let `holds` be no coroutine, give True or False, and read nothing but the facts and the arguments: no "
        "clock but facts.at, no chance, no network, no database.",
    )
    async def holding_is_pure(self) -> None:
        await self.stage.enable()
        for condition, args in rule_words.tried(self._conditions(), self.own.arguments):
            if inspect.iscoroutinefunction(condition.holds):
                raise Broken(f"holds of {condition.key} is asynchronous; it is pure, and runs in a thread")
            for facts in rule_words.cases():
                before = dict(args)
                with self.stage.watch() as watched:
                    first, second = self._answer(condition, facts, args), self._answer(condition, facts, args)
                if first != second:
                    raise Broken(f"{condition.key} gives two different answers to one case")
                if watched.statements or watched.reached:
                    raise Broken(f"{condition.key} asks the database or the network")
                if args != before:
                    raise Broken(f"{condition.key} changes the arguments it was given")

    @check(
        "sound-48",
        "Its conditions name every fact they read",
        why="Old cases lack facts that were not kept in their time. A replay names what is missing by what a "
        "condition says it reads; one that reads in silence is found wrong without a word.",
        example='Condition(…, reads=("mood", "clocks"))',
        remedy="Put each fact that `holds` looks at into `reads`, by its name in CaseFacts or AspectFacts.",
    )
    async def what_is_read_is_named(self) -> None:
        await self.stage.enable()
        for condition in self._conditions():
            if strange := sorted(set(condition.reads) - rule_words.FACTS):
                raise Broken(f"{condition.key} says that it reads {strange[0]!r}; no case has such a fact")
        for condition, args in rule_words.tried(self._conditions(), self.own.arguments):
            for facts in rule_words.cases():
                self._answer(condition, rule_words.watched(facts), args)
                if silent := sorted(rule_words.read_of() - set(condition.reads)):
                    raise Broken(f"{condition.key} reads {silent[0]} and does not name it in reads")

    @check(
        "sound-49",
        "One question costs a moment, also of a case with many aspects and clocks",
        why="A replay over a year asks it of every event of every case.",
        example="return any(each.late for each in facts.clocks.values())",
        remedy="Look at each aspect and each clock once; compile patterns when the module is loaded.",
    )
    async def asking_costs_a_moment(self) -> None:
        await self.stage.enable()
        for condition, args in rule_words.tried(self._conditions(), self.own.arguments):
            for facts in rule_words.cases():
                taken = min(self._seconds(condition, facts, args) for _ in range(3))
                if taken > SECONDS:
                    raise Broken(f"{condition.key} takes {taken:.2f} seconds over {len(facts.aspects)} aspects")

    def _conditions(self) -> list[Condition]:
        return list(self.stage.provided.conditions)

    def _seconds(self, condition: Condition, facts: CaseFacts, args: dict[str, Any]) -> float:
        started = time.monotonic()
        self._answer(condition, facts, args)
        return time.monotonic() - started

    @staticmethod
    def _answer(condition: Condition, facts: CaseFacts, args: dict[str, Any]) -> tuple[bool, str]:
        try:
            holds: Any = condition.holds(facts, args)
            found: Any = condition.found(facts, args) if condition.found else ""
        except Exception as problem:
            raise Broken(f"{condition.key} answers a case with {type(problem).__name__}: {problem}") from None
        if not isinstance(holds, bool):
            raise Broken(f"{condition.key} gives {holds!r:.60}; True or False is asked for")
        if not isinstance(found, str):
            raise Broken(f"found of {condition.key} gives {found!r:.60}; a text is asked for")
        return holds, found


def described(word: Any, args: dict[str, Any]) -> str:
    """The word's own line about these arguments; raises Broken where it says too little or too much."""
    for name, rule in word.schema.items():
        label = str(dict(rule).get("meta", {}).get("label", ""))
        if not label.strip() or label == name:
            raise Broken(f"the argument {name} of {word.key} has the label {label!r}; say in words what it is")
    try:
        told: Any = word.describe(args)
    except Exception as problem:
        raise Broken(f"describe of {word.key} answers with {type(problem).__name__}: {problem}") from None
    if not isinstance(told, str) or not told.strip() or "\n" in told or len(told) > LONGEST + 200 * len(args):
        raise Broken(f"describe of {word.key} gives {told!r:.60}; one short line is asked for")
    return told


def told_apart(words: Sequence[Any], own: Mapping[str, Mapping[str, Any]]) -> None:
    """Every word described with every set of arguments; raises Broken where two sets get the same line."""
    seen: dict[tuple[str, str], dict[str, Any]] = {}
    for word, args in rule_words.tried(words, own):
        line = described(word, args)
        other = seen.setdefault((word.key, line), args)
        if any(other.get(name) != value for name, value in args.items() if name in other):
            raise Broken(f"{word.key} describes {other!r:.80} and {args!r:.80} by the same words: {line}")


__all__ = ["ConditionsContract", "told_apart"]
