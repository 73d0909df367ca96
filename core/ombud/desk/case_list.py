"""Lists of cases: filters, two orders, keyset pages. One statement for rows and total, two where there are no rows, and
one to look whether the search is up to date."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from ombud.desk import queues
from ombud.desk.case_filters import CaseFilters, check, conditions, ways
from ombud.desk.colleagues import claims
from ombud.desk.colleagues.claims import Claimed
from ombud.desk.errors import Invalid
from ombud.desk.search import index as search_index
from ombud.desk.shown import AspectMark, ClockShown, Named, answered_at, clock_shown, read_cursor, write_cursor
from ombud.desk.words import label, letter
from ombud.desk.writing import demand
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import Arguments, Viewer, about_me, decide, mask_in

__all__ = ["CaseFilters", "CasePage", "CaseRow", "check", "conditions", "list_cases", "sees_any"]

COUNTED = 1000
LARGEST_PAGE = 200


class CaseRow(msgspec.Struct, frozen=True):
    """A case in a list. `customer` is None where the viewer may not see names; `about_me` says that an aspect of the
    case is hidden from this viewer: its title is the reference, mood and last word are left out."""

    id: UUID
    reference: str
    title: str
    customer: str | None
    customer_id: UUID | None
    status: str
    priority: str
    severity: int
    mood: str
    channel: str
    case_type: str
    unit: Named
    owner: Named | None
    mine: bool
    queue: Named | None
    aspects: tuple[AspectMark, ...]
    received_at: datetime
    received_on: date
    opened_at: datetime
    due_at: datetime | None
    closed_at: datetime | None
    clock: ClockShown | None
    last_word_at: datetime | None
    last_word_channel: str
    confidential: bool
    about_me: bool
    version: int
    claim: Claimed | None = None
    escalated: int = 0
    claim_letter: str = ""

    @property
    def status_label(self) -> str:
        return label(self.status)


@dataclass(frozen=True)
class CasePage:
    """`total` is exact; where it is None there are more than `at_least`."""

    rows: tuple[CaseRow, ...]
    next_cursor: str | None
    total: int | None
    at_least: int | None


class _Place(msgspec.Struct, array_like=True):
    """Where a page ended: its order, and the key of its last row."""

    order: Literal["due", "newest"]
    at: datetime | None
    id: UUID


async def list_cases(viewer: Viewer, filters: CaseFilters, cursor: str | None = None, size: int = 50) -> CasePage:
    """One page of the cases the viewer may see; raises Invalid for a filter or cursor that means nothing."""
    demand(viewer, "case.read")
    check(filters)
    if not 1 <= size <= LARGEST_PAGE:
        raise Invalid(f"A page holds from 1 to {LARGEST_PAGE} cases.", "size")
    place = read_cursor(cursor, _Place) if cursor else None
    if place is not None and place.order != filters.order:
        raise Invalid("This cursor belongs to another order. Start without one.", "cursor")
    if filters.text:
        await search_index.up_to_date()
    rows = await _rows(viewer, filters, place, size)
    more = len(rows) > size
    shown = _shown(viewer, rows[:size])
    end = _write_place(filters.order, shown[-1]) if more else None
    found = rows[0]["total"] if rows else await _total(viewer, filters)
    counted = found <= COUNTED or _has_kept_counts(filters)
    return CasePage(shown, end, found if counted else None, None if counted else COUNTED)


def _write_place(order: str, last: CaseRow) -> str:
    return write_cursor(
        _Place("due", last.due_at, last.id) if order == "due" else _Place("newest", last.opened_at, last.id)
    )


async def sees_any(viewer: Viewer) -> bool:
    """Whether there is a case on this desk that the viewer may see."""
    arguments = Arguments()
    seen = decide(viewer, "case.read", "case").where("c", arguments)
    return bool(await db.fetchval(f"SELECT EXISTS (SELECT 1 FROM core_case c WHERE {seen})", *arguments.values))


_ROWS = """
WITH page AS ({page})
SELECT c.id, c.reference, c.title, c.status, c.priority, c.severity, c.mood, c.channel, c.case_type, c.unit_id,
    u.name AS unit_name, u.key AS unit_key, u.time_zone, c.owner_id,
    coalesce(nullif(o.display_name, ''), o.name) AS owner_name, c.queue_id, q.name AS queue_name, q.key AS queue_key,
    c.received_at, c.received_on, c.opened_at, c.due_at, c.closed_at, c.last_word_at, c.last_word_channel,
    c.confidential, c.version, who.id AS customer_id, who.name AS customer,
    coalesce(seen.aspects, '[]'::jsonb) AS aspects, {about_me} AS about_me,
    {claim_columns}, {escalated} AS escalated, ({total})::bigint AS total
