"""Rules that would set one thing differently for one event. Pure.

It errs on the side of telling: a clash is left out only where the events, the units or the conditions of two rules
exclude each other for certain. What plugins' conditions exclude is not known, but that one holds and does not hold.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ombud.desk.engine.rules import in_order, plan_of, target_of, word_key
from ombud.desk.engine.terms import Rule, Tree
from ombud.desk.engine.vocabulary import HOURS, Vocabulary
from ombud_plugin_api.treatment import AspectFacts, CaseFacts, Change, ClockFacts, StartClock

MOST_STEPS = 4000  # of looking for a case in which both hold; beyond it, they may
Parents = Mapping[str, str]


@dataclass(frozen=True)
class Clash:
    """`first` is asked before `second`, so what the second asks for counts. `thing`: priority, owner, `clock:<name>` …;
    `was` and `counts`: the changes."""

    first: Rule
    second: Rule
    thing: str
    was: Change
    counts: Change

    def with_(self, key: str) -> Rule:
        """The other rule."""
        return self.second if self.first.key == key else self.first


def clashes(rule: Rule, others: Iterable[Rule], words: Vocabulary, parents: Parents) -> list[Clash]:
    """With which of these rules this one clashes, in their order."""
    found: list[Clash] = []
    for other in in_order(others):
        if other.key == rule.key or other.shadow or not _meet(rule, other, parents):
            continue
        first, second = in_order([rule, other])
        if first.definition.stop or not _both(first, second, words):
            continue
        found += _differ(first, second, words)
    return found


def _meet(one: Rule, other: Rule, parents: Parents) -> bool:
    """Whether one event, or one moment of one case, can set off both."""
    if one.definition.timed or other.definition.timed:
        together = one.definition.when == other.definition.when
    else:
        kinds = [{code.partition(":")[0] for code in each.definition.codes} for each in (one, other)]
        together = bool(kinds[0] & kinds[1])
    units = one.definition.unit, other.definition.unit
    apart = all(units) and units[0] not in _above(units[1], parents) and units[1] not in _above(units[0], parents)
    return together and not apart


def _above(unit: str, parents: Parents) -> list[str]:
    """The unit and all above it."""
    found: list[str] = []
    while unit and unit not in found:
        found.append(unit)
        unit = parents.get(unit, "")
    return found


# What the two ask for.
_AT = datetime(2026, 1, 1, tzinfo=UTC)
_ASPECTS = (
    AspectFacts(id="open"), AspectFacts(id="grave", position=2, severity=4, category="any", priority="high"),
    AspectFacts(id="closed", position=3, status="closed", category="any"),
)  # fmt: skip
PROBES = (
    CaseFacts(id="probe", received_at=_AT, opened_at=_AT, at=_AT, aspects=_ASPECTS),
    CaseFacts(
        id="probe", received_at=_AT, opened_at=_AT, at=_AT, aspects=_ASPECTS[2:], mood="angry", severity=4,
        support_needs=True, messages_in=1, last_in_at=_AT, due_at=_AT,
        clocks={"any": ClockFacts(key="any", state="breached", late=True)},
    ),
)  # fmt: skip
"""Actions say what they ask for by the facts: these are put to each of them."""


def _asked(rule: Rule, words: Vocabulary) -> list[dict[str, Change]]:
    """By thing, what the rule sets in each of the probes; within a rule the last counts."""
    found = []
    for facts in PROBES:
        wanted: dict[str, Change] = {}
        for action in rule.definition.actions:
            planned = plan_of(action, facts, words)
            for change in () if isinstance(planned, str) else planned:
                if thing := _thing(change):
                    wanted[thing] = change
        found.append(wanted)
    return found


def _thing(change: Change) -> str:
    if isinstance(change, StartClock):
        return f"clock:{change.clock or change.policy}/{change.aspect}"
    target = target_of(change)
    return "/".join(target) if target else ""


def _differ(first: Rule, second: Rule, words: Vocabulary) -> Iterator[Clash]:
    told: set[str] = set()
    for was, counts in zip(_asked(first, words), _asked(second, words), strict=True):
        for thing in was:
            name = thing.rpartition("/")[0]
            if thing in counts and was[thing] != counts[thing] and name not in told:
                told.add(name)
                yield Clash(first, second, name, was[thing], counts[thing])


# Whether both can hold.
Literal = tuple[Tree, bool]
Goal = tuple[Tree, bool]


def _both(one: Rule, other: Rule, words: Vocabulary) -> bool:
    search = _Search(words)
    return search.possible([(one.definition.conditions, True), (other.definition.conditions, True)], [])


class _Search:
    """Looks for a case in which all goals are reached, branch by branch, until one is not excluded."""

    def __init__(self, words: Vocabulary) -> None:
        self.words, self.left = words, MOST_STEPS

    def possible(self, goals: Sequence[Goal], literals: Sequence[Literal]) -> bool:
        self.left -= 1
        if not goals or self.left < 0:
            return True
        (tree, wanted), rest = goals[0], goals[1:]
        if "is" in tree:
            known = [*literals, (tree, wanted)]
            holds = str(tree["is"]) in self.words.conditions  # a word that is gone holds neither so nor negated
            return holds and _agree(known) and self.possible(rest, known)
        if "not" in tree:
            return self.possible([(tree["not"], not wanted), *rest], literals)
        every = "all" in tree
        members = [(each, wanted) for each in (tree.get("all") if every else tree.get("any")) or ()]
        if every is wanted:
            return self.possible([*members, *rest], literals)
        return any(self.possible([each, *rest], literals) for each in members)


# Conditions about a fact that has one value, with the argument that lists values; and about a number that is at least.
ONE_VALUE = {
    "case_type": "types", "channel": "channels", "status": "statuses", "priority": "priorities", "mood": "moods",
    "language": "languages", "queue": "queues", "owner": "users",
}  # fmt: skip
AT_LEAST = {"severity": "count", "aspects": "count", "messages": "count", "escalated": "count", "age": "amount",
            "amount": "amount"}  # fmt: skip


def _agree(literals: Sequence[Literal]) -> bool:
    """Whether no two of these exclude each other by what is known of core's conditions."""
    seen: dict[bytes, bool] = {}
    for leaf, wanted in literals:
        if seen.setdefault(word_key("is", leaf), wanted) is not wanted:
            return False
    return all(_one_value_left(key, literals) for key in ONE_VALUE) and all(_room(key, literals) for key in AT_LEAST)


