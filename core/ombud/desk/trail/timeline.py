"""One timeline of what was said and done in a case, newest last, loaded in parts from the end."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec

from ombud.desk.shown import read_cursor, write_cursor
from ombud.desk.trail.history import Happened, events
from ombud.kernel.database import db
from ombud.trust.policy import HIDDEN, Arguments, Viewer, about_me, decide, mask_in

PART = 100


@dataclass(frozen=True)
class FileShown:
    """A file without its bytes; `size` in bytes."""

    id: UUID
    name: str
    content_type: str
    size: int


@dataclass(frozen=True)
class OnItsWay:
    """How an outgoing message stands (desk/outgoing). `detail`, `server_said`: words of the other side, only for those
    who may see contact details; `recipient` is None where the viewer may not see names; `by`: who approved it;
    `let_pass_by`, `let_pass_why`: who sent it in spite of the gate."""

    state: str
    kind: str
    channel: str
    leave_at: datetime | None
    sent_at: datetime | None
    trouble: str
    approval: str
    by: str
    delivery: str
    delivery_code: str
    detail: str
    server_said: str
    recipient: str | None
    attempts: int
    robot: bool
    seen_to: bool
    let_pass_by: str = ""
    let_pass_why: str = ""


@dataclass(frozen=True)
class Said:
    """A message or note. `kind`: in, out, note; `author`: who said it, in words; `about`: letters of aspects; `way`:
    how an outgoing one stands, None where it simply is on the customer's page."""

    id: UUID
    kind: str
    at: datetime
    recorded_at: datetime
    author: str
    author_id: UUID | None
    person_id: UUID | None
    mine: bool
    channel: str
    text: str
    about: tuple[str, ...]
    aspect_ids: tuple[UUID, ...]
    files: tuple[FileShown, ...]
    subject: str = ""
    way: OnItsWay | None = None
    mood: str = ""
    came_in: "CameIn | None" = None
    pins: tuple[tuple[str, int, int], ...] = ()
    asks: tuple["AskedIn", ...] = ()


@dataclass(frozen=True)
class AskedIn:
    """Evidence that a message asks for: a line of the register of the aspect with this letter."""

    id: UUID
    letter: str
    what: str
    asked_of: str
    due_on: date | None
    state: str


@dataclass(frozen=True)
class CameIn:
    """What the inbox knows of a message that came in. `matched_by`: why it is in this case; `robot`: kind of machine
    that wrote it; `marks`: what speaks against it."""

    quoted: str
    matched_by: str
    robot: str
    after_close: bool
    marks: tuple[str, ...]


@dataclass(frozen=True)
class Timeline:
    """`entries` oldest first; `earlier`: the cursor of the part before, or None."""

    entries: tuple[Said | Happened, ...]
    earlier: str | None


class _Place(msgspec.Struct, array_like=True):
    """The oldest entry shown: its time, its kind and its key (a message's id, an entry's number)."""

    at: datetime
    kind: Literal["said", "event"]
    key: UUID | int


async def timeline(
    viewer: Viewer,
    case_id: UUID,
    unit_id: UUID,
    letters: Mapping[str, str],
    *,
    about: UUID | None = None,
    before: str = "",
    shares: bool = False,
) -> Timeline:
    """The last hundred entries, or those before the cursor `before`; two statements. The caller has asked the policy
    for the case and gives the letters of the aspects in view; `shares`: messages of another case belong to it too."""
    place = _read_place(before) if before else None
    said = await messages(viewer, case_id, unit_id, letters, about=about, further=_said_before(place), shares=shares)
    done = await events(
        viewer, case_id, letters, unit_id, further=lambda a: _about(about, a) + _done_before(place, a), limit=PART + 1
    )
    merged: list[Said | Happened] = sorted([*said, *done], key=_order)
    shown = merged[-PART:]
    more = len(merged) > PART
    return Timeline(tuple(shown), _write_place(shown[0]) if more else None)


def _order(entry: Said | Happened) -> tuple[datetime, int, int]:
    """At one moment what was done stands before what was said."""
    return (entry.at, 1, entry.id.int) if isinstance(entry, Said) else (entry.at, 0, entry.id)


def _write_place(entry: Said | Happened) -> str:
    return write_cursor(_Place(entry.at, "said" if isinstance(entry, Said) else "event", entry.id))


def part_up_to(moment: datetime) -> str:
    """The cursor of the part of a timeline that ends with what was said at this moment."""
    return write_cursor(_Place(moment + timedelta(microseconds=1), "event", 0))


