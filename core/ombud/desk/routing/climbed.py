"""A ladder walked through one case of the past: when it would have begun, which steps it would have taken. Pure.

People do here what they did: a word that ends an escalation, one that is started or taken back by hand, or by a rule.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from ombud.desk.calendars.arithmetic import Calendar
from ombud.desk.engine.folding import EPOCH, State, Told, step
from ombud.desk.routing.laddering import Content, moods_from

OPEN = ("new", "in_progress")
BY_HAND = {"acknowledged", "taken_back"}
ANSWERS = ("reply", "final_response")


@dataclass
class Climb:
    """One escalation. `steps`: when each was taken; `why`: what ended it, empty while it runs."""

    aspect: str
    began: datetime
    steps: list[datetime] = field(default_factory=list)
    next_at: datetime | None = None
    ended_at: datetime | None = None
    why: str = ""


@dataclass(frozen=True)
class Ladder:
    """`content`: None where there was no such ladder; `mine`: whether it is for cases of a unit."""

    key: str
    content: Content | None
    active: bool
    mine: Callable[[str], bool]


class Climbing:
    """Goes through the entries of a case once. `robots`: messages that no person wrote."""

    def __init__(
        self, ladder: Ladder, calendars: Mapping[str, Calendar], until: datetime, robots: Collection[str] = ()
    ) -> None:
        self.ladder, self.calendars, self.until, self.robots = ladder, calendars, until, robots
        self.state, self.answered_at, self.found = State(), EPOCH, list[Climb]()

    def go(self, entries: Iterable[Told]) -> list[Climb]:
        content = self.ladder.content
        if content is None:
            return []
        for entry in entries:
            self._pass(content, entry.at)
            step(self.state, entry.kind, entry.body, entry.at, entry.seq)
            self._hear(content, entry)
            self._end_over(entry.at)
            self._begin(content, entry.at)
        self._pass(content, self.until)
        return self.found

    @property
    def running(self) -> list[Climb]:
        return [each for each in self.found if not each.why]

    def _pass(self, content: Content, until: datetime) -> None:
        """The time up to the next entry: a ladder of time begins in it, and steps are taken."""
        due = self._due(content)
        if due is not None and due <= until:
            self._begin(content, max(due, self.state.at))
        for each in self.running:
            while each.next_at is not None and each.next_at <= until:
                each.steps.append(each.next_at)
                self._wait(content, each, each.next_at)

    def _wait(self, content: Content, climb: Climb, since: datetime) -> None:
        taken = len(climb.steps)
        climb.next_at = content.steps[taken].after.end(since, self._calendar) if taken < len(content.steps) else None

    @property
    def _calendar(self) -> Calendar:
        return self.calendars[self.state.unit]

    # What begins it.
    def _anchor(self, content: Content) -> datetime | None:
        state = self.state
        moment = {"received": state.received_at, "last_in": state.last_in_at, "due": state.due_at}.get(
            content.starts.of
        )
        return None if moment in (None, EPOCH) else moment

    def _due(self, content: Content) -> datetime | None:
        anchor = self._anchor(content)
        if not self.state.seen or anchor is None or self.state.unit not in self.calendars:
            return None
        return content.starts.after.end(anchor, self._calendar)

    def _begin(self, content: Content, at: datetime) -> None:
        if self.ladder.active and self._starts(content, at) and self._may_again(content):
            self._start(content, "", at)

    def _start(self, content: Content, aspect: str, at: datetime) -> None:
        if any(each.aspect == aspect for each in self.running) or self.state.unit not in self.calendars:
            return
        climb = Climb(aspect, at)
        self.found.append(climb)
        self._wait(content, climb, at)
        while climb.next_at is not None and climb.next_at <= at:
            climb.steps.append(climb.next_at)
            self._wait(content, climb, climb.next_at)

    def _may_again(self, content: Content) -> bool:
        """Once for a case, and once more where the customer wrote again since."""
        before = [each for each in self.found if not each.aspect]
        if not before:
            return True
        wrote = self.state.last_in_at
        again = content.starts.of == "last_in" and wrote is not None and before[-1].began < wrote
        return again and bool(before[-1].why)

    def _starts(self, content: Content, at: datetime) -> bool:
        state, starts = self.state, content.starts
        if not starts.any() or not self._open or not self.ladder.mine(state.unit):
            return False
        due = self._due(content)
        tests = (
            (bool(starts.severity), state.severity >= starts.severity),
            (bool(starts.mood), state.mood in (moods_from(starts.mood) if starts.mood else ())),
            (starts.support_needs, bool(state.support_needs)),
            (starts.amount is not None, self._disputed(starts.currency) >= (starts.amount or Decimal(0))),
            (bool(starts.of), due is not None and due <= at),
            (starts.of == "last_in", state.last_in_at is not None and self.answered_at < state.last_in_at),
        )
        return all(holds for asked, holds in tests if asked)

    @property
    def _open(self) -> bool:
        return self.state.seen and not self.state.gone and self.state.status in OPEN

    def _disputed(self, currency: str) -> Decimal:
        open_ones = [each for each in self.state.aspects.values() if each.status == "open"]
        return sum(
            (each.amount_in_dispute or Decimal(0) for each in open_ones if each.currency == currency), Decimal(0)
        )

    # What people did, and what ends it.
    def _hear(self, content: Content, entry: Told) -> None:
        body, aspect = entry.body, str(entry.body.get("aspect") or "")
        if entry.kind == "message.sent":
            self._answer(content, body, entry.at)
        elif body.get("ladder") != self.ladder.key:
            return
        elif entry.kind == "case.escalated" and not body.get("level") and not _by_itself(body):
            self._start(content, aspect, entry.at)
        elif entry.kind == "case.escalation_ended" and body.get("because") in {"taken_back", *content.ends} & BY_HAND:
            self._end([each for each in self.running if each.aspect == aspect], entry.at, str(body["because"]))

    def _answer(self, content: Content, body: Mapping[str, Any], at: datetime) -> None:
        if body.get("kind", "reply") not in ANSWERS or body.get("message") in self.robots:
            return
        self.answered_at = at
        if "answered" in content.ends:
            self._end(self.running, at, "answered")

    def _end_over(self, at: datetime) -> None:
        if not self._open:
            self._end(self.running, at, "closed" if self.state.status == "closed" or self.state.gone else "decided")
            return
        over = [
            each for each in self.running
            if each.aspect and (each.aspect not in self.state.aspects
                                or self.state.aspects[each.aspect].status != "open")
        ]  # fmt: skip
        self._end(over, at, "decided")

    def _end(self, climbs: Sequence[Climb], at: datetime, why: str) -> None:
        for each in climbs:
            each.ended_at, each.why, each.next_at = at, why, None


def _by_itself(body: Mapping[str, Any]) -> bool:
    because = body.get("because")
    return isinstance(because, Mapping) and "matched" in because and "rule" not in because


__all__ = ["Climb", "Climbing", "Ladder"]
