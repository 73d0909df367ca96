"""What conditions and actions are tried with: many sorts of cases, and arguments drawn from a schema."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from ombud_plugin_api.testing.checks import NotTried
from ombud_plugin_api.treatment import AspectFacts, CaseFacts, ClockFacts

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
MOST = 12  # sets of arguments that one word is tried with
FACTS = frozenset(CaseFacts.__struct_fields__) | frozenset(AspectFacts.__struct_fields__)
"""What a condition may say that it reads: facts of the case, and of its aspects."""
_ALWAYS = frozenset({"id", "at"})  # every case has them, so no replay can lack them
_TEXTS = ("late", "x", "1", "a1", "AB", "fees-1", "one_two", "2026-11-26", "name@example.org", "https://example.org/")


def _case(**more: Any) -> CaseFacts:
    given: dict[str, Any] = {"received_at": NOON, "opened_at": NOON, "at": NOON, **more}
    return CaseFacts(id="case-1", reference="KIT-1", unit="unit-1", units=("unit-1", "unit-0"), **given)


def _aspects(many: int) -> tuple[AspectFacts, ...]:
    return tuple(
        AspectFacts(
            id=f"aspect-{number}", position=number + 1, category=("fees", "staff", "")[number % 3],
            priority=("low", "normal", "high", "urgent")[number % 4], severity=number % 4 + 1,
            amount_in_dispute=Decimal(number * 100) if number % 2 else None, currency="EUR" if number % 2 else "",
        )
        for number in range(many)
    )  # fmt: skip


def _clocks(many: int) -> dict[str, ClockFacts]:
    states = ("running", "paused", "met", "breached", "stopped")
    return {
        f"clock-{number}/aspect-{number}": ClockFacts(
            key=f"clock-{number}/aspect-{number}", state=states[number % 5], due_at=NOON, late=number % 2 == 0
        )
        for number in range(many)
    }


def cases() -> tuple[CaseFacts, ...]:
    """The barest case there is, one of each priority, one that waits, one that was closed, a heated one, a full one."""
    later = NOON + timedelta(days=40)
    return (
        CaseFacts(id="", received_at=NOON, opened_at=NOON, at=NOON),
        *(_case(aspects=_aspects(2), priority=each, channel="email") for each in ("low", "normal", "high", "urgent")),
        _case(aspects=_aspects(1), messages_in=2, last_in_at=later, at=later, due_at=NOON, clocks=_clocks(5)),
        _case(aspects=_aspects(1), status="closed", closed_at=later, at=later, case_type="other", owner="user-1"),
        _case(aspects=_aspects(3), mood="angry", severity=4, support_needs=True, confidential=True, escalated=2,
              tags=frozenset({"late"}), language="pl", outside_hours=True, queue="queue-1"),
        _case(aspects=_aspects(20), clocks=_clocks(40), fields={f"field_{number}": number for number in range(40)}),
    )  # fmt: skip


def arguments(schema: Mapping[str, Any], given: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Sets of arguments that the schema takes: one to begin with, then each argument varied alone. `given`: what the
    plugin's own contract says instead of guessing. Raises NotTried where no value can be made up."""
    rules = {name: dict(rule) for name, rule in schema.items()}
    values = {name: _values(name, rule, (given or {}).get(name)) for name, rule in rules.items()}
    first = {name: each[0] for name, each in values.items()}
    found = [first]
    found += [{**first, name: value} for name, each in values.items() for value in each[1:]]
    left_out = {name: value for name, value in first.items() if rules[name].get("required")}
    return [*found[: MOST - 1], *([left_out] if left_out != first else [])]


def _values(name: str, rule: Mapping[str, Any], given: Any) -> list[Any]:
    if given is not None:
        return [given]
    inner = rule.get("schema", {}) if rule.get("type") == "list" else rule
    members = list(inner.get("allowed") or rule.get("allowed") or ()) or [
        each for each in _of_type(str(inner.get("type", "string"))) if _fits(each, inner)
    ]
    ends = [inner[each] for each in ("min", "max") if each in inner]
    if rule.get("type") == "list":
        found = [members[:1], members[: int(rule.get("maxlength", 50))]]
    else:
        found = [*([rule["default"]] if rule.get("default") is not None else []), *ends, *members]
    found = [each for number, each in enumerate(found) if each not in found[:number]]
    if not found or (found == [[]] and rule.get("required")):
        raise NotTried(f"no value for the argument {name} could be made up; give one as `arguments` in its contract")
    return found


def _of_type(kind: str) -> Sequence[Any]:
    ready: dict[str, Sequence[Any]] = {
        "integer": (1, 0, 7, 100), "decimal": (Decimal("1"), Decimal("0.5"), Decimal("1000")),
        "boolean": (True, False), "date": (date(2026, 11, 26), date(2024, 2, 29)),
    }  # fmt: skip
    return ready.get(kind, _TEXTS)


def _fits(value: Any, rule: Mapping[str, Any]) -> bool:
    if isinstance(value, str):
        short = int(rule.get("minlength", 0)) <= len(value) <= int(rule.get("maxlength", 1000))
        return short and re.fullmatch(str(rule.get("regex", ".*")), value) is not None
    if isinstance(value, bool | date):
        return True
    return bool(rule.get("min", value) <= value <= rule.get("max", value))


class Read(CaseFacts, frozen=True, kw_only=True):
    """A case that keeps which of its facts were asked for."""

    def __getattribute__(self, name: str) -> Any:
        if name in CaseFacts.__struct_fields__:
            _ASKED.add(name)
        return super().__getattribute__(name)


_ASKED: set[str] = set()


def watched(facts: CaseFacts) -> Read:
    """The same case; what is read of it from here on stands in `read_of`."""
    made = Read(**{name: getattr(facts, name) for name in CaseFacts.__struct_fields__})
    _ASKED.clear()
    return made


def read_of() -> frozenset[str]:
    """Facts that were asked for since `watched`, without those every case has."""
    return frozenset(_ASKED) - _ALWAYS


def tried(words: Sequence[Any], own: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Each word with each set of arguments. `own`: arguments by the key of the word, of the plugin's contract."""
    for word in words:
        for args in arguments(word.schema, own.get(word.key)):
            yield word, args


__all__ = ["FACTS", "arguments", "cases", "read_of", "tried", "watched"]
