"""A rule as data: when, if, then. Versions of rules are stored as this and never change."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

Tree = Mapping[str, Any]
GROUPS = ("all", "any", "not")
DEEPEST = 4
MOST_LEAVES = 40


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """What one version of a rule says. `when`: `{"event": [codes]}` or `{"time": {"after"|"before": "P2D"|"PT1H",
    "of": anchor, "business": bool}}`; `conditions`: a tree of `all`, `any`, `not` and leaves `{"is": key, **args}`;
    `actions`: `{"do": key, **args}` in order; `unit`: where it holds, with all below, empty for the whole desk;
    `stop`: where it matches, no later rule is asked; `position`: its place among the rules."""

    key: str
    label: str = ""
    unit: str = ""
    when: dict[str, Any] = {}
    conditions: dict[str, Any] = msgspec.field(default_factory=lambda: {"all": []})
    actions: tuple[dict[str, Any], ...] = ()
    position: int = 0
    stop: bool = False

    @property
    def timed(self) -> bool:
        return "time" in self.when

    @property
    def codes(self) -> tuple[str, ...]:
        """The events it listens to."""
        return tuple(self.when.get("event") or ())


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a rule in force. `shadow`: it only writes down what it would have done."""

    definition: Definition
    version: int = 1
    shadow: bool = False

    @property
    def key(self) -> str:
        return self.definition.key


def leaves(tree: Tree) -> Iterator[Tree]:
    """The single conditions of a tree, in order."""
    if "is" in tree:
        yield tree
    for group in ("all", "any"):
        for each in tree.get(group) or ():
            yield from leaves(each)
    if "not" in tree:
        yield from leaves(tree["not"])


def args_of(leaf: Tree) -> dict[str, Any]:
    """The arguments of a condition or an action."""
    return {name: value for name, value in leaf.items() if name not in {"is", "do"}}
