"""What people do with a message on its way: take it back, hurry it, put it off, say what became of an unsure one."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.checking import clean_text
from ombud.desk.colleagues import drafts
from ombud.desk.errors import Invalid, NotFound, NotNow
from ombud.desk.matters import asking
from ombud.desk.outgoing import states
from ombud.desk.outgoing.moving import locked, move, stepped, tell, wake
from ombud.desk.outgoing.writing import FARTHEST
from ombud.desk.writing import demand, lock_case
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import Arguments, Viewer, decide

NO_MESSAGE = "There is no such message that you may see. Open the case again."


async def seen(viewer: Viewer, permission: str, identity: UUID) -> Record:
    """The row, locked after its case, if the viewer may see the message and has the permission in its case. In the
    caller's transaction."""
    demand(viewer, permission)
    arguments = Arguments(identity)
    rows = decide(viewer, "case.read", "message").where("m", arguments)
    found = await db.fetchrow(f"SELECT m.case_id FROM core_message m WHERE m.id = $1 AND {rows}", *arguments.values)
    if found is None or found["case_id"] is None:
        raise NotFound(NO_MESSAGE)
    await lock_case(viewer, permission, found["case_id"])
    row = await locked(identity)
    if row is None:
        raise NotFound(NO_MESSAGE)
    return row


async def take_back(viewer: Viewer, identity: UUID) -> UUID:
    """It does not leave, and its text is a draft again of whoever took it back. Returns the case."""
    async with db.transaction():
        row = await seen(viewer, "case.write", identity)
        await move(viewer.actor, row, states.CANCEL)
        await to_draft(row, viewer.user_id)
    return UUID(str(row["case_id"]))


async def call_back(viewer: Viewer, identity: UUID) -> None:
    """It does not leave; its text stays in the list of what was taken back, and in nobody's box. For a text that went
    to many cases at once."""
    async with db.transaction():
        row = await seen(viewer, "case.write", identity)
        await move(viewer.actor, row, states.CANCEL)


async def to_draft(row: Record, user_id: UUID | None, returned: str = "") -> None:
    """Puts the words back into the writer's box, before what stands there; in the caller's transaction. `returned`: who
    sent it back and why."""
    owner = user_id or row["created_by"]
    if owner is None or (row["robot"] and row["kind"] != "final_response"):
        return
    letters = await db.fetch(
        "SELECT aspect_id FROM core_message_aspect WHERE message_id = $1 ORDER BY aspect_id", row["id"]
    )
    files = await db.fetch("SELECT id FROM core_attachment WHERE message_id = $1 ORDER BY created_at, id", row["id"])
    customer = await db.fetchval(
        "SELECT person_id FROM core_party WHERE case_id = $1 AND role = 'complainant' ORDER BY created_at, id LIMIT 1",
        row["case_id"],
    )
    body = {
        "kind": "reply", "text": row["body"], "subject": row["subject"], "channel": row["channel"],
        "letter": row["kind"], "letter_type": row["letter_type"], "recipient": str(row["person_id"] or ""),
        "pins": ",".join(str(each["aspect_id"]) for each in letters),
        "files": ",".join([*row["documents"], *(str(each["id"]) for each in files)]), "returned": returned,
        "asks": json.dumps(asks) if (asks := await asking.of_message(row["id"])) else "",
    }  # fmt: skip
    await drafts.put_back(owner, row["case_id"], drafts.for_message(customer), body)


async def hurry(viewer: Viewer, identity: UUID) -> UUID:
    """It leaves at once, without the rest of its wait."""
    async with db.transaction():
        row = await seen(viewer, "case.write", identity)
        moment = now()
        await move(viewer.actor, row, states.HURRY, leave_at=moment)
        await wake(identity, moment, row["version"] + 1)
    return UUID(str(row["case_id"]))


async def zone_of(identity: UUID) -> str:
    """The time zone of the unit that sends it."""
    found = await db.fetchval(
        "SELECT u.time_zone FROM core_outgoing o JOIN core_unit u ON u.id = o.unit_id WHERE o.id = $1", identity
    )
    return str(found or "UTC")


async def put_off(viewer: Viewer, identity: UUID, leave_at: datetime) -> UUID:
    """It leaves at another time."""
    if not now() < leave_at < now() + FARTHEST:
        raise Invalid("Choose a time that is still to come, within a year.", "leave_at")
    async with db.transaction():
        row = await seen(viewer, "case.write", identity)
        await move(viewer.actor, row, states.LATER, leave_at=leave_at)
        await wake(identity, leave_at, row["version"] + 1)
    return UUID(str(row["case_id"]))


async def say_what_became(viewer: Viewer, identity: UUID, event: str, why: str) -> UUID:
    """A person ends the doubt about a message: it arrived, it is sent again knowingly, or it is given up; with why."""
    if event not in {states.ARRIVED, states.AGAIN, states.GIVE_UP}:
        raise Invalid("Say whether it arrived, is sent again, or is given up.", "event")
    why = clean_text(why, "why", longest=1000, required=True)
    async with db.transaction():
        row = await seen(viewer, "case.write", identity)
        stepped(row, event)
        moment = now()
        more: dict[str, Any] = {"detail": ""} if event == states.ARRIVED else {}
        if event == states.AGAIN:
            more = {"leave_at": moment, "trouble": "", "detail": ""}
        await move(viewer.actor, row, event, said=why, codes={"by_hand": True}, **more)
        if event == states.AGAIN:
            await wake(identity, moment, row["version"] + 1)
    return UUID(str(row["case_id"]))


async def write_again(viewer: Viewer, identity: UUID) -> UUID:
    """Puts the words of one that failed or came back into the viewer's box, to be corrected and sent as a new message.
    Returns the case."""
    async with db.transaction():
        row = await _troubled(viewer, identity)
        if row["robot"]:
            raise NotNow("Nobody wrote this message. Write an answer of your own.")
        await to_draft(row, viewer.user_id)
        await _seen_to(viewer, row, "message.written_again")
    return UUID(str(row["case_id"]))


async def see_to(viewer: Viewer, identity: UUID, why: str) -> UUID:
    """Nothing more is to be done about one that failed or came back; a person says why."""
    why = clean_text(why, "why", longest=1000, required=True)
    async with db.transaction():
        row = await _troubled(viewer, identity)
        await _seen_to(viewer, row, "message.seen_to", why)
    return UUID(str(row["case_id"]))


async def _troubled(viewer: Viewer, identity: UUID) -> Record:
    row = await seen(viewer, "case.write", identity)
    came_back = row["state"] == states.SENT and row["delivery"] == "bounced"
    if row["seen_to_at"] is not None or not (row["state"] == states.FAILED or came_back):
        raise NotNow("This message needs nothing more. Open the case to see how it stands.")
    return row


async def _seen_to(viewer: Viewer, row: Record, kind: str, why: str = "") -> None:
    await db.execute("UPDATE core_outgoing SET seen_to_at = $2, version = version + 1 WHERE id = $1", row["id"], now())
    await tell(viewer.actor, row, kind, {"state": row["state"]}, why)
    await asking.withdraw(viewer.actor, row["case_id"], row["id"])
