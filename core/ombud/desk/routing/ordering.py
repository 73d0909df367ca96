"""Which piece of waiting work comes next for somebody: pure, each part of it named.

First what runs out of time, then what is grave, then whom a person confirmed to need support, then age; and among all
of it what this person can do best. Nothing waits for ever: its age counts more every day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ombud.desk.routing.weighing import Factor, spoken

LATE, DAY_LEFT, THREE_DAYS = 600, 400, 250
SEVERITY = {1: 0, 2: 80, 3: 200, 4: 350}
PRIORITY = {"low": -40, "normal": 0, "high": 120, "urgent": 300}
NEEDS, AGE_A_DAY = 150, 12
SKILLS, SPEECH, KNOWN = 250, (-200, 0, 60), 80


@dataclass(frozen=True)
class Item:
    """A case, or one matter of it, that waits. `asks`: skills; `knows`: this person had the customer before."""

    id: str
    due_at: datetime | None
    received_at: datetime
    severity: int = 1
    priority: str = "normal"
    needs: bool = False
    asks: frozenset[str] = frozenset()
    language: str = ""
    knows: bool = False


@dataclass(frozen=True)
class Ranked:
    id: str
    factors: tuple[Factor, ...]

    @property
    def points(self) -> int:
        return sum(each.points for each in self.factors)


def ranked(
    items: Sequence[Item], skills: frozenset[str], languages: frozenset[str], moment: datetime
) -> tuple[Ranked, ...]:
    """The best first; the same for any order of the items."""
    found = [(Ranked(each.id, _factors(each, skills, languages, moment)), each.received_at) for each in items]
    found.sort(key=lambda pair: (-pair[0].points, pair[1], pair[0].id))
    return tuple(each for each, _ in found)


def _factors(item: Item, skills: frozenset[str], languages: frozenset[str], moment: datetime) -> tuple[Factor, ...]:
    days = max((moment - item.received_at).days, 0)
    speech = spoken(item.language, languages)
    found = [
        clock(item.due_at, moment),
        Factor("severity", str(item.severity), SEVERITY.get(item.severity, 0)),
        Factor("priority", item.priority, PRIORITY.get(item.priority, 0)),
        Factor("age", str(days), AGE_A_DAY * days),
    ]
    if item.needs:
        found.append(Factor("support", "confirmed", NEEDS))
    if item.asks:
        held = len(item.asks & skills)
        found.append(
            Factor("skills", f"{held}/{len(item.asks)}", SKILLS * (2 * held - len(item.asks)) // len(item.asks))
        )
    if item.language and languages:
        found.append(Factor("language", ("not_spoken", "not_said", "spoken")[speech], SPEECH[speech]))
    if item.knows:
        found.append(Factor("continuity", "same", KNOWN))
    return tuple(found)


def clock(due_at: datetime | None, moment: datetime) -> Factor:
    """Hours left as a whole number, negative once it is late."""
    if due_at is None:
        return Factor("clock", "none", 0)
    left = due_at - moment
    points = LATE if left <= timedelta() else DAY_LEFT if left <= timedelta(days=1) else 0
    points = points or (THREE_DAYS if left <= timedelta(days=3) else 0)
    return Factor("clock", str(int(left.total_seconds() // 3600)), points)
