"""Messages on their way, as one viewer may see them: what waits, what leaves soon, what is in doubt, what went."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from ombud.desk.errors import NotFound
from ombud.desk.outgoing.settling import NO_MESSAGE
from ombud.desk.outgoing.writing import content_of
from ombud.desk.shown import read_cursor, write_cursor
from ombud.desk.trail.timeline import WAY_COLUMNS, WAY_JOINS, OnItsWay, on_its_way
from ombud.desk.writing import demand
from ombud.kernel.database import db
from ombud.trust.policy import Arguments, Viewer, decide, mask_in

SIZE = 50
# What each list holds; `approval` is narrowed to what the viewer may approve.
LISTS = {
    "approval": "o.state = 'waiting_approval'",
    "soon": "o.state IN ('held', 'intended', 'sending')",
    "scheduled": "o.state = 'scheduled'",
    "unsure": "o.state = 'unsure'",
    "failed": "(o.state = 'failed' OR (o.state = 'sent' AND o.delivery = 'bounced')) AND o.seen_to_at IS NULL",
    "sent": "o.state = 'sent'",
    "back": "o.state = 'cancelled'",
}


@dataclass(frozen=True)
class Listed:
    """One line. `may_approve`: the viewer may, and did not write it; `hash`: of the content, where it was asked for;
    `asks`: evidence it asks for, of whom and by when."""

    id: UUID
    reference: str
    title: str
    subject: str
    text: str
    author: str
    written_at: datetime
    way: OnItsWay
    may_approve: bool
    mine: bool
    hash: str = ""
    files: tuple[tuple[str, str, int], ...] = ()
    asks: tuple[tuple[str, str, date | None], ...] = ()


@dataclass(frozen=True)
class Filters:
    """`which`: one of LISTS; `mine`: written by the viewer."""

    which: str
    mine: bool = False
    channel: str = ""
    kind: str = ""


class _Place(msgspec.Struct, array_like=True):
    at: datetime
    id: UUID


_ROWS = """
SELECT o.*, {way}, m.subject, m.body, m.author_id, m.recorded_at, c.reference, c.title, c.unit_id AS case_unit,
    {concerned} AS concerned,
    coalesce(nullif(w.display_name, ''), w.name, 'Ombud') AS author
FROM core_outgoing o JOIN core_message m ON m.id = o.id JOIN core_case c ON c.id = o.case_id {joins}
LEFT JOIN core_user w ON w.id = o.created_by
WHERE {rows} AND {which}{further} ORDER BY o.created_at DESC, o.id DESC LIMIT {limit}
"""


async def page(viewer: Viewer, filters: Filters, after: str = "") -> tuple[list[Listed], str | None]:
    """The newest first, and the cursor of the next page; one statement."""
    demand(viewer, "case.read")
    arguments = Arguments()
    further = _further(viewer, filters, arguments)
    if after:
        place = read_cursor(after, _Place, "after")
        further += f" AND (o.created_at, o.id) < ({arguments.add(place.at)}, {arguments.add(place.id)})"
    rows = await _fetch(viewer, arguments, LISTS[filters.which], further, SIZE + 1)
    shown = rows[:SIZE]
    more = write_cursor(_Place(shown[-1]["created_at"], shown[-1]["id"])) if len(rows) > SIZE else None
    return [_listed(viewer, row) for row in shown], more


def _further(viewer: Viewer, filters: Filters, arguments: Arguments) -> str:
    further = ""
    if filters.which == "approval":
        units, me = arguments.add(list(viewer.units("outgoing.approve"))), arguments.add(viewer.user_id)
        further += f" AND o.unit_id = ANY({units}::uuid[]) AND o.created_by IS DISTINCT FROM {me}::uuid"
    if filters.mine:
        further += f" AND o.created_by = {arguments.add(viewer.user_id)}::uuid"
    if filters.channel:
        further += f" AND o.channel = {arguments.add(filters.channel)}"
    if filters.kind:
        further += f" AND o.kind = {arguments.add(filters.kind)}"
    return further


async def _fetch(viewer: Viewer, arguments: Arguments, which: str, further: str, limit: int) -> list[Any]:
    me = arguments.add(viewer.user_id)
    sql = _ROWS.format(
        way=WAY_COLUMNS, joins=WAY_JOINS, which=which,
        rows=decide(viewer, "case.read", "message").where("m", arguments),
        concerned=f"EXISTS (SELECT 1 FROM core_aspect x WHERE x.case_id = c.id AND x.concerns_user_id = {me}::uuid)",
        further=further, limit=limit,
    )  # fmt: skip
    return list(await db.fetch(sql, *arguments.values))


def _listed(
    viewer: Viewer, row: Any, content: str = "", files: tuple[Any, ...] = (), asks: tuple[Any, ...] = ()
) -> Listed:
    way = on_its_way(row, mask_in(viewer, row["case_unit"]))
    assert way is not None
    mine = row["created_by"] is not None and row["created_by"] == viewer.user_id
    may = row["state"] == "waiting_approval" and not mine and viewer.may_in("outgoing.approve", row["unit_id"])
    title = row["reference"] if row["concerned"] and not viewer.system else row["title"]
    return Listed(
        id=row["id"], reference=row["reference"], title=title, subject=row["subject"], text=row["body"],
        author=row["author"], written_at=row["recorded_at"], way=way, may_approve=may, mine=mine, hash=content,
        files=files, asks=asks,
    )  # fmt: skip


async def one(viewer: Viewer, identity: UUID) -> Listed:
    """One message with the hash of what it says now; raises NotFound."""
    demand(viewer, "case.read")
    arguments = Arguments()
    rows = await _fetch(viewer, arguments, "TRUE", f" AND o.id = {arguments.add(identity)}", 1)
    if not rows:
        raise NotFound(NO_MESSAGE)
    files = await db.fetch(
        "SELECT id::text, name, size FROM core_attachment WHERE message_id = $1 OR id = ANY($2::uuid[]) "
        "ORDER BY created_at, id", identity, [UUID(each) for each in rows[0]["documents"]],
    )  # fmt: skip
    content = (await content_of(rows[0])).hash
    return _listed(viewer, rows[0], content, tuple(tuple(each) for each in files), await _asks(viewer, identity))


async def _asks(viewer: Viewer, identity: UUID) -> tuple[Any, ...]:
    arguments = Arguments(identity)
    seen = decide(viewer, "case.read", "aspect").where("a", arguments)
    rows = await db.fetch(
        "SELECT e.what, e.asked_of, e.due_on FROM core_evidence e JOIN core_aspect a ON a.id = e.aspect_id "
        f"WHERE e.message_id = $1 AND e.state = 'asked' AND {seen} ORDER BY e.created_at, e.id",
        *arguments.values,
    )
    return tuple(tuple(row) for row in rows)


async def waiting_for(viewer: Viewer) -> int:
    """How many wait for this viewer's approval, counted up to a hundred."""
    if not viewer.may("outgoing.approve"):
        return 0
    arguments = Arguments()
    rows = await _fetch(viewer, arguments, LISTS["approval"], _further(viewer, Filters("approval"), arguments), 100)
    return len(rows)


__all__ = ["LISTS", "Filters", "Listed", "one", "page", "waiting_for"]
