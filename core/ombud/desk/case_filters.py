"""What lists of cases are narrowed to, and the SQL of it: a case is somebody's, or waits in a queue, by itself or by a
matter of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any, Literal
from uuid import UUID

from ombud.desk import references
from ombud.desk.errors import Invalid
from ombud.desk.search.asked import read
from ombud.desk.search.sql import cases_that_answer
from ombud.desk.words import PRIORITIES, STATUSES
from ombud.kernel.clock import now
from ombud.speech import joined, sentence
from ombud.trust.policy import Arguments, Viewer, decide

ORDERS = ("due", "newest")
DUES = ("late", "soon")
SOON = timedelta(days=3)
OPEN = "open"


@dataclass(frozen=True)
class CaseFilters:
    """What a list is narrowed to; None or empty means any. `owner`: an id, `me` or `nobody`; `status`: a status or
    `open` (not closed); `queue`, `unit` and `case_type`: keys, a unit with all below it; `due`: `late` or `soon`
    (three days or less); `received_from` and `received_to`: days in the unit's zone, both included;
    `text`: words of the search, in title, aspects, names and own fields, or a reference."""

    queue: str = ""
    owner: str = ""
    status: str = ""
    unit: str = ""
    channel: str = ""
    priority: str = ""
    received_from: date | None = None
    received_to: date | None = None
    reference: str = ""
    due: str = ""
    case_type: str = ""
    text: str = ""
    order: str = "newest"

    def told(self) -> dict[str, str]:
        """The filters that are set, as text: what an address and a saved view hold."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: str(value) for name, value in given.items() if value}

    @classmethod
    def of(cls, told: Mapping[str, str]) -> "CaseFilters":
        """The filters that an address or a saved view tells; raises Invalid where it means nothing."""
        given: dict[str, Any] = {each.name: told[each.name] for each in fields(cls) if told.get(each.name)}
        for name in ("received_from", "received_to"):
            if name in given:
                given[name] = _day(str(given[name]), name)
        filters = cls(**given)
        check(filters)
        return filters

    def narrows(self) -> bool:
        return any(getattr(self, each.name) for each in fields(self) if each.name != "order")


def _day(text: str, name: str) -> date:
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise Invalid("This is not a date. Write it like 2026-11-23.", name) from None
    if not 1900 <= day.year <= 3000:
        raise Invalid("This date is too far away.", name)
    return day


def check(filters: CaseFilters) -> None:
    """Raises Invalid for a filter that means nothing."""
    allowed = {"status": (*STATUSES, OPEN), "priority": PRIORITIES, "due": DUES, "order": ORDERS}
    for name, codes in allowed.items():
        if getattr(filters, name) and getattr(filters, name) not in codes:
            raise Invalid(sentence("%(name)s is one of %(codes)s.", name=name, codes=joined(codes)), name)
    for each in fields(filters):
        value = getattr(filters, each.name)
        if isinstance(value, str) and (len(value) > 200 or "\0" in value or not value.isprintable()):
            raise Invalid("This filter is too long or holds signs that nobody can type.", each.name)


Way = Literal["any", "case", "matter"]


def conditions(viewer: Viewer, filters: CaseFilters, arguments: Arguments, way: Way = "any") -> str:
    """SQL over `c`: the policy's rows, then the filters. `way`: by what a queue or an owner has it: the case itself, a
    matter of it alone, or any of the two."""
    parts = [decide(viewer, "case.read", "case").where("c", arguments), _held(viewer, filters, arguments, way)]
    for name, column in (("channel", "channel"), ("priority", "priority"), ("case_type", "case_type")):
        if getattr(filters, name):
            parts.append(f"c.{column} = {arguments.add(getattr(filters, name))}")
    for name, write in _FILTERS.items():
        if getattr(filters, name):
            parts.append(write(viewer, getattr(filters, name), arguments))
    return " AND ".join(parts)


def ways(filters: CaseFilters) -> tuple[Way, ...]:
    """A list of a queue, or of somebody's work, holds cases by themselves and by a matter; each way has its index."""
    by_matter = filters.queue or filters.owner not in {"", "nobody"}
    return ("case", "matter") if by_matter else ("case",)


