"""One case over again: what the rules in force did is found anew, and what a draft would have done is reckoned. Pure.

A draft lives in a history of its own: entries that the replaced rule caused are left out, and what the draft asks for
is taken in, as the entries it would have written. People do in it what they did.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from ombud import speech
from ombud.desk.engine import folding, timers
from ombud.desk.engine.effects import Calendar, effects, text_of
from ombud.desk.engine.events import is_of
from ombud.desk.engine.folding import State, facts_of, step
from ombud.desk.engine.rules import Firing, Plan, Trigger, evaluate, trigger_of
from ombud.desk.engine.terms import Rule
from ombud.desk.engine.vocabulary import Vocabulary
from ombud.speech import for_programs

OURS = frozenset({"rule.applied", "rule.shadowed", "rule.halted"})
MOST_STEPS = 200  # of what one event sets off, in a draft's history
_encode = msgspec.json.Encoder(order="sorted", enc_hook=for_programs).encode


class Told(msgspec.Struct, array_like=True):
    """One entry as a replay reads it."""

    stream: str
    seq: int
    at: datetime
    kind: str
    body: dict[str, Any]


class Period(msgspec.Struct, frozen=True):
    """A version with the time in which it held."""

    rule: Rule
    since: datetime
    until: datetime | None = None

    def holds(self, at: datetime) -> bool:
        return self.since <= at and (self.until is None or at < self.until)


@dataclass(frozen=True)
class World:
    """What is the same for all cases. `draft`: a rule as it would be; `since`, `until`: the time that is looked at;
    `calendars`: by unit."""

    periods: Sequence[Period]
    words: Vocabulary
    parents: Mapping[str, str]
    calendars: Mapping[str, Calendar]
    since: datetime
    until: datetime
    draft: Rule | None = None

    def kinds(self) -> frozenset[str]:
        """The kinds of entries that must be read."""
        return frozenset(folding.STEPS) | OURS


@dataclass
class Would:
    """One thing that a draft would have done, or that was done and the draft would not do."""

    at: datetime
    trigger: str
    change: dict[str, Any]
    matched: Sequence[Mapping[str, Any]] = ()


@dataclass
class Run:
    """What came of one case. `missed`: what the rules in force should have done, by what is known, and did not;
    `surplus`: what was done and is not found anew; `lacking`: inputs that its entries do not tell; `unanswered`: words
    that could not say, each with why."""

    case: str
    unit: str = ""
    asked: int = 0
    found_anew: int = 0
    missed: list[str] = field(default_factory=list)
    surplus: list[str] = field(default_factory=list)
    lacking: tuple[str, ...] = ()
    unanswered: set[str] = field(default_factory=set)
    added: list[Would] = field(default_factory=list)
    dropped: list[Would] = field(default_factory=list)
    same: int = 0
    halted: int = 0
    late: bool = False
    acted_before: bool = False
    caused: list[str] = field(default_factory=list)
    avoided: list[str] = field(default_factory=list)
    queue_was: str = ""
    queue_would: str = ""
    open: bool = True

    @property
    def changed(self) -> bool:
        return bool(self.added or self.dropped)


class _Replay:
    """Walks the entries of one case once."""

    def __init__(self, world: World, entries: Sequence[Told], over: datetime | None) -> None:
        self.world, self.entries, self.over = world, entries, over
        self.real, self.would = State(), State()
        self.run = Run(entries[0].stream.partition("/")[2] if entries else "")
        self.real.id = self.would.id = self.run.case
        self.done = {_name(each.body): each for each in entries if each.kind == "rule.applied"}
        self.expected: set[tuple[str, int, str]] = set()
        self.known: dict[str, timers.Timer] = {}
        self.fired: set[tuple[str, int, datetime]] = set()
        self.draft_known: dict[str, timers.Timer] = {}
        self.draft_fired: set[tuple[str, int, datetime]] = set()
        self.asked_for: dict[bytes, Would] = {}
        self.timed = [each.rule for each in world.periods if each.rule.definition.timed and not each.rule.shadow]
        self.late_timers: dict[int, list[timers.Timer]] = {}

    def go(self) -> Run:
        draft = self.world.draft
        for entry in self.entries:
            self._timers_until(entry.at)
            step(self.real, entry.kind, entry.body, entry.at, entry.seq)
            if self.timed:
                self.known = timers.watch(self.known, self.timed, self.real, entry.at, self._calendar())
            if entry.kind not in OURS:
                self._check(entry)
            for timer in self.late_timers.pop(entry.seq, ()):
                self._check_timer(timer)
            if draft is not None and not _by(entry.body, draft.key):
                self._take(entry.kind, entry.body, entry.at, entry.seq)
                if entry.kind not in OURS and entry.at >= self.world.since:
                    self._draft(trigger_of(entry.stream, entry.seq, entry.kind, entry.body, entry.at), entry.at)
        self._timers_until(self.world.until)
        self._compare()
        return self.run

    def _calendar(self) -> Calendar | None:
        return self.world.calendars.get(self.real.unit)

    def _counts(self, at: datetime) -> bool:
        return at >= self.world.since and (self.over is None or at > self.over)

    def _in_force(self, at: datetime) -> list[Rule]:
        return [each.rule for each in self.world.periods if not each.rule.shadow and each.holds(at)]

    # What was done, found anew.
    def _check(self, entry: Told) -> None:
        rules = [each for each in self._in_force(entry.at) if not each.definition.timed]
        if not rules or not self._counts(entry.at):
            return
        trigger = trigger_of(entry.stream, entry.seq, entry.kind, entry.body, entry.at)
        self._expect(rules, trigger, entry.at)

    def _expect(self, rules: Sequence[Rule], trigger: Trigger, at: datetime) -> None:
        if not _hear(rules, trigger):
            return
        facts = self._facts(self.real, at)
        plan = evaluate(rules, facts, trigger, self.world.words)
        self.run.asked += 1
        self._keep_faults(plan)
        self.run.halted += len(plan.halted)
        for firing in plan.fired:
            self.expected.add((firing.rule.key, firing.rule.version, trigger.due or trigger.id))

    def _keep_faults(self, plan: Plan) -> None:
        self.run.unanswered |= {f"{each.word}: {each.problem}" for each in plan.faults}

    def _timers_until(self, at: datetime) -> None:
        for timer in timers.due_now(self.known.values(), frozenset(self.fired), at):
            self.fired.add((timer.rule, timer.version, timer.anchor))
            self._due(timer)
        if self.world.draft is not None and self.world.draft.definition.timed:
            self._draft_timers(at)

    def _due(self, timer: timers.Timer) -> None:
        """A rule of time that ran saw the entries up to its trigger; one that did not is asked at its moment."""
        due = text_of(timer.due_at)
        done = self.done.get((timer.rule, timer.version, due))
        seq = _seq_of(done.body) if done is not None else 0
        if seq > self.real.seq:
            self.late_timers.setdefault(seq, []).append(timer)
        else:
            self._check_timer(timer)

    def _check_timer(self, timer: timers.Timer) -> None:
        rules = [
            each.rule
            for each in self.world.periods
            if not each.rule.shadow and each.holds(timer.due_at) and each.since <= timer.due_at
            and (each.rule.key, each.rule.version) == (timer.rule, timer.version)
        ]  # fmt: skip
        if rules and self._counts(timer.due_at) and not self.real.gone:
            trigger = Trigger("", at=timer.due_at, rule=timer.rule, due=text_of(timer.due_at))
            self._expect(rules, trigger, timer.due_at)

    def _facts(self, state: State, at: datetime) -> Any:
        facts = facts_of(state, at, self.world.parents)
        calendar = self.world.calendars.get(state.unit)
        is_open = getattr(calendar, "is_open", None)
        if is_open is None:
            return facts
        return msgspec.structs.replace(facts, outside_hours=not is_open(state.received_at))

    # What the draft would have done.
    def _take(self, kind: str, body: Mapping[str, Any], at: datetime, seq: int) -> None:
        step(self.would, kind, body, at, seq)
        draft = self.world.draft
        if draft is not None and draft.definition.timed:
            calendar = self.world.calendars.get(self.would.unit)
            self.draft_known = timers.watch(self.draft_known, [draft], self.would, at, calendar)

    def _draft_timers(self, at: datetime) -> None:
        draft = self.world.draft
        assert draft is not None
        for timer in timers.due_now(self.draft_known.values(), frozenset(self.draft_fired), at):
            self.draft_fired.add((timer.rule, timer.version, timer.anchor))
            if timer.due_at >= self.world.since and not self.would.gone:
                due = text_of(timer.due_at)
                name = f"case/{self.run.case}/{self.would.seq}"
                self._draft(Trigger(name, at=timer.due_at, rule=draft.key, due=due), timer.due_at)

    def _draft(self, trigger: Trigger, at: datetime) -> None:
        draft = self.world.draft
        assert draft is not None
        waiting, count = [(trigger, [draft])], 0
        while waiting and count < MOST_STEPS and not self.would.gone:
            asked, rules = waiting.pop(0)
            if not _hear(rules, asked):
                continue
            plan = evaluate(rules, self._facts(self.would, at), asked, self.world.words)
            self._keep_faults(plan)
            for firing in plan.fired:
                for effect in self._make(firing, asked, at):
                    count += 1
                    others = [each for each in self._in_force(at) if each.key != draft.key]
                    waiting.append((effect, [*others, draft]))

    def _make(self, firing: Firing, trigger: Trigger, at: datetime) -> Iterable[Trigger]:
        """Takes in what a rule asks for; gives the entries it would have written, as triggers."""
        draft = self.world.draft
        made: list[Trigger] = []
        for change in firing.changes:
            told = effects(change, self.would, at, self.world.calendars.get(self.would.unit))
            if firing.rule.key == (draft.key if draft else "") and (told or change.kind in _WITHOUT_FACTS):
                plain = speech.builtins_of(change)
                name = trigger.due or trigger.id
                self.asked_for[_encode([name, plain])] = Would(at, name, plain, firing.matched)
            for kind, body in told:
                seq = self.would.seq
                self._take(kind, body, at, seq)
                made.append(trigger_of("", seq, kind, {**body, "because": firing.because}, at))
        return made

    def _compare(self) -> None:
        run, world = self.run, self.world
        run.unit, run.lacking = self.real.unit, tuple(sorted(self.real.lacking))
        done = {name for name, each in self.done.items() if self._counts(each.at)}
        run.found_anew = len(done & self.expected)
        run.missed = [_said(each) for each in sorted(self.expected - done)]
        run.surplus = [_said(each) for each in sorted(done - self.expected)]
        run.queue_was, run.open = self.real.queue, self.real.status != "closed" and not self.real.gone
        ended = self.real.closed_at or world.until
        run.late = self.real.due_at is not None and self.real.due_at < ended and not self.real.gone
        if world.draft is None:
            return
        did = self._did(world.draft.key)
        run.same = len(did.keys() & self.asked_for.keys())
        run.added = [each for key, each in self.asked_for.items() if key not in did]
        run.dropped = [each for key, each in did.items() if key not in self.asked_for]
        run.queue_would = self.would.queue
        due = self.real.due_at
        run.acted_before = run.late and any(due is not None and each.at < due for each in run.added)
        self._breaches()

    def _did(self, key: str) -> dict[bytes, Would]:
        """What the rule did in the time that is looked at."""
        found: dict[bytes, Would] = {}
        for (rule, _, name), each in self.done.items():
            if rule != key or each.at < self.world.since:
                continue
            refused = {str(one.get("change")) for one in each.body.get("refused") or ()}
            for change in each.body.get("changes") or ():
                if str(change.get("change")) not in refused:
                    found[_encode([name, change])] = Would(each.at, name, change, each.body.get("matched") or ())
        return found

    def _breaches(self) -> None:
        """A clock that only the draft starts is missed where nobody answered, nor closed the case, in its time."""
        for key, clock in self.would.clocks.items():
            if key not in self.real.clocks and self._missed(clock):
                self.run.caused.append(key)
        for key, clock in self.real.clocks.items():
            if key not in self.would.clocks and clock.late:
                self.run.avoided.append(key)

    def _missed(self, clock: folding.Clock) -> bool:
        if clock.due_at is None or clock.started_at is None or clock.due_at > self.world.until:
            return False
        for entry in self.entries:
            ends = (entry.kind == "message.sent" and entry.body.get("kind") not in NO_REPLY) or (
                entry.kind == "case.status_changed" and entry.body.get("status") == "closed"
            )
            if ends and clock.started_at <= entry.at <= clock.due_at:
                return False
        return True


NO_REPLY = frozenset({"acknowledgement", "status"})
# Changes that leave no trace in the facts, and are done all the same.
_WITHOUT_FACTS = frozenset({"notify", "remind", "assign_by_routing", "start_clock"})


def _hear(rules: Sequence[Rule], trigger: Trigger) -> bool:
    """Whether anybody listens: most entries concern no rule, and then no facts are put together."""
    return bool(trigger.rule) or any(is_of(each.definition.codes, trigger.kind, trigger.body) for each in rules)


def _by(body: Mapping[str, Any], key: str) -> bool:
    """Whether an entry is there because of a rule, or of what it set off."""
    because = body.get("because")
    if not isinstance(because, Mapping):
        return str(body.get("rule", "")) == key and "trigger" in body
    return bool(because.get("rule") == key or key in (because.get("chain") or ()))


def _name(body: Mapping[str, Any]) -> tuple[str, int, str]:
    return str(body.get("rule")), int(body.get("version") or 0), str(body.get("due") or body.get("trigger"))


def _seq_of(body: Mapping[str, Any]) -> int:
    return int(str(body.get("trigger", "0")).rpartition("/")[2] or 0)


def _said(name: tuple[str, int, str]) -> str:
    return f"{name[0]}@{name[1]} {name[2].rpartition('/')[2] if '/' in name[2] else name[2]}"


def replay(world: World, entries: Sequence[Told], over: datetime | None = None) -> Run:
    """Runs one case. `over`: what was before is of another desk, or made up, and no rule in force answered to it."""
    return _Replay(world, entries, over).go()
