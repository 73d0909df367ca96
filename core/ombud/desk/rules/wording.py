"""A rule in plain words: what it says, what changed between two versions, and why something was done."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ombud.desk.engine.events import ANCHORS, EVENTS
from ombud.desk.engine.terms import Definition, Tree, args_of
from ombud.desk.engine.timers import BadPeriod, period_of
from ombud.desk.engine.vocabulary import Vocabulary
from ombud.desk.words import label

Names = Mapping[str, str]


def summary(definition: Definition, words: Vocabulary, names: Names) -> str:
    """One sentence: when, if, then."""
    conditions = condition_words(definition.conditions, words, names)
    actions = [action_words(each, words, names) for each in definition.actions]
    then = _listed(actions, "and") or "do nothing"
    return f"{when_words(definition.when)}, {f'if {conditions}, ' if conditions else ''}{then}."


def when_words(when: Mapping[str, Any]) -> str:
    if "event" in when:
        events = [EVENTS.get(str(code), str(code)) for code in when["event"]]
        return f"When {_listed(events, 'or') or 'nothing happens'}"
    time = when.get("time") or {}
    of = str(time.get("of", ""))
    anchor = ANCHORS.get(of) or f"the clock {of.removeprefix('clock:')} is due"
    side = "before" if "before" in time else "after"
    return f"{period_words(str(time.get(side, '')), bool(time.get('business'))).capitalize()} {side} {anchor}"


def period_words(text: str, business: bool = False) -> str:
    try:
        period = period_of(text)
    except BadPeriod:
        return "some time"
    minutes = int(period.time.total_seconds() // 60)
    kind = "working " if business else ""
    parts = [_some(period.days, f"{kind}day"), _some(minutes // 60, f"{kind}hour"), _some(minutes % 60, "minute")]
    return _listed([each for each in parts if each], "and") or "at once"


def _some(count: int, noun: str) -> str:
    return "" if not count else f"one {noun}" if count == 1 else f"{count} {noun}s"


def condition_words(tree: Tree, words: Vocabulary, names: Names, deep: bool = False) -> str:
    """The if of a rule; empty where it always holds."""
    if "is" in tree:
        return leaf_words(tree, words, names)
    if "not" in tree:
        inner = condition_words(tree["not"], words, names)
        return f"it is not so that {inner}" if inner else "never"
    every = "all" in tree
    members = (tree.get("all") if every else tree.get("any")) or ()
    told = [each for each in (condition_words(one, words, names, True) for one in members) if each]
    if not told:
        return "" if every else "never"
    said = _listed(told, "and" if every else "or")
    return f"({said})" if deep and len(told) > 1 else said


def leaf_words(leaf: Tree, words: Vocabulary, names: Names) -> str:
    word = words.conditions.get(str(leaf["is"]))
    return _described(word.describe if word else None, leaf, names, str(leaf["is"]))


def action_words(action: Mapping[str, Any], words: Vocabulary, names: Names) -> str:
    word = words.actions.get(str(action.get("do")))
    return _described(word.describe if word else None, action, names, str(action.get("do")))


def _described(
    describe: Callable[[Mapping[str, Any]], str] | None, given: Mapping[str, Any], names: Names, key: str
) -> str:
    """A word of a plugin that is off, or that cannot say it, shows as its name."""
    if describe is None:
        return f"{key} (not here)"
    args = {name: named(value, names) for name, value in args_of(given).items()}
    try:
        return str(describe(args))
    except Exception:
        return label(key).lower()


def named(value: Any, names: Names) -> Any:
    """Ids and codes as people call them."""
    if isinstance(value, list):
        return [named(each, names) for each in value]
    return names.get(value, value) if isinstance(value, str) else value


def _listed(parts: Sequence[str], word: str) -> str:
    if len(parts) < 2:
        return parts[0] if parts else ""
    return f"{', '.join(parts[:-1])} {word} {parts[-1]}"


def differences(before: Definition, after: Definition, words: Vocabulary, names: Names) -> list[tuple[str, str, str]]:
    """What changed between two versions: (what, before, after), in words."""
    sides: list[tuple[str, str, str]] = [
        ("Name", before.label, after.label),
        ("When", when_words(before.when), when_words(after.when)),
        ("Where", _where(before, names), _where(after, names)),
        ("Place", str(before.position), str(after.position)),
        ("Stops later rules", "yes" if before.stop else "no", "yes" if after.stop else "no"),
        ("If", condition_words(before.conditions, words, names) or "always",
         condition_words(after.conditions, words, names) or "always"),
    ]  # fmt: skip
    found = [each for each in sides if each[1] != each[2]]
    old = [action_words(each, words, names) for each in before.actions]
    new = [action_words(each, words, names) for each in after.actions]
    found += [("Then", each, "") for each in old if each not in new]
    found += [("Then", "", each) for each in new if each not in old]
    if old != new and sorted(old) == sorted(new):
        found.append(("Then", _listed(old, "then"), _listed(new, "then")))
    return found


def _where(definition: Definition, names: Names) -> str:
    return names.get(definition.unit, definition.unit) or "everywhere"


def matched_words(matched: Sequence[Mapping[str, Any]], words: Vocabulary, names: Names) -> list[dict[str, str]]:
    """The conditions that held when a rule acted, and what each saw."""
    told = []
    for each in matched:
        leaf = {name: value for name, value in each.items() if name not in {"value", "not"}}
        said = leaf_words(leaf, words, names)
        value = named(str(each.get("value", "")), names)
        value = label(value).lower() if value in {"yes", "no"} else value
        told.append({"text": f"not: {said}" if each.get("not") else said, "value": "" if value == "yes" else value})
    return told


def change_words(change: Mapping[str, Any], names: Names) -> str:
    """One change as the ledger tells it."""
    kind = label(str(change.get("change", ""))).lower()
    values = [
        str(named(value, names)) for name, value in change.items()
        if name not in {"change", "aspect", "business", "note"} and value not in ("", 0)
    ]  # fmt: skip
    return f"{kind}: {', '.join(values)}" if values else kind
