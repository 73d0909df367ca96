"""The record of views as compliance reads it: of a case, of a person, newest first; each reading is in the ledger."""

import csv
import io
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from ombud.desk import units
from ombud.desk.errors import Invalid, NotFound
from ombud.desk.in_view import InView, in_view
from ombud.desk.shown import Named, read_cursor, write_cursor
from ombud.desk.viewing.rules import rules_in
from ombud.desk.writing import demand, no_case
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.outbox import JobContext
from ombud.trust.canonical import moment_text
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import Arguments, Viewer, about_me, decide

RIGHT = "viewing.read"
STREAM = "desk/viewing"
SWEEP = "viewing.sweep"
PAGE = 100
COLUMNS = ("first", "last", "times", "who", "through", "case", "part", "emergency access")


@dataclass(frozen=True)
class Looked:
    """One line. `token`: name of the program's token, empty for a person in the browser; `part`: a code of
    web/viewed.py."""

    id: UUID
    who: Named
    token: str
    program: bool
    reference: str
    part: str
    emergency: bool
    first_at: datetime
    last_at: datetime
    times: int


@dataclass(frozen=True)
class Sought:
    """Of one case or of one person; both days are included, in the first unit's zone."""

    case: InView | None = None
    person: UUID | None = None
    since: date | None = None
    until: date | None = None


class _Place(msgspec.Struct, array_like=True):
    at: datetime
    id: UUID


_SQL = """
SELECT v.id, v.part, v.emergency, v.first_at, v.last_at, v.times, v.actor, c.reference, w.id AS user_id,
    coalesce(nullif(w.display_name, ''), w.name) AS name, coalesce(k.name, '') AS token
FROM core_viewing v JOIN core_case c ON c.id = v.case_id JOIN core_user w ON w.id = v.user_id
LEFT JOIN core_token k ON v.actor = 'token/' || k.id
WHERE {rows} AND NOT {mine} {further} ORDER BY v.first_at DESC, v.id DESC LIMIT {limit}
"""


async def of_case(viewer: Viewer, reference: str) -> InView:
    """The case whose record is asked for. Raises NotFound with one text for missing, hidden and about the reader."""
    case = await in_view(viewer, reference, RIGHT)
    if case.hidden:
        raise no_case(reference)
    return case


async def lines(viewer: Viewer, sought: Sought, cursor: str = "", size: int = PAGE) -> tuple[list[Looked], str]:
    """The newest first, with the cursor of the next page; one statement. Cases with a matter about the reader, and
    those they may not see, are left out."""
    demand(viewer, RIGHT)
    arguments, further = Arguments(), ""
    if sought.case is not None:
        further += f" AND v.case_id = {arguments.add(sought.case.id)}"
    if sought.person is not None:
        further += f" AND v.user_id = {arguments.add(sought.person)}"
    first, last = await _moments(sought)
    if first is not None:
        further += f" AND v.last_at >= {arguments.add(first)}"
    if last is not None:
        further += f" AND v.first_at < {arguments.add(last)}"
    if cursor:
        place = read_cursor(cursor, _Place)
        further += f" AND (v.first_at, v.id) < ({arguments.add(place.at)}, {arguments.add(place.id)})"
    sql = _SQL.format(
        rows=decide(viewer, RIGHT, "case").where("c", arguments), further=further, limit=arguments.add(size + 1),
        mine="FALSE" if viewer.system else about_me("c.id", arguments.add(viewer.user_id)),
    )  # fmt: skip
    rows = await db.fetch(sql, *arguments.values)
    more = write_cursor(_Place(rows[size - 1]["first_at"], rows[size - 1]["id"])) if len(rows) > size else ""
    return [_line(row) for row in rows[:size]], more


def _line(row: Mapping[str, Any]) -> Looked:
    return Looked(
        row["id"], Named(row["user_id"], row["name"]), row["token"], row["actor"].startswith("token/"),
        row["reference"], row["part"], row["emergency"], row["first_at"], row["last_at"], row["times"],
    )  # fmt: skip


async def _moments(sought: Sought) -> tuple[datetime | None, datetime | None]:
    if sought.since is None and sought.until is None:
        return None, None
    zone = ZoneInfo((await units.first()).time_zone)
    first = datetime.combine(sought.since, time(), zone).astimezone(UTC) if sought.since else None
    last = datetime.combine(sought.until + timedelta(days=1), time(), zone).astimezone(UTC) if sought.until else None
    if first is not None and last is not None and first >= last:
        raise Invalid("The first day comes after the last one. Change one of them.", "since")
    return first, last


async def person(viewer: Viewer, user_id: UUID) -> Named:
    """A member of staff, also one who left. Raises NotFound."""
    demand(viewer, RIGHT)
    row = await db.fetchrow(
        "SELECT id, coalesce(nullif(display_name, ''), name) AS name FROM core_user WHERE id = $1", user_id
    )
    if row is None:
        raise NotFound("There is no such member of staff. Choose one of the list.")
    return Named(row["id"], row["name"])


async def people(viewer: Viewer) -> list[Named]:
    """Whose views are kept, by name."""
    demand(viewer, RIGHT)
    rows = await db.fetch(
        "SELECT w.id, coalesce(nullif(w.display_name, ''), w.name) AS name FROM core_user w "
        "WHERE EXISTS (SELECT 1 FROM core_viewing v WHERE v.user_id = w.id) ORDER BY lower(w.name), w.id LIMIT 1000"
    )
    return [Named(row["id"], row["name"]) for row in rows]


async def was_read(viewer: Viewer, sought: Sought, *, taken: bool = False) -> None:
    """Writes into the ledger that the record was read, or taken along as a table: of which case or person."""
    days = {name: day.isoformat() for name, day in (("since", sought.since), ("until", sought.until)) if day}
    of = {"case": str(sought.case.id)} if sought.case else {"about": str(sought.person)} if sought.person else {}
    kind = "viewing.taken" if taken else "viewing.read"
    async with db.transaction():
        await append(actor=viewer.actor, entries=[NewEntry(STREAM, kind, {**of, **days})])


async def table(viewer: Viewer, sought: Sought, parts: Mapping[str, str]) -> AsyncIterator[bytes]:
    """Everything that is sought as CSV, UTF-8 with a mark that spreadsheets know. `parts`: code → words."""
    yield b"\xef\xbb\xbf" + _row(COLUMNS)
    cursor = ""
    while True:
        found, cursor = await lines(viewer, sought, cursor, 500)
        yield b"".join(_row(_cells(each, parts)) for each in found)
        if not cursor:
            return


def _cells(each: Looked, parts: Mapping[str, str]) -> tuple[str, ...]:
    return (
        moment_text(each.first_at), moment_text(each.last_at), str(each.times), each.who.name,
        f"token {each.token}" if each.program else "browser", each.reference, parts.get(each.part, each.part),
        "yes" if each.emergency else "no",
    )  # fmt: skip


def _row(cells: tuple[str, ...]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerow([f"'{each}" if each.startswith(("=", "+", "-", "@", "\t", "\r")) else each
                              for each in cells])  # fmt: skip
    return out.getvalue().encode()


async def sweep(payload: dict[str, Any], context: JobContext) -> None:
    """Forgets what is older than the settings say, some thousand lines at a time; run by the schedule."""
    before = now() - timedelta(days=round((await rules_in(None)).keep_months * 365.25 / 12))
    while True:
        gone = await db.execute(
            "DELETE FROM core_viewing WHERE id IN (SELECT id FROM core_viewing WHERE last_at < $1 LIMIT 5000)", before
        )
        if gone == "DELETE 0":
            return
