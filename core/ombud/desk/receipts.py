"""Receipts that need a look: what came in and became no case, kept byte for byte, and run again on a person's wish."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from ombud.desk.errors import NotFound, NotNow
from ombud.desk.shown import read_cursor, write_cursor
from ombud.desk.writing import demand
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.outbox import enqueue_job
from ombud.trust import vault
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import Arguments, Viewer, decide

RIGHT = "intake.manage"
LATE = timedelta(seconds=60)
PAGE = 50


@dataclass(frozen=True)
class ReceiptShown:
    """A receipt that waits too long or faulted. `state`: fault or waiting; `size` in bytes."""

    id: UUID
    channel: str
    content_type: str
    received_at: datetime
    state: str
    step: str
    reason: str
    attempts: int
    size: int


@dataclass(frozen=True)
class ReceiptPage:
    rows: tuple[ReceiptShown, ...]
    waiting: int
    oldest_at: datetime | None
    next_cursor: str | None


class _Place(msgspec.Struct, array_like=True):
    at: datetime
    id: UUID


_SQL = """
SELECT r.id, r.channel, r.content_type, r.received_at, r.status, r.reason, v.size, coalesce(s.step, 'stored') AS step,
    coalesce(s.attempts, 0) AS attempts
FROM core_raw r JOIN core_vault v ON v.id = r.vault_id
LEFT JOIN LATERAL (SELECT t.step, t.attempts FROM core_intake_step t WHERE t.raw_id = r.id AND t.state = 'faulted'
    ORDER BY t.at DESC LIMIT 1) s ON TRUE
WHERE {wanted} ORDER BY r.received_at, r.id LIMIT {limit}
"""


def _waiting(viewer: Viewer, arguments: Arguments) -> str:
    late = arguments.add(now() - LATE)
    seen = decide(viewer, RIGHT, "raw").where("r", arguments)
    return f"(r.status = 'faulted' OR (r.status = 'stored' AND r.received_at < {late})) AND {seen}"


async def need_a_look(viewer: Viewer, cursor: str | None = None, size: int = PAGE) -> ReceiptPage:
    """The oldest first; two statements."""
    demand(viewer, RIGHT)
    place = read_cursor(cursor, _Place) if cursor else None
    arguments = Arguments()
    wanted = _waiting(viewer, arguments)
    if place is not None:
        wanted += f" AND (r.received_at, r.id) > ({arguments.add(place.at)}, {arguments.add(place.id)})"
    rows = await db.fetch(_SQL.format(wanted=wanted, limit=arguments.add(size + 1)), *arguments.values)
    counting = Arguments()
    counted = await db.fetchrow(
        f"SELECT count(*) AS waiting, min(r.received_at) AS oldest FROM core_raw r WHERE {_waiting(viewer, counting)}",
        *counting.values,
    )
    assert counted is not None
    shown = tuple(_shown(row) for row in rows[:size])
    end = write_cursor(_Place(shown[-1].received_at, shown[-1].id)) if len(rows) > size else None
    return ReceiptPage(shown, counted["waiting"], counted["oldest"], end)


async def one(viewer: Viewer, raw_id: UUID) -> ReceiptShown:
    demand(viewer, RIGHT)
    arguments = Arguments()
    wanted = f"r.id = {arguments.add(raw_id)} AND {_waiting(viewer, arguments)}"
    row = await db.fetchrow(_SQL.format(wanted=wanted, limit=arguments.add(1)), *arguments.values)
    if row is None:
        raise NotFound("There is no such message that waits here. Somebody may have placed it already.")
    return _shown(row)


def _shown(row: Any) -> ReceiptShown:
    state = "fault" if row["status"] == "faulted" else "waiting"
    return ReceiptShown(
        row["id"], row["channel"], row["content_type"], row["received_at"], state, row["step"], row["reason"],
        row["attempts"], row["size"],
    )  # fmt: skip


async def body(viewer: Viewer, raw_id: UUID) -> tuple[ReceiptShown, bytes]:
    """The bytes as they came; that they were looked at is written down."""
    receipt = await one(viewer, raw_id)
    vault_id = await db.fetchval("SELECT vault_id FROM core_raw WHERE id = $1", raw_id)
    data = await vault.load(vault_id)
    async with db.transaction():
        await _tell(viewer, raw_id, "intake.read")
    return receipt, data


async def _tell(viewer: Viewer, raw_id: UUID, kind: str) -> None:
    await append(actor=viewer.actor, entries=[NewEntry(f"message/{raw_id}", kind, {"raw": str(raw_id)})])


async def replay(viewer: Viewer, raw_id: UUID) -> None:
    """Has the work process parse it again; once more while one waits changes nothing."""
    await one(viewer, raw_id)
    async with db.transaction():
        status = await db.fetchval("SELECT status FROM core_raw WHERE id = $1 FOR UPDATE", raw_id)
        if status == "done":
            raise NotNow("It became a case a moment ago. Search for it among the cases.")
        await enqueue_job("intake.resume", {"raw": str(raw_id)}, key=f"resume/{raw_id}")
        await _tell(viewer, raw_id, "intake.replayed")
