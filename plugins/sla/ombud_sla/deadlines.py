"""From a case's facts and a unit's service levels to its deadlines. Pure: the same facts give the same."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from ombud_plugin_api import AspectFacts, CaseFacts, Deadline, WorkingTime
from ombud_sla.levels import Level, Unreadable, Within, read

FIRST, NEXT, RESOLUTION = "first_reply", "next_reply", "resolution"
UNMET = ("running", "paused", "breached")


def due(facts: CaseFacts, calendar: WorkingTime, settings: Mapping[str, Any]) -> list[Deadline]:
    """The deadlines a case should have as it stands, also those that run already."""
    levels = [level for each in settings.get("levels") or () if (level := _level(each)) is not None]
    warn = tuple(sorted({each for each in (settings.get("warn_early"), settings.get("warn_late")) if each}))
    found = [_first(facts, levels, warn), _next(facts, levels, warn)]
    return [each for each in (*found, *(_resolution(facts, aspect, levels, warn) for aspect in facts.aspects)) if each]


@lru_cache(maxsize=500)
def _level(line: str) -> Level | None:
    """A line that an older version kept and this one cannot read promises nothing."""
    try:
        return read(line)
    except Unreadable:
        return None


def _promised(levels: Sequence[Level], facts: CaseFacts, priority: str, clock: str) -> tuple[Level, Within] | None:
    case = {"type": facts.case_type, "priority": priority, "channel": facts.channel}
    level = next((each for each in levels if each.fits(case)), None)
    if level is None or clock not in level.promises:
        return None
    return level, level.promises[clock]


def _first(facts: CaseFacts, levels: Sequence[Level], warn: tuple[int, ...]) -> Deadline | None:
    promised = _promised(levels, facts, facts.priority, "first")
    if promised is None:
        return None
    level, within = promised
    return Deadline(
        clock=FIRST, label="First reply", met_by="reply", working=within.working, days=within.days, business=True,
        policy=level.code, warn_at=warn,
    )  # fmt: skip


def _next(facts: CaseFacts, levels: Sequence[Level], warn: tuple[int, ...]) -> Deadline | None:
    """From the first message that came in after our last one, once there was a first reply."""
    promised = _promised(levels, facts, facts.priority, "next")
    if promised is None or facts.last_in_at is None or facts.last_out_at is None:
        return None
    first = facts.clocks.get(f"sla.{FIRST}")
    if facts.last_in_at <= facts.last_out_at or (first is not None and first.state in UNMET):
        return None
    level, within = promised
    return Deadline(
        clock=NEXT, label="Next reply", met_by="reply", working=within.working, days=within.days, business=True,
        starts_at=facts.last_in_at, policy=level.code, warn_at=warn,
    )  # fmt: skip


def _resolution(
    facts: CaseFacts, aspect: AspectFacts, levels: Sequence[Level], warn: tuple[int, ...]
) -> Deadline | None:
    """By the higher of the aspect's own priority and the case's."""
    promised = _promised(levels, facts, max(aspect.priority, facts.priority, key=_rank), "resolution")
    if promised is None:
        return None
    level, within = promised
    return Deadline(
        clock=RESOLUTION, label="Resolution", met_by="decision", aspect=aspect.id, working=within.working,
        days=within.days, business=True, policy=level.code, warn_at=warn,
    )  # fmt: skip


def _rank(priority: str) -> int:
    return ("low", "normal", "high", "urgent").index(priority) if priority in {"low", "high", "urgent"} else 1