def _one_value_left(key: str, literals: Sequence[Literal]) -> bool:
    left: set[str] | None = None
    barred: set[str] = set()
    for leaf, wanted in literals:
        if leaf["is"] == key:
            values = {str(each) for each in leaf.get(ONE_VALUE[key]) or ()}
            if wanted:
                left = values if left is None else left & values
            else:
                barred |= values
        elif leaf["is"] == "unowned" and key == "owner":
            if wanted:
                left = {""} if left is None else left & {""}
            else:
                barred |= {""}
    return left is None or bool(left - barred)


def _room(key: str, literals: Sequence[Literal]) -> bool:
    """Whether a number can be as great as asked for, and smaller than what it must not reach; by currency."""
    least: dict[str, float] = {}
    below: dict[str, float] = {}
    for leaf, wanted in literals:
        if leaf["is"] != key:
            continue
        kind, amount = str(leaf.get("currency", "")), _number(leaf, AT_LEAST[key])
        if wanted:
            least[kind] = max(amount, least.get(kind, amount))
        else:
            below[kind] = min(amount, below.get(kind, amount))
    return all(amount < below.get(kind, amount + 1) for kind, amount in least.items())


def _number(leaf: Tree, name: str) -> float:
    amount: Any = leaf.get(name, 0)
    hours = HOURS[str(leaf.get("unit"))].total_seconds() / 3600 if leaf["is"] == "age" else 1.0
    return float(amount) * hours


__all__ = ["AT_LEAST", "ONE_VALUE", "Clash", "clashes"]
