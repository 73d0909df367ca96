"""Which rules an event sets off, and what they ask for: rules + facts + event → planned changes, each with its because.

Pure: the same input gives the same plan, and the order in which rules are handed over does not matter, only their
positions. All rules of one event see the same facts, as they were right after the event. Of two changes of one thing
the later rule's counts. A rule never answers to what it set off itself, so every chain of rules ends.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from ombud.desk.engine.events import is_of
from ombud.desk.engine.terms import Rule, Tree, args_of
from ombud.desk.engine.vocabulary import Vocabulary
from ombud.speech import for_programs
from ombud_plugin_api.treatment import CHANGES, CaseFacts, Change

DEEPEST_CHAIN = 5
_encode = msgspec.json.Encoder(order="sorted", enc_hook=for_programs).encode


@dataclass(frozen=True)
class Trigger:
    """What a rule answers to: an entry (`id` is `<stream>/<seq>`), or a moment of a time rule (`rule` names it).
    `depth` and `chain`: how many rules led here, and which."""

    id: str
    kind: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None
    rule: str = ""
    due: str = ""
    depth: int = 0
    chain: tuple[str, ...] = ()


def trigger_of(stream: str, seq: int, kind: str, body: Mapping[str, Any], at: datetime) -> Trigger:
    """The trigger that an entry is."""
    said = body.get("because")
    because = said if isinstance(said, Mapping) else {}  # some entries say in a code why something ended
    depth = int(because.get("depth") or 0) + bool(because)
    chain = tuple(str(each) for each in because.get("chain") or ([because["rule"]] if because.get("rule") else ()))
    return Trigger(f"{stream}/{seq}", kind, body, at, depth=depth, chain=chain)


@dataclass(frozen=True)
class Answer:
    """Whether a condition held, None where it could not tell; what it saw; and why it could not."""

    holds: bool | None
    found: str = ""
    fault: str = ""


@dataclass(frozen=True)
class Fault:
    """A condition or an action that failed, or is not there any more."""

    rule: str
    version: int
    word: str
    problem: str


@dataclass(frozen=True)
class Firing:
    """One rule that an event set off. `matched`: the conditions that made it hold, with what each saw; `overruled`:
    what it asked for and a later rule replaced; `because`: what every entry of it says."""

    rule: Rule
    matched: tuple[dict[str, Any], ...]
    changes: tuple[Change, ...]
    because: dict[str, Any]
    overruled: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Halted:
    """A rule that would have answered to itself, or too deep in a chain."""

    rule: Rule
    why: str


@dataclass(frozen=True)
class Plan:
    """Everything that one event sets off."""

    fired: tuple[Firing, ...] = ()
    shadowed: tuple[Firing, ...] = ()
    halted: tuple[Halted, ...] = ()
    faults: tuple[Fault, ...] = ()


Answers = Mapping[bytes, Answer]
Plans = Mapping[bytes, "Sequence[Change] | str"]


def word_key(kind: str, word: Mapping[str, Any]) -> bytes:
    """Under which an answer given beforehand is found: `is` or `do` with its arguments."""
    return kind.encode() + _encode(dict(word))


def in_order(rules: Iterable[Rule]) -> list[Rule]:
    return sorted(rules, key=lambda each: (each.definition.position, each.key, each.shadow, each.version))


def listening(rules: Iterable[Rule], facts: CaseFacts, trigger: Trigger) -> list[Rule]:
    """The rules that are to be asked about this event, in their order."""
    return [
        each
        for each in in_order(rules)
        if (not each.definition.unit or each.definition.unit in {facts.unit, *facts.units})
        and (
            each.definition.timed and each.key == trigger.rule
            if trigger.rule
            else is_of(each.definition.codes, trigger.kind, trigger.body)
        )
    ]


def evaluate(
    rules: Iterable[Rule],
    facts: CaseFacts,
    trigger: Trigger,
    words: Vocabulary,
    answers: Answers | None = None,
    plans: Plans | None = None,
) -> Plan:
    """What the event sets off. `answers` and `plans`: what plugins' words said, asked beforehand under a limit."""
    asked = _Asked(facts, words, answers or {}, plans or {})
    fired: list[Firing] = []
    shadowed: list[Firing] = []
    halted: list[Halted] = []
    stopped = False
    for rule in listening(rules, facts, trigger):
        if stopped:
            break
        asked.rule = rule
        holds, matched = asked.tree(rule.definition.conditions)
        if not holds:
            continue
        if why := _halts(rule, trigger):
            halted.append(Halted(rule, why))
            continue
        firing = Firing(rule, tuple(matched), asked.plan(), _because(rule, trigger, matched))
        (shadowed if rule.shadow else fired).append(firing)
        stopped = rule.definition.stop and not rule.shadow
    return Plan(tuple(_settled(fired)), tuple(shadowed), tuple(halted), tuple(asked.faults))


def _halts(rule: Rule, trigger: Trigger) -> str:
    if rule.key in trigger.chain:
        return "loop"
    return "deep" if trigger.depth >= DEEPEST_CHAIN else ""


def _because(rule: Rule, trigger: Trigger, matched: Sequence[dict[str, Any]]) -> dict[str, Any]:
    said: dict[str, Any] = {
        "rule": rule.key, "version": rule.version, "trigger": trigger.id, "matched": list(matched),
        "depth": trigger.depth, "chain": [*trigger.chain, rule.key],
    }  # fmt: skip
    return {**said, "due": trigger.due} if trigger.due else said


