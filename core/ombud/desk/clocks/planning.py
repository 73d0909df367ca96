"""What is to happen to the clocks of a case, from how the case stands. Pure: the same facts and clocks plan the same.

It looks at the state and not at what changed, so that it may run at any time, twice, or after a long silence.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from ombud.desk.clocks.reckoning import Terms

OPEN = ("running", "paused")
COMES_BACK = ("decision", "word")
"""What such clocks count for goes on when a closed case is opened again; a reply that was owed is not owed any more."""
BY_ITSELF = "time"
"""Met by nothing: somebody else's time, which a closed case does not stop."""


class AspectSeen(NamedTuple):
    id: str
    closed: bool
    decided_at: datetime | None
    due_at: datetime | None


class CaseSeen(NamedTuple):
    """`ended_at`: when the last aspect was decided, or it was closed; None while it is open. `words`: when something of
    ours left; `replies`: the same, where a person wrote it."""

    status: str
    merged: bool
    ended_at: datetime | None
    due_at: datetime | None
    words: tuple[datetime, ...]
    replies: tuple[datetime, ...]
    aspects: tuple[AspectSeen, ...]

    def aspect(self, identity: str) -> AspectSeen | None:
        return next((each for each in self.aspects if each.id == identity), None)


class ClockSeen(NamedTuple):
    """A clock as it is kept. `key`: of a plugin's one `<slug>.<clock>`; `reason`: why it was stopped."""

    id: str
    key: str
    aspect: str
    state: str
    policy: str
    met_by: str
    started_at: datetime
    due_at: datetime | None
    reason: str = ""

    @property
    def source(self) -> str:
        """The plugin it came from; empty for core's own."""
        return source_of(self.key)


class Wanted(NamedTuple):
    """A clock that the case should have."""

    key: str
    aspect: str
    label: str
    policy: str
    terms: Terms
    started_at: datetime
    repeats: bool = False


class Step(NamedTuple):
    """One thing to do: start, meet, stop, resume, move or migrate. `clock`: the id of the one that is there."""

    do: str
    clock: str = ""
    at: datetime | None = None
    reason: str = ""
    due_at: datetime | None = None
    wanted: Wanted | None = None


def source_of(key: str) -> str:
    return key.partition(".")[0] if "." in key else ""


def plan(case: CaseSeen, clocks: Sequence[ClockSeen], wanted: Sequence[Wanted], asked: Iterable[str]) -> list[Step]:
    """The steps, in order. `asked`: the sources that answered; what others once wanted is left as it is."""
    heard = {"", *asked}
    steps = [step for each in clocks for step in _kept(case, each, wanted, heard)]
    return [*steps, *(_start(each) for each in wanted if _is_new(case, each, clocks))]


def _kept(case: CaseSeen, clock: ClockSeen, wanted: Sequence[Wanted], heard: set[str]) -> list[Step]:
    met_at = met(case, clock.met_by, clock.aspect, clock.started_at)
    if clock.state not in OPEN:
        return _ended(case, clock, met_at)
    if met_at is not None:
        return [Step("meet", clock.id, met_at)]
    if why := stops(case, clock.met_by, clock.aspect):
        return [Step("stop", clock.id, reason=why)]
    if clock.key == "answer" and not clock.source:
        return _follow(case, clock)
    asked_for = next((each for each in wanted if _same(each, clock)), None)
    if asked_for is None:
        return [Step("stop", clock.id, reason="not_wanted")] if clock.source and clock.source in heard else []
    if asked_for.policy != clock.policy and clock.source:
        return [Step("migrate", clock.id, reason="facts", wanted=asked_for)]
    return []


def _same(wanted: Wanted, clock: ClockSeen) -> bool:
    """Of what runs anew with each message, the one that runs stays until it is met, however many more come in."""
    return (wanted.key, wanted.aspect) == (clock.key, clock.aspect)


def _ended(case: CaseSeen, clock: ClockSeen, met_at: datetime | None) -> list[Step]:
    """A decision that was taken back, or a case that is open or whole again, lets its clocks run on."""
    if met_at is not None or clock.met_by not in COMES_BACK or stops(case, clock.met_by, clock.aspect):
        return []
    if clock.state == "met" or clock.reason in {"closed", "merged", "moved"}:
        return [Step("resume", clock.id, reason="reopened")]
    return []


def _follow(case: CaseSeen, clock: ClockSeen) -> list[Step]:
    """The answer clock follows the date that stands in the case or the aspect."""
    aspect = case.aspect(clock.aspect)
    due_at = aspect.due_at if aspect else case.due_at
    if clock.state == "running" and due_at is not None and due_at != clock.due_at:
        return [Step("move", clock.id, due_at=due_at, reason="changed")]
    return []


def met(case: CaseSeen, met_by: str, aspect: str, since: datetime) -> datetime | None:
    """When what a clock waits for happened, None while it has not."""
    if met_by == BY_ITSELF:
        return None
    if met_by == "decision":
        found = case.aspect(aspect) if aspect else None
        return (found.decided_at if found and found.closed else None) if aspect else case.ended_at
    said = case.words if met_by == "word" else case.replies
    return next((each for each in said if each >= since), None)


def stops(case: CaseSeen, met_by: str, aspect: str) -> str:
    """Why a clock that was not met has nothing to wait for any more; empty where it has."""
    if aspect:
        found = case.aspect(aspect)
        if found is None:
            return "moved"
        return "closed" if found.closed and met_by not in ("decision", BY_ITSELF) else ""
    if case.merged:
        return "merged"
    if met_by == BY_ITSELF:
        return ""
    return "closed" if case.status == "closed" else ""


def _is_new(case: CaseSeen, wanted: Wanted, clocks: Sequence[ClockSeen]) -> bool:
    if wanted.aspect and case.aspect(wanted.aspect) is None:
        return False
    done = met(case, wanted.terms.met_by, wanted.aspect, wanted.started_at)
    if (done is None or wanted.repeats) and stops(case, wanted.terms.met_by, wanted.aspect):
        return False
    mine = [each for each in clocks if (each.key, each.aspect) == (wanted.key, wanted.aspect)]
    if wanted.repeats:
        return all(each.started_at < wanted.started_at and not _goes_on(case, each) for each in mine)
    return not mine


def _goes_on(case: CaseSeen, clock: ClockSeen) -> bool:
    return clock.state in OPEN and met(case, clock.met_by, clock.aspect, clock.started_at) is None


def _start(wanted: Wanted) -> Step:
    return Step("start", at=wanted.started_at, wanted=wanted)
