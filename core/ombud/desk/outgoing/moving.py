"""One step of a message on its way, in one transaction: the row, the case it belongs to, and the ledger."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.because import cause_now, explained
from ombud.desk.errors import NotNow
from ombud.desk.matters import asking
from ombud.desk.outgoing import states
from ombud.desk.outgoing.states import NoWay
from ombud.desk.writing import subject_of
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.outbox import enqueue_job
from ombud.speech import sentence
from ombud.trust.keys import Destroyed
from ombud.trust.ledger import NewEntry, Sealed, append

JOB = "outgoing.send"

# What the ledger calls each step; a timer's own steps name what happened, a person's what they did.
_ENTRY = {
    states.TAKE: "message.sending", states.TOOK: "message.sent", states.ARRIVED: "message.sent",
    states.DOUBT: "message.unsure", states.REFUSED: "message.failed", states.WAIT: "message.waits",
    states.STALE: "message.failed", states.GIVE_UP: "message.given_up", states.AGAIN: "message.sent_again",
    states.CANCEL: "message.taken_back", states.HURRY: "message.hurried", states.LATER: "message.put_off",
    states.APPROVE: "message.approved", states.REJECT: "message.rejected", states.RETURN: "message.sent_back",
}  # fmt: skip
_SETTLED = {states.CANCELLED, states.FAILED, states.SENT}


async def locked(identity: UUID) -> Record | None:
    """The row with its message's words, case first and then it locked, as every other writer does it."""
    await db.execute(
        "SELECT 1 FROM core_case WHERE id = (SELECT case_id FROM core_outgoing WHERE id = $1) FOR UPDATE", identity
    )
    return await db.fetchrow(
        "SELECT o.*, m.subject, m.body FROM core_outgoing o JOIN core_message m ON m.id = o.id "
        "WHERE o.id = $1 FOR UPDATE OF o",
        identity,
    )


async def move(
    actor: str, row: Record, event: str, *, said: str = "", codes: Mapping[str, Any] | None = None, **values: Any
) -> str:
    """Takes one step in the caller's transaction and returns the new state. `said`: words for the ledger, sealed; other
    columns in `values`. Raises NotNow where the step cannot be taken."""
    state = stepped(row, event)
    columns = {"state": state, **values}
    if state == states.SENT:
        columns.setdefault("sent_at", now())
    if state in _SETTLED:
        columns |= {"leave_at": None, "trouble": ""}
    sets = ", ".join(f"{column} = ${place}" for place, column in enumerate(columns, 2))
    await db.execute(
        f"UPDATE core_outgoing SET {sets}, version = version + 1 WHERE id = $1", row["id"], *columns.values()
    )
    if state == states.SENT and row["state"] != states.SENT:
        await _last_word(row, columns["sent_at"])
    await tell(actor, row, _ENTRY[event], {"state": state, **(codes or {})}, said)
    if state == states.CANCELLED:
        await asking.withdraw(actor, row["case_id"], row["id"])
    return state


def stepped(row: Record, event: str) -> str:
    try:
        return states.after(row["state"], event)
    except NoWay:
        raise NotNow(
            sentence(
                "%(now)s Open the case to see how it stands.", now=WHY_NOT.get(row["state"], "This cannot be done now.")
            )
        ) from None


WHY_NOT = {
    "sent": "The message has been sent.", "sending": "The message is just leaving.",
    "unsure": "It is not certain whether the message arrived.", "failed": "The message could not be sent.",
    "cancelled": "The message was taken back.", "waiting_approval": "The message waits for approval.",
}  # fmt: skip


async def _last_word(row: Record, at: datetime) -> None:
    """It was said when it left."""
    await db.execute("UPDATE core_message SET said_at = $2 WHERE id = $1", row["id"], at)
    await db.execute(
        "UPDATE core_case SET last_word_at = greatest(last_word_at, $2), last_word_channel = "
        "CASE WHEN last_word_at > $2 THEN last_word_channel ELSE $3 END, changed_at = $4 WHERE id = $1",
        row["case_id"], at, row["channel"], now(),
    )  # fmt: skip


async def tell(actor: str, row: Mapping[str, Any], kind: str, codes: Mapping[str, Any], said: str = "") -> None:
    """An entry about a message; words sealed under whose case it is."""
    case_id = row["case_id"]
    body = {"message": str(row["id"]), "channel": row["channel"], "kind": row["kind"], **codes}
    writer = f"user/{row['created_by']}" if row["created_by"] else f"message/{row['id']}"
    person = f"person/{row['person_id']}" if row["person_id"] else writer
    subject = await subject_of(case_id) if case_id else person
    sealed = {"said": Sealed(subject, said)} if said else {}
    stream = f"case/{case_id}" if case_id else f"message/{row['id']}"
    body, cause = explained(body), cause_now()
    try:
        await append(actor=actor, cause=cause, entries=[NewEntry(stream, kind, body, sealed)])
    except Destroyed:  # the person was erased: that it happened stays, the words go with them
        await append(actor=actor, cause=cause, entries=[NewEntry(stream, kind, body)])


async def wake(identity: UUID, leave_at: datetime, version: int) -> None:
    """Has it looked at when it is due, in the caller's transaction; the sweep finds what gets lost."""
    wait = max(leave_at - now(), leave_at - leave_at)
    await enqueue_job(JOB, {"message": str(identity)}, key=f"{identity}/{version}", delay=wait)
