"""Lists of what came in: filters, keyset pages, one statement; and what stands beside them, in another."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from ombud.desk.errors import Invalid
from ombud.desk.search import index as search_index
from ombud.desk.search.asked import read
from ombud.desk.search.sql import answers, holds
from ombud.desk.shown import Named, read_cursor, write_cursor
from ombud.desk.words import MOODS
from ombud.desk.writing import demand
from ombud.kernel.database import db
from ombud.trust.policy import Arguments, Viewer, decide, mask_in

READ = "inbox.read"
PAGE, LARGEST_PAGE = 50, 200
COUNTED = 1000
OPENING = 200  # letters of a message that a list shows

# Which messages a list holds, and whether the oldest stands first: that one's deadline is the nearest.
SHOWS: dict[str, tuple[str, bool]] = {
    "open": ("m.waits AND m.robot = '' AND m.held = ''", True),
    "held": ("m.held <> ''", True),
    "robots": ("m.robot <> '' AND m.held = '' AND m.case_id IS NULL", False),
    "aside": ("m.decision = 'not_complaint' AND m.case_id IS NULL", False),
    "placed": ("m.case_id IS NOT NULL", False),
    "all": ("TRUE", False),
}


@dataclass(frozen=True)
class InboxFilters:
    """What the inbox is narrowed to; empty means any. `show`: one of SHOWS; `queue`, `unit`: keys, a unit with all
    below it; `unread`: yes; `text`: words of the message, or the sender's address."""

    show: str = "open"
    channel: str = ""
    mood: str = ""
    queue: str = ""
    unit: str = ""
    unread: str = ""
    text: str = ""

    def told(self) -> dict[str, str]:
        """The filters that are set, for addresses."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in given.items() if value and (name, value) != ("show", "open")}

    @classmethod
    def of(cls, told: Mapping[str, str]) -> "InboxFilters":
        """The filters that an address tells; raises Invalid where it means nothing."""
        filters = cls(**{each.name: told[each.name].strip() for each in fields(cls) if told.get(each.name)})
        allowed = {"show": tuple(SHOWS), "mood": ("", *MOODS), "unread": ("", "yes")}
        for name, codes in allowed.items():
            if getattr(filters, name) not in codes:
                raise Invalid(f"{name} is one of {', '.join(filter(None, codes))}.", name)
        if any(len(value) > 200 or not value.isprintable() for value in filters.told().values()):
            raise Invalid("This filter is too long or holds signs that nobody can type.", "text")
        return filters


class InboxRow(msgspec.Struct, frozen=True):
    """A message in a list. `sender` and `address` are None where the viewer may not see them; `case` and `possible`:
    references of cases that the viewer may see."""

    id: UUID
    channel: str
    sender: str | None
    address: str | None
    subject: str
    opening: str
    at: datetime
    triage_due_at: datetime | None
    mood: str
    robot: str
    held: str
    waits: bool
    decision: str
    decision_reason: str
    after_close: bool
    unread: bool
    queue: Named | None
    unit: Named
    case: str
    possible: str
    files: int


@dataclass(frozen=True)
class InboxPage:
    rows: tuple[InboxRow, ...]
    next_cursor: str | None


class _Place(msgspec.Struct, array_like=True):
    order: Literal["oldest", "newest"]
    at: datetime
    id: UUID


_ROWS = """
WITH page AS (SELECT m.id FROM core_message m WHERE m.direction = 'in' AND m.unit_id IS NOT NULL AND {wanted}{after}
    ORDER BY m.said_at {way}, m.id {way} LIMIT {limit})
SELECT m.id, m.channel, m.sender_name, m.sender_address, m.subject, left(m.body, {opening}) AS opening, m.said_at,
    m.triage_due_at, m.mood, m.robot, m.held, m.waits, m.decision, m.decision_reason, m.after_close,
    m.read_at IS NULL AS unread, m.queue_id, q.name AS queue_name, q.key AS queue_key, m.unit_id, u.name AS unit_name,
    u.key AS unit_key, c.reference, possible.reference AS possible,
    (SELECT count(*) FROM core_attachment f WHERE f.message_id = m.id) AS files
