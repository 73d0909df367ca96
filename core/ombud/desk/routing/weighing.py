"""Who gets a piece of work: pure weighing of people and queues, every step of it named.

What forbids comes first and nothing outweighs it. Then those who have most of the skills asked for and speak the
language; among equals of these, points: what routers propose, who knew the customer, room, fair shares, whose turn it
is. The turn grows without end, so nobody who fits is passed over for ever. No clock, no chance, no order of the input.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

FORBIDS = ("right", "confidential", "concerned", "away", "hours", "full")
SPEAKS, NOT_SAID, NOT_SPOKEN = 2, 1, 0
ROUTERS, CONTINUITY, ROOM, SHARE, TURN = 300, 150, 200, 100, 15
EASY = 10  # as much work as halves what counts for room or share where there is no limit


@dataclass(frozen=True)
class Work:
    """What is to be given. `skills`: those it asks for; `weight`: how much of a capacity it takes; `last_handler`: who
    had this customer's earlier case."""

    skills: frozenset[str] = frozenset()
    language: str = ""
    confidential: bool = False
    weight: int = 1
    last_handler: str = ""


@dataclass(frozen=True)
class Candidate:
    """Somebody of the staff. `right`: may work on cases of this unit; `secret`: sees confidential ones; `concerned`: a
    matter of the case is about them; `recent`: weight of what went to them lately; `passed`: how often work went to
    others since; `stands_in_for`: who is away and has them as stand-in."""

    id: str
    right: bool = True
    secret: bool = False
    concerned: bool = False
    away: bool = False
    off_hours: bool = False
    skills: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    capacity: int | None = None
    load: int = 0
    recent: int = 0
    passed: int = 0
    stands_in_for: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Proposed:
    """What one router says of one choice; `score`: thousandths, from 0 to 1000."""

    choice: str
    score: int
    router: str = ""
    version: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Factor:
    """One thing that was weighed: `value` as a code or number, `points` what it added."""

    key: str
    value: str
    points: int = 0


@dataclass(frozen=True)
class Weighed:
    """How one candidate came out. `forbids`: the first law that stands against them, empty where none does."""

    id: str
    forbids: str = ""
    fit: tuple[int, int] = (0, 0)
    factors: tuple[Factor, ...] = ()

    @property
    def points(self) -> int:
        return sum(each.points for each in self.factors)


@dataclass(frozen=True)
class Result:
    """`ranked`: those who may, the best first; `left`: how many may not, by the law that stands against them."""

    ranked: tuple[Weighed, ...] = ()
    left: Mapping[str, int] = field(default_factory=dict)

    @property
    def chosen(self) -> Weighed | None:
        return self.ranked[0] if self.ranked else None


def weigh(work: Work, candidates: Sequence[Candidate], proposals: Sequence[Proposed] = ()) -> Result:
    """Everybody weighed; the same for any order of candidates and proposals."""
    found = [_weighed(work, each, proposals) for each in candidates]
    left: dict[str, int] = {}
    for each in sorted(found, key=lambda one: one.id):
        if each.forbids:
            left[each.forbids] = left.get(each.forbids, 0) + 1
    recent = {each.id: each.recent for each in candidates}
    able = [each for each in found if not each.forbids]
    able.sort(key=lambda each: (*(-part for part in each.fit), -each.points, recent[each.id], each.id))
    return Result(tuple(able), left)


def forbidden(work: Work, candidate: Candidate) -> str:
    """The first of FORBIDS that stands against this candidate; empty where none does."""
    full = candidate.capacity is not None and candidate.load + work.weight > candidate.capacity
    laws = {
        "right": not candidate.right, "confidential": work.confidential and not candidate.secret,
        "concerned": candidate.concerned, "away": candidate.away, "hours": candidate.off_hours, "full": full,
    }  # fmt: skip
    return next((law for law in FORBIDS if laws[law]), "")


def _weighed(work: Work, candidate: Candidate, proposals: Sequence[Proposed]) -> Weighed:
    if law := forbidden(work, candidate):
        return Weighed(candidate.id, law)
    held, speech = len(work.skills & candidate.skills), spoken(work.language, candidate.languages)
    factors = [
        *([Factor("skills", f"{held}/{len(work.skills)}")] if work.skills else []),
        *([Factor("language", _SPEECH[speech])] if work.language else []),
        *_from_routers(candidate.id, proposals),
        *_known(work, candidate),
        Factor("load", _of(candidate), room(candidate.load, candidate.capacity)),
        Factor("share", str(candidate.recent), SHARE * EASY // (EASY + max(candidate.recent, 0))),
        Factor("turn", str(candidate.passed), TURN * max(candidate.passed, 0)),
    ]
    return Weighed(candidate.id, "", (held, speech), tuple(factors))


_SPEECH = {SPEAKS: "spoken", NOT_SAID: "not_said", NOT_SPOKEN: "not_spoken"}


def spoken(language: str, languages: frozenset[str]) -> int:
    """2 where it is spoken or none is asked for, 1 where nobody said what is spoken, 0 where it is not."""
    if not language or language in languages:
        return SPEAKS
    return NOT_SPOKEN if languages else NOT_SAID


def _from_routers(choice: str, proposals: Sequence[Proposed]) -> list[Factor]:
    """The best word of each router; together no more than ROUTERS, however many there are."""
    best: dict[str, int] = {}
    for each in proposals:
        if each.choice == choice:
            best[each.router] = max(best.get(each.router, 0), min(max(each.score, 0), 1000))
    routers = len({each.router for each in proposals}) or 1
    return [
        Factor(f"router:{key}", str(score), ROUTERS * score // (1000 * routers)) for key, score in sorted(best.items())
    ]


def _known(work: Work, candidate: Candidate) -> list[Factor]:
    if not work.last_handler:
        return []
    if work.last_handler == candidate.id:
        return [Factor("continuity", "same", CONTINUITY)]
    if work.last_handler in candidate.stands_in_for:
        return [Factor("continuity", "stand_in", CONTINUITY)]
    return []


def _of(candidate: Candidate) -> str:
    return str(candidate.load) if candidate.capacity is None else f"{candidate.load}/{candidate.capacity}"


def room(load: int, capacity: int | None) -> int:
    """Points for room: the less, the more is carried already."""
    carried = max(load, 0)
    if capacity is None:
        return ROOM * EASY // (EASY + carried)
    return ROOM * max(capacity - carried, 0) // capacity if capacity > 0 else 0


@dataclass(frozen=True)
class Place:
    """A queue that could hold it. `fits`: its own condition holds; `position`: its place in the order of the queues."""

    id: str
    fits: bool
    position: int = 0


def place(places: Sequence[Place], proposals: Sequence[Proposed] = ()) -> Weighed | None:
    """The queue for it: where its condition holds, the one that routers favour, else the first in order. A router moves
    nothing where no condition holds: what a queue takes is said by its administrator."""
    able = [each for each in places if each.fits]
    if not able:
        return None
    weighed = [(Weighed(each.id, "", (0, 0), tuple(_from_routers(each.id, proposals))), each.position) for each in able]
    weighed.sort(key=lambda pair: (-pair[0].points, pair[1], pair[0].id))
    best, position = weighed[0]
    return Weighed(best.id, "", (0, 0), (Factor("position", str(position)), *best.factors))
