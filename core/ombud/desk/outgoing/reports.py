"""What servers and plugins report of messages of ours: posted, delivered, delayed, came back."""

from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.outgoing import states
from ombud.desk.outgoing.moving import locked, move, tell, wake
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.outbox import JobContext, subscribe
from ombud.trust.ledger import open_sealed
from ombud_plugin_api.correspondence import DELIVERY_STATES

EVENT = "message.delivery_reported"
_RANK = {"": 0, "posted": 1, "delayed": 2, "delivered": 3, "bounced": 4, "withdrawn": 5}


def listen() -> None:
    """Called once by every process, since each writes down who hears of an event."""
    subscribe("outgoing", [EVENT], heard)
    subscribe("outgoing_settings", ["setting.changed", "plugin.enabled"], try_again)


async def try_again(event: dict[str, Any], context: JobContext) -> None:
    """What waited for a setting is looked at again as soon as one changes."""
    async with db.transaction():
        rows = await db.fetch(
            "UPDATE core_outgoing SET leave_at = $1, version = version + 1 "
            "WHERE state = 'intended' AND trouble = 'misconfigured' RETURNING id, version", now(),
        )  # fmt: skip
        for row in rows:
            await wake(row["id"], now(), row["version"])


async def heard(event: dict[str, Any], context: JobContext) -> None:
    """Safe to run twice, and in any order: a delay reported late does not undo a delivery."""
    body = event["body"]
    state = body.get("state")
    if state not in DELIVERY_STATES or not body.get("message"):
        return
    said = await _words(event)
    async with db.transaction():
        row = await locked(UUID(str(body["message"])))
        if row is not None:
            await book(row, state, str(body.get("code") or "")[:40], said)


async def book(row: Record, state: str, code: str, said: str) -> None:
    """In the caller's transaction. A report proves that the message left, so it ends the doubt about that too."""
    if _RANK[state] <= _RANK[row["delivery"]]:
        return
    if row["state"] in {states.UNSURE, states.SENDING}:
        await move("system", row, states.TOOK, codes={"reported": state})
    await db.execute(
        "UPDATE core_outgoing SET delivery = $2, delivery_code = $3, delivery_text = $4, delivery_at = $5, "
        "version = version + 1 WHERE id = $1",
        row["id"], state, code, said[:2000], now(),
    )  # fmt: skip
    await tell("system", row, "message.delivery_changed", {"delivery": state, "code": code})


async def _words(event: dict[str, Any]) -> str:
    """The server's words, opened; empty where they were erased meanwhile."""
    found = await open_sealed([(event["stream"], event["seq"])])
    return next((str(each.value) for each in found if each.field == "text"), "")