# What one change sets once: a later rule's replaces it.
_ONE = {
    "assign_queue": "queue", "assign_user": "owner", "assign_by_routing": "owner", "set_priority": "priority",
    "set_severity": "severity", "set_category": "category", "set_type": "type",
}  # fmt: skip


def target_of(change: Change) -> tuple[str, str] | None:
    """What a change sets, None where it adds to what is there."""
    one = _ONE.get(change.kind)
    return (one, str(getattr(change, "aspect", ""))) if one else None


def _settled(fired: Sequence[Firing]) -> list[Firing]:
    """Of several changes of one thing the last counts; a change asked for twice is made once."""
    last: dict[tuple[str, str], tuple[int, int]] = {}
    first: dict[bytes, tuple[int, int]] = {}
    for place, firing in enumerate(fired):
        for number, change in enumerate(firing.changes):
            if (target := target_of(change)) is not None:
                last[target] = (place, number)
            first.setdefault(_encode(change), (place, number))
    settled = []
    for place, firing in enumerate(fired):
        kept: list[Change] = []
        gone: list[Change] = []
        for number, change in enumerate(firing.changes):
            target = target_of(change)
            wins = last[target] == (place, number) if target else first[_encode(change)] == (place, number)
            (kept if wins else gone).append(change)
        settled.append(Firing(firing.rule, firing.matched, tuple(kept), firing.because, tuple(gone)))
    return settled


class _Asked:
    """Asks the conditions of one event, each word once, and keeps what failed."""

    def __init__(self, facts: CaseFacts, words: Vocabulary, answers: Answers, plans: Plans) -> None:
        self.facts, self.words, self.answers, self.plans = facts, words, answers, plans
        self.faults: list[Fault] = []
        self.rule: Rule = None  # type: ignore[assignment]  # set before each use
        self._known: dict[bytes, Answer] = {}

    def tree(self, tree: Tree, turned: bool = False) -> tuple[bool | None, list[dict[str, Any]]]:
        """Whether it holds (None: it cannot be told, which holds neither as it is nor negated), and the conditions
        that made it so."""
        if "is" in tree:
            return self._leaf(tree, turned)
        if "not" in tree:
            holds, matched = self.tree(tree["not"], not turned)
            return (None if holds is None else not holds), matched
        every = "all" in tree
        told = [self.tree(each, turned) for each in (tree.get("all") if every else tree.get("any")) or ()]
        holds = _all(told) if every else _any(told)
        why = [each for each in told if each[0] == holds]
        return holds, [leaf for _, matched in why for leaf in matched]

    def _leaf(self, leaf: Tree, turned: bool) -> tuple[bool | None, list[dict[str, Any]]]:
        key = word_key("is", leaf)
        answer = self._known.get(key)
        if answer is None:
            answer = self._known[key] = self.answers.get(key) or answer_of(leaf, self.facts, self.words)
        if answer.fault:
            fault = Fault(self.rule.key, self.rule.version, str(leaf["is"]), answer.fault)
            if fault not in self.faults:
                self.faults.append(fault)
        said = {**_codes(leaf), "value": answer.found}
        if turned:
            said["not"] = True
        return answer.holds, [said]

    def plan(self) -> tuple[Change, ...]:
        changes: list[Change] = []
        for each in self.rule.definition.actions:
            given = self.plans.get(word_key("do", each))
            planned = plan_of(each, self.facts, self.words) if given is None else given
            if isinstance(planned, str):
                self.faults.append(Fault(self.rule.key, self.rule.version, str(each.get("do")), planned))
            else:
                changes += planned
        return tuple(changes)


def _all(told: Sequence[tuple[bool | None, Any]]) -> bool | None:
    if any(each is False for each, _ in told):
        return False
    return None if any(each is None for each, _ in told) else True


def _any(told: Sequence[tuple[bool | None, Any]]) -> bool | None:
    if any(each is True for each, _ in told):
        return True
    return None if any(each is None for each, _ in told) else False


def _codes(leaf: Tree) -> dict[str, Any]:
    """A condition as the ledger takes it: no fractions but as text."""
    return {name: value if isinstance(value, bool | int | list) else str(value) for name, value in leaf.items()}


def answer_of(leaf: Tree, facts: CaseFacts, words: Vocabulary) -> Answer:
    """Asks one condition; never raises."""
    condition = words.conditions.get(str(leaf["is"]))
    if condition is None:
        return Answer(None, fault="there is no such condition; its plugin is off or was taken away")
    args = args_of(leaf)
    try:
        holds = condition.holds(facts, args)
        found = condition.found(facts, args) if condition.found else ""
    except Exception as problem:
        return Answer(None, fault=f"{type(problem).__name__}: {problem}"[:200])
    if not isinstance(holds, bool):
        return Answer(None, fault=f"it gave {type(holds).__name__}, not yes or no")
    return Answer(holds, str(found)[:200])


def plan_of(action: Mapping[str, Any], facts: CaseFacts, words: Vocabulary) -> "Sequence[Change] | str":
    """Asks one action what it wants; a text says why it cannot tell. Never raises."""
    word = words.actions.get(str(action.get("do")))
    if word is None:
        return "there is no such action; its plugin is off or was taken away"
    try:
        planned = list(word.plan(facts, args_of(action)))
    except Exception as problem:
        return f"{type(problem).__name__}: {problem}"[:200]
    strange = [each for each in planned if type(each) not in _KNOWN]
    return f"it asks for {strange[0]!r:.80}, which core does not know" if strange else planned


_KNOWN = frozenset(CHANGES.values())