def _read_place(text: str) -> _Place:
    place = read_cursor(text, _Place, "before")
    if place.kind == "event" and not (isinstance(place.key, int) and 0 <= place.key < 2**62):
        return _Place(place.at, "event", 0)
    return place


def _said_before(place: _Place | None) -> Any:
    def condition(arguments: Arguments) -> str:
        if place is None:
            return ""
        if place.kind == "event" or isinstance(place.key, int):
            return f" AND m.said_at < {arguments.add(place.at)}"
        return f" AND (m.said_at, m.id) < ({arguments.add(place.at)}, {arguments.add(place.key)})"

    return condition


def _done_before(place: _Place | None, arguments: Arguments) -> str:
    if place is None:
        return ""
    if place.kind == "event":
        return f" AND (e.at, e.seq) < ({arguments.add(place.at)}, {arguments.add(place.key)})"
    return f" AND e.at <= {arguments.add(place.at)}"


def _about(about: UUID | None, arguments: Arguments) -> str:
    return "" if about is None else f" AND e.body->>'aspect' = {arguments.add(str(about))}"


async def message_page(
    viewer: Viewer, case_id: UUID, unit_id: UUID, letters: Mapping[str, str], *, before: str = "", size: int = PART
) -> tuple[list[Said], str | None]:
    """The last messages alone, oldest first, and the cursor of those before; one statement."""
    place = _read_place(before) if before else None
    said = await messages(viewer, case_id, unit_id, letters, further=_said_before(place), limit=size + 1)
    shown = said[-size:]
    return shown, _write_place(shown[0]) if len(said) > size else None


WAY_COLUMNS = """o.state, o.kind AS way_kind, o.channel AS way_channel, o.leave_at, o.sent_at, o.trouble, o.approval,
    coalesce(nullif(yes.display_name, ''), yes.name, '') AS approved_by, o.delivery, o.delivery_code, o.detail,
    o.delivery_text, o.recipient->>'name' AS way_to, o.let_pass_why,
    coalesce(nullif(passer.display_name, ''), passer.name, '') AS let_pass_by, o.attempts, o.robot, o.seen_to_at"""
WAY_JOINS = """LEFT JOIN core_user yes ON yes.id = o.approved_by
LEFT JOIN core_user passer ON passer.id = o.let_pass_by"""
_MESSAGES = """
WITH page AS (SELECT m.* FROM core_message m WHERE {of_case} AND {rows}{about}{further}
    ORDER BY m.said_at DESC, m.id DESC LIMIT {limit})
SELECT m.id, m.direction, m.said_at, m.recorded_at, m.channel, m.subject, m.body, m.author_id, m.person_id, m.mood,
    p.name AS person_name, m.quoted, m.matched_by, m.robot AS robot_kind, m.after_close, m.marks, m.unit_id,
    {way}, {concerned} AS concerned,
    coalesce(nullif(w.display_name, ''), w.name) AS author_name,
    ARRAY(SELECT pin.aspect_id FROM core_message_aspect pin WHERE pin.message_id = m.id) AS pins,
    (SELECT jsonb_agg(jsonb_build_array(pin.aspect_id, pin.start, pin.finish) ORDER BY pin.start, pin.finish)
     FROM core_pin pin WHERE pin.message_id = m.id) AS passages,
    (SELECT jsonb_agg(jsonb_build_array(e.id, e.aspect_id, e.what, e.asked_of, e.due_on, e.state)
     ORDER BY e.created_at, e.id) FROM core_evidence e WHERE e.message_id = m.id) AS asks,
    (SELECT jsonb_agg(jsonb_build_array(f.id, f.name, f.content_type, f.size) ORDER BY f.created_at, f.id)
     FROM core_attachment f WHERE f.message_id = m.id AND {files}) AS files
FROM page m LEFT JOIN core_user w ON w.id = m.author_id LEFT JOIN core_person p ON p.id = m.person_id
LEFT JOIN core_outgoing o ON o.id = m.id {way_joins}
ORDER BY m.said_at, m.id
"""