def _held(viewer: Viewer, filters: CaseFilters, arguments: Arguments, way: Way) -> str:
    parts = [_by_owner(viewer, filters.owner, arguments)] if filters.owner else []
    parts += [_by_queue(viewer, filters.queue, arguments)] if filters.queue else []
    whole = " AND ".join(parts) or "TRUE"
    if way == "case" or len(ways(filters)) == 1:
        return whole
    matter = _by_matter(viewer, filters, arguments)
    return f"({whole} OR {matter})" if way == "any" else f"({matter} AND ({whole}) IS NOT TRUE)"


def _by_matter(viewer: Viewer, filters: CaseFilters, arguments: Arguments) -> str:
    """An open matter that this queue or person has, whoever has the case; never one that is about the viewer."""
    me = arguments.add(viewer.user_id)
    parts = [f"a.status = 'open' AND a.concerns_user_id IS DISTINCT FROM {me}::uuid"]
    if filters.queue:
        queue = f"(SELECT id FROM core_queue WHERE key = {arguments.add(filters.queue)})"
        parts.append(f"coalesce(a.queue_id, c.queue_id) = {queue}" if filters.owner else f"a.queue_id = {queue}")
    if filters.owner:
        parts.append(_by_owner(viewer, filters.owner, arguments).replace("c.owner_id", "a.owner_id"))
    return f"EXISTS (SELECT 1 FROM core_aspect a WHERE a.case_id = c.id AND {' AND '.join(parts)})"


def _by_status(viewer: Viewer, status: str, arguments: Arguments) -> str:
    return "c.status <> 'closed'" if status == OPEN else f"c.status = {arguments.add(status)}"


def _by_owner(viewer: Viewer, owner: str, arguments: Arguments) -> str:
    if owner == "nobody":
        return "c.owner_id IS NULL"
    if owner == "me":
        return f"c.owner_id = {arguments.add(viewer.user_id)}::uuid"
    try:
        return f"c.owner_id = {arguments.add(UUID(owner))}::uuid"
    except ValueError:
        raise Invalid("The owner is a user's id, `me` or `nobody`.", "owner") from None


def _by_queue(viewer: Viewer, queue: str, arguments: Arguments) -> str:
    return f"c.queue_id = (SELECT id FROM core_queue WHERE key = {arguments.add(queue)})"


def _by_unit(viewer: Viewer, unit: str, arguments: Arguments) -> str:
    return (
        f"c.unit_id IN (WITH RECURSIVE below AS (SELECT id FROM core_unit WHERE key = {arguments.add(unit)} UNION "
        "SELECT u.id FROM core_unit u JOIN below ON u.parent_id = below.id) SELECT id FROM below)"
    )


def _by_due(viewer: Viewer, due: str, arguments: Arguments) -> str:
    moment = arguments.add(now())
    if due == "late":
        return f"(c.due_at < {moment} AND c.status IN ('new', 'in_progress'))"
    end = arguments.add(now() + SOON)
    return f"(c.due_at >= {moment} AND c.due_at <= {end} AND c.status IN ('new', 'in_progress'))"


def _by_reference(viewer: Viewer, reference: str, arguments: Arguments) -> str:
    return f"c.reference = {arguments.add(references.tidy(reference) or reference)}"


def _by_text(viewer: Viewer, text: str, arguments: Arguments) -> str:
    """By the search index; neither a masked title nor a masked name can be searched, else a search would tell it."""
    asked = read(text)
    return "FALSE" if asked is None else cases_that_answer(viewer, asked, arguments)


_FILTERS: dict[str, Callable[[Viewer, Any, Arguments], str]] = {
    "status": _by_status,
    "unit": _by_unit,
    "due": _by_due,
    "reference": _by_reference,
    "text": _by_text,
    "received_from": lambda viewer, day, arguments: f"c.received_on >= {arguments.add(day)}",
    "received_to": lambda viewer, day, arguments: f"c.received_on <= {arguments.add(day)}",
}
