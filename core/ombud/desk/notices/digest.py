"""Once a day an e-mail to those who want their notices that way: how many of what, and where; no words of a case."""

from collections import Counter
from datetime import date, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from asyncpg import Record

from ombud.desk.notices.staff import KINDS
from ombud.desk.outgoing.apart import Letter, email_way, post
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.outbox import JobContext
from ombud.process import address
from ombud.speech import counted, reading, sentence, small, spoken, word

JOB = "notices.digest"
FROM = time(7, 0)
"""In the time zone of the desk's first unit."""


async def send(payload: dict[str, Any], context: JobContext) -> None:
    """Started every quarter of an hour; each person gets one a day, after seven, if there is anything."""
    home = await db.fetchrow(_HOME)
    if home is None:
        return
    local = now().astimezone(ZoneInfo(home["time_zone"]))
    way = await email_way(home["id"])
    if local.time() < FROM or not way:
        return
    for row in await _waiting(local.date()):
        await _one(row, home["id"], way, local.date())


_HOME = "SELECT id, time_zone FROM core_unit WHERE parent_id IS NULL ORDER BY created_at, id LIMIT 1"
_WAITING = """
SELECT w.id, w.email, coalesce(nullif(w.display_name, ''), w.name) AS name, w.language FROM core_user w
WHERE w.active AND w.email <> ''
AND NOT EXISTS (SELECT 1 FROM core_notice_digest d WHERE d.user_id = w.id AND d.day = $1)
AND EXISTS (SELECT 1 FROM core_notice n JOIN core_notice_choice h ON h.user_id = n.user_id AND h.kind = n.kind
    WHERE n.user_id = w.id AND n.digested_at IS NULL AND n.seen_at IS NULL AND h.way = 'digest')
ORDER BY w.id LIMIT 1000
"""


async def _waiting(day: date) -> list[Record]:
    return await db.fetch(_WAITING, day)


async def _one(user: Record, unit_id: UUID, way: str, day: date) -> None:
    async with db.transaction():
        tag = await db.execute(
            "INSERT INTO core_notice_digest (id, user_id, day) VALUES ($1, $2, $3) "
            "ON CONFLICT (user_id, day) DO NOTHING",
            new_id(), user["id"], day,
        )  # fmt: skip
        if tag == "INSERT 0 0":
            return
        rows = await db.fetch(
            "UPDATE core_notice n SET digested_at = $2 FROM core_notice_choice h WHERE n.user_id = $1 "
            "AND h.user_id = n.user_id AND h.kind = n.kind AND h.way = 'digest' AND n.digested_at IS NULL "
            "AND n.seen_at IS NULL RETURNING n.kind",
            user["id"], now(),
        )  # fmt: skip
        if rows:
            with reading(user["language"]):
                words = text_of(user["name"], Counter(row["kind"] for row in rows))
            await _write(user, unit_id, way, words)


def text_of(name: str, counts: Counter[str]) -> tuple[str, str]:
    """Subject and text, in the reader's language. Pure but for the desk's address."""
    lines = [f"- {counts[kind]} × {spoken(small(word(each.label)))}" for kind, each in KINDS.items() if counts[kind]]
    parts = [
        spoken(sentence("Hello %(name)s,", name=name)), spoken(word("since the last digest:")), "\n".join(lines),
        address("/me/notices"),
        spoken(sentence("How you are told is up to you: %(address)s", address=address("/me/notices/choices"))),
    ]  # fmt: skip
    subject = counted("One thing for you in Ombud", "%(num)s things for you in Ombud", counts.total())
    return spoken(subject), "\n\n".join(parts)


async def _write(user: Record, unit_id: UUID, way: str, words: tuple[str, str]) -> None:
    recipient = {"name": user["name"], "email": user["email"], "language": user["language"]}
    await post(Letter("digest", unit_id, way, recipient, *words, created_by=user["id"]))
