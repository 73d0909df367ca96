"""A rule in plain words: what it says, what changed between two versions, and why something was done."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ombud.desk.engine.events import ANCHORS, EVENTS
from ombud.desk.engine.terms import Definition, Tree, args_of
from ombud.desk.engine.timers import BadPeriod, period_of
from ombud.desk.engine.vocabulary import Vocabulary
from ombud.desk.words import LABELS, label
from ombud.speech import Spoken, both, capital, counted, either, gettext, joined, sentence, word

Names = Mapping[str, str]


def summary(definition: Definition, words: Vocabulary, names: Names) -> str:
    """One sentence: when, if, then."""
    conditions = condition_words(definition.conditions, words, names)
    actions = [action_words(each, words, names) for each in definition.actions]
    then = both(actions) or word("do nothing")
    when = when_words(definition.when)
    if conditions:
        return sentence("%(when)s, if %(conditions)s, %(then)s.", when=when, conditions=conditions, then=then)
    return sentence("%(when)s, %(then)s.", when=when, then=then)


def when_words(when: Mapping[str, Any]) -> str:
    if "event" in when:
        events = [word(EVENTS.get(str(code), str(code))) for code in when["event"]]
        return sentence("When %(events)s", events=either(events) or word("nothing happens"))
    time = when.get("time") or {}
    of = str(time.get("of", ""))
    known = ANCHORS.get(of)
    anchor = word(known) if known else sentence("the clock %(clock)s is due", clock=of.removeprefix("clock:"))
    side = "before" if "before" in time else "after"
    period = capital(period_words(str(time.get(side, "")), bool(time.get("business"))))
    words = "%(period)s before %(anchor)s" if side == "before" else "%(period)s after %(anchor)s"
    return sentence(words, period=period, anchor=anchor)


def period_words(text: str, business: bool = False) -> str:
    try:
        period = period_of(text)
    except BadPeriod:
        return word("some time")
    minutes = int(period.time.total_seconds() // 60)
    parts = [
        counted("one working day", "%(num)s working days", period.days) if business
        else counted("one day", "%(num)s days", period.days),
        counted("one working hour", "%(num)s working hours", minutes // 60) if business
        else counted("one hour", "%(num)s hours", minutes // 60),
        counted("one minute", "%(num)s minutes", minutes % 60),
    ]  # fmt: skip
    counts = (period.days, minutes // 60, minutes % 60)
    return both([each for each, count in zip(parts, counts, strict=True) if count]) or word("at once")


def condition_words(tree: Tree, words: Vocabulary, names: Names, deep: bool = False) -> str:
    """The if of a rule; empty where it always holds."""
    if "is" in tree:
        return leaf_words(tree, words, names)
    if "not" in tree:
        inner = condition_words(tree["not"], words, names)
        return sentence("it is not so that %(inner)s", inner=inner) if inner else word("never")
    every = "all" in tree
    members = (tree.get("all") if every else tree.get("any")) or ()
    told = [each for each in (condition_words(one, words, names, True) for one in members) if each]
    if not told:
        return "" if every else word("never")
    said = both(told) if every else either(told)
    return joined(("(", said, ")"), "") if deep and len(told) > 1 else said


def leaf_words(leaf: Tree, words: Vocabulary, names: Names) -> str:
    known = words.conditions.get(str(leaf["is"]))
    return _described(known.describe if known else None, leaf, names, str(leaf["is"]))


def action_words(action: Mapping[str, Any], words: Vocabulary, names: Names) -> str:
    known = words.actions.get(str(action.get("do")))
    return _described(known.describe if known else None, action, names, str(action.get("do")))


def _described(
    describe: Callable[[Mapping[str, Any]], str] | None, given: Mapping[str, Any], names: Names, key: str
) -> str:
    """A word of a plugin that is off, or that cannot say it, shows as its name."""
    if describe is None:
        return sentence("%(key)s (not here)", key=key)
    args = {name: named(value, names) for name, value in args_of(given).items()}
    try:
        return word(str(describe(args)))
    except Exception:
        return word(label(key)).lower()


def named(value: Any, names: Names) -> Any:
    """Ids and codes as people call them."""
    if isinstance(value, list):
        return [named(each, names) for each in value]
    return names.get(value, value) if isinstance(value, str) else value


def differences(before: Definition, after: Definition, words: Vocabulary, names: Names) -> list[tuple[str, str, str]]:
    """What changed between two versions: (what, before, after), in words."""
    sides: list[tuple[str, str, str]] = [
        ("Name", before.label, after.label),
        ("When", when_words(before.when), when_words(after.when)),
        ("Where", _where(before, names), _where(after, names)),
        ("Place", str(before.position), str(after.position)),
        ("Stops later rules", word("yes" if before.stop else "no"), word("yes" if after.stop else "no")),
        ("If", condition_words(before.conditions, words, names) or word("always"),
         condition_words(after.conditions, words, names) or word("always")),
    ]  # fmt: skip
    found = [each for each in sides if each[1] != each[2]]
    old = [action_words(each, words, names) for each in before.actions]
    new = [action_words(each, words, names) for each in after.actions]
    found += [("Then", each, "") for each in old if each not in new]
    found += [("Then", "", each) for each in new if each not in old]
    if old != new and sorted(old) == sorted(new):
        found.append(("Then", joined(old, " → "), joined(new, " → ")))
    return found


def _where(definition: Definition, names: Names) -> str:
    return names.get(definition.unit, definition.unit) or word("everywhere")


def matched_words(matched: Sequence[Mapping[str, Any]], words: Vocabulary, names: Names) -> list[dict[str, str]]:
    """The conditions that held when a rule acted, and what each saw."""
    told = []
    for each in matched:
        leaf = {name: value for name, value in each.items() if name not in {"value", "not"}}
        said = leaf_words(leaf, words, names)
        value = named(str(each.get("value", "")), names)
        value = label(value).lower() if value in {"yes", "no"} else value
        told.append(
            {
                "text": sentence("not: %(said)s", said=said) if each.get("not") else said,
                "value": "" if value == "yes" else word(value),
            }
        )
    return told


def change_words(change: Mapping[str, Any], names: Names) -> str:
    """One change as the ledger tells it."""
    kind = word(label(str(change.get("change", "")))).lower()
    values = [
        _said(named(value, names)) for name, value in change.items()
        if name not in {"change", "aspect", "business", "note"} and value not in ("", 0)
    ]  # fmt: skip
    return sentence("%(what)s: %(value)s", what=kind, value=joined(values)) if values else kind


def _said(value: Any) -> str:
    """A code of core's in words; all else as it is called."""
    text = str(value)
    return Spoken(text, lambda: gettext(LABELS[text]).lower()) if text in LABELS else text
