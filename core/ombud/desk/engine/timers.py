"""When rules of time become due. Pure: timers are a fold of the entries, like the facts.

A timer belongs to a rule and an anchor: the moment it counts from. A new anchor (the customer wrote again) takes the
timer's place; the same anchor never fires twice. One that is past already when its anchor becomes known is due then.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ombud.desk.engine.effects import Calendar
from ombud.desk.engine.events import ANCHORS
from ombud.desk.engine.folding import EPOCH, State
from ombud.desk.engine.terms import Rule

_PERIOD = re.compile(r"P(?:(?P<days>\d{1,4})D)?(?:T(?:(?P<hours>\d{1,4})H)?(?:(?P<minutes>\d{1,5})M)?)?\Z")


class BadPeriod(ValueError):
    """A period is not one of ours, such as P2D or PT4H."""


@dataclass(frozen=True)
class Period:
    """So many days, and so much time."""

    days: int
    time: timedelta

    @property
    def length(self) -> timedelta:
        return timedelta(days=self.days) + self.time


def period_of(text: str) -> Period:
    """Reads `P2D`, `PT4H`, `P1DT30M`; raises BadPeriod."""
    found = _PERIOD.match(text)
    if found is None or text in {"P", "PT"} or text.endswith("T"):
        raise BadPeriod(f"{text!r} is no period; write it like P2D or PT4H")
    given = {name: int(value or 0) for name, value in found.groupdict().items()}
    return Period(given["days"], timedelta(hours=given["hours"], minutes=given["minutes"]))


@dataclass(frozen=True)
class Timer:
    """When one rule of time is due in one case. `anchor`: the moment it counts from."""

    rule: str
    version: int
    anchor: datetime
    due_at: datetime


def anchor_of(of: str, state: State) -> datetime | None:
    """The moment a rule counts from, None where there is none (any more)."""
    if of.startswith("clock:"):
        wanted = of.removeprefix("clock:")
        known = [each for key, each in state.clocks.items() if wanted in {key, key.partition("/")[0]}]
        due = [each.due_at for each in known if each.state == "running" and each.due_at is not None]
        return min(due, default=None)
    if of not in ANCHORS:
        return None
    found: datetime | None = getattr(state, f"{of}_at")
    return None if found == EPOCH else found


def due_at(when: Mapping[str, Any], anchor: datetime, calendar: Calendar | None) -> datetime:
    """When a rule of time is due that counts from this moment."""
    period = period_of(str(when.get("after") or when.get("before")))
    back = "before" in when
    if not when.get("business") or calendar is None:
        return anchor - period.length if back else anchor + period.length
    moment = anchor
    if period.days:
        moment = calendar.add_days(moment, -period.days if back else period.days, True)
    return calendar.add(moment, -period.time if back else period.time) if period.time else moment


def watch(
    known: Mapping[str, Timer], rules: Iterable[Rule], state: State, at: datetime, calendar: Calendar | None
) -> dict[str, Timer]:
    """The timers after an entry, from those before it. Cases that are closed, or gone, have none."""
    if not state.seen or state.gone or state.status == "closed":
        return {}
    timers: dict[str, Timer] = {}
    for rule in rules:
        if not rule.definition.timed:
            continue
        when = rule.definition.when["time"]
        name, anchor = f"{rule.key}@{rule.version}", anchor_of(str(when.get("of", "")), state)
        if anchor is None:
            continue
        before = known.get(name)
        if before is not None and before.anchor == anchor:
            timers[name] = before
        else:
            due = max(due_at(when, anchor, calendar), at)
            timers[name] = Timer(rule.key, rule.version, anchor, due)
    return timers


def due_now(timers: Iterable[Timer], fired: frozenset[tuple[str, int, datetime]], until: datetime) -> list[Timer]:
    """The timers that fire up to a moment, the earliest first; `fired`: rule, version and anchor of those that did."""
    due = [each for each in timers if each.due_at <= until and (each.rule, each.version, each.anchor) not in fired]
    return sorted(due, key=lambda each: (each.due_at, each.rule, each.version))


__all__ = ["BadPeriod", "Period", "Timer", "anchor_of", "due_at", "due_now", "period_of", "watch"]
