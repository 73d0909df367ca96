"""What a change would write into the case's ledger, so that a replay can take it into the facts. Pure."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from ombud.desk.engine.folding import State, clock_key
from ombud_plugin_api import treatment as t
from ombud_plugin_api.treatment import Change

Effect = tuple[str, dict[str, Any]]


class Calendar(Protocol):
    """Working time, as `calendars.arithmetic` reckons it."""

    def add(self, start: datetime, working: timedelta) -> datetime: ...
    def add_days(self, start: datetime, days: int, business: bool) -> datetime: ...
    def between(self, start: datetime, end: datetime) -> timedelta: ...


def text_of(moment: datetime) -> str:
    """A moment as entries hold it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def effects(change: Change, state: State, at: datetime, calendar: Calendar | None = None) -> list[Effect]:
    """The entries, as kind and body; none where nothing would change."""
    if state.status == "closed":
        return []
    write = _EFFECTS.get(change.kind)
    return write(change, state, at, calendar) if write else []


def _set(name: str) -> Callable[[Any, State, datetime, Calendar | None], list[Effect]]:
    def write(change: Any, state: State, at: datetime, calendar: Calendar | None) -> list[Effect]:
        value, aspect = getattr(change, name), getattr(change, "aspect", "")
        if aspect:
            known = state.aspects.get(aspect)
            same = known is None or known.status == "closed" or getattr(known, name) == value
            return [] if same else [("aspect.changed", {"aspect": aspect, name: value})]
        return [] if getattr(state, name) == value else [("case.changed", {name: value})]

    return write


def _give(change: Any, state: State, at: datetime, calendar: Calendar | None) -> list[Effect]:
    if change.aspect:
        known = state.aspects.get(change.aspect)
        same = known is None or known.status == "closed" or known.owner == change.user
        return [] if same else [("aspect.assigned", {"aspect": change.aspect, "owner": change.user})]
    if state.owner == change.user:
        return []
    given: list[Effect] = [("case.assigned", {"owner": change.user, "queue": state.queue})]
    return given + ([("case.status_changed", {"status": "in_progress"})] if state.status == "new" else [])


def _tag(change: Any, state: State, at: datetime, calendar: Calendar | None) -> list[Effect]:
    return [] if change.tag in state.tags else [("case.tagged", {"tag": change.tag})]


def _close(change: Any, state: State, at: datetime, calendar: Calendar | None) -> list[Effect]:
    decided = bool(state.aspects) and all(each.status == "closed" for each in state.aspects.values())
    return [("case.status_changed", {"status": "closed"})] if decided else []


def _escalate(change: Any, state: State, at: datetime, calendar: Calendar | None) -> list[Effect]:
    if change.ladder in state.escalated:
        return []
    return [("case.escalated", {"ladder": change.ladder, "level": 1, "aspect": change.aspect})]


def clock_started(change: t.StartClock, at: datetime, calendar: Calendar | None) -> dict[str, Any]:
    """The body of `clock.started` for a clock that a rule names itself, running from this moment."""
    within = timedelta(seconds=change.within)
    due = calendar.add(at, within) if change.business and calendar is not None else at + within
    return {
        "clock": change.clock or change.policy, "aspect": change.aspect, "policy": change.policy, "policy_version": 0,
        "calendar": str(getattr(calendar, "key", "") or "") if change.business else "",
        "calendar_version": int(getattr(calendar, "version", 0) or 0) if change.business else 0,
        "started_at": text_of(at), "due_at": text_of(due),
    }  # fmt: skip


def _clock(change: Any, state: State, at: datetime, calendar: Calendar | None) -> list[Effect]:
    key = clock_key(change.clock or change.policy, change.aspect)
    known = state.clocks.get(key)
    if not change.within or (known is not None and known.state in {"running", "paused"}):
        return []
    return [("clock.started", clock_started(change, at, calendar))]


def _message(change: Any, state: State, at: datetime, calendar: Calendar | None) -> list[Effect]:
    return [("message.sent", {"kind": "acknowledgement" if change.kind == "acknowledge" else "reply"})]


_EFFECTS: Mapping[str, Callable[[Any, State, datetime, Calendar | None], list[Effect]]] = {
    "assign_queue": _set("queue"),
    "assign_user": _give,
    "set_priority": _set("priority"),
    "set_severity": _set("severity"),
    "set_category": _set("category"),
    "set_type": _set("case_type"),
    "add_tag": _tag,
    "close": _close,
    "escalate": _escalate,
    "start_clock": _clock,
    "acknowledge": _message,
    "send_template": _message,
}
