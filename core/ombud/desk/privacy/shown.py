"""Requests as pages show them: the list, one with its history, and the figures of a year."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median
from typing import Any
from uuid import UUID

from ombud.desk.errors import NotFound
from ombud.desk.privacy.clocks import days_between
from ombud.desk.privacy.requests import HANDLE, stream
from ombud.desk.writing import demand
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import Arguments, Viewer, decide

LISTS = {
    "open": "r.state = 'open'", "late": "r.state = 'open' AND r.due_at < now()",
    "unknown": "r.state = 'open' AND r.person_id IS NULL", "done": "r.state <> 'open'",
}  # fmt: skip
SIZE = 50


@dataclass(frozen=True)
class RequestLine:
    """One line of the list. `name`: the person's, else as given, None where it is not shown to this viewer."""

    id: UUID
    reference: str
    law: str
    right: str
    does: str
    name: str | None
    received_at: datetime
    due_at: datetime
    state: str
    outcome: str
    identity: str
    person_known: bool

    @property
    def late(self) -> bool:
        return self.state == "open" and self.due_at < now()


@dataclass(frozen=True)
class RequestShown:
    """A request with everything its page draws; `row` is the table's."""

    row: Mapping[str, Any]
    line: RequestLine
    person_name: str | None
    unit: str
    erased: bool
    by: Mapping[str, str] = field(default_factory=dict)


_LINES = """
SELECT r.*, p.name AS person_name, p.erased_at FROM core_privacy_request r
LEFT JOIN core_person p ON p.id = r.person_id
"""


def _line(row: Any, shown: bool) -> RequestLine:
    name = "" if row["erased_at"] else row["person_name"] or row["name"]
    return RequestLine(
        id=row["id"], reference=row["reference"], law=row["terms"]["law"], right=row["terms"]["right"],
        does=row["does"], name=name if shown else None, received_at=row["received_at"], due_at=row["due_at"],
        state=row["state"], outcome=row["outcome"], identity=row["identity"], person_known=row["person_id"] is not None,
    )  # fmt: skip


async def listed(viewer: Viewer, which: str, page: int = 1) -> tuple[list[RequestLine], bool]:
    """One page of a list, the next due first; and whether there are more."""
    demand(viewer, HANDLE)
    grant, arguments = decide(viewer, HANDLE, "privacy"), Arguments()
    order = "r.answered_at DESC NULLS LAST, r.id" if which == "done" else "r.due_at, r.id"
    rows = await db.fetch(
        f"{_LINES} WHERE {LISTS[which]} AND {grant.where('r', arguments)} ORDER BY {order} "
        f"LIMIT {SIZE + 1} OFFSET {(page - 1) * SIZE}",
        *arguments.values,
    )
    shown = viewer.may("person.read")
    return [_line(row, shown) for row in rows[:SIZE]], len(rows) > SIZE


async def counts(viewer: Viewer) -> dict[str, int]:
    grant, arguments = decide(viewer, HANDLE, "privacy"), Arguments()
    where = grant.where("r", arguments)
    columns = ", ".join(f"count(*) FILTER (WHERE {law}) AS {name}" for name, law in LISTS.items())
    row = await db.fetchrow(f"SELECT {columns} FROM core_privacy_request r WHERE {where}", *arguments.values)
    return dict(row) if row else {}


async def one(viewer: Viewer, request_id: UUID) -> RequestShown:
    demand(viewer, HANDLE)
    grant, arguments = decide(viewer, HANDLE, "privacy"), Arguments()
    place = arguments.add(request_id)
    row = await db.fetchrow(
        f"SELECT r.*, p.name AS person_name, p.erased_at, u.name AS unit FROM core_privacy_request r "
        f"JOIN core_unit u ON u.id = r.unit_id LEFT JOIN core_person p ON p.id = r.person_id "
        f"WHERE r.id = {place} AND {grant.where('r', arguments)}",
        *arguments.values,
    )
    if row is None:
        raise NotFound("There is no such request that you may see. The list shows all there are for you.")
    named = await db.fetch(
        "SELECT id::text AS id, coalesce(nullif(display_name, ''), name) AS name FROM core_user WHERE id = ANY($1)",
        [row[each] for each in ("identity_by", "agent_seen_by", "answered_by", "created_by") if row[each]],
    )
    return RequestShown(
        dict(row), _line(row, viewer.may("person.read")), row["person_name"], row["unit"],
        row["erased_at"] is not None, {each["id"]: each["name"] for each in named},
    )  # fmt: skip


@dataclass(frozen=True)
class YearLine:
    """The figures of one right in a year: those received in it, and what became of them."""

    law: str
    right: str
    received: int
    granted: int
    partly: int
    refused: int
    withdrawn: int
    open: int
    late: int
    median_days: float | None
    reasons: Mapping[str, int]


async def metrics(viewer: Viewer, year: int) -> Sequence[YearLine]:
    """What laws ask to be published or kept, counted from requests received in the year (UTC). Numbers and no names;
    erasing a person changes none of them."""
    demand(viewer, HANDLE)
    grant, arguments = decide(viewer, HANDLE, "privacy"), Arguments()
    start, end = arguments.add(datetime(year, 1, 1, tzinfo=UTC)), arguments.add(datetime(year + 1, 1, 1, tzinfo=UTC))
    rows = await db.fetch(
        "SELECT r.law, r.kind, r.terms, r.state, r.outcome, r.received_at, r.answered_at, r.due_at, r.grounds "
        f"FROM core_privacy_request r WHERE r.received_at >= {start} AND r.received_at < {end} "
        f"AND {grant.where('r', arguments)} ORDER BY r.law, r.kind",
        *arguments.values,
    )
    groups: dict[tuple[str, str], list[Any]] = {}
    for row in rows:
        groups.setdefault((row["law"], row["kind"]), []).append(row)
    return [_year_line(group) for group in groups.values()]


def _year_line(group: Sequence[Any]) -> YearLine:
    days = [days_between(row["received_at"], row["answered_at"]) for row in group if row["answered_at"]]
    reasons: dict[str, int] = {}
    for row in group:
        for ground in row["grounds"]:
            reasons[ground["label"]] = reasons.get(ground["label"], 0) + 1
    outcome = {name: sum(row["outcome"] == name for row in group) for name in ("granted", "partly", "refused")}
    return YearLine(
        law=group[0]["terms"]["law"], right=group[0]["terms"]["right"], received=len(group), **outcome,
        withdrawn=sum(row["state"] == "withdrawn" for row in group), open=sum(row["state"] == "open" for row in group),
        late=sum((row["answered_at"] or now()) > row["due_at"] for row in group if row["state"] != "withdrawn"),
        median_days=float(median(days)) if days else None, reasons=dict(sorted(reasons.items())),
    )  # fmt: skip


async def marks(person_id: UUID) -> list[tuple[str, datetime]]:
    """What granted requests left with a person, for whoever may see them."""
    rows = await db.fetch(
        "SELECT kind, since FROM core_privacy_mark WHERE person_id = $1 AND ended_at IS NULL ORDER BY since, kind",
        person_id,
    )
    return [(row["kind"], row["since"]) for row in rows]


__all__ = [
    "LISTS", "RequestLine", "RequestShown", "YearLine", "counts", "listed", "marks", "metrics", "one", "stream",
]  # fmt: skip
