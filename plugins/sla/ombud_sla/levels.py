"""Lines of service levels, read: for which cases each holds, and what it promises. Pure."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

CLOCKS = ("first", "next", "resolution")
KEYS = ("type", "priority", "channel")
PRIORITIES = ("low", "normal", "high", "urgent")
LONGEST = {"m": 60 * 24 * 30, "h": 24 * 60, "d": 365}
MOST_LINES = 100
_VALUE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,59}\Z")
_PROMISE = re.compile(r"(first|next|resolution)\s+(\d{1,5})\s*(m|h|d)\Z")


class Unreadable(ValueError):
    """A line that says nothing the plugin understands; the text names the remedy."""


class Within(NamedTuple):
    """`working` time, or so many business `days`; exactly one of them."""

    working: timedelta | None = None
    days: int | None = None


@dataclass(frozen=True)
class Level:
    """One line. `conditions`: which values a case may have, by key; none means any case."""

    conditions: Mapping[str, frozenset[str]]
    promises: Mapping[str, Within]

    def fits(self, case: Mapping[str, str]) -> bool:
        return all(case[key] in values for key, values in self.conditions.items())

    @property
    def code(self) -> str:
        """A short name of its conditions, the same whatever it promises."""
        if not self.conditions:
            return "any"
        told = ".".join(f"{key}-{'-'.join(sorted(self.conditions[key]))}" for key in KEYS if key in self.conditions)
        plain = re.sub(r"[^a-z0-9._-]", "-", told)
        if len(plain) <= 50:
            return plain
        return f"{plain[:40]}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"


def read_all(lines: Iterable[str]) -> list[Level]:
    """Raises Unreadable for the first line that cannot be read."""
    return [read(each) for each in lines if each.strip()]


def read(line: str) -> Level:
    where, colon, what = line.strip().lower().partition(":")
    if not colon or not what.strip():
        raise Unreadable(f"Write “{_short(line)}” as conditions, a colon and promises, such as any: first 8h.")
    return Level(_conditions(where), _promises(what, line))


def _conditions(where: str) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for each in where.split():
        if each == "any":
            continue
        key, _, values = each.partition("=")
        named = frozenset(values.split("/"))
        if key not in KEYS or key in found or not all(_VALUE.match(value) for value in named):
            raise Unreadable(f"“{_short(each)}” is no condition. Write type=, priority= or channel= once each, or any.")
        if key == "priority" and not named <= set(PRIORITIES):
            raise Unreadable(f"“{_short(each)}” names no priority. There are {', '.join(PRIORITIES)}.")
        found[key] = named
    if not found and "any" not in where.split():
        raise Unreadable("Say before the colon for which cases the line holds, or write any.")
    return found


def _promises(what: str, line: str) -> dict[str, Within]:
    found: dict[str, Within] = {}
    for each in what.split(","):
        match = _PROMISE.match(each.strip())
        if match is None or match.group(1) in found:
            raise Unreadable(
                f"“{_short(each)}” is no promise. Write first, next or resolution once each, such as 8h or 2d."
            )
        clock, amount, unit = match.group(1), int(match.group(2)), match.group(3)
        if not 0 < amount <= LONGEST[unit]:
            raise Unreadable(f"“{_short(each)}” in “{_short(line)}” is nothing, or too long. Choose another time.")
        found[clock] = _within(amount, unit)
    return found


def _within(amount: int, unit: str) -> Within:
    if unit == "d":
        return Within(days=amount)
    return Within(working=timedelta(minutes=amount) if unit == "m" else timedelta(hours=amount))


def _short(text: str) -> str:
    return " ".join(text.split())[:60]
