"""The clocks of one case walked through under a draft: what its entries would have started, met and missed. Pure.

The same plan decides here and live (`planning.plan`); only the deadlines that are asked for are the draft's. Pauses of
a clock that ran in truth hold the one of the same name here.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from msgspec import structs

from ombud.desk.calendars.arithmetic import Calendar
from ombud.desk.clocks.planning import AspectSeen, CaseSeen, ClockSeen, Step, Wanted, met, plan, source_of
from ombud.desk.clocks.reckoning import Happened, Reading, Terms, reckon
from ombud.desk.engine import folding
from ombud.desk.engine.folding import State, Told, clock_key, facts_of, moment_of, step
from ombud.desk.engine.replaying import NO_REPLY
from ombud.desk.plugin_writes import kinds_begin
from ombud_plugin_api import CaseFacts

HEARS = frozenset({
    "message.sent", "message.received", "aspect.added", "aspect.decided", "aspect.reopened", "aspect.changed",
    "aspect.moved", "case.changed", "case.status_changed", "case.merged", "case.absorbed", "case.parted",
    "case.restored", "case.split", "case.split_off", "clock.started",
})  # fmt: skip

Ask = Callable[[CaseFacts], Sequence[Wanted]]


@dataclass
class Walked:
    """A clock as it would have been."""

    key: str
    aspect: str
    label: str
    policy: str
    terms: Terms
    events: list[Happened]

    @property
    def started_at(self) -> datetime:
        return self.events[0].at

    def read(self, at: datetime) -> Reading:
        return reckon(self.events, at)


@dataclass
class _Said:
    """What the folded facts do not hold and a plan asks for. `robots`: messages that no person wrote."""

    robots: Collection[str] = ()
    words: list[datetime] = field(default_factory=list)
    replies: list[datetime] = field(default_factory=list)
    decided: dict[str, datetime] = field(default_factory=dict)
    closed_at: datetime | None = None

    def take(self, entry: Told) -> None:
        body = entry.body
        if entry.kind == "message.sent":
            self.words.append(entry.at)
            if body.get("kind", "reply") not in NO_REPLY and body.get("message") not in self.robots:
                self.replies.append(entry.at)
        elif entry.kind in {"aspect.decided", "aspect.closed"}:
            self.decided[str(body.get("aspect", ""))] = moment_of(body.get("decided_at")) or entry.at
        elif entry.kind == "aspect.reopened":
            self.decided.pop(str(body.get("aspect", "")), None)
        elif "status" in body and entry.kind.startswith("case."):
            self.closed_at = entry.at if body["status"] == "closed" else None


class Walk:
    """Goes through the entries of one case once. `source`: the plugin whose clocks these are; `ask`: its deadlines
    under the draft; `until`: the end of what is looked at; `robots`: ids of messages that no person wrote."""

    def __init__(
        self, source: str, ask: Ask, calendars: Mapping[str, Calendar], parents: Mapping[str, str], until: datetime,
        robots: Collection[str] = (),
    ) -> None:  # fmt: skip
        self.source, self.ask, self.calendars, self.parents, self.until = source, ask, calendars, parents, until
        self.state, self.said, self.clocks = State(), _Said(robots), list[Walked]()
        self.recorded = dict[str, dict[str, Any]]()

    def go(self, entries: Iterable[Told]) -> list[Walked]:
        for entry in entries:
            if not self.state.id:
                self.state.id = entry.stream.partition("/")[2]
            self.said.take(entry)
            if entry.kind.startswith("clock.") and source_of(str(entry.body.get("clock", ""))) == self.source:
                self._held(entry)
            else:
                step(self.state, entry.kind, entry.body, entry.at, entry.seq)
            own = entry.kind.startswith(f"{kinds_begin(self.source)}.")
            if own:
                self.recorded[entry.kind] = dict(entry.body)
            if own or entry.kind in HEARS:
                self._settle(entry.at)
        if self.state.seen:
            self._settle(self.until)
        return self.clocks

    def _held(self, entry: Told) -> None:
        """A pause and its end are people's, and hold under the draft too."""
        kind = entry.kind.removeprefix("clock.")
        if kind not in {"paused", "resumed"}:
            return
        place = (str(entry.body.get("clock", "")), str(entry.body.get("aspect", "") or ""))
        for each in self.clocks:
            was = "running" if kind == "paused" else "paused"
            if (each.key, each.aspect) == place and each.read(entry.at).state == was:
                each.events.append(Happened(kind, entry.at, str(entry.body.get("reason", ""))))

    def _settle(self, at: datetime) -> None:
        calendar = self.calendars.get(self.state.unit)
        if calendar is None or not self.state.seen:
            return
        for place, each in enumerate(self.clocks):
            self.state.clocks[clock_key(each.key, each.aspect)] = self._told(each, place, at)
        wanted = list(self.ask(structs.replace(facts_of(self.state, at, self.parents), recorded=dict(self.recorded))))
        seen = self._seen()
        for made in plan(
            seen, [self._clock_seen(place, at) for place in range(len(self.clocks))], wanted, [self.source]
        ):
            self._do(made, seen, calendar, at)

    def _told(self, clock: Walked, place: int, at: datetime) -> folding.Clock:
        reading = clock.read(at)
        late = reading.late and reading.state == "running"
        state = "breached" if late else reading.state
        return folding.Clock(
            clock_key(clock.key, clock.aspect), state, reading.due_at, clock.started_at, clock.policy, late=late
        )

    def _seen(self) -> CaseSeen:
        state, decided = self.state, self.said.decided
        aspects = tuple(
            AspectSeen(each.id, each.status == "closed", decided.get(each.id), each.due_at)
            for each in state.aspects.values()
        )
        resolved = max((each.decided_at for each in aspects if each.decided_at), default=None)
        ended = resolved if state.status in {"resolved", "closed"} else None
        return CaseSeen(
            state.status, state.gone, None if state.gone else ended or self.said.closed_at, state.due_at,
            tuple(self.said.words), tuple(self.said.replies), aspects,
        )  # fmt: skip

    def _clock_seen(self, place: int, at: datetime) -> ClockSeen:
        clock = self.clocks[place]
        reading = clock.read(at)
        last = next((each for each in reversed(clock.events) if each.kind in {"stopped", "met"}), None)
        reason = last.reason if last is not None and reading.state == "stopped" else ""
        return ClockSeen(
            str(place), clock.key, clock.aspect, reading.state, clock.policy, clock.terms.met_by, clock.started_at,
            reading.due_at, reason,
        )  # fmt: skip

    def _do(self, made: Step, seen: CaseSeen, calendar: Calendar, at: datetime) -> None:
        if made.do == "start":
            assert made.wanted is not None
            self._start(made.wanted, seen, calendar)
            return
        clock = self.clocks[int(made.clock)]
        last = clock.events[-1].at
        if made.do == "meet":
            assert made.at is not None
            clock.events.append(Happened("met", max(made.at, last)))
        elif made.do == "stop":
            clock.events.append(Happened("stopped", max(at, last), made.reason))
        elif made.do == "resume":
            clock.events.append(Happened("resumed", max(at, last), made.reason))
        elif made.do == "migrate":
            assert made.wanted is not None
            wanted = made.wanted
            clock.policy, clock.terms, clock.label = wanted.policy, wanted.terms, wanted.label
            clock.events.append(Happened("migrated", max(at, last), made.reason, None, wanted.terms, calendar))

    def _start(self, wanted: Wanted, seen: CaseSeen, calendar: Calendar) -> None:
        begun = Happened("started", wanted.started_at, "", None, wanted.terms, calendar)
        clock = Walked(wanted.key, wanted.aspect, wanted.label, wanted.policy, wanted.terms, [begun])
        self.clocks.append(clock)
        done = met(seen, wanted.terms.met_by, wanted.aspect, wanted.started_at)
        if done is not None:
            clock.events.append(Happened("met", max(done, wanted.started_at)))


__all__ = ["HEARS", "Ask", "Walk", "Walked"]
