"""What people decide about a message in the inbox: a case of its own, part of a case, or no complaint."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from ombud.desk import intake, promises
from ombud.desk.checking import checked_complaint, clean_text
from ombud.desk.errors import Invalid, NotAllowed, NotFound, NotNow
from ombud.desk.inbox import decisions, joining, matching, news, rematching
from ombud.desk.inbox.decisions import Decided
from ombud.desk.words import PARTY_ROLES
from ombud.desk.writing import case_id_of, demand, lock_case
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud.trust.policy import Arguments, Viewer, decide
from ombud_plugin_api.facts import Complaint, Filed, Matter, PersonGiven

DECIDE = "inbox.decide"
AT_ONCE = 200
GONE = "There is no such message that you may decide on. Somebody may have dealt with it already."


class Stranger(NotNow):
    """The sender is no party of the case; it joins only with a role for them and the reason."""


@dataclass(frozen=True)
class NewCase:
    """What a person lets the case begin with. `matters` are the complainant's words; the rest is taken from the
    message where it is empty."""

    unit: str
    case_type: str
    name: str
    email: str = ""
    phone: str = ""
    title: str = ""
    matters: tuple[Matter, ...] = ()
    confidential: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)


async def lock_message(viewer: Viewer, message_id: UUID, permission: str = DECIDE) -> Any:
    """The message's row, held until the commit; raises NotFound with one text for missing and hidden."""
    demand(viewer, permission)
    arguments = Arguments()
    place = arguments.add(message_id)
    row = await db.fetchrow(
        f"SELECT m.* FROM core_message m WHERE m.id = {place} AND m.direction = 'in' AND m.unit_id IS NOT NULL "
        f"AND {decide(viewer, permission, 'message').where('m', arguments)} FOR UPDATE OF m",
        *arguments.values,
    )
    if row is None:
        raise NotFound(GONE)
    return row


def stream_of_message(row: Any) -> str:
    return f"message/{row['raw_id'] or row['id']}"


def subject_of_message(row: Any) -> str:
    return f"person/{row['person_id']}" if row["person_id"] else stream_of_message(row)


async def open_case(viewer: Viewer, message_id: UUID, new: NewCase) -> Filed:
    """A case whose first message this is; its clock runs from the moment the message came. The second call answers as
    the first."""
    async with db.transaction():
        row = await lock_message(viewer, message_id)
        if row["case_id"] is not None:
            return await intake.answer_again(row["case_id"])
        unit = await db.fetchrow("SELECT id FROM core_unit WHERE key = $1", new.unit)
        if unit is None or not viewer.may_in("case.file", unit["id"]):
            raise Invalid("You may open no case in this unit. Choose another one.", "unit")
        if new.confidential and not viewer.may_in("case.confidential", unit["id"]):
            raise Invalid("You have no right to confidential cases here. Ask your team leader.", "confidential")
        complaint = checked_complaint(complaint_of(row, new))
        _, receipt, _ = await intake.load_raw(row["raw_id"])
        filed = await intake.open_case(receipt, complaint, actor=viewer.actor, message_id=message_id)
        decided = Decided(decisions.COMPLAINT, viewer.actor, case_id=filed.case_id)
        await keep(row, decided)
        await rematching.ask(message_id)
    return filed


def complaint_of(row: Any, new: NewCase) -> Complaint:
    words = row["body"] or row["subject"] or "(no words; see the files)"
    return Complaint(
        channel=row["channel"],
        person=PersonGiven(name=new.name or row["sender_name"] or "Name withheld", email=new.email, phone=new.phone),
        matters=new.matters or (Matter(text=words),), summary=new.title or row["subject"],
        received_at=row["said_at"], unit=new.unit, case_type=new.case_type,
        language=row["language"] or "en", confidential=new.confidential, fields=dict(new.fields),
    )  # fmt: skip


async def keep(row: Any, decided: Decided) -> None:
    await decisions.keep(row["id"], decided)
    entry = decisions.entry(stream_of_message(row), row["id"], decided, subject_of_message(row))
    await append(actor=decided.actor, entries=[entry])
    news.tell(row["id"])


