"""What a case is by its entries alone, to be compared with what the tables say.

`CHANGES` maps a kind of entry to what it does; a kind that is not there does not touch what is compared. Ids are text,
empty for nobody; times are text as the ledger writes them. A value the entry does not name stays as it is; one that no
entry ever named (None) is not compared, so that openings of before it was told still hold.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from ombud.kernel.database import db
from ombud.trust.canonical import moment_text

Body = Mapping[str, Any]


class Line(NamedTuple):
    """One line of redress; the amount is 0 where the kind has none, and negative where it takes a line back."""

    kind: str
    amount: Decimal
    currency: str


@dataclass(slots=True)
class AspectState:
    """`reason_at`: the entry that sealed the reason, 0 where there is none any more, None where it is not compared;
    `reason_in`: its stream, where the aspect came from another case."""

    status: str = "open"
    owner: str = ""
    outcome: str = ""
    priority: str | None = None
    severity: str | None = None
    due_at: str | None = None
    cause: str | None = None
    about: str | None = None
    reason_at: int | None = None
    reason_in: str = ""
    redress: dict[str, Line] = field(default_factory=dict)

    def give(self, body: Body) -> None:
        line = Line(str(body["kind"]), Decimal(body.get("amount") or 0), str(body.get("currency") or ""))
        self.redress[str(body["line"])] = line


@dataclass(slots=True)
class CaseState:
    """`seen` is false where no entry tells of the case's opening: then nothing is compared."""

    seen: bool = False
    removed: bool = False
    status: str = ""
    priority: str = ""
    owner: str = ""
    queue: str = ""
    severity: str | None = None
    unit: str | None = None
    confidential: str | None = None
    received_at: str | None = None
    due_at: str | None = None
    aspects: dict[str, AspectState] = field(default_factory=dict)

    def aspect(self, body: Body) -> AspectState:
        return self.aspects.setdefault(str(body["aspect"]), AspectState())


def _take(target: CaseState | AspectState, body: Body, names: Sequence[str]) -> None:
    for name in names:
        if name in body:
            setattr(target, name, _text(body[name]))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return moment_text(value)
    return "" if value is None else str(value)


_CASE_FIELDS = (
    "status", "priority", "owner", "queue", "severity", "unit", "confidential", "received_at", "due_at"
)  # fmt: skip
_ASPECT_FIELDS = ("status", "owner", "outcome", "priority", "severity", "due_at", "cause", "about")


def _open_case(case: CaseState, body: Body) -> None:
    case.seen = True
    _take(case, body, _CASE_FIELDS)
    for each in body.get("aspects", ()):
        case.aspects[str(each["id"])] = state = AspectState()
        _take(state, each, _ASPECT_FIELDS)


def _change_case(case: CaseState, body: Body) -> None:
    _take(case, body, _CASE_FIELDS)


def _remove_case(case: CaseState, body: Body) -> None:
    case.removed = True


def _change_aspect(case: CaseState, body: Body) -> None:
    _take(case.aspect(body), body, _ASPECT_FIELDS)


def _decide_aspect(case: CaseState, body: Body) -> None:
    _change_aspect(case, body)
    for line in body.get("redress", ()):
        case.aspect(body).give(line)


def _reopen_aspect(case: CaseState, body: Body) -> None:
    aspect = case.aspect(body)
    _take(aspect, {"status": "open", "outcome": "", **body}, _ASPECT_FIELDS)
    aspect.cause = None if aspect.cause is None else ""


def _close_aspect(case: CaseState, body: Body) -> None:
    _take(case.aspect(body), {"status": "closed", **body}, _ASPECT_FIELDS)


def _add_redress(case: CaseState, body: Body) -> None:
    case.aspect(body).give(body)


def _gain_aspects(case: CaseState, body: Body) -> None:
    """Aspects that came from another case, each as it stood."""
    _take(case, body, _CASE_FIELDS)
    for each in body.get("aspects", ()):
        case.aspects[str(each["id"])] = state = AspectState()
        _take(state, each, _ASPECT_FIELDS)
        for line in each.get("redress", ()):
            state.give(line)
        state.reason_in, _, at = str(each.get("reason", "")).rpartition("/")
        state.reason_at = int(at) if at else None


