"""Hands messages over when their time has come, and books what became of each.

That it is being handed over is committed before the deliverer is called; a process that dies in between leaves a
message that is *unsure*, which nobody sends again but a person. What certainly did not go is tried again.
"""

import logging
from datetime import timedelta
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.outgoing import final_response, states
from ombud.desk.outgoing.handing import Gone, Prepared, hand_over, known_of, prepare
from ombud.desk.outgoing.moving import JOB, locked, move, wake
from ombud.desk.outgoing.ways import PAGE
from ombud.desk.outgoing.writing import content_of
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.outbox import JobContext, enqueue_job

log = logging.getLogger("ombud.outgoing")

SWEEP = "outgoing.sweep"
PAUSES = (10, 30, 120, 600, 1800, 3600)
"""Seconds before what was certainly not sent is tried again."""
PATIENCE = timedelta(days=3)
"""So long it is tried; then it has failed, and a person decides."""
FORGOTTEN = timedelta(minutes=15)
"""A message that has been leaving for so long lost its process."""
ASK_EVERY = timedelta(minutes=10)
EXPIRES = timedelta(days=1)
ENGINE = "system"


async def due(payload: dict[str, Any], context: JobContext) -> None:
    """The job of one message. Safe to run twice: only one run takes it, and what a run before left behind is unsure."""
    identity = UUID(payload["message"])
    row = await db.fetchrow(_WAITING, identity, now())
    ready = await prepare(row, context) if row is not None and row["channel"] != PAGE else None
    taken = await _take(identity, context.delivery_id)
    if taken is None:
        return
    if taken["channel"] == PAGE:
        gone = Gone("sent")
    elif isinstance(ready, Prepared):
        gone = await hand_over(ready)
    else:
        gone = ready or Gone("transient", "It was due a moment before it could be read.")
    await _book(identity, taken["attempts"], gone)


_WAITING = """
SELECT o.*, m.subject, m.body FROM core_outgoing o JOIN core_message m ON m.id = o.id
WHERE o.id = $1 AND o.state IN ('held', 'scheduled', 'intended') AND o.leave_at <= $2
"""


async def _take(identity: UUID, delivery_id: UUID) -> Record | None:
    """Commits that this attempt begins; None where there is nothing to do."""
    async with db.transaction():
        row = await locked(identity)
        if row is None:
            return None
        if row["state"] == states.SENDING and row["sender"] == delivery_id:
            await _doubt(row, "The process that sent it ended before it heard an answer.")
            return None
        if row["state"] not in states.READY:
            return None
        if row["leave_at"] > now():
            await wake(identity, row["leave_at"], row["version"])
            return None
        if not await _still_right(row):
            return None
        found = {"attempts": row["attempts"] + 1, "sender": delivery_id, "sending_at": now()}
        await move(ENGINE, row, states.TAKE, codes={"attempt": found["attempts"]}, **found)
        return await locked(identity)


async def _still_right(row: Record) -> bool:
    """A final response whose outcomes changed, or an approved message that is not what was approved, does not leave."""
    if row["kind"] == "final_response" and (why := await final_response.stale(row)):
        await move(ENGINE, row, states.STALE, said=why, detail=why, codes={"reason": "outcomes"})
        return False
    if row["approval"] and (await content_of(row)).hash != row["approved_hash"]:
        await move(
            ENGINE, row, states.RETURN, approved_by=None, approved_at=None, approved_hash="", leave_at=None,
            codes={"reason": "changed"},
        )  # fmt: skip
        return False
    return True


