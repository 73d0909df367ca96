"""Checks what somebody wrote as a rule: by cerberus, from the schemas of its conditions and actions."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ombud.desk.engine.events import ANCHORS, EVENTS
from ombud.desk.engine.terms import DEEPEST, GROUPS, MOST_LEAVES, Definition, args_of, leaves
from ombud.desk.engine.timers import BadPeriod, period_of
from ombud.desk.engine.vocabulary import Vocabulary
from ombud.kernel.setting_schema import Field, read_schema
from ombud.speech import sentence
from ombud_plugin_api.treatment import Action, Condition

MOST_ACTIONS = 20
KEY = re.compile(r"[a-z][a-z0-9-]{1,59}\Z")
_CLOCK = re.compile(r"clock:[a-z0-9][a-z0-9_.-]{0,59}\Z")


@dataclass
class Problems:
    """What does not fit, by its place in the rule: `label`, `when`, `if.0.1.count`, `then.2.queue`."""

    of: dict[str, str] = field(default_factory=dict)

    def add(self, place: str, words: str) -> None:
        self.of.setdefault(place, words)


def fields_of(word: Condition | Action) -> dict[str, Field]:
    """The arguments of a word, as fields of a form."""
    return dict(read_schema(word.schema).fields) if word.schema else {}


def problems_of(definition: Definition, words: Vocabulary) -> dict[str, str]:
    """Everything that keeps a rule from being used, by place; empty where it can be."""
    found = Problems()
    if not definition.label.strip() or len(definition.label) > 100:
        found.add("label", "Give the rule a name of at most 100 characters.")
    _check_when(definition.when, found)
    _check_tree(definition.conditions, "if", words, found, 1)
    if sum(1 for _ in leaves(definition.conditions)) > MOST_LEAVES:
        found.add("if", sentence("A rule takes at most %(most)s conditions. Make two rules of it.", most=MOST_LEAVES))
    if not definition.actions:
        found.add("then", "Say what the rule does: add an action.")
    if len(definition.actions) > MOST_ACTIONS:
        found.add("then", sentence("A rule takes at most %(most)s actions.", most=MOST_ACTIONS))
    for place, action in enumerate(definition.actions):
        _check_word(action, words.actions.get(str(action.get("do"))), f"then.{place}", "action", found)
    return found.of


def _check_when(when: Mapping[str, Any], found: Problems) -> None:
    if set(when) == {"event"}:
        codes = when["event"]
        if not isinstance(codes, list) or not codes:
            found.add("when", "Choose at least one event.")
        elif strange := [each for each in codes if each not in EVENTS]:
            found.add("when", sentence("There is no event %(strange)s. Choose from the list.", strange=strange[0]))
    elif set(when) == {"time"} and isinstance(when["time"], Mapping):
        _check_time(when["time"], found)
    else:
        found.add("when", "Say when the rule is asked: at an event, or at a time.")


def _check_time(time: Mapping[str, Any], found: Problems) -> None:
    given = [each for each in ("after", "before") if each in time]
    if len(given) != 1:
        found.add("when", "Say how long before or after.")
        return
    try:
        period = period_of(str(time[given[0]]))
    except BadPeriod:
        found.add("when.amount", "Give a whole number of minutes, hours or days.")
        return
    if not 0 < period.length.total_seconds() <= 4000 * 86400:
        found.add("when.amount", "Give a time of at least a minute.")
    of = str(time.get("of", ""))
    if of not in ANCHORS and not _CLOCK.match(of):
        found.add("when.of", "Choose what the time counts from.")


def _check_tree(tree: Any, place: str, words: Vocabulary, found: Problems, depth: int) -> None:
    if not isinstance(tree, Mapping):
        found.add(place, "This is no condition.")
        return
    if "is" in tree:
        _check_word(tree, words.conditions.get(str(tree["is"])), place, "condition", found)
        return
    groups = [each for each in GROUPS if each in tree]
    if len(groups) != 1 or len(tree) != 1:
        found.add(place, "A group says all, any or not.")
    elif depth > DEEPEST:
        found.add(place, "Groups can stand four deep. Make two rules of it.")
    elif "not" in tree:
        _check_tree(tree["not"], f"{place}.0", words, found, depth + 1)
    else:
        inner = tree[groups[0]]
        if not isinstance(inner, list):
            found.add(place, "A group holds a list of conditions.")
            return
        if not inner and depth > 1:
            found.add(place, "This group is empty. Add a condition, or take the group away.")
        for number, each in enumerate(inner):
            _check_tree(each, f"{place}.{number}", words, found, depth + 1)


def _check_word(
    given: Mapping[str, Any], word: Condition | Action | None, place: str, noun: str, found: Problems
) -> None:
    if word is None:
        found.add(place, sentence("There is no such %(noun)s, or its plugin is off. Choose another one.", noun=noun))
        return
    fields, args = fields_of(word), args_of(given)
    for name in args:
        if name not in fields:
            found.add(f"{place}.{name}", sentence("%(what)s has no such value.", what=word.label))
    for name, each in fields.items():
        value = args.get(name)
        if value is None and not each.required:
            continue
        if problem := each.problem(_typed(each, value)):
            found.add(f"{place}.{name}", problem)


def _typed(each: Field, value: Any) -> Any:
    """Stored values are JSON: decimals and dates are text there."""
    if each.kind in {"decimal", "date"} and isinstance(value, str):
        try:
            return each._typed(value)
        except (ArithmeticError, ValueError):
            return value
    return value
