"""Plugins that bring actions for rules."""

import inspect
import time
from typing import Any, ClassVar

from ombud_plugin_api.testing import rule_words
from ombud_plugin_api.testing.checks import Broken, Contract, check
from ombud_plugin_api.testing.kinds.conditions import told_apart
from ombud_plugin_api.testing.subject import Subject
from ombud_plugin_api.treatment import CHANGES, Action, CaseFacts, Change

SECONDS = 0.1


class ActionsContract(Contract):
    """What plugins that bring actions promise."""

    kind: ClassVar[str] = "actions"
    title: ClassVar[str] = "Plugins that bring actions for rules"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return plugin.implements("provide_actions")

    @check(
        "basic-34",
        "Its actions are in words: a label, and a description of what was chosen",
        why="Whoever switches a rule on, and whoever asks later why something was done, reads the action as a part of "
        "a sentence.",
        example='Action("postbox.hurry", "Hurry", SCHEMA, hurry, lambda args: f"hurry and tag it {args[\'tag\']}")',
        remedy="Give each action and each of its arguments a label, and let `describe` give one short line that says "
        "the chosen values.",
    )
    async def actions_are_in_words(self) -> None:
        await self.stage.enable()
        if not self._actions():
            raise Broken("provide_actions gave none")
        for action in self._actions():
            if not action.label.strip():
                raise Broken(f"the action {action.key} has no label")
        told_apart(self._actions(), self.own.arguments)

    @check(
        "basic-35",
        "It plans and does nothing itself: the same case and arguments give the same changes, all of core's list",
        why="Core checks each change, makes it in one transaction and writes why. What an action did by itself nobody "
        "could explain, undo or try beforehand; a change core does not know is a fault, and the rest of the rule waits "
        "for nobody.",
        example='def hurry(facts, args):\n    return [SetPriority(priority="urgent"), AddTag(tag=args["tag"])]',
        remedy="Let `plan` be no coroutine and give a list of the changes of ombud_plugin_api, for aspects that the "
        "case has; read nothing but the facts and the arguments.",
    )
    async def planning_is_pure(self) -> None:
        await self.stage.enable()
        for action, args in rule_words.tried(self._actions(), self.own.arguments):
            if inspect.iscoroutinefunction(action.plan):
                raise Broken(f"plan of {action.key} is asynchronous; it is pure, and runs in a thread")
            for facts in rule_words.cases():
                with self.stage.watch() as watched:
                    first, second = self._planned(action, facts, args), self._planned(action, facts, args)
                if first != second:
                    raise Broken(f"{action.key} plans two different things for one case")
                if watched.statements or watched.reached:
                    raise Broken(f"{action.key} asks the database or the network while it plans")
                self._lawful(action, facts, first)

    @check(
        "sound-51",
        "One plan costs a moment and asks for few changes",
        why="Each change is an entry in the case's record, and a replay plans again for every event of a year.",
        example='return [AddTag(tag="grave")] if "grave" not in facts.tags else []',
        remedy="Ask for each change once, and for none that holds already.",
    )
    async def planning_costs_a_moment(self) -> None:
        await self.stage.enable()
        for action, args in rule_words.tried(self._actions(), self.own.arguments):
            for facts in rule_words.cases():
                taken = min(self._seconds(action, facts, args) for _ in range(3))
                if taken > SECONDS:
                    raise Broken(f"{action.key} takes {taken:.2f} seconds over {len(facts.aspects)} aspects")
                planned = self._planned(action, facts, args)
                if len(planned) > 10 * (len(facts.aspects) + 1):
                    raise Broken(f"{action.key} asks for {len(planned)} changes of one case")
                if any(each in planned[:number] for number, each in enumerate(planned)):
                    raise Broken(f"{action.key} asks for the same change twice")

    def _actions(self) -> list[Action]:
        return list(self.stage.provided.actions)

    def _seconds(self, action: Action, facts: CaseFacts, args: dict[str, Any]) -> float:
        started = time.monotonic()
        self._planned(action, facts, args)
        return time.monotonic() - started

    @staticmethod
    def _planned(action: Action, facts: CaseFacts, args: dict[str, Any]) -> list[Change]:
        try:
            given: Any = action.plan(facts, args)
        except Exception as problem:
            raise Broken(f"{action.key} answers a case with {type(problem).__name__}: {problem}") from None
        if not isinstance(given, list | tuple):
            raise Broken(f"{action.key} gives {given!r:.60}; a list of changes is asked for")
        return list(given)

    @staticmethod
    def _lawful(action: Action, facts: CaseFacts, planned: list[Change]) -> None:
        known = {each.id for each in facts.aspects} | {""}
        for each in planned:
            if type(each) not in CHANGES.values():
                raise Broken(f"{action.key} asks for {each!r:.60}, which is no change core knows")
            if getattr(each, "aspect", "") not in known:
                raise Broken(f"{action.key} asks for a change of an aspect that the case does not have")