FROM page JOIN core_case c ON c.id = page.id
JOIN core_unit u ON u.id = c.unit_id
LEFT JOIN core_user o ON o.id = c.owner_id
LEFT JOIN core_queue q ON q.id = c.queue_id {claim}
LEFT JOIN LATERAL (SELECT p.id, p.name FROM core_party y JOIN core_person p ON p.id = y.person_id
    WHERE y.case_id = c.id AND y.role = 'complainant' ORDER BY y.created_at, y.id LIMIT 1) who ON TRUE
LEFT JOIN LATERAL (SELECT jsonb_agg(jsonb_build_object('id', a.id, 'title', a.title, 'status', a.status,
    'outcome', a.outcome, 'category', a.category, 'owner_id', a.owner_id, 'due_at', a.due_at,
    'decided_at', a.decided_at, 'queue_id', coalesce(a.queue_id, c.queue_id)) ORDER BY a.position) AS aspects
    FROM core_aspect a WHERE a.case_id = c.id AND {aspects}) seen ON TRUE
ORDER BY {order}
"""
# How far up a ladder a case, or one of its matters, stands; 0 where no escalation runs.
LEVEL = """
coalesce((SELECT max(greatest(x.level, 1)) FROM core_escalation x LEFT JOIN core_aspect y ON y.id = x.aspect_id
    WHERE x.case_id = c.id AND x.state = 'running' AND y.concerns_user_id IS DISTINCT FROM {me}::uuid), 0)
