"""A message that came in, from its stored bytes into a case or the inbox.

stored → parsed → robot checks → joined, or it waits. The bytes are committed before; what follows is one transaction
for each message, safe to run twice.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import structs

from ombud.desk import attachments, promises, queues
from ombud.desk.checking import LINE, OLDEST
from ombud.desk.inbox import copies, decisions, joining, matching, news, rematching, reports, robots, threads
from ombud.desk.inbox.decisions import Decided
from ombud.desk.intake import Receipt
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.process import settings
from ombud.trust import vault
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud_plugin_api.correspondence import Automatic, InboundMessage, Mark
from ombud_plugin_api.facts import Document, PersonGiven

STEPS = ("stored", "parsed", "checked", "placed")
_UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_AHEAD = timedelta(minutes=5)
_MARKS = 40


async def take(receipt: Receipt, said: InboundMessage) -> UUID | None:
    """Puts it into its case or into the inbox; returns the message's id, that of the first one for a second copy."""
    said = tidied(said, receipt)
    documents = attachments.taken(said.documents)
    async with db.transaction():
        await threads.alone(said.thread)
        known = await db.fetchrow("SELECT status, message_id FROM core_raw WHERE id = $1 FOR UPDATE", receipt.id)
        if known is None or known["status"] == "done":
            return known["message_id"] if known else None
        message_id = await copies.join_first(receipt, said) or await _take(receipt, said, documents)
        await _steps(receipt.id)
    return message_id


@dataclass(frozen=True, slots=True)
class _Taken:
    """Everything about a message that is settled before its row is written."""

    id: UUID
    receipt: Receipt
    said: InboundMessage
    received_at: datetime
    unit_id: UUID
    queue_id: UUID | None
    robot: Automatic | None
    flood: bool
    belongs: matching.Belongs | None
    due_at: datetime

    @property
    def joins(self) -> bool:
        return bool(self.belongs and self.belongs.person_id) and self.robot is None and not self.flood


async def _take(receipt: Receipt, said: InboundMessage, documents: tuple[Document, ...]) -> UUID:
    taken = await _settled(receipt, said)
    subject = f"person/{receipt.person_id}"
    if not taken.joins:
        await _write_sender(taken)
    await _write(taken)
    await threads.remember(taken.id, said.thread.id)
    await threads.answers_kept(taken.id, said.thread)
    await db.execute("UPDATE core_raw SET status = 'done', reason = '', message_id = $2 WHERE id = $1",
                     receipt.id, taken.id)  # fmt: skip
    await attachments.store(documents, case_id=None, message_id=taken.id, person_id=receipt.person_id)
    if taken.joins:
        await _join(taken)
        await rematching.ask(taken.id)
    else:
        await _record(taken, subject)
    for report in said.reports:
        await reports.report(report.about, report)
    news.tell(taken.id)
    return taken.id


async def _settled(receipt: Receipt, said: InboundMessage) -> _Taken:
    received_at = said.received_at or receipt.received_at
    unit = await _unit(said.unit)
    robot = await robots.recognised(said)
    flood = await robots.floods(said, received_at, unit["id"])
    asked = matching.Asked(said.sender, said.thread, f"{said.subject}\n{said.text}", received_at)
    promised = await promises.promises_in(unit["id"])
    return _Taken(
        id=new_id(), receipt=receipt, said=said, received_at=received_at, unit_id=unit["id"],
        queue_id=await _queue(unit["id"], said), robot=robot, flood=flood, belongs=await matching.find(asked),
        due_at=received_at + timedelta(hours=promised.triage_within_hours),
    )  # fmt: skip


async def _unit(key: str) -> Any:
    """The unit of the account, or the first one where that names none there is."""
    return await db.fetchrow(
        "SELECT id, time_zone FROM core_unit WHERE (key = $1 AND active) OR parent_id IS NULL "
        "ORDER BY (key = $1 AND active) DESC, created_at, id LIMIT 1",
        key,
    )


async def _queue(unit_id: UUID, said: InboundMessage) -> UUID | None:
    facts = {
        "unit_id": unit_id, "case_type": "complaint", "channel": said.channel, "priority": "normal", "severity": 1,
        "language": said.language, "category": "", "account": said.account.lower(),
    }  # fmt: skip
    rows = await db.fetch("SELECT id, key, unit_id, condition, position, active FROM core_queue WHERE active")
    return queues.choose(facts, rows)


async def _write_sender(taken: _Taken) -> None:
    sender, receipt = taken.said.sender, taken.receipt
    await db.execute(
        "INSERT INTO core_person (id, kind, name, email, phone, postcode, address, language, created_at, version) "
        "VALUES ($1, 'person', $2, $3, $4, $5, '', $6, $7, 1)",
        receipt.person_id, sender.name, sender.email, sender.phone, sender.postcode, taken.said.language, now(),
    )  # fmt: skip


_MESSAGE = """
INSERT INTO core_message (id, person_id, raw_id, channel, direction, subject, body, said_at, recorded_at, key, decision,
    decision_reason, decided_by, triage_due_at, unit_id, queue_id, account, sender_name, sender_address, language,
    sent_at, quoted, html, marks, robot, robot_reason, held, waits, possible_case_id, possible_reason)
VALUES ($1, $2, $3, $4, 'in', $5, $6, $7, $8, '', '', '', '', $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
    $21, $22, TRUE, $23, $24)
"""


