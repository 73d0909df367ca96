"""The facts of a case as a fold of its ledger entries, codes only; the same live, in shadow and in a replay.

`STEPS` maps a kind of entry to what it does to the state. Whoever adds a fact writes it as codes into the body of an
entry of the case and adds one line there. A kind that is not in it changes no fact.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from ombud_plugin_api.treatment import AspectFacts, CaseFacts, ClockFacts

Body = Mapping[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Told(Protocol):
    """An entry, as far as the fold reads it."""

    @property
    def stream(self) -> str: ...
    @property
    def seq(self) -> int: ...
    @property
    def at(self) -> datetime: ...
    @property
    def kind(self) -> str: ...
    @property
    def body(self) -> Mapping[str, Any]: ...


@dataclass(slots=True)
class Aspect:
    """What is known of one matter so far."""

    id: str
    position: int = 1
    status: str = "open"
    category: str = ""
    priority: str = "normal"
    severity: int = 1
    owner: str = ""
    queue: str = ""
    outcome: str = ""
    cause: str = ""
    due_at: datetime | None = None
    concerns_staff: bool = False
    amount_in_dispute: Decimal | None = None
    currency: str = ""

    def facts(self) -> AspectFacts:
        return AspectFacts(**{name: getattr(self, name) for name in AspectFacts.__struct_fields__})


@dataclass(slots=True)
class Clock:
    key: str
    state: str = "running"
    due_at: datetime | None = None
    started_at: datetime | None = None
    policy: str = ""
    policy_version: int = 0
    warned: int = 0
    late: bool = False

    def facts(self) -> ClockFacts:
        return ClockFacts(**{name: getattr(self, name) for name in ClockFacts.__struct_fields__})


@dataclass(slots=True)
class State:
    """A case between two entries. `lacking`: inputs that its entries do not tell, because they are of before these were
    written down; `seen`: it was opened, as far as these entries go; `gone`: merged into another one, or removed."""

    id: str = ""
    seen: bool = False
    gone: bool = False
    seq: int = 0
    at: datetime = EPOCH
    reference: str = ""
    unit: str = ""
    case_type: str = ""
    status: str = "new"
    priority: str = "normal"
    severity: int = 1
    owner: str = ""
    queue: str = ""
    channel: str = ""
    language: str = ""
    confidential: bool = False
    mood: str = ""
    received_at: datetime = EPOCH
    opened_at: datetime = EPOCH
    due_at: datetime | None = None
    closed_at: datetime | None = None
    support_needs: set[str] = field(default_factory=set)
    messages_in: int = 0
    messages_out: int = 0
    last_in_at: datetime | None = None
    last_out_at: datetime | None = None
    final_response_at: datetime | None = None
    tags: set[str] = field(default_factory=set)
    escalated: dict[str, int] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    aspects: dict[str, Aspect] = field(default_factory=dict)
    clocks: dict[str, Clock] = field(default_factory=dict)
    lacking: set[str] = field(default_factory=set)

    def aspect(self, body: Body) -> Aspect:
        identity = str(body.get("aspect", ""))
        return self.aspects.setdefault(identity, Aspect(identity, len(self.aspects) + 1))

    def clock(self, body: Body) -> Clock:
        key = clock_key(str(body.get("clock", "")), str(body.get("aspect", "") or ""))
        return self.clocks.setdefault(key, Clock(key))


def clock_key(clock: str, aspect: str = "") -> str:
    """How a clock is named among a case's clocks."""
    return f"{clock}/{aspect}" if aspect else clock


Step = Callable[[State, Body, datetime], None]

_CASE = ("unit", "status", "priority", "owner", "queue", "case_type", "channel", "language", "mood", "reference")
_ASPECT = ("status", "owner", "queue", "outcome", "priority", "cause", "category", "currency")


def moment_of(text: Any) -> datetime | None:
    """A moment as entries write it; None for an empty one."""
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None