"""
ORDER_SQL = {"due": "c.due_at, c.id", "newest": "c.opened_at DESC, c.id DESC"}


async def _rows(viewer: Viewer, filters: CaseFilters, place: _Place | None, size: int) -> list[Any]:
    arguments = Arguments()
    page = _page_sql(viewer, filters, place, arguments.add(size + 1), arguments)
    aspects = decide(viewer, "case.read", "aspect").where("a", arguments)
    mine = about_me("c.id", arguments.add(viewer.user_id))
    sql = _ROWS.format(
        page=page, aspects=aspects, about_me=mine, order=ORDER_SQL[filters.order],
        claim=claims.joined(arguments.add(now())), claim_columns=claims.COLUMNS,
        escalated=LEVEL.format(me=arguments.add(viewer.user_id)),
        total=_total_sql(viewer, filters, arguments),
    )  # fmt: skip
    return await db.fetch(sql, *arguments.values)


def _page_sql(viewer: Viewer, filters: CaseFilters, place: _Place | None, limit: str, arguments: Arguments) -> str:
    """The ids of a page; each way by which a case can be in the list in the order of its index."""
    branch = _newest if filters.order == "newest" else _by_clock
    found = [branch(conditions(viewer, filters, arguments, way), place, limit, arguments) for way in ways(filters)]
    if len(found) == 1:
        return found[0]
    order = "held.at DESC, held.id DESC" if filters.order == "newest" else "held.at, held.id"
    both = " UNION ALL ".join(f"({each})" for each in found)
    return f"SELECT held.id, held.at FROM ({both}) held ORDER BY {order} LIMIT {limit}"


def _newest(wanted: str, place: _Place | None, limit: str, arguments: Arguments) -> str:
    after = _after(place, "(c.opened_at, c.id) <", arguments)
    return (
        f"SELECT c.id, c.opened_at AS at FROM core_case c WHERE {wanted}{after} "
        f"ORDER BY c.opened_at DESC, c.id DESC LIMIT {limit}"
    )


def _by_clock(wanted: str, place: _Place | None, limit: str, arguments: Arguments) -> str:
    """Cases without a due date follow the others."""
    undated = f"SELECT c.id, c.due_at AS at FROM core_case c WHERE {wanted} AND c.due_at IS NULL"
    if place is not None and place.at is None:
        return f"{undated} AND c.id > {arguments.add(place.id)} ORDER BY c.id LIMIT {limit}"
    after = _after(place, "(c.due_at, c.id) >", arguments)
    dated = (
        f"SELECT c.id, c.due_at AS at FROM core_case c WHERE {wanted} AND c.due_at IS NOT NULL{after} "
        f"ORDER BY c.due_at, c.id LIMIT {limit}"
    )
    return (
        f"SELECT both_kinds.id, both_kinds.at FROM (({dated}) UNION ALL ({undated} ORDER BY c.id LIMIT {limit})) "
        f"both_kinds ORDER BY both_kinds.at, both_kinds.id LIMIT {limit}"
    )


def _after(place: _Place | None, comparison: str, arguments: Arguments) -> str:
    if place is None or place.at is None:
        return ""
    return f" AND {comparison} ({arguments.add(place.at)}, {arguments.add(place.id)})"


def _shown(viewer: Viewer, rows: Sequence[Any]) -> tuple[CaseRow, ...]:
    masks = {unit_id: mask_in(viewer, unit_id) for unit_id in {row["unit_id"] for row in rows}}
    moment = now()
    return tuple(_row(viewer, row, masks[row["unit_id"]], moment) for row in rows)


def _row(viewer: Viewer, row: Any, masked: Collection[str], moment: datetime) -> CaseRow:
    hidden = bool(row["about_me"]) and not viewer.system
    aspects = aspects_read(row["aspects"])
    met_at = answered_at(row["status"], row["closed_at"], (each.decided_at for each in aspects if each.decided_at))
    return CaseRow(
        id=row["id"], reference=row["reference"], title=row["reference"] if hidden else row["title"],
        customer=None if "customer" in masked else row["customer"], customer_id=row["customer_id"],
        status=row["status"], priority=row["priority"],
        severity=row["severity"], mood="" if hidden else row["mood"], channel=row["channel"],
        case_type=row["case_type"], unit=Named(row["unit_id"], row["unit_name"], row["unit_key"]),
        owner=Named(row["owner_id"], row["owner_name"]) if row["owner_id"] else None,
        mine=row["owner_id"] is not None and row["owner_id"] == viewer.user_id,
        queue=Named(row["queue_id"], row["queue_name"], row["queue_key"]) if row["queue_id"] else None,
        aspects=aspect_marks(aspects), received_at=row["received_at"], received_on=row["received_on"],
        opened_at=row["opened_at"], due_at=row["due_at"], closed_at=row["closed_at"],
        clock=clock_shown(row["received_at"], row["due_at"], row["time_zone"], moment, met_at),
        last_word_at=None if hidden else row["last_word_at"],
        last_word_channel="" if hidden else row["last_word_channel"], confidential=row["confidential"],
        about_me=hidden, version=row["version"], claim=claims.of_row(viewer, row, hidden=hidden),
        escalated=0 if hidden else row["escalated"],
        claim_letter="" if hidden else _claim_letter(aspects, row["claim_aspect_id"]),
    )  # fmt: skip


def _claim_letter(aspects: Sequence["AspectRead"], claimed: UUID | None) -> str:
    return next((letter(place) for place, each in enumerate(aspects, 1) if each.id == claimed), "")


class AspectRead(msgspec.Struct):
    """An aspect as jsonb holds it."""

    id: UUID
    title: str
    status: str
    outcome: str
    category: str
    owner_id: UUID | None
    due_at: datetime | None
    decided_at: datetime | None = None
    queue_id: UUID | None = None


_ASPECTS_READ = list[AspectRead]


def aspects_read(aspects: list[Mapping[str, Any]]) -> list[AspectRead]:
    return msgspec.convert(aspects, _ASPECTS_READ)


def aspect_marks(aspects: Sequence[AspectRead]) -> tuple[AspectMark, ...]:
    """Marks of the aspects in view, in order; lettered one after the other, so that no gap tells."""
    return tuple(
        AspectMark(
            each.id,
            letter(place),
            each.title,
            each.status,
            each.outcome,
            each.category,
            each.owner_id,
            each.due_at,
            each.queue_id,
        )
        for place, each in enumerate(aspects, 1)
    )


def _has_kept_counts(filters: CaseFilters) -> bool:
    return not replace(filters, queue="", status="").narrows()


def _total_sql(viewer: Viewer, filters: CaseFilters, arguments: Arguments) -> str:
    """How many there are: from the kept counts, else counted to one more than COUNTED."""
    if _has_kept_counts(filters):
        return queues.total_sql(viewer, filters.queue, filters.status, arguments)
    few = " UNION ALL ".join(
        f"(SELECT 1 FROM core_case c WHERE {conditions(viewer, filters, arguments, way)} LIMIT {COUNTED + 1})"
        for way in ways(filters)
    )
    return f"SELECT count(*) FROM ({few}) counted"


async def _total(viewer: Viewer, filters: CaseFilters) -> int:
    arguments = Arguments()
    return int(await db.fetchval(_total_sql(viewer, filters, arguments), *arguments.values))