async def _write(taken: _Taken) -> None:
    said, robot, belongs = taken.said, taken.robot, None if taken.joins else taken.belongs
    await db.execute(
        _MESSAGE,
        taken.id, None if taken.joins else taken.receipt.person_id, taken.receipt.id, said.channel, said.subject,
        said.text, taken.received_at, now(), taken.due_at, taken.unit_id, taken.queue_id, said.account,
        said.sender.name, said.sender.email or said.sender.phone, said.language, said.said_at, said.quoted, said.html,
        [{"key": each.key, "label": each.label, "tone": each.tone} for each in said.marks],
        robot.kind if robot else "", robot.reason if robot else "", robots.FLOOD if taken.flood else "",
        belongs.case_id if belongs else None, belongs.hint.by if belongs else "",
    )  # fmt: skip


async def _join(taken: _Taken) -> None:
    belongs, said = taken.belongs, taken.said
    assert belongs is not None
    assert belongs.person_id is not None
    case = await joining.lock(belongs.case_id)
    person = f"person/{belongs.person_id}"
    entry = await joining.join(
        joining.Joining(
            taken.id, taken.receipt.id, belongs.person_id, belongs.hint.by, belongs.hint.told, said.channel, said.text,
            taken.received_at, belongs.origin,
        ),
        case,
    )  # fmt: skip
    await vault.retire(f"person/{taken.receipt.person_id}")
    decided = Decided(decisions.JOINED, rule=f"joined.{belongs.hint.by}", case_id=case["id"])
    await decisions.keep(taken.id, decided)
    await append(
        actor=person,
        cause=f"command/{taken.receipt.id}",
        entries=[entry, decisions.entry(f"message/{taken.receipt.id}", taken.id, decided, person)],
    )


async def _record(taken: _Taken, subject: str) -> None:
    """The entry of a message that waits; a report about a message of ours needs nobody's decision."""
    said, stream = taken.said, f"message/{taken.receipt.id}"
    body = {
        "message": str(taken.id), "raw": str(taken.receipt.id), "channel": said.channel, "direction": "in",
        "unit": str(taken.unit_id), "robot": taken.robot.kind if taken.robot else "",
        "held": robots.FLOOD if taken.flood else "",
    }  # fmt: skip
    entries = [NewEntry(stream, "message.received", body, {"body": Sealed(subject, said.text)})]
    if (rule := by_rule(taken)) is not None:
        await decisions.keep(taken.id, rule)
        await db.execute("UPDATE core_message SET waits = FALSE, held = '' WHERE id = $1", taken.id)
        entries.append(decisions.entry(stream, taken.id, rule, subject))
    await append(actor=subject, entries=entries)


def by_rule(taken: _Taken) -> Decided | None:
    """Pure: what needs nobody's decision, because it speaks of a message of ours and was written by a machine."""
    if taken.robot is None:
        return None
    if taken.said.reports:
        return Decided(decisions.NOT_COMPLAINT, reason="delivery_report", rule=f"robot.{taken.robot.kind}")
    if taken.robot.kind == "auto_reply" and taken.belongs is not None and taken.belongs.hint.by != "reference":
        return Decided(decisions.NOT_COMPLAINT, reason="answer_of_machine", rule="robot.auto_reply")
    return None


async def _steps(raw_id: UUID) -> None:
    await db.execute(
        "INSERT INTO core_intake_step (id, raw_id, step, state, attempts, error, at) "
        "SELECT gen_random_uuid(), $1, each, 'done', 1, '', $3 FROM unnest($2::text[]) AS each "
        "ON CONFLICT (raw_id, step) DO UPDATE SET state = 'done', error = '', at = excluded.at",
        raw_id,
        list(STEPS),
        now(),
    )


def tidied(said: InboundMessage, receipt: Receipt) -> InboundMessage:
    """Pure but for the clock: what the database and a reader can hold. Nobody can be asked again, so nothing is
    refused; what was cut or taken out is marked, and the bytes hold all of it."""
    longest = settings().limits.text_chars
    marks = [Mark(key=_line(each.key)[:40], label=_line(each.label), tone=each.tone) for each in said.marks[:_MARKS]]
    if max(len(said.text), len(said.quoted), len(said.html)) > longest:
        marks.append(Mark(key="cut", label="Cut because of its length; the message as it came holds all", tone="bad"))
    received_at = said.received_at if said.received_at and said.received_at.tzinfo else None
    if received_at is not None and not OLDEST <= received_at <= now() + _AHEAD:
        received_at = None
    sender = said.sender
    automatic = said.automatic
    return structs.replace(
        said,
        sender=PersonGiven(
            name=_line(sender.name), email=_line(sender.email), phone=_line(sender.phone)[:50],
            postcode=_line(sender.postcode)[:20], language=_line(sender.language)[:10],
        ),
        channel=said.channel[:60], subject=_line(said.subject, 500), text=_text(said.text, longest),
        quoted=_text(said.quoted, longest), html=_text(said.html, longest) if len(said.html) <= longest else "",
        language=_line(said.language)[:10], account=_line(said.account), unit=_line(said.unit),
        thread=threads.counted(structs.replace(
            said.thread, id=_line(said.thread.id, threads.LONGEST),
            answers=tuple(_line(each, threads.LONGEST) for each in said.thread.answers),
        )),
        automatic=automatic and Automatic(kind=_line(automatic.kind)[:40], reason=_line(automatic.reason)),
        received_at=received_at or receipt.received_at, said_at=_moment(said.said_at), marks=tuple(marks),
    )  # fmt: skip


def _line(text: str, longest: int = LINE) -> str:
    return " ".join(_UNFIT.sub(" ", text).split())[:longest]


def _text(text: str, longest: int) -> str:
    return _UNFIT.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()[:longest]


def _moment(at: datetime | None) -> datetime | None:
    """What a sender's clock said, unless the database cannot hold it."""
    return at if at is not None and at.tzinfo is not None and 1900 <= at.year <= 3000 else None
