"""Evidence asked for in a message: written into the register with the message, and following what becomes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from ombud.desk.because import cause_now, explained
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid
from ombud.desk.matters import evidence
from ombud.desk.writing import lock_aspect
from ombud.kernel.database import db
from ombud.speech import sentence
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import Viewer

MOST = 20
FIELD = "asks"


@dataclass(frozen=True)
class Asking:
    """One thing a message asks for. `need`: key of the evidence of a protocol, or empty."""

    aspect_id: UUID
    what: str
    asked_of: str
    due_on: date | None = None
    need: str = ""


def checked(asks: Sequence[Asking]) -> tuple[Asking, ...]:
    """Pure; raises Invalid, naming what is missing."""
    if len(asks) > MOST:
        raise Invalid(
            sentence("A message asks for at most %(most)s things. Put what belongs together into one.", most=MOST),
            FIELD,
        )
    found = []
    for each in asks:
        what = clean_text(each.what, FIELD, longest=500)
        asked_of = clean_text(each.asked_of, FIELD, longest=200)
        if not what:
            raise Invalid("Say what you ask for, or clear the line.", FIELD)
        if not asked_of:
            raise Invalid(sentence("Say of whom you ask for “%(what)s”.", what=what[:60]), FIELD)
        found.append(replace(each, what=what, asked_of=asked_of))
    return tuple(found)


async def ask_in_message(viewer: Viewer, case_id: UUID, message_id: UUID, asks: Sequence[Asking]) -> None:
    """Writes what a message asks for into the registers, in the transaction that writes the message."""
    for each in asks:
        case, _ = await lock_aspect(viewer, "case.write", each.aspect_id)
        if case["id"] != case_id:
            raise Invalid("One of the aspects is not in this case. Open the case again.", FIELD)
        await evidence.write_down(
            viewer, case["id"], each.aspect_id, each.what, each.asked_of, each.due_on, each.need, message_id
        )


async def withdraw(actor: str, case_id: UUID | None, message_id: UUID) -> None:
    """The message does not reach whom it asks, so what it asks for and nobody brought is not asked for. In the caller's
    transaction."""
    rows = await db.fetch(
        "UPDATE core_evidence SET state = 'withdrawn', version = version + 1 WHERE message_id = $1 "
        "AND state = 'asked' RETURNING id, aspect_id, need",
        message_id,
    )  # fmt: skip
    entries = [
        NewEntry(f"case/{case_id}", "evidence.withdrawn", explained({
            "aspect": str(row["aspect_id"]), "evidence": str(row["id"]), "need": row["need"],
            "message": str(message_id),
        }))
        for row in sorted(rows, key=lambda each: each["id"].int)
    ]  # fmt: skip
    if entries and case_id is not None:
        await append(actor=actor, cause=cause_now(), entries=entries)


async def of_message(message_id: UUID) -> list[dict[str, Any]]:
    """What a message asks for and nobody brought, as the box for a message keeps it."""
    rows = await db.fetch(
        "SELECT * FROM core_evidence WHERE message_id = $1 AND state IN ('asked', 'withdrawn') ORDER BY created_at, id",
        message_id,
    )
    return [kept(row) for row in rows]


def kept(row: Mapping[str, Any]) -> dict[str, Any]:
    """One line as a draft holds it."""
    return {
        "what": row["what"], "of": row["asked_of"], "by": row["due_on"].isoformat() if row["due_on"] else "",
        "for": str(row["aspect_id"]), "need": row["need"],
    }  # fmt: skip
