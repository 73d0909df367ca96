"""One's own notices: the list, what is new, and how one wants to be told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from ombud.desk.errors import Invalid
from ombud.desk.notices.staff import KINDS, WAYS
from ombud.desk.shown import read_cursor, write_cursor
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust.policy import Arguments, Viewer, about_me, decide

PAGE = 50
COUNTED = 100


@dataclass(frozen=True)
class NoticeShown:
    """`href`: where it leads."""

    id: UUID
    kind: str
    text: str
    icon: str
    reference: str
    title: str
    href: str
    at: datetime
    new: bool


class _Place(msgspec.Struct, array_like=True):
    at: datetime
    id: UUID


_MINE = """
SELECT n.id, n.kind, n.at, n.seen_at, n.message_id, c.reference,
    CASE WHEN {about} THEN c.reference ELSE coalesce(c.title, m.subject) END AS title
FROM core_notice n LEFT JOIN core_case c ON c.id = n.case_id AND {cases}
LEFT JOIN core_message m ON m.id = n.message_id AND {messages}
WHERE n.user_id = {me} AND (n.case_id IS NULL OR c.id IS NOT NULL) AND (n.message_id IS NULL OR m.id IS NOT NULL)
{further} ORDER BY n.at DESC, n.id DESC LIMIT {limit}
"""


async def mine(viewer: Viewer, cursor: str = "", size: int = PAGE) -> tuple[list[NoticeShown], str]:
    """The newest first, and the cursor of the next page; what one may not see any more is left out. One statement."""
    arguments, further = Arguments(), ""
    if cursor:
        place = read_cursor(cursor, _Place)
        further = f"AND (n.at, n.id) < ({arguments.add(place.at)}, {arguments.add(place.id)})"
    me = arguments.add(viewer.user_id)
    sql = _MINE.format(
        me=me, further=further, limit=arguments.add(size + 1), about=about_me("c.id", me),
        cases=decide(viewer, "case.read", "case").where("c", arguments),
        messages=decide(viewer, "case.read", "message").where("m", arguments),
    )  # fmt: skip
    rows = await db.fetch(sql, *arguments.values)
    shown = [_shown(row) for row in rows[:size]]
    more = write_cursor(_Place(rows[size - 1]["at"], rows[size - 1]["id"])) if len(rows) > size else ""
    return shown, more


def _shown(row: Any) -> NoticeShown:
    kind = KINDS[row["kind"]]
    href = kind.href or f"/cases/{row['reference']}" if row["reference"] else f"/inbox?open={row['message_id']}"
    return NoticeShown(
        row["id"], row["kind"], kind.told, kind.icon, row["reference"] or "", row["title"] or "", href, row["at"],
        row["seen_at"] is None,
    )  # fmt: skip


async def count_new(viewer: Viewer) -> int:
    """How many are new, counted to a hundred, of those told on the page."""
    found = await db.fetchval(
        f"SELECT count(*) FROM (SELECT 1 FROM core_notice WHERE user_id = $1 AND seen_at IS NULL LIMIT {COUNTED}) new",
        viewer.user_id,
    )
    return int(found)


async def seen(viewer: Viewer) -> None:
    """The list was looked at."""
    await db.execute(
        "UPDATE core_notice SET seen_at = $2 WHERE user_id = $1 AND seen_at IS NULL", viewer.user_id, now()
    )


async def choices(viewer: Viewer) -> dict[str, str]:
    """Kind → way, as usual where nothing was chosen."""
    rows = await db.fetch("SELECT kind, way FROM core_notice_choice WHERE user_id = $1", viewer.user_id)
    return {**{name: each.usual for name, each in KINDS.items()}, **{row["kind"]: row["way"] for row in rows}}


async def choose(viewer: Viewer, wanted: Mapping[str, str]) -> None:
    """Keeps how one wants to be told; raises Invalid for a way there is not."""
    for kind, way in wanted.items():
        if kind not in KINDS or way not in WAYS:
            raise Invalid("Choose one of the ways of the list.", kind)
    async with db.transaction():
        for kind, way in wanted.items():
            await db.execute(
                "INSERT INTO core_notice_choice (id, user_id, kind, way) VALUES ($1, $2, $3, $4) "
                "ON CONFLICT (user_id, kind) DO UPDATE SET way = $4",
                new_id(), viewer.user_id, kind, way,
            )  # fmt: skip