async def join(viewer: Viewer, message_id: UUID, reference: str, role: str = "", why: str = "") -> UUID:
    """Puts the message into a case. Raises Stranger where the sender is no party of it and no `role` is given; with a
    role they become one, for the reason `why`. Returns the case's id."""
    why = clean_text(why, "why", longest=500)
    named = await case_id_of(viewer, reference)
    async with db.transaction():
        row = await lock_message(viewer, message_id)
        if row["case_id"] is not None:
            raise NotNow("Somebody placed this message a moment ago. Open it again.")
        case = await joining.lock(named)
        case_id = UUID(str(case["id"]))
        await lock_case(viewer, "case.write", case_id)
        person_id, added = await _party(row, case_id, role, why)
        entry = await joining.join(
            joining.Joining(
                row["id"], row["raw_id"], person_id, "person", reference, row["channel"], row["body"], row["said_at"],
                None if case_id == named else named, last_word=not row["robot"], seen=True,
            ),
            case,
        )  # fmt: skip
        await joining.forget_sender(row["person_id"], person_id)
        decided = Decided(decisions.JOINED, viewer.actor, words=why, case_id=case_id)
        await decisions.keep(row["id"], decided)
        told = decisions.entry(stream_of_message(row), row["id"], decided, f"person/{person_id}")
        await append(actor=viewer.actor, entries=[*added, entry, told])
        await rematching.ask(row["id"])
        if added:
            await rematching.ask_for_case(case_id)
        news.tell(row["id"])
    return case_id


async def _party(row: Any, case_id: UUID, role: str, why: str) -> tuple[UUID, list[NewEntry]]:
    """The party who sent the message; one that is made now, with the entry that says so, where a role is given."""
    parties = await joining.parties(case_id)
    sender = joining.sender_of(row["sender_name"], row["sender_address"])
    known = matching.party(parties, sender, row["said_at"])
    if known is not None:
        return known, []
    if not role:
        raise Stranger(
            "The sender is no party of this case. If the message belongs there, say in which role they write, and why."
        )
    if role not in PARTY_ROLES:
        raise Invalid("Choose the role of this person in the case.", "role")
    if not why:
        raise Invalid("Say why this person may write in this case.", "why")
    party_id, person_id = new_id(), row["person_id"]
    await db.execute(
        "INSERT INTO core_party (id, case_id, person_id, role, authority, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        party_id, case_id, person_id, role, why, now(),
    )  # fmt: skip
    subject = f"person/{person_id}"
    body = {"party": str(party_id), "person": str(person_id), "role": role, "authority_until": ""}
    sealed = {"name": Sealed(subject, row["sender_name"]), "authority": Sealed(subject, why)}
    return person_id, [NewEntry(f"case/{case_id}", "party.added", body, sealed)]


async def set_aside(
    viewer: Viewer, message_ids: Sequence[UUID], reason: str, words: str = "", wording: str = ""
) -> int:
    """Records that these messages are no complaints, because …; returns how many. `wording`: the part of the message
    that says so."""
    if reason not in decisions.REASONS:
        raise Invalid("Choose why this is no complaint.", "reason")
    words = clean_text(words, "words", longest=2000, required=reason == "other")
    wording = clean_text(wording, "wording", longest=2000)
    done = 0
    async with db.transaction():
        for message_id in sorted(message_ids)[:AT_ONCE]:
            row = await lock_message(viewer, message_id)
            if row["case_id"] is not None or row["decision"] == decisions.NOT_COMPLAINT:
                continue
            if wording and wording not in row["body"]:
                raise Invalid("This is not in the message. Copy the words from it, or leave this empty.", "wording")
            await db.execute(
                "UPDATE core_message SET waits = FALSE, held = '', triage_due_at = NULL WHERE id = $1", row["id"]
            )
            decided = Decided(decisions.NOT_COMPLAINT, viewer.actor, reason, words, wording)
            await keep(row, decided)
            done += 1
    if not done and len(message_ids) == 1:
        raise NotNow("Somebody placed this message a moment ago. Open it again.")
    return done