def whole(value: Any, otherwise: int = 1) -> int:
    """A number that old entries hold as text, too."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return otherwise


def _take(target: State | Aspect, body: Body, names: Sequence[str]) -> None:
    for name in names:
        if name in body and body[name] is not None:
            setattr(target, name, str(body[name]))
    if "severity" in body:
        target.severity = whole(body["severity"], target.severity)
    if "due_at" in body:
        target.due_at = moment_of(body["due_at"])


def _case(state: State, body: Body, at: datetime) -> None:
    _take(state, body, _CASE)
    if "confidential" in body:
        state.confidential = bool(body["confidential"])
    if isinstance(body.get("coded"), Mapping):
        state.fields |= body["coded"]
    if "status" in body:
        state.closed_at = at if body["status"] == "closed" else None


def _open(state: State, body: Body, at: datetime) -> None:
    state.seen, state.opened_at = True, at
    _case(state, body, at)
    state.received_at = moment_of(body.get("received_at")) or at
    for each in body.get("aspects", ()):
        _told_aspect(state, each)
    state.lacking |= {name for name in ("language", "coded") if name not in body}


def _told_aspect(state: State, each: Body) -> None:
    aspect = Aspect(str(each["id"]), whole(each.get("position"), len(state.aspects) + 1))
    _take(aspect, each, _ASPECT)
    _more_of_aspect(aspect, each)
    aspect.concerns_staff = bool(each.get("about"))
    state.aspects[aspect.id] = aspect
    if "category" not in each:
        state.lacking.add("category")


def _more_of_aspect(aspect: Aspect, body: Body) -> None:
    if "position" in body:
        aspect.position = whole(body["position"], aspect.position)
    if "amount_in_dispute" in body:
        try:
            aspect.amount_in_dispute = Decimal(str(body["amount_in_dispute"])) if body["amount_in_dispute"] else None
        except InvalidOperation:
            aspect.amount_in_dispute = None


def _aspect(state: State, body: Body, at: datetime) -> None:
    aspect = state.aspect(body)
    _take(aspect, body, _ASPECT)
    _more_of_aspect(aspect, body)


def _decide(state: State, body: Body, at: datetime) -> None:
    _aspect(state, {"status": "closed", **body}, at)


def _reopen(state: State, body: Body, at: datetime) -> None:
    _aspect(state, {"status": "open", "outcome": "", "cause": "", **body}, at)


def _concerns(state: State, body: Body, at: datetime) -> None:
    state.aspect(body).concerns_staff = bool(body.get("about"))
    _aspect(state, body, at)


def _order(state: State, body: Body, at: datetime) -> None:
    for place, each in enumerate(body.get("order", ()), 1):
        if each in state.aspects:
            state.aspects[each].position = place


def _gain(state: State, body: Body, at: datetime) -> None:
    """Aspects that came from another case, or a case that is one of its own again."""
    state.gone = False
    _case(state, body, at)
    for each in body.get("aspects", ()):
        _told_aspect(state, each)


def _lose(state: State, body: Body, at: datetime) -> None:
    _case(state, body, at)
    for each in body.get("aspects", ()):
        state.aspects.pop(str(each), None)


def _merge(state: State, body: Body, at: datetime) -> None:
    _lose(state, body, at)
    state.gone = True


def _remove(state: State, body: Body, at: datetime) -> None:
    state.gone = True


def _hear(state: State, body: Body, at: datetime) -> None:
    if body.get("direction") == "in":
        first = state.messages_in == 0
        state.messages_in += 1
        state.last_in_at = min(at, state.received_at) if first and state.received_at > EPOCH else at


def _unhear(state: State, body: Body, at: datetime) -> None:
    state.messages_in = max(0, state.messages_in - 1)


def _say(state: State, body: Body, at: datetime) -> None:
    state.messages_out += 1
    state.last_out_at = at
    if body.get("kind") == "final_response":
        state.final_response_at = at


def _needs(state: State, body: Body, at: datetime) -> None:
    """What was confirmed is sealed; that somebody needs nothing any more is told as `holds`: false."""
    person = str(body.get("person", ""))
    if body.get("holds", True):
        state.support_needs.add(person)
    else:
        state.support_needs.discard(person)


def _start_clock(state: State, body: Body, at: datetime) -> None:
    clock = state.clock(body)
    state.clocks[clock.key] = Clock(
        clock.key, "running", moment_of(body.get("due_at")), moment_of(body.get("started_at")) or at,
        str(body.get("policy", "")), whole(body.get("policy_version"), 0),
    )  # fmt: skip


def _clock(now_it_is: str) -> Step:
    def step(state: State, body: Body, at: datetime) -> None:
        clock = state.clock(body)
        clock.state = now_it_is or clock.state
        if "due_at" in body:
            clock.due_at = moment_of(body["due_at"])
        clock.late = clock.late or now_it_is == "breached"

    return step


def _warn(state: State, body: Body, at: datetime) -> None:
    state.clock(body).warned += 1


def _escalate(state: State, body: Body, at: datetime) -> None:
    state.escalated[str(body.get("ladder", ""))] = whole(body.get("level"))


def _calm(state: State, body: Body, at: datetime) -> None:
    state.escalated.pop(str(body.get("ladder", "")), None)


def _tag(state: State, body: Body, at: datetime) -> None:
    state.tags.add(str(body.get("tag", "")))


def _untag(state: State, body: Body, at: datetime) -> None:
    state.tags.discard(str(body.get("tag", "")))


STEPS: dict[str, Step] = {
    "case.opened": _open,
    "case.assigned": _case,
    "case.status_changed": _case,
    "case.closed": _case,
    "case.reopened": _case,
    "case.changed": _case,
    "case.removed": _remove,
    "case.merged": _merge,
    "case.absorbed": _gain,
    "case.parted": _lose,
    "case.restored": _gain,
    "case.split": _lose,
    "case.split_off": _gain,
    "case.tagged": _tag,
    "case.untagged": _untag,
    "case.escalated": _escalate,
    "case.escalation_ended": _calm,
    "aspect.added": _aspect,
    "aspect.assigned": _aspect,
    "aspect.changed": _aspect,
    "aspect.concerns_staff": _concerns,
    "aspect.decided": _decide,
    "aspect.reopened": _reopen,
    "aspect.closed": _decide,
    "aspect.moved": _lose,
    "aspect.arrived": _gain,
    "aspect.joined": _lose,
    "aspects.reordered": _order,
    "redress.claimed": _aspect,
    "message.received": _hear,
    "message.left": _unhear,
    "message.sent": _say,
    "support_needs.confirmed": _needs,
    "clock.started": _start_clock,
    "clock.moved": _clock(""),
    "clock.paused": _clock("paused"),
    "clock.resumed": _clock("running"),
    "clock.met": _clock("met"),
    "clock.breached": _clock("breached"),
    "clock.stopped": _clock("stopped"),
    "clock.warned": _warn,
}
"""What each kind of entry does to the facts. One line a kind, so that rooms can add theirs side by side."""


def step(state: State, kind: str, body: Body, at: datetime, seq: int = 0) -> None:
    """Takes one entry into the state."""
    change = STEPS.get(kind)
    if change is not None:
        change(state, body, at)
    state.at = max(state.at, at)
    state.seq = seq or state.seq


def folded(entries: Iterable[Told]) -> State:
    """The state after these entries of one case, in order."""
    state = State()
    for entry in entries:
        if not state.id:
            state.id = entry.stream.partition("/")[2]
        step(state, entry.kind, entry.body, entry.at, entry.seq)
    return state


def facts_of(state: State, at: datetime | None = None, parents: Mapping[str, str] | None = None) -> CaseFacts:
    """The frozen facts at a moment, the last entry's if none is given. `parents`: unit → the unit above it."""
    return CaseFacts(
        id=state.id, reference=state.reference, unit=state.unit, units=chain_of(state.unit, parents or {}),
        case_type=state.case_type, status=state.status, priority=state.priority, severity=state.severity,
        owner=state.owner, queue=state.queue, channel=state.channel, language=state.language,
        confidential=state.confidential, mood=state.mood, received_at=state.received_at, opened_at=state.opened_at,
        at=at or state.at, due_at=state.due_at, closed_at=state.closed_at,
        aspects=tuple(each.facts() for each in sorted(state.aspects.values(), key=lambda a: (a.position, a.id))),
        support_needs=bool(state.support_needs), messages_in=state.messages_in, messages_out=state.messages_out,
        last_in_at=state.last_in_at, last_out_at=state.last_out_at,
        final_response_at=state.final_response_at, tags=frozenset(state.tags),
        clocks={key: clock.facts() for key, clock in state.clocks.items()},
        escalated=max(state.escalated.values(), default=0), fields=dict(state.fields),
    )  # fmt: skip


def chain_of(unit: str, parents: Mapping[str, str]) -> tuple[str, ...]:
    """A unit and all above it, nearest first."""
    chain: list[str] = []
    while unit and unit not in chain:
        chain.append(unit)
        unit = parents.get(unit, "")
    return tuple(chain)


def fold(entries: Iterable[Told], at: datetime | None = None, parents: Mapping[str, str] | None = None) -> CaseFacts:
    """The facts of one case from its entries in order. Pure."""
    return facts_of(folded(entries), at, parents)


def missing(entries: Iterable[Told]) -> tuple[str, ...]:
    """Inputs that these entries do not hold, because they were written before the desk told them."""
    state = folded(entries)
    return tuple(sorted(state.lacking if state.seen else {"opening"}))
