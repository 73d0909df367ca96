"""What the holder of a signed link may see and do: follow the case, answer, take documents, withdraw."""

import hmac
import re
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk import attachments, deadlines, file_kinds, messages
from ombud.desk.aspects import Decision, decide_aspect
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotAllowed, NotFound, NotNow
from ombud.desk.gate.rules import rules_in
from ombud.desk.merges.together import Together, first_of, together
from ombud.desk.promises import promises_in
from ombud.desk.words import letter
from ombud.desk.writing import record, update
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.process import settings
from ombud.trust import links, throttle, vault
from ombud.trust.links import Link
from ombud.trust.policy import Viewer
from ombud_plugin_api.facts import CustomerAspect, CustomerCase, CustomerMessage, Document, DocumentView

QUESTIONS = ("postcode", "phone", "email")
LONGEST_PROOF = 60  # minutes
TRIES, TRIES_WINDOW = 5, timedelta(minutes=30)


async def follow(token: str) -> CustomerCase:
    """The case as its complainant may see it; raises links.BadLink."""
    link = await links.read(token)
    own = await together(link.case_id, link.person_id)
    case = await _case(link, own)
    aspects = await _aspects(own)
    said = await _messages(own)
    zone = case["time_zone"]
    answer_by = deadlines.received_on(case["due_at"], zone) if case["due_at"] else None
    wrote_since = bool(said) and not said[-1].from_us and case["decided_at"] and said[-1].said_at > case["decided_at"]
    step, step_by = next_step(case["status"], [each.state for each in aspects], answer_by, wrote_since)
    return CustomerCase(
        reference=case["reference"], title=case["title"], status=case["status"], organisation=case["organisation"],
        phone=case["phone"], language=case["language"], received_on=case["received_on"], answer_by=answer_by,
        closed_on=deadlines.received_on(case["closed_at"], zone) if case["closed_at"] else None,
        next_step=step, next_by=step_by, aspects=tuple(aspects), messages=tuple(said),
        may_withdraw=case["status"] not in {"closed", "resolved"}, proof_questions=await _questions(link),
        unit=case["unit_key"], first_word_by=await _first_word_by(case, said),
        names_the_way=(await rules_in(case["unit_id"])).names_the_way(
            case["case_type"], deadlines.received_on(now(), zone), [each.outcome for each in aspects]
        ),
    )  # fmt: skip


async def _case(link: Link, own: Together) -> Record:
    """Reference and title of the link's own case, the rest of the case that holds it today; it is as far as the least
    finished of those that belong to the same people."""
    row = await db.fetchrow(
        "SELECT c.unit_id, c.case_type, c.due_at, c.closed_at, own.reference, own.title, own.language, "
        "own.received_on, u.name AS organisation, u.key AS unit_key, u.phone, u.time_zone, "
        "(SELECT max(a.decided_at) FROM core_aspect a WHERE a.case_id = ANY($3::uuid[])) AS decided_at, "
        "(SELECT o.status FROM core_case o WHERE o.id = c.id OR (o.id = ANY($3::uuid[]) AND o.merged_into IS NULL) "
        "ORDER BY array_position(ARRAY['new', 'in_progress', 'resolved', 'closed'], o.status) LIMIT 1) AS status "
        "FROM core_case own JOIN core_case c ON c.id = $2 JOIN core_unit u ON u.id = c.unit_id WHERE own.id = $1",
        link.case_id, own.root, list(own.cases),
    )  # fmt: skip
    if row is None:
        raise links.LinkInvalid
    return row


async def _first_word_by(case: Record, said: Sequence[CustomerMessage]) -> date | None:
    """The day by which the unit promised to write; None once it wrote or the case is closed."""
    if case["status"] == "closed" or any(each.from_us for each in said):
        return None
    promised = await promises_in(case["unit_id"])
    received: date = case["received_on"]
    return received + timedelta(days=promised.acknowledge_within_days)


