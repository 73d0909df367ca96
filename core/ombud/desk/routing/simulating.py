"""Work of the past given out once more, by what routing goes by now or would go by. Pure.

Pieces come in the order of their arrival. What each person carries, what went to them lately and whom a customer knows
follow from what was given out before, not from history: so a change shows with all that follows from it.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from heapq import heappop, heappush
from typing import Any
from zoneinfo import ZoneInfo

from ombud.desk.queues import choose
from ombud.desk.routing.profiles import WEIGHTS, Pattern, works_at
from ombud.desk.routing.skills import SkillShown, needed
from ombud.desk.routing.weighing import Candidate, Place, Proposed, Result, Weighed, Work, place, weigh

LATELY = timedelta(days=14)


@dataclass(frozen=True)
class Away:
    first: date
    last: date
    stand_in: str = ""
    cancelled_at: datetime | None = None


@dataclass(frozen=True)
class Person:
    """A member of staff. `works_in`: unit → (may be given work, sees confidential cases), for the units of their roles,
    with all below."""

    id: str
    works_in: Mapping[str, tuple[bool, bool]]
    skills: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    capacity: int | None = None
    pattern: Pattern = field(default_factory=dict)
    zone: str = "UTC"
    absences: tuple[Away, ...] = ()

    def away(self, at: datetime) -> Away | None:
        if not self.absences:
            return None
        today = at.astimezone(ZoneInfo(self.zone)).date()
        return next(
            (
                each
                for each in self.absences
                if each.first <= today <= each.last and (each.cancelled_at is None or at < each.cancelled_at)
            ),
            None,
        )


@dataclass(frozen=True)
class Setup:
    """What routing goes by."""

    people: Mapping[str, Person]
    skills: Sequence[SkillShown]
    queues: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Piece:
    """A case, or a matter of it that waits in a queue of its own, as it came. `facts`: what conditions of queues look
    at; `categories`: of its matters; `concerned`: whom a matter is about; `person`: the complainant; `owner` and
    `queue`: who has it, or had it last, in truth."""

    id: str
    case: str
    unit: str
    at: datetime
    facts: Mapping[str, Any]
    categories: tuple[str, ...]
    language: str
    confidential: bool
    concerned: frozenset[str]
    person: str
    ended_at: datetime | None
    owner: str
    queue: str

    @property
    def weight(self) -> int:
        return WEIGHTS.get(str(self.facts.get("priority")), 1)


@dataclass
class _Lately:
    """Who got what in one unit in the last two weeks."""

    given: deque[tuple[datetime, str, int]] = field(default_factory=deque)
    sums: dict[str, int] = field(default_factory=dict)
    count: int = 0
    gone: int = 0
    last: dict[str, int] = field(default_factory=dict)

    def until(self, at: datetime) -> None:
        while self.given and self.given[0][0] <= at - LATELY:
            _, who, weight = self.given.popleft()
            self.sums[who] -= weight
            self.gone += 1

    def add(self, at: datetime, who: str, weight: int) -> None:
        self.given.append((at, who, weight))
        self.sums[who] = self.sums.get(who, 0) + weight
        self.count += 1
        self.last[who] = self.count

    def passed(self, who: str) -> int:
        """How often work went to others since it last went to them."""
        return self.count - max(self.last.get(who, 0), self.gone)


class Simulation:
    """One side of a trial. First `carry` what was open before, then, for each piece: `offer`, and `give` with what
    routers say of the offer."""

    def __init__(self, setup: Setup, units_above: Mapping[str, Sequence[str]], handlers: Mapping[str, str]) -> None:
        """`units_above`: a unit and all above it; `handlers`: complainant → who had their case before."""
        self.setup, self.units_above = setup, units_above
        self.handlers = dict(handlers)
        self.load: dict[str, int] = {}
        self.ends: list[tuple[datetime, str, int]] = []
        self.lately: dict[str, _Lately] = {}

    def carry(self, owner: str, weight: int, ended_at: datetime | None) -> None:
        self.load[owner] = self.load.get(owner, 0) + weight
        if ended_at is not None:
            heappush(self.ends, (ended_at, owner, weight))

    def offer(self, piece: Piece) -> tuple[Work, list[Candidate], list[Place]]:
        """Who and where could take it now."""
        while self.ends and self.ends[0][0] <= piece.at:
            _, owner, weight = heappop(self.ends)
            self.load[owner] -= weight
        lately = self.lately.setdefault(piece.unit, _Lately())
        lately.until(piece.at)
        staff = self._staff(piece)
        stand_ins: dict[str, set[str]] = {}
        away = {each.id: found for each, _ in staff if (found := each.away(piece.at))}
        for who, found in away.items():
            if found.stand_in:
                stand_ins.setdefault(found.stand_in, set()).add(who)
        people = [
            Candidate(
                id=each.id, right=fits, secret=secret, concerned=each.id in piece.concerned, away=each.id in away,
                off_hours=not works_at(each.pattern, each.zone, piece.at), skills=each.skills,
                languages=each.languages, capacity=each.capacity, load=self.load.get(each.id, 0),
                recent=lately.sums.get(each.id, 0), passed=lately.passed(each.id),
                stands_in_for=frozenset(stand_ins.get(each.id, ())),
            )
            for each, (fits, secret) in staff
        ]  # fmt: skip
        return self._work(piece), people, self._places(piece)

    def _staff(self, piece: Piece) -> list[tuple[Person, tuple[bool, bool]]]:
        found = []
        for each in self.setup.people.values():
            held = [each.works_in[unit] for unit in self.units_above.get(piece.unit, ()) if unit in each.works_in]
            if held:
                found.append((each, (any(fits for fits, _ in held), any(secret for _, secret in held))))
        return found

    def _work(self, piece: Piece) -> Work:
        asked = [
            needed({"category": each, "case_type": piece.facts.get("case_type", "")}, self.setup.skills)
            for each in piece.categories
        ]
        return Work(
            skills=frozenset().union(*asked), language=piece.language, confidential=piece.confidential,
            weight=piece.weight, last_handler=self.handlers.get(piece.person, ""),
        )  # fmt: skip

    def _places(self, piece: Piece) -> list[Place]:
        return [
            Place(str(each["id"]), choose(piece.facts, [each]) is not None, each["position"])
            for each in self.setup.queues
            if each["active"]
        ]

    def give(
        self, piece: Piece, offer: tuple[Work, Sequence[Candidate], Sequence[Place]], proposals: Sequence[Proposed] = ()
    ) -> "Given":
        """Gives it to the best, who carries it until it ended in truth."""
        work, people, places = offer
        result, where = weigh(work, people, proposals), place(places, proposals)
        owner = result.chosen.id if result.chosen else ""
        if owner:
            self.carry(owner, piece.weight, piece.ended_at)
            self.lately[piece.unit].add(piece.at, owner, piece.weight)
            if piece.person and not piece.confidential:
                self.handlers[piece.person] = owner
        return Given(owner, where.id if where else piece.queue, result, where)


@dataclass(frozen=True)
class Given:
    """Where one piece went: `owner` is empty where nobody could have it, and it waits."""

    owner: str
    queue: str
    result: Result
    place: Weighed | None


__all__ = ["Away", "Given", "Person", "Piece", "Setup", "Simulation"]