async def messages(
    viewer: Viewer,
    case_id: UUID,
    unit_id: UUID,
    letters: Mapping[str, str],
    *,
    about: UUID | None = None,
    further: Any = lambda _: "",
    limit: int = PART + 1,
    shares: bool = False,
) -> list[Said]:
    """The last messages the viewer may see, oldest first; one statement."""
    arguments = Arguments()
    case = arguments.add(case_id)
    rows_seen = decide(viewer, "case.read", "message").where("m", arguments)
    files = decide(viewer, "case.read", "attachment").where("f", arguments)
    pinned = ""
    if about is not None:
        this = arguments.add(about)
        pinned = (
            f" AND m.id IN (SELECT pin.message_id FROM core_message_aspect pin WHERE pin.aspect_id = {this} "
            f"UNION SELECT pin.message_id FROM core_pin pin WHERE pin.aspect_id = {this} "
            "UNION SELECT f.message_id FROM core_pin pin JOIN core_attachment f ON f.id = pin.attachment_id "
            f"WHERE pin.aspect_id = {this})"
        )
    of_case = f"m.case_id = {case}"
    if shares:
        of_case = f"(m.id = ANY(ARRAY(SELECT message_id FROM core_shared_message WHERE case_id = {case})) OR {of_case})"
    sql = _MESSAGES.format(
        of_case=of_case,
        rows=rows_seen,
        about=pinned,
        further=further(arguments),
        limit=arguments.add(limit),
        files=files,
        way=WAY_COLUMNS,
        way_joins=WAY_JOINS,
        concerned=about_me("m.case_id", arguments.add(viewer.user_id)),
    )
    rows = await db.steady.fetch(sql, *arguments.values)
    mask = mask_in(viewer, unit_id)
    return [_said(viewer, row, letters, mask) for row in rows]


def on_its_way(row: Any, mask: frozenset[str]) -> OnItsWay | None:
    """From a row with the columns of `core_outgoing o`, as the viewer may see it."""
    if row["state"] is None:
        return None
    seen = not mask & {"email", "phone", "address"}
    return OnItsWay(
        state=row["state"], kind=row["way_kind"], channel=row["way_channel"], leave_at=row["leave_at"],
        sent_at=row["sent_at"], trouble=row["trouble"], approval=row["approval"], by=row["approved_by"],
        delivery=row["delivery"], delivery_code=row["delivery_code"], detail=row["detail"] if seen else "",
        server_said=row["delivery_text"] if seen else "", attempts=row["attempts"], robot=row["robot"],
        seen_to=row["seen_to_at"] is not None,
        let_pass_by=row["let_pass_by"], let_pass_why="" if row["concerned"] else row["let_pass_why"],
        recipient=None if "name" in mask else row["way_to"] or "",
    )  # fmt: skip


def _said(viewer: Viewer, row: Any, letters: Mapping[str, str], mask: frozenset[str]) -> Said:
    show_people = "name" not in mask
    passages = tuple(
        (letters[each], start, finish) for each, start, finish in row["passages"] or () if each in letters
    )  # fmt: skip
    pins = sorted((len(sign), sign, each) for each in row["pins"] if (sign := letters.get(str(each))))
    return Said(
        id=row["id"], kind=row["direction"], at=row["said_at"], recorded_at=row["recorded_at"],
        author=_author(row, show_people), author_id=row["author_id"], person_id=row["person_id"],
        mine=row["author_id"] is not None and row["author_id"] == viewer.user_id, channel=row["channel"],
        text=row["body"], about=tuple(dict.fromkeys((*(sign for _, sign, _ in pins), *(each[0] for each in passages)))),
        aspect_ids=tuple(each for _, _, each in pins),
        files=tuple(FileShown(UUID(f[0]), f[1], f[2], f[3]) for f in row["files"] or ()), subject=row["subject"],
        mood=row["mood"], way=on_its_way(row, mask), pins=passages, asks=_asks(row, letters),
        came_in=_came_in(row) if row["unit_id"] and row["direction"] == "in" else None,
    )  # fmt: skip


def _asks(row: Any, letters: Mapping[str, str]) -> tuple[AskedIn, ...]:
    return tuple(
        AskedIn(UUID(each), letters[aspect], what, of, date.fromisoformat(by) if by else None, state)
        for each, aspect, what, of, by, state in row["asks"] or () if aspect in letters
    )  # fmt: skip


def _came_in(row: Any) -> CameIn:
    return CameIn(
        row["quoted"], row["matched_by"], row["robot_kind"], row["after_close"],
        tuple(mark["label"] for mark in row["marks"] or () if mark["tone"] == "bad"),
    )  # fmt: skip


def _author(row: Any, show_people: bool) -> str:
    if row["author_name"]:
        return str(row["author_name"])
    if row["person_id"] is None:
        return "Ombud"
    return str(row["person_name"] or "Name withheld") if show_people else HIDDEN
