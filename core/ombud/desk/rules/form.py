"""A rule as the form of its page shows and sends it: rows for conditions in groups, rows for actions. Pure.

Each row has a path: `0` is the outermost group, `0.2` its third row. A submit may ask for one step (`add-condition:0`,
`remove:0.2`, `add-action:`); nothing typed is lost by it. What does not fit its field is kept as it was typed.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from ombud.desk.engine.terms import DEEPEST, Definition, args_of
from ombud.desk.engine.timers import BadPeriod, period_of
from ombud.desk.engine.vocabulary import Vocabulary
from ombud.desk.rules.checking import fields_of
from ombud.desk.rules.names import SOURCES, Known
from ombud.desk.settings.form import texts_of, value_of
from ombud.kernel.setting_schema import Field
from ombud_plugin_api.treatment import Action, Condition

Parts = Mapping[str, Sequence[str]]
GROUPS = {"all": "all of these hold", "any": "any of these holds", "none": "none of these holds"}
UNITS = {"minutes": "minutes", "hours": "hours", "days": "days"}
MANY = 8  # more choices than this stand in a list to open


@dataclass
class Typed:
    """What a form says. `wrong`: a problem by the id of the field; `places`: place in the rule to path in the form."""

    definition: Definition
    wrong: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)


class _Reader:
    """Reads the parts of one form."""

    def __init__(self, parts: Parts, words: Vocabulary, known: Known) -> None:
        self.parts, self.words, self.known = parts, words, known
        self.wrong: dict[str, str] = {}
        self.places: dict[str, str] = {}

    def text(self, name: str, otherwise: str = "") -> str:
        found = self.parts.get(name) or ()
        return found[0].strip() if found else otherwise

    def children(self, path: str) -> list[str]:
        """The rows straight below a group, in the form's order."""
        return [
            each for each in self.parts.get("node") or () if each.rpartition(".")[0] == path and each != path
        ]  # fmt: skip

    def tree(self, path: str, place: str, depth: int = 1) -> dict[str, Any]:
        self.places[place] = path
        if f"n.{path}.is" in self.parts:
            leaf = {"is": self.text(f"n.{path}.is")}
            inner = f"{place}.0" if self.text(f"n.{path}.not") == "not" else place
            self.places[inner] = path
            leaf |= self.args(f"n.{path}", self.words.conditions.get(leaf["is"]), inner)
            return {"not": leaf} if inner != place else leaf
        group = self.text(f"n.{path}.group", "all")
        group = group if group in GROUPS else "all"
        below = f"{place}.0" if group == "none" else place
        self.places[below] = path
        members = [
            self.tree(child, f"{below}.{number}", depth + 1)
            for number, child in enumerate(self.children(path))
            if depth <= DEEPEST + 1
        ]
        return {"not": {"any": members}} if group == "none" else {group: members}

    def args(self, prefix: str, word: Condition | Action | None, place: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, each in fields_with_choices(word, self.known).items() if word else ():
            control, shown = f"{prefix}.a.{name}", f"{prefix}.shown"
            self.places[f"{place}.{name}"] = control
            if self.text(shown) != word.key:  # type: ignore[union-attr]  # another word was chosen: its fields are new
                if "default" in each.rule:
                    found[name] = each.stored(each.default)
                continue
            typed = [one.strip() for one in self.parts.get(control) or ()]
            try:
                value = value_of(each, typed)
            except ValueError as problem:
                self.wrong[control] = str(problem)
                value = typed if each.kind == "list" else (typed[0] if typed else "")
            if value not in (None, "") or each.required:
                found[name] = each.stored(value) if not isinstance(value, str | list) else value
        return found

    def actions(self) -> tuple[dict[str, Any], ...]:
        found = []
        for number, row in enumerate(self.parts.get("act") or ()):
            action: dict[str, Any] = {"do": self.text(f"t.{row}.do")}
            self.places[f"then.{number}"] = f"t.{row}"
            found.append(action | self.args(f"t.{row}", self.words.actions.get(action["do"]), f"then.{number}"))
        return tuple(found)

    def when(self) -> dict[str, Any]:
        if self.text("when.kind") != "time":
            return {"event": [each for each in self.parts.get("when.event") or () if each]}
        side = "before" if self.text("when.side") == "before" else "after"
        amount, unit = self.text("when.amount"), self.text("when.unit", "days")
        if not amount.isdigit() or len(amount) > 5:
            self.wrong["when.amount"] = "Give a whole number of minutes, hours or days."
        letter = {"minutes": "M", "hours": "H", "days": "D"}.get(unit, "D")
        period = f"P{amount}D" if letter == "D" else f"PT{amount}{letter}"
        of = self.text("when.of", "received")
        of = f"clock:{self.text('when.clock')}" if of == "clock" else of
        time: dict[str, Any] = {side: period, "of": of}
        if self.text("when.business"):
            time["business"] = True
        return {"time": time}


def read(parts: Parts, words: Vocabulary, known: Known, key: str = "") -> Typed:
    """The rule in a form."""
    reader = _Reader(parts, words, known)
    position = reader.text("position", "100")
    if not position.isdigit() or len(position) > 6:
        reader.wrong["position"] = "Give a whole number, such as 100."
        position = "100"
    definition = Definition(
        key=key, label=reader.text("label")[:200], unit=reader.text("unit"), when=reader.when(),
        conditions=reader.tree("0", "if"), actions=reader.actions(), position=int(position),
        stop=bool(reader.text("stop")),
    )  # fmt: skip
    return Typed(definition, reader.wrong, reader.places)


def stepped(definition: Definition, step: str, words: Vocabulary) -> Definition:
    """The rule after one step of its form: a row more, or one less."""
    what, _, path = step.partition(":")
    if what == "add-action":
        first = next(iter(words.actions.values()))
        wanted = words.actions.get("set_priority", first)
        return _with(definition, actions=(*definition.actions, {"do": wanted.key, **_defaults(wanted)}))
    if what == "remove-action" and path.isdigit():
        kept = tuple(each for number, each in enumerate(definition.actions) if number != int(path))
        return _with(definition, actions=kept)
    tree = _plain(definition.conditions)
    if what in {"add-condition", "add-group"}:
        wanted_leaf = words.conditions["priority"]
        new: dict[str, Any] = {"is": wanted_leaf.key, **_defaults(wanted_leaf)}
        return _with(definition, conditions=_added(tree, path, {"any": [new]} if what == "add-group" else new))
    if what == "remove" and path != "0":
        return _with(definition, conditions=_removed(tree, path))
    return definition


def _with(definition: Definition, **values: Any) -> Definition:
    return msgspec.structs.replace(definition, **values)


def _defaults(word: Condition | Action) -> dict[str, Any]:
    return {name: each.stored(each.default) for name, each in fields_of(word).items() if "default" in each.rule}


def _plain(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The outermost is always a group, as the form shows it."""
    if "is" in tree or ("not" in tree and "is" in tree["not"]):
        return {"all": [dict(tree)]}
    if "not" in tree and "any" not in tree["not"]:
        return {"not": {"any": [tree["not"]]}}
    return dict(tree)


def _members(group: Mapping[str, Any]) -> list[Any]:
    inner = group.get("not", group)
    return list(inner.get("all") or inner.get("any") or ())


def _regrouped(group: Mapping[str, Any], members: list[Any]) -> dict[str, Any]:
    if "not" in group:
        return {"not": {"any": members}}
    return {"all": members} if "all" in group else {"any": members}


def _is_leaf(tree: Mapping[str, Any]) -> bool:
    return "is" in tree or ("not" in tree and "is" in tree["not"])


def _added(tree: dict[str, Any], path: str, new: dict[str, Any]) -> dict[str, Any]:
    return _at(tree, [int(each) for each in path.split(".")[1:] if each.isdigit()], lambda members: [*members, new])


def _removed(tree: dict[str, Any], path: str) -> dict[str, Any]:
    steps = [int(each) for each in path.split(".")[1:] if each.isdigit()]
    if not steps:
        return tree
    *way, last = steps
    return _at(tree, way, lambda members: [each for number, each in enumerate(members) if number != last])


def _at(tree: dict[str, Any], way: Sequence[int], change: Any) -> dict[str, Any]:
    members = _members(tree)
    if _is_leaf(tree) or (way and way[0] >= len(members)):
        return tree
    if not way:
        return _regrouped(tree, change(members))
    members[way[0]] = _at(_plain_inner(members[way[0]]), way[1:], change)
    return _regrouped(tree, members)


def _plain_inner(tree: Mapping[str, Any]) -> dict[str, Any]:
    if "not" in tree and "any" not in tree["not"] and "is" not in tree["not"]:
        return {"not": {"any": [tree["not"]]}}
    return dict(tree)


# Drawn.
def drawn(definition: Definition, words: Vocabulary, known: Known, wrong: Mapping[str, str]) -> dict[str, Any]:
    """The rule as the template takes it."""
    return {
        "label": definition.label, "unit": definition.unit, "position": definition.position, "stop": definition.stop,
        "when": _when(definition.when), "tree": _node(_plain(definition.conditions), "0", words, known, wrong),
        "actions": [
            _word(each, words.actions.get(str(each.get("do"))), f"t.{number}", known, wrong) | {"place": str(number)}
            for number, each in enumerate(definition.actions)
        ],
    }  # fmt: skip


def _when(when: Mapping[str, Any]) -> dict[str, Any]:
    time = when.get("time") or {}
    of = str(time.get("of", "received"))
    amount, unit = _amount(str(time.get("after") or time.get("before") or "P2D"))
    return {
        "kind": "time" if time else "event", "events": list(when.get("event") or ()),
        "side": "before" if "before" in time else "after", "amount": amount, "unit": unit,
        "of": "clock" if of.startswith("clock:") else of, "clock": of.removeprefix("clock:") if ":" in of else "",
        "business": bool(time.get("business")),
    }  # fmt: skip


def _amount(period: str) -> tuple[str, str]:
    try:
        read_period = period_of(period)
    except BadPeriod:
        return period.strip("PTDHM"), "hours" if period.endswith("H") else "minutes" if "T" in period else "days"
    minutes = int(read_period.time.total_seconds() // 60)
    if not minutes:
        return str(read_period.days), "days"
    total = read_period.days * 1440 + minutes
    return (str(total // 60), "hours") if total % 60 == 0 else (str(total), "minutes")


def _node(
    tree: Mapping[str, Any], path: str, words: Vocabulary, known: Known, wrong: Mapping[str, str]
) -> dict[str, Any]:
    if _is_leaf(tree):
        leaf = tree if "is" in tree else tree["not"]
        found = _word(leaf, words.conditions.get(str(leaf["is"])), f"n.{path}", known, wrong)
        return found | {"path": path, "leaf": True, "not": "not" in tree, "error": wrong.get(path, "")}
    inner = _plain_inner(tree)
    members = _members(inner)
    return {
        "path": path, "leaf": False, "group": "none" if "not" in inner else "all" if "all" in inner else "any",
        "error": wrong.get(path, ""), "deep": path.count(".") + 1,
        "members": [_node(each, f"{path}.{number}", words, known, wrong) for number, each in enumerate(members)],
    }  # fmt: skip


def _word(
    given: Mapping[str, Any], word: Condition | Action | None, prefix: str, known: Known, wrong: Mapping[str, str]
) -> dict[str, Any]:
    args = args_of(given)
    key = str(given.get("is") or given.get("do") or "")
    controls = [
        _control(each, args.get(name), f"{prefix}.a.{name}", wrong)
        for name, each in (fields_with_choices(word, known) if word else {}).items()
    ]
    here, error = word is not None, wrong.get(prefix, "")
    return {"key": key, "here": here, "prefix": prefix, "controls": controls, "error": error}


def _control(each: Field, value: Any, name: str, wrong: Mapping[str, str]) -> dict[str, Any]:
    try:
        typed = Decimal(value) if each.kind == "decimal" and isinstance(value, str) and value else value
        texts = [str(one) for one in typed] if isinstance(typed, list) and each.allowed else texts_of(each, typed)
    except (ArithmeticError, TypeError, ValueError):
        texts = [str(value)]
    options = [(str(one), each.choice(one)) for one in each.allowed]
    options += [(text, text) for text in texts if each.allowed and text and text not in dict(options)]
    many = each.kind == "list"
    kind = "tick" if each.kind == "boolean" else "text"
    if options:
        kind = ("many" if len(options) > MANY else "ticks") if many else "select"
    elif many:
        kind = "lines"
    return {
        "name": name, "label": each.label, "kind": kind, "options": options, "texts": texts, "suffix": each.suffix,
        "required": each.required, "number": each.kind in {"integer", "decimal"}, "error": wrong.get(name, ""),
    }  # fmt: skip


def fields_with_choices(word: Condition | Action, known: Known) -> dict[str, Field]:
    """The arguments of a word; core's name things of the desk, and those are chosen from a list."""
    found = fields_of(word)
    if "." in word.key:
        return found
    for name, each in found.items():
        choices = known.of.get(SOURCES.get(name, ""), {})
        if choices and not each.allowed and each.kind in {"string", "list"}:
            rule = {key: value for key, value in each.rule.items() if key not in {"maxlength", "regex"}}
            found[name] = dataclasses.replace(each, rule={**rule, "allowed": list(choices)}, choices=dict(choices))
    return found


def groups_of(
    words: Mapping[str, Condition] | Mapping[str, Action], core: str
) -> list[tuple[str, list[tuple[str, str]]]]:
    """Words to choose from under headings, core's first."""
    found: dict[str, list[tuple[str, str]]] = {}
    for key, word in words.items():
        heading = word.group or (core if "." not in key else "Plugins")
        found.setdefault(heading, []).append((key, word.label))
    return sorted(((heading, sorted(those, key=lambda pair: pair[1])) for heading, those in found.items()),
                  key=lambda pair: (pair[0] == "Plugins", pair[0]))  # fmt: skip
