"""Requests as pages show them: the list, and one with its history."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.desk.errors import NotFound
from ombud.desk.privacy.requests import HANDLE
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
        [
            row[each]
            for each in ("identity_by", "agent_seen_by", "answered_by", "created_by", "reviewed_by")
            if row[each]
        ],
    )
    return RequestShown(
        dict(row), _line(row, viewer.may("person.read")), row["person_name"], row["unit"],
        row["erased_at"] is not None, {each["id"]: each["name"] for each in named},
    )  # fmt: skip