async def _aspects(own: Together) -> list[CustomerAspect]:
    rows = await db.fetch(
        "SELECT a.*, u.time_zone, c.owner_id AS case_owner, coalesce((SELECT jsonb_agg(jsonb_build_array(r.kind, "
        "r.amount::text, r.currency, r.note) ORDER BY r.created_at) FROM core_redress r WHERE r.aspect_id = a.id "
        "AND r.reverses IS NULL AND NOT EXISTS (SELECT 1 FROM core_redress b WHERE b.reverses = r.id)), '[]') "
        "AS redress "
        "FROM core_aspect a JOIN core_case c ON c.id = a.case_id JOIN core_unit u ON u.id = c.unit_id "
        f"WHERE {first_of('a', '$1')} ORDER BY c.id <> $2, c.received_at, a.position",
        list(own.cases),
        own.root,
    )
    return [_aspect(row, letter(place)) for place, row in enumerate(rows, 1)]


def _aspect(row: Record, sign: str) -> CustomerAspect:
    decided = row["status"] == "closed"
    begun = row["owner_id"] is not None or row["case_owner"] is not None
    return CustomerAspect(
        id=row["id"], letter=sign, title=row["title"], text=row["text"],
        state="decided" if decided else "in_progress" if begun else "received",
        outcome=row["outcome"] if decided else "", reason=row["reason"] if decided else "",
        decided_on=deadlines.received_on(row["decided_at"], row["time_zone"]) if decided else None,
        redress=tuple(_redress(each) for each in row["redress"]) if decided else (),
    )  # fmt: skip


def _redress(line: Sequence[Any]) -> tuple[str, Any, str, str]:
    kind, amount, currency, note = line
    return (kind, None if amount is None else Decimal(amount), currency, note)


# What of ours the holder of a link may read: what has left, and was written to them or onto the customer's page. A
# message without a row in core_outgoing stands there since it was written.
_LEFT = (
    "(m.direction = 'in' OR NOT EXISTS (SELECT 1 FROM core_outgoing o WHERE o.id = m.id) OR EXISTS (SELECT 1 FROM "
    "core_outgoing o WHERE o.id = m.id AND o.state = 'sent' AND (o.channel = 'page' OR o.person_id = ANY($2::uuid[]))))"
)


async def _messages(own: Together) -> list[CustomerMessage]:
    rows = await db.fetch(
        f"SELECT m.id, m.direction, m.body, m.said_at FROM core_message m WHERE {first_of('m', '$1')} "
        f"AND m.direction <> 'note' AND {_LEFT} ORDER BY m.said_at DESC, m.id DESC LIMIT 200",
        list(own.cases), list(own.people),
    )  # fmt: skip
    return [
        CustomerMessage(id=row["id"], from_us=row["direction"] == "out", body=row["body"], said_at=row["said_at"])
        for row in reversed(rows)
    ]


def next_step(
    status: str, states: Sequence[str], answer_by: date | None, wrote_since: bool = False
) -> tuple[str, date | None]:
    """What happens next, as a code the page puts into words, and by when. `wrote_since`: the customer's word came after
    every decision and nobody answered yet. Pure."""
    if status == "closed":
        return "closed", None
    if states and all(state == "decided" for state in states):
        return ("again" if wrote_since else "closing"), None
    if "decided" in states:
        return "some_decided", answer_by
    return ("in_progress" if "in_progress" in states else "received"), answer_by


async def _questions(link: Link) -> tuple[str, ...]:
    row = await db.fetchrow("SELECT postcode, phone, email FROM core_person WHERE id = $1", link.person_id)
    return tuple(each for each in QUESTIONS if row and row[each])


async def prove(token: str, question: str, answer: str, minutes: int = 20) -> str:
    """Compares the answer with what the person told us; a proof for so many minutes, 60 at most. Five tries in half an
    hour."""
    link = await links.read(token)
    if question not in await _questions(link):
        raise Invalid("Choose one of the questions on the page.", "question")
    answer = clean_text(answer, "answer", longest=200, required=True)
    await throttle.hit(f"proof:{link.id}", TRIES, TRIES_WINDOW)
    told = str(await db.fetchval(f"SELECT {question} FROM core_person WHERE id = $1", link.person_id))
    if not hmac.compare_digest(plain(question, told).encode(), plain(question, answer).encode()):
        raise Invalid("This is not what you told us when you complained. Check it, or call us.", "answer")
    return links.proof_for(link.id, max(1, min(minutes, LONGEST_PROOF)))


def plain(question: str, text: str) -> str:
    """Answers compared without spaces, signs and case; of a phone number the last nine digits count."""
    if question == "phone":
        return re.sub(r"\D", "", text)[-9:]
    return re.sub(r"[\s-]", "", text).casefold()