FROM page JOIN core_message m ON m.id = page.id JOIN core_unit u ON u.id = m.unit_id
LEFT JOIN core_queue q ON q.id = m.queue_id
LEFT JOIN core_case c ON c.id = m.case_id
LEFT JOIN core_case possible ON possible.id = m.possible_case_id AND {possible}
ORDER BY m.said_at {way}, m.id {way}
"""


async def list_messages(
    viewer: Viewer, filters: InboxFilters, cursor: str | None = None, size: int = PAGE
) -> InboxPage:
    """One page of the messages the viewer may see; raises Invalid for a cursor that leads nowhere."""
    demand(viewer, READ)
    if not 1 <= size <= LARGEST_PAGE:
        raise Invalid(f"A page holds from 1 to {LARGEST_PAGE} messages.", "size")
    order: Literal["oldest", "newest"] = "oldest" if SHOWS[filters.show][1] else "newest"
    place = read_cursor(cursor, _Place) if cursor else None
    if place is not None and place.order != order:
        raise Invalid("This cursor belongs to another list. Start without one.", "cursor")
    if filters.text:
        await search_index.up_to_date()
    arguments = Arguments()
    sql = _ROWS.format(
        wanted=conditions(viewer, filters, arguments), after=_after(place, arguments),
        way="ASC" if order == "oldest" else "DESC", limit=arguments.add(size + 1), opening=arguments.add(OPENING),
        possible=decide(viewer, "case.read", "case").where("possible", arguments),
    )  # fmt: skip
    rows = await db.fetch(sql, *arguments.values)
    shown = tuple(_row(viewer, row) for row in rows[:size])
    end = write_cursor(_Place(order, shown[-1].at, shown[-1].id)) if len(rows) > size else None
    return InboxPage(shown, end)


def conditions(viewer: Viewer, filters: InboxFilters, arguments: Arguments) -> str:
    """SQL over `m`: the policy's rows, then the filters."""
    parts = [SHOWS[filters.show][0], decide(viewer, READ, "message").where("m", arguments)]
    for name, write in _FILTERS.items():
        if value := getattr(filters, name):
            parts.append(write(viewer, value, arguments))
    return " AND ".join(parts)


def _by_queue(viewer: Viewer, queue: str, arguments: Arguments) -> str:
    return f"m.queue_id = (SELECT id FROM core_queue WHERE key = {arguments.add(queue)})"


def _by_unit(viewer: Viewer, unit: str, arguments: Arguments) -> str:
    return (
        f"m.unit_id IN (WITH RECURSIVE below AS (SELECT id FROM core_unit WHERE key = {arguments.add(unit)} UNION "
        "SELECT u.id FROM core_unit u JOIN below ON u.parent_id = below.id) SELECT id FROM below)"
    )


def _by_text(viewer: Viewer, text: str, arguments: Arguments) -> str:
    """Words by the search index; an address counts where the viewer may see addresses."""
    reachable = arguments.add(list(viewer.units("person.contact")))
    own = f"(lower(m.sender_address) = lower({arguments.add(text)}) AND m.unit_id = ANY({reachable}::uuid[]))"
    asked = read(text)
    if asked is None:
        return own
    found = answers(asked, "message", holds(asked, arguments), arguments)
    return f"({own} OR m.id IN (SELECT s.id FROM core_search s WHERE {found}))"


_FILTERS: dict[str, Callable[[Viewer, str, Arguments], str]] = {
    "channel": lambda viewer, channel, arguments: f"m.channel = {arguments.add(channel)}",
    "mood": lambda viewer, mood, arguments: f"m.mood = {arguments.add(mood)}",
    "queue": _by_queue,
    "unit": _by_unit,
    "unread": lambda viewer, unread, arguments: "m.read_at IS NULL",
    "text": _by_text,
}