async def undo(viewer: Viewer, message_id: UUID, why: str = "") -> None:
    """Takes the newest decision back: the message waits in the inbox again. A case that was opened stays; it is closed
    on its own page."""
    why = clean_text(why, "why", longest=2000)
    async with db.transaction():
        row = await lock_message(viewer, message_id)
        newest = await db.fetchrow(
            "SELECT decision, rule FROM core_triage WHERE message_id = $1 ORDER BY version DESC LIMIT 1", message_id
        )
        decision = newest["decision"] if newest else ""
        if decision == decisions.COMPLAINT:
            raise NotNow("Its case is open. Close the case there, with the reason, if it is no complaint.")
        if decision == decisions.JOINED:
            await lock_case(viewer, "case.write", row["case_id"])
            row = await leave(viewer, row)
        elif decision != decisions.NOT_COMPLAINT:
            raise NotNow("Nothing was decided about this message yet.")
        await wait_again(row)
        await keep(row, Decided(decisions.UNDONE, viewer.actor, words=why))


async def leave(viewer: Viewer, row: Any) -> Any:
    """Takes the message out of its case, which is locked, with its bytes, as somebody nobody knows yet."""
    sender_id = new_id()
    await joining.leave(row, sender_id)
    body = {"message": str(row["id"]), "raw": str(row["raw_id"] or "")}
    await append(actor=viewer.actor, entries=[NewEntry(f"case/{row['case_id']}", "message.left", body)])
    return {**dict(row), "person_id": sender_id, "case_id": None}


async def wait_again(row: Any) -> None:
    """The message stands in the inbox once more, with the deadline that it had."""
    promised = await promises.promises_in(row["unit_id"])
    due_at = row["said_at"] + timedelta(hours=promised.triage_within_hours)
    await db.execute("UPDATE core_message SET waits = TRUE, triage_due_at = $2 WHERE id = $1", row["id"], due_at)


async def release(viewer: Viewer, message_ids: Sequence[UUID]) -> int:
    """Lets messages in that were held back; each goes to its case or waits to be decided. Returns how many."""
    released = []
    async with db.transaction():
        for message_id in sorted(message_ids)[:AT_ONCE]:
            row = await lock_message(viewer, message_id)
            if row["held"]:
                await db.execute("UPDATE core_message SET held = '' WHERE id = $1", message_id)
                body = {"message": str(message_id), "held": row["held"]}
                await append(actor=viewer.actor, entries=[NewEntry(stream_of_message(row), "message.released", body)])
                released.append(message_id)
                news.tell(message_id)
    for message_id in released:
        await rematching.place_again(message_id)
    return len(released)


async def seen(viewer: Viewer, message_id: UUID) -> None:
    """Takes a message that came after its case was closed out of the inbox: somebody has read it, the case stays."""
    async with db.transaction():
        row = await lock_message(viewer, message_id)
        if row["case_id"] is None:
            raise NotAllowed("Decide first where this message belongs.")
        await lock_case(viewer, "case.write", row["case_id"])
        await db.execute("UPDATE core_message SET waits = FALSE WHERE id = $1", message_id)
        body = {"message": str(message_id)}
        await append(actor=viewer.actor, entries=[NewEntry(f"case/{row['case_id']}", "message.seen", body)])
        news.tell(message_id)


async def first_read(viewer: Viewer, message_id: UUID) -> None:
    """Notes who opened a message first, once."""
    async with db.transaction():
        raw_id = await db.fetchrow(
            "UPDATE core_message SET read_at = $2, read_by = $3 WHERE id = $1 AND read_at IS NULL RETURNING raw_id",
            message_id, now(), viewer.user_id,
        )  # fmt: skip
        if raw_id is not None:
            body = {"message": str(message_id)}
            stream = f"message/{raw_id['raw_id'] or message_id}"
            await append(actor=viewer.actor, entries=[NewEntry(stream, "message.read", body)])