async def _proven(token: str, proof: str) -> Link:
    link = await links.read(token)
    if not links.proof_ok(link.id, proof):
        raise NotAllowed("Answer the question first, so that we know it is you.")
    return link


def _person(link: Link) -> Viewer:
    return Viewer(actor=f"person/{link.person_id}", system=True)


async def say(token: str, text: str, key: str, proof: str = "", documents: Sequence[Document] = ()) -> None:
    """Adds the customer's words to the case, and documents where they proved who they are."""
    link = await _proven(token, proof) if documents else await links.read(token)
    text = clean_text(text, "text", longest=settings().limits.text_chars, required=True)
    checked = attachments.checked(documents)
    await throttle.hit(f"say:{link.id}", 30, timedelta(hours=1))
    async with db.transaction():
        case_id = await _back_to_the_desk(link)
        await messages.add(
            _person(link), case_id, direction="in", channel="link", text=text, person_id=link.person_id,
            key=key, documents=checked, origin=None if case_id == link.case_id else link.case_id,
        )  # fmt: skip


async def _back_to_the_desk(link: Link) -> UUID:
    """Locks the case that holds what the link opens, and gives its id; a closed one goes back to resolved, so that
    somebody sees what was said after the end."""
    while True:
        case_id = (await together(link.case_id, link.person_id)).root
        row = await db.fetchrow("SELECT status, merged_into FROM core_case WHERE id = $1 FOR UPDATE", case_id)
        if row is None:
            raise links.LinkInvalid
        if row["merged_into"] is None:  # else it was merged a moment ago
            break
    if row["status"] == "closed":
        await update("core_case", case_id, {"status": "resolved", "closed_at": None})
        body = {"status": "resolved", "reopened": True}
        await record(_person(link), case_id, "case.status_changed", body)
    return case_id


async def documents(token: str, proof: str) -> tuple[DocumentView, ...]:
    """Documents that came with what the customer said or was told; those of staff notes stay inside."""
    link = await _proven(token, proof)
    rows = await _documents(await together(link.case_id, link.person_id))
    return tuple(
        DocumentView(
            id=row["id"],
            name=row["name"],
            content_type=row["content_type"],
            size=row["size"],
            added_at=row["created_at"],
        )
        for row in rows
    )


async def _documents(own: Together) -> list[Record]:
    return await db.fetch(
        "SELECT a.* FROM core_attachment a LEFT JOIN core_message m ON m.id = a.message_id "
        f"WHERE ({first_of('m', '$1')} AND m.direction <> 'note' AND {_LEFT}) OR (a.case_id = $3 AND EXISTS ("
        "SELECT 1 FROM core_outgoing o WHERE o.case_id = $3 AND o.state = 'sent' AND (o.channel = 'page' "
        "OR o.person_id = ANY($2::uuid[])) AND o.documents ? a.id::text)) ORDER BY a.created_at, a.id",
        list(own.cases), list(own.people), own.root,
    )  # fmt: skip


async def document(token: str, proof: str, document_id: UUID) -> Document:
    link = await _proven(token, proof)
    for row in await _documents(await together(link.case_id, link.person_id)):
        if row["id"] == document_id:
            data = await vault.load(row["vault_id"])
            return Document(name=row["name"], content_type=file_kinds.told(row["content_type"]), data=data)
    raise NotFound("There is no such document in your complaint.")


async def withdraw(token: str, proof: str, aspect_id: UUID | None, reason: str) -> None:
    """The customer takes back one matter or all open ones; core closes them as withdrawn, in their own words."""
    link = await _proven(token, proof)
    reason = clean_text(reason, "reason", longest=5000) or "Withdrawn by the complainant."
    own = await together(link.case_id, link.person_id)
    rows = await db.fetch(
        f"SELECT a.id FROM core_aspect a WHERE {first_of('a', '$1')} AND a.status = 'open' ORDER BY a.position",
        list(own.cases),
    )
    open_ids = [row["id"] for row in rows if aspect_id is None or row["id"] == aspect_id]
    if not open_ids:
        raise NotNow("There is nothing open to withdraw.")
    async with db.transaction():
        for each in open_ids:
            await decide_aspect(_person(link), each, Decision("withdrawn", reason), None)