def _after(place: _Place | None, arguments: Arguments) -> str:
    if place is None:
        return ""
    sign = ">" if place.order == "oldest" else "<"
    return f" AND (m.said_at, m.id) {sign} ({arguments.add(place.at)}, {arguments.add(place.id)})"


def _row(viewer: Viewer, row: Any) -> InboxRow:
    mask = mask_in(viewer, row["unit_id"])
    return InboxRow(
        id=row["id"], channel=row["channel"], sender=None if "name" in mask else row["sender_name"],
        address=None if "email" in mask else row["sender_address"], subject=row["subject"],
        opening=" ".join(row["opening"].split()), at=row["said_at"], triage_due_at=row["triage_due_at"],
        mood=row["mood"], robot=row["robot"], held=row["held"], waits=row["waits"], decision=row["decision"],
        decision_reason=row["decision_reason"], after_close=row["after_close"], unread=row["unread"],
        queue=Named(row["queue_id"], row["queue_name"], row["queue_key"]) if row["queue_id"] else None,
        unit=Named(row["unit_id"], row["unit_name"], row["unit_key"]), case=row["reference"] or "",
        possible=row["possible"] or "", files=row["files"],
    )  # fmt: skip


@dataclass(frozen=True)
class InboxSide:
    """What stands beside the list. `waiting`: how many wait to be decided, by channel, `robots`, `held`; where they are
    more than COUNTED in all, `more` says so; `oldest_at`: of those to be decided. `queues`, `units`: key and name."""

    waiting: Mapping[str, int]
    robots: int
    held: int
    more: bool
    oldest_at: datetime | None
    queues: list[tuple[str, str]]
    units: list[tuple[str, str]]

    @property
    def total(self) -> int:
        return sum(self.waiting.values())


_SIDE = """
WITH waiting AS MATERIALIZED (SELECT m.channel, m.robot <> '' AS robot, m.held <> '' AS held, m.said_at
    FROM core_message m WHERE m.waits AND m.unit_id IS NOT NULL AND {rows} ORDER BY m.said_at LIMIT {most})
SELECT (SELECT coalesce(jsonb_object_agg(w.channel, w.n), '{{}}') FROM (SELECT channel, count(*) AS n FROM waiting
        WHERE NOT robot AND NOT held GROUP BY channel) w) AS waiting,
    (SELECT count(*) FROM waiting WHERE robot AND NOT held) AS robots,
    (SELECT count(*) FROM waiting WHERE held) AS held,
    (SELECT count(*) FROM waiting) AS counted,
    (SELECT min(said_at) FROM waiting WHERE NOT robot AND NOT held) AS oldest,
    (SELECT coalesce(jsonb_agg(jsonb_build_array(q.key, q.name) ORDER BY q.position, q.key), '[]') FROM core_queue q
        WHERE q.active) AS queues,
    (SELECT coalesce(jsonb_agg(jsonb_build_array(u.key, u.name) ORDER BY u.created_at, u.id), '[]') FROM core_unit u
        WHERE u.id = ANY({units}::uuid[])) AS units
"""


async def inbox_side(viewer: Viewer) -> InboxSide:
    """Everything in one statement; a thousand waiting messages are counted, not more."""
    arguments = Arguments()
    sql = _SIDE.format(
        rows=decide(viewer, READ, "message").where("m", arguments), most=arguments.add(COUNTED + 1),
        units=arguments.add(list(viewer.units(READ))),
    )  # fmt: skip
    row = await db.fetchrow(sql, *arguments.values)
    assert row is not None
    return InboxSide(
        waiting=row["waiting"], robots=row["robots"], held=row["held"], more=row["counted"] > COUNTED,
        oldest_at=row["oldest"], queues=[(key, name) for key, name in row["queues"]],
        units=[(key, name) for key, name in row["units"]],
    )  # fmt: skip
