"""Passages of messages and pages of files pinned to an aspect. A pin holds positions, never words: what is erased from
a message is gone from its pins too."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.cases import refuse_closed
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotNow
from ombud.desk.matters.evidence import files_of, messages_of
from ombud.desk.writing import lock_aspect, record
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.speech import sentence
from ombud.trust.policy import Arguments, Viewer, decide

MOST = 200
LONGEST_PAGE = 100_000


@dataclass(frozen=True)
class PinShown:
    """A passage of a message (`words`, empty where they were erased) or a page of a file."""

    id: UUID
    message_id: UUID | None
    words: str
    said_at: datetime | None
    attachment_id: UUID | None
    name: str
    page: int | None
    by: str
    at: datetime


_PINS = """
SELECT p.*, substr(m.body, p.start + 1, p.finish - p.start) AS words, m.said_at, f.name,
    coalesce(nullif(w.display_name, ''), w.name, 'Ombud') AS by
FROM core_pin p LEFT JOIN core_user w ON w.id = p.made_by
LEFT JOIN core_message m ON m.id = p.message_id AND {messages}
LEFT JOIN core_attachment f ON f.id = p.attachment_id AND {files}
WHERE p.aspect_id = {aspect} AND EXISTS (SELECT 1 FROM core_aspect a WHERE a.id = p.aspect_id AND {rows})
    AND (m.id IS NOT NULL OR f.id IS NOT NULL)
ORDER BY coalesce(m.said_at, f.created_at), p.start, p.page, p.id
"""


async def pins_of(viewer: Viewer, aspect_id: UUID) -> tuple[PinShown, ...]:
    """What is pinned to an aspect, as far as the viewer sees both, in the order it was said; one statement."""
    arguments = Arguments()
    sql = _PINS.format(
        messages=decide(viewer, "case.read", "message").where("m", arguments),
        files=decide(viewer, "case.read", "attachment").where("f", arguments),
        aspect=arguments.add(aspect_id), rows=decide(viewer, "case.read", "aspect").where("a", arguments),
    )  # fmt: skip
    return tuple(_shown(row) for row in await db.fetch(sql, *arguments.values))


def _shown(row: Record) -> PinShown:
    return PinShown(
        row["id"], row["message_id"], row["words"] or "", row["said_at"], row["attachment_id"], row["name"] or "",
        row["page"], row["by"], row["at"],
    )  # fmt: skip


def found_in(text: str, quote: str, start: int | None = None) -> tuple[int, int]:
    """Where a quoted passage stands in a text; space and line ends count alike. `start`: where it was selected, if a
    browser said so. Raises Invalid where it is not there, or stands there more than once. Pure."""
    words = quote.split()
    if not words:
        raise Invalid("Copy the passage out of the message into this box.", "quote")
    places = [found.span() for found in re.finditer(r"\s+".join(re.escape(each) for each in words), text)]
    if not places:
        raise Invalid("This passage is not in the message. Copy it as it stands there.", "quote")
    if start is not None and len(places) > 1:
        return min(places, key=lambda place: abs(place[0] - start))
    if len(places) > 1:
        raise Invalid(
            sentence("These words stand there %(places)s times. Copy a few more of them.", places=len(places)), "quote"
        )
    return places[0]


async def pin_passage(viewer: Viewer, aspect_id: UUID, message_id: UUID, quote: str, start: int | None = None) -> UUID:
    """Pins the passage of a message of the aspect's case."""
    quote = clean_text(quote, "quote", longest=20_000, required=True)
    async with db.transaction():
        case = await _locked(viewer, aspect_id)
        body = {row["id"]: row["body"] for row in await messages_of(viewer, aspect_id)}.get(message_id)
        if body is None:
            raise Invalid("This message is not in the case. Choose one of the list.", "message")
        first, after = found_in(body, quote, start)
        place = {"message_id": message_id, "start": first, "finish": after}
        return await _pin(viewer, case, aspect_id, place, {"message": str(message_id), "from": first, "to": after})


async def pin_page(viewer: Viewer, aspect_id: UUID, attachment_id: UUID, page: int | None) -> UUID:
    """Pins a page of a file of the aspect's case."""
    if page is None or not 1 <= page <= LONGEST_PAGE:
        raise Invalid("Give the number of the page, such as 2.", "page")
    async with db.transaction():
        case = await _locked(viewer, aspect_id)
        if attachment_id not in {each for each, _ in await files_of(viewer, aspect_id)}:
            raise Invalid("This file is not in the case. Choose one of the list.", "attachment")
        place = {"attachment_id": attachment_id, "page": page}
        return await _pin(viewer, case, aspect_id, place, {"attachment": str(attachment_id), "page": page})


async def _locked(viewer: Viewer, aspect_id: UUID) -> Record:
    case, _ = await lock_aspect(viewer, "case.write", aspect_id)
    refuse_closed(case)
    if await db.fetchval("SELECT count(*) FROM core_pin WHERE aspect_id = $1", aspect_id) >= MOST:
        raise NotNow(sentence("An aspect has at most %(most)s pinned passages. Take some off first.", most=MOST))
    return case


async def _pin(viewer: Viewer, case: Record, aspect_id: UUID, place: dict[str, Any], body: dict[str, Any]) -> UUID:
    identity = new_id()
    values = [place.get(name) for name in ("message_id", "attachment_id", "start", "finish", "page")]
    known = await db.fetchval(
        "SELECT id FROM core_pin WHERE aspect_id = $1 AND message_id IS NOT DISTINCT FROM $2 AND attachment_id IS NOT "
        "DISTINCT FROM $3 AND start IS NOT DISTINCT FROM $4 AND finish IS NOT DISTINCT FROM $5 "
        "AND page IS NOT DISTINCT FROM $6",
        aspect_id, *values,
    )  # fmt: skip
    if known is not None:
        return UUID(str(known))
    await db.execute(
        "INSERT INTO core_pin (id, aspect_id, message_id, attachment_id, start, finish, page, at, made_by) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        identity, aspect_id, *values, now(), viewer.user_id,
    )  # fmt: skip
    await record(viewer, case["id"], "passage.pinned", {"aspect": str(aspect_id), "pin": str(identity), **body})
    return identity


async def unpin(viewer: Viewer, aspect_id: UUID, pin_id: UUID) -> None:
    """Takes a passage or page off an aspect; the message and the file stay as they are."""
    async with db.transaction():
        case, _ = await lock_aspect(viewer, "case.write", aspect_id)
        refuse_closed(case)
        row = await db.fetchrow(
            "DELETE FROM core_pin WHERE id = $1 AND aspect_id = $2 RETURNING message_id", pin_id, aspect_id
        )
        if row is None:
            raise NotNow("This passage was taken off already.")
        body = {"aspect": str(aspect_id), "pin": str(pin_id)}
        if row["message_id"] is not None:
            body["message"] = str(row["message_id"])
        await record(viewer, case["id"], "passage.unpinned", body)