def _lose_aspects(case: CaseState, body: Body) -> None:
    _take(case, body, _CASE_FIELDS)
    for each in body.get("aspects", ()):
        case.aspects.pop(str(each), None)


CHANGES: dict[str, Callable[[CaseState, Body], None]] = {
    "case.opened": _open_case,
    "case.assigned": _change_case,
    "case.status_changed": _change_case,
    "case.closed": _change_case,
    "case.reopened": _change_case,
    "case.changed": _change_case,
    "case.removed": _remove_case,
    "case.merged": _lose_aspects,
    "case.absorbed": _gain_aspects,
    "case.parted": _lose_aspects,
    "case.restored": _gain_aspects,
    "case.split": _lose_aspects,
    "case.split_off": _gain_aspects,
    "aspect.moved": _lose_aspects,
    "aspect.arrived": _gain_aspects,
    "aspect.joined": _lose_aspects,
    "aspect.added": _change_aspect,
    "aspect.assigned": _change_aspect,
    "aspect.changed": _change_aspect,
    "aspect.concerns_staff": _change_aspect,
    "aspect.decided": _decide_aspect,
    "aspect.reopened": _reopen_aspect,
    "aspect.closed": _close_aspect,
    "redress.added": _add_redress,
    "redress.reversed": _add_redress,
}


def fold(entries: Iterable[tuple[str, Body]]) -> CaseState:
    """The state of one case from the (kind, body) of its entries in order. Pure."""
    case = CaseState()
    for kind, body in entries:
        change = CHANGES.get(kind)
        if change is not None:
            change(case, body)
    return case


_CASES = """
SELECT id::text, status, priority, coalesce(owner_id::text, '') AS owner, coalesce(queue_id::text, '') AS queue,
    severity, unit_id::text AS unit, confidential, received_at, due_at
FROM core_case WHERE id = ANY($1::text[]::uuid[])
"""
_ASPECTS = """
SELECT case_id::text AS case, id::text, status, coalesce(owner_id::text, '') AS owner, outcome, priority, severity,
    due_at, cause, coalesce(concerns_user_id::text, '') AS about
FROM core_aspect WHERE case_id = ANY($1::text[]::uuid[])
"""
_REDRESS = """
SELECT case_id::text AS case, aspect_id::text AS aspect, id::text AS line, kind, currency, amount::text AS amount
FROM core_redress WHERE case_id = ANY($1::text[]::uuid[])
"""


async def current_states(cases: Sequence[str]) -> dict[str, CaseState]:
    """What the tables say of these cases now; a case that is not there is missing in the answer."""
    states: dict[str, CaseState] = {}
    for row in await db.fetch(_CASES, cases):
        states[row["id"]] = state = CaseState(seen=True)
        _take(state, dict(row), _CASE_FIELDS)
    for row in await db.fetch(_ASPECTS, cases):
        if row["case"] in states:  # who lifts the guards can leave aspects behind without their case
            states[row["case"]].aspects[row["id"]] = aspect = AspectState()
            _take(aspect, dict(row), _ASPECT_FIELDS)
    for row in await db.fetch(_REDRESS, cases):
        if row["case"] in states:
            states[row["case"]].aspect(dict(row)).give(dict(row))
    return states


def difference(told: CaseState, current: CaseState | None) -> str:
    """The first thing in which the tables differ from the entries, in words; empty where they agree."""
    if told.removed or current is None:
        return "" if told.removed and current is None else "the case is in only one of table and ledger"
    if said := _differ(told, current, _CASE_FIELDS):
        return said
    if strange := sorted(told.aspects.keys() ^ current.aspects.keys()):
        return f"aspect {strange[0]} is in only one of table and ledger"
    for name, aspect in told.aspects.items():
        if said := _differ(aspect, current.aspects[name], (*_ASPECT_FIELDS, "redress")):
            return f"aspect {name}: {said}"
    return ""


def _differ(told: object, current: object, names: Sequence[str]) -> str:
    for name in names:
        expected, found = getattr(told, name), getattr(current, name)
        if expected is not None and expected != found:
            return f"{name} is {_words(found)} in the table but {_words(expected)} by the entries"
    return ""


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{line.amount} {line.currency} ({line.kind})" for line in value.values()) or "nothing"
    return repr(value)
