"""A second person's yes or no to a message that a rule, or its writer, put before them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from asyncpg import Record

from ombud.desk.checking import clean_text
from ombud.desk.errors import Changed, NotNow
from ombud.desk.outgoing import final_response, states
from ombud.desk.outgoing.moving import move, stepped, wake
from ombud.desk.outgoing.rules import rules_in
from ombud.desk.outgoing.settling import seen, to_draft
from ombud.desk.outgoing.writing import content_of
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import Viewer

RIGHT = "outgoing.approve"


async def approve(viewer: Viewer, identity: UUID, shown: str) -> UUID:
    """The very version that was shown (`shown`: its hash) may leave; any other is refused. Returns the case."""
    async with db.transaction():
        row = await seen(viewer, RIGHT, identity)
        stepped(row, states.APPROVE)
        _refuse_author(viewer, row)
        content = await content_of(row)
        if content.hash != shown:
            raise Changed("The message", row["version"], {"text": row["body"]}, {})
        if row["kind"] == "final_response" and (why := await final_response.stale(row)):
            raise NotNow(f"{why} Send it back to its writer.")
        moment, leave_at = now(), await _leaves(row)
        await move(
            viewer.actor, row, states.APPROVE, approved_by=viewer.user_id, approved_at=moment,
            approved_hash=content.hash, leave_at=leave_at, codes={"content": content.hash},
        )  # fmt: skip
        await wake(identity, leave_at, row["version"] + 1)
    return UUID(str(row["case_id"]))


async def _leaves(row: Record) -> datetime:
    """At the time its writer chose, if that is still to come; else after its hold."""
    if row["leave_at"] is not None and row["leave_at"] > now() + timedelta(seconds=1):
        chosen: datetime = row["leave_at"]
        return chosen
    zone = await db.fetchval("SELECT time_zone FROM core_unit WHERE id = $1", row["unit_id"])
    return (await rules_in(row["unit_id"])).leaves_at(row["kind"], now(), zone)


def _refuse_author(viewer: Viewer, row: Mapping[str, object]) -> None:
    if viewer.user_id is None or row["created_by"] == viewer.user_id:
        raise NotNow("You wrote this message. Somebody else must approve it.")


async def reject(viewer: Viewer, identity: UUID, reason: str) -> UUID:
    """Back into the box of whoever wrote it, with the reason."""
    reason = clean_text(reason, "reason", longest=1000, required=True)
    async with db.transaction():
        row = await seen(viewer, RIGHT, identity)
        stepped(row, states.REJECT)
        _refuse_author(viewer, row)
        await move(viewer.actor, row, states.REJECT, said=reason)
        await to_draft(row, row["created_by"], returned=f"{viewer.name}: {reason}")
    return UUID(str(row["case_id"]))
