"""A second person's yes or no to a message that a rule, or its writer, put before them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from asyncpg import Record

from ombud.desk.checking import clean_text
from ombud.desk.errors import Changed, NotNow
from ombud.desk.gate import guarding
from ombud.desk.outgoing import final_response, states
from ombud.desk.outgoing.moving import move, stepped, tell, wake
from ombud.desk.outgoing.rules import rules_in
from ombud.desk.outgoing.settling import seen, to_draft
from ombud.desk.outgoing.writing import content_of, letter_of
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.speech import sentence
from ombud.trust.policy import Viewer

RIGHT = "outgoing.approve"


async def approve(viewer: Viewer, identity: UUID, shown: str, override: str = "") -> UUID:
    """The very version that was shown (`shown`: its hash) may leave; any other is refused. `override`: why, where
    the gate holds it. Returns the case."""
    async with db.transaction():
        row = await seen(viewer, RIGHT, identity)
        stepped(row, states.APPROVE)
        _refuse_author(viewer, row)
        content = await content_of(row)
        if content.hash != shown:
            raise Changed("The message", row["version"], {"text": row["body"]}, {})
        if row["kind"] == "final_response" and (why := await final_response.stale(row)):
            raise NotNow(sentence("%(why)s Send it back to its writer.", why=why))
        await _gated(viewer, row, override)
        moment, leave_at = now(), await _leaves(row)
        await move(
            viewer.actor, row, states.APPROVE, approved_by=viewer.user_id, approved_at=moment,
            approved_hash=content.hash, leave_at=leave_at, codes={"content": content.hash},
        )  # fmt: skip
        await wake(identity, leave_at, row["version"] + 1)
    return UUID(str(row["case_id"]))


async def _gated(viewer: Viewer, row: Record, override: str) -> None:
    """The gate reads it anew as it is to be sent; what its writer let pass with a reason is not asked again."""
    if row["kind"] != guarding.GATED:
        return
    case = await db.fetchrow("SELECT * FROM core_case WHERE id = $1", row["case_id"])
    assert case is not None
    passed = await guarding.let_through(viewer, case, await letter_of(row), override=override, passed=row["let_pass"])
    if passed.why:
        await db.execute(
            "UPDATE core_outgoing SET let_pass = let_pass || $2, let_pass_by = $4, "
            "let_pass_why = concat_ws(E'\\n', nullif(let_pass_why, ''), $3::text) WHERE id = $1",
            row["id"], list(passed.keys), passed.why, viewer.user_id,
        )  # fmt: skip
        await tell(viewer.actor, row, "message.gate_overridden", {"checks": list(passed.checks)}, passed.why)


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
        await to_draft(row, row["created_by"] or viewer.user_id, returned=f"{viewer.name}: {reason}")
    return UUID(str(row["case_id"]))