async def _book(identity: UUID, attempt: int, gone: Gone) -> None:
    """Writes down how this attempt ended. A message that meanwhile became unsure is settled by it all the same."""
    async with db.transaction():
        row = await locked(identity)
        if row is None or row["attempts"] != attempt or row["state"] not in {states.SENDING, states.UNSURE}:
            return
        if gone.state == "sent":
            await move(
                ENGINE, row, states.TOOK, remote_id=gone.remote_id[:500], detail=gone.detail[:2000],
                sent_at=gone.at or now(), codes={"attempt": attempt, "remote": gone.remote_id[:200]},
            )  # fmt: skip
        elif gone.state == "failed":
            await move(ENGINE, row, states.REFUSED, said=gone.detail, detail=gone.detail[:2000])
        elif row["state"] == states.SENDING and gone.state in {"transient", "misconfigured"}:
            await _wait(row, gone)
        elif row["state"] == states.SENDING:
            await _doubt(row, gone.detail)


async def _wait(row: Record, gone: Gone) -> None:
    if gone.state == "transient" and row["created_at"] < now() - PATIENCE and _old(row):
        await move(
            ENGINE, row, states.REFUSED, said=gone.detail, detail=gone.detail[:2000], codes={"reason": "patience"}
        )
        return
    pause = max(PAUSES[min(row["attempts"], len(PAUSES)) - 1], gone.retry_after or 0)
    leave_at = now() + timedelta(seconds=pause)
    await move(
        ENGINE, row, states.WAIT, said=gone.detail, detail=gone.detail[:2000], trouble=gone.state, leave_at=leave_at,
        codes={"trouble": gone.state},
    )  # fmt: skip
    await wake(row["id"], leave_at, row["version"] + 1)


def _old(row: Record) -> bool:
    """Tried often enough that three days cannot be the wait of a scheduled message alone."""
    return bool(row["attempts"] > len(PAUSES))


async def _doubt(row: Record, detail: str) -> None:
    await move(ENGINE, row, states.DOUBT, said=detail, detail=detail[:2000])


async def sweep(payload: dict[str, Any], context: JobContext) -> None:
    """Every half minute: what nobody looks at though it is due, what lost its process, and what is in doubt."""
    for row in await db.fetch(
        "SELECT id, version FROM core_outgoing WHERE state IN ('held', 'scheduled', 'intended') "
        "AND leave_at < $1 ORDER BY leave_at LIMIT 500", now() - timedelta(seconds=20),
    ):  # fmt: skip
        await enqueue_job(JOB, {"message": str(row["id"])}, key=f"{row['id']}/{row['version']}")
    for row in await db.fetch(
        "SELECT id FROM core_outgoing WHERE state = 'sending' AND sending_at < $1 LIMIT 100", now() - FORGOTTEN
    ):
        await _forgotten(row["id"])
    for row in await db.fetch(
        "SELECT id FROM core_outgoing WHERE state = 'unsure' AND coalesce(asked_at, sending_at) < $1 "
        "ORDER BY asked_at NULLS FIRST LIMIT 50", now() - ASK_EVERY,
    ):  # fmt: skip
        await settle(row["id"], context)


async def _forgotten(identity: UUID) -> None:
    async with db.transaction():
        row = await locked(identity)
        if row is not None and row["state"] == states.SENDING and row["sending_at"] < now() - FORGOTTEN:
            await _doubt(row, "The process that sent it was not heard of again.")


async def settle(identity: UUID, context: JobContext | None = None) -> None:
    """Asks the deliverer what it knows of an unsure message; where it knows nothing, a person decides. What no person
    wrote is given up after a day. Nothing is ever sent from here."""
    row = await db.fetchrow("SELECT * FROM core_outgoing WHERE id = $1 AND state = 'unsure'", identity)
    if row is None:
        return
    found = await known_of(row, context)
    if found is not None:
        await _book(identity, row["attempts"], found)
        return
    async with db.transaction():
        now_row = await locked(identity)
        if now_row is None or now_row["state"] != states.UNSURE:
            return
        if now_row["robot"] and now_row["kind"] in states.EXPIRING and now_row["sending_at"] < now() - EXPIRES:
            await move(ENGINE, now_row, states.GIVE_UP, codes={"reason": "expired"})
            return
        await db.execute("UPDATE core_outgoing SET asked_at = $2 WHERE id = $1", identity, now())
