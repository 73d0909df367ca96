"""What a new case is made of: planned before the first row is written, then one statement with the entries that tell of
it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.desk import deadlines, fields, queues, references, representatives
from ombud.desk.ground import Ground
from ombud.desk.words import is_code, is_language
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.writes import Writes
from ombud.process import address, settings
from ombud.trust import links
from ombud.trust.canonical import moment_text
from ombud.trust.ledger import NewEntry, Sealed, begin
from ombud_plugin_api.facts import Complaint, Filed

STEPS = ("stored", "parsed", "opened", "aspects", "clocks", "queued")


@dataclass(frozen=True)
class Receipt:
    """A raw message that is safe in the database; `case_id` once it became a case."""

    id: UUID
    person_id: UUID
    received_at: datetime
    status: str
    case_id: UUID | None
    key: bytes | None = field(default=None, repr=False)  # the person's, where this request made it itself
    number: int | None = None  # of its case, drawn with it
    account: str = ""  # the mailbox or number it came to
    settled: int = 0  # the number of the desk's settings when it was stored


@dataclass(frozen=True)
class Opening:
    """Everything about a new case that is settled before the first row is written."""

    receipt: Receipt
    case_id: UUID
    message_id: UUID
    party_id: UUID
    aspect_ids: tuple[UUID, ...]
    reference: str
    ground: Ground
    title: str
    received_at: datetime
    due_at: datetime
    queue_id: UUID | None
    aspect_queues: tuple[UUID | None, ...]
    """The queue of its own that a matter waits in; None: with the case."""
    link: Any
    fields: dict[str, Any]
    filed: Filed
    representative: representatives.Speaks | None = None
    waited: bool = False
    """Its first message waited in the inbox."""


def planned(receipt: Receipt, complaint: Complaint, ground: Ground, message_id: UUID | None = None) -> Opening:
    assert receipt.number is not None
    received_at = complaint.received_at or receipt.received_at
    due_at = deadlines.due(received_at, ground.days, ground.time_zone)
    reference = references.make(receipt.number, settings().complaints.reference_prefix)
    case_id = new_id()
    link_row, token = links.prepare(case_id, receipt.person_id, "track", ground.promises.tracking_link_days)
    facts = {
        "unit_id": ground.unit_id, "case_type": complaint.case_type, "channel": complaint.channel, "priority": "normal",
        "severity": 1, "language": complaint.language, "category": complaint.matters[0].category,
        "account": receipt.account.lower(),
    }  # fmt: skip
    queue_id = queues.choose(facts, ground.queues)
    apart = [
        queues.elsewhere(facts, complaint.matters[0].category, {"category": each.category}, ground.queues)
        for each in complaint.matters
    ]
    filed = Filed(
        reference=reference, case_id=case_id, track_url=address(f"/track/{token}"), received_at=received_at,
        answer_by=deadlines.received_on(due_at, ground.time_zone),
    )  # fmt: skip
    return Opening(
        receipt=receipt, case_id=case_id, message_id=message_id or new_id(), party_id=new_id(),
        aspect_ids=tuple(new_id() for _ in complaint.matters), reference=reference, ground=ground,
        title=title_of(complaint), received_at=received_at, due_at=due_at,
        queue_id=queue_id, aspect_queues=tuple(apart), link=link_row,
        fields=fields.check(ground.fields, complaint.fields), filed=filed,
        representative=representatives.speaks(complaint.represented_by), waited=message_id is not None,
    )  # fmt: skip


def title_of(complaint: Complaint) -> str:
    """One line for lists: the summary, or the first matter's title or opening words."""
    first = complaint.matters[0]
    return shortened(complaint.summary or first.title or first.text, 120)


def shortened(text: str, length: int) -> str:
    """The opening of a text on one line, cut at a word."""
    line = " ".join(text.split())
    if len(line) <= length:
        return line
    return line[: length - 1].rsplit(" ", 1)[0].rstrip(",.;:") + "…"


_TAKE = """
UPDATE core_raw SET status = 'done', reason = '', case_id = $2, message_id = $3 WHERE id = $1 AND case_id IS NULL
RETURNING id
"""
# In a transaction of its own a complaint notes what is new itself; the triggers that would do it keep still meanwhile.
_TAKE_ALONE = f"{_TAKE}, set_config('ombud.opening', 'on', true)"
_NOTES = (
    """
    INSERT INTO core_search_due (kind, subject, at)
    SELECT new.*, $3 FROM unnest($1::text[], $2::uuid[]) AS new (kind, subject) WHERE {gate}
    """,
    """
    INSERT INTO core_queue_count (id, queue_id, unit_id, status, confidential, owned, delta, at)
    SELECT $4, $5, $6, 'new', $7, FALSE, 1, $3 WHERE {gate}
    """,
)
_PERSON = """
INSERT INTO core_person (id, kind, name, email, phone, postcode, address, language, created_at, version)
SELECT $1, 'person', $2, $3, $4, $5, '', $6, $7, 1 WHERE {gate}
"""
_PERSON_KNOWN = """
UPDATE core_person SET name = $2, email = $3, phone = $4, postcode = $5, language = $6, version = version + 1
WHERE id = $1 AND $7::timestamptz IS NOT NULL AND {gate}
"""
_CASE = """
INSERT INTO core_case (id, reference, unit_id, case_type, title, status, priority, severity, queue_id, channel,
    language, confidential, received_at, received_on, opened_at, due_at, changed_at, fields, aspects_total,
    aspects_closed, mood, last_word_at, last_word_channel, version)
SELECT $1, $2, $3, $4, $5, 'new', 'normal', 1, $6, $7, $8, $9, $10, $11, $12, $13, $12, $14, $15, 0, '', $10, $7, 1
WHERE {gate}
"""
_PARTY_AND_LINK = (
    """
    INSERT INTO core_party (id, case_id, person_id, role, authority, created_at)
    SELECT $1, $2, $3, 'complainant', '', $4 WHERE {gate}
    """,
    """
    INSERT INTO core_link (id, case_id, person_id, purpose, created_at, expires_at, revoked_by)
    SELECT $5, $2, $3, 'track', $4, $6, '' WHERE {gate}
    """,
)
_MESSAGE = """
INSERT INTO core_message (id, case_id, person_id, raw_id, channel, direction, subject, body, said_at, recorded_at,
    key, decision, decision_reason, decided_by, decided_at, told)
SELECT $1, $2, $3, $4, $5, 'in', $6, $7, $8, $9, '', 'complaint', $10, 'system', $9, $11 WHERE {gate}
"""
_DECIDED = """
INSERT INTO core_triage (id, message_id, version, decision, reason, words, wording, rule, actor, unit_id, case_id, at)
SELECT $12, $1, 1, 'complaint', '', '', '', 'filed.' || $5, 'system', $13, $2, $9 WHERE {gate}
"""
# What waited leaves the inbox, its files and its other receipts along; who decided it was written down there.
_MESSAGE_KNOWN = (
    """
    UPDATE core_message SET case_id = $2, unit_id = $3, possible_case_id = NULL, possible_reason = '', held = '',
        waits = FALSE, triage_due_at = NULL WHERE id = $1 AND {gate}
    """,
    "UPDATE core_attachment SET case_id = $2 WHERE message_id = $1 AND {gate}",
    "UPDATE core_raw SET status = 'done', reason = '', case_id = $2 WHERE message_id = $1 AND id <> $4 AND {gate}",
)
_ASPECTS = (
    """
    INSERT INTO core_aspect (id, case_id, position, title, text, category, status, priority, severity, due_at, version,
        queue_id)
    SELECT a.id, $2, a.position, a.title, a.text, a.category, 'open', 'normal', 1, $7, 1, a.queue_id
    FROM unnest($1::uuid[], $3::int[], $4::text[], $5::text[], $6::text[], $8::uuid[])
        AS a(id, position, title, text, category, queue_id)
    WHERE {gate}
    """,
    """
    INSERT INTO core_message_aspect (id, message_id, aspect_id)
    SELECT pin.id, $9, pin.aspect_id FROM unnest($10::uuid[], $1::uuid[]) AS pin (id, aspect_id) WHERE {gate}
    """,
)
_STEPS = """
INSERT INTO core_intake_step (id, raw_id, step, state, attempts, error, at)
SELECT done.id, $1, done.step, 'done', 1, '', $4 FROM unnest($2::uuid[], $3::text[]) AS done (id, step) WHERE {gate}
ON CONFLICT (raw_id, step) DO UPDATE SET state = 'done', error = '', at = excluded.at
"""


def written(opening: Opening, complaint: Complaint, actor: str, subject_keys: Mapping[str, bytes]) -> Writes:
    """Receipt, person, case, party, link, message, aspects, pins and steps, with the entries that tell of them."""
    alone, moment = not db.in_transaction(), now()
    take = _TAKE_ALONE if alone else _TAKE
    writes = Writes(take, opening.receipt.id, opening.case_id, opening.message_id)
    person, person_id = complaint.person, opening.receipt.person_id
    writes.add(
        [_PERSON_KNOWN if opening.waited else _PERSON],
        person_id,
        person.name,
        person.email,
        person.phone,
        person.postcode,
        complaint.language,
        moment,
    )
    _put_case(writes, opening, complaint, moment)
    writes.add(
        _PARTY_AND_LINK, opening.party_id, opening.case_id, person_id, moment, opening.link.id, opening.link.expires_at
    )
    _put_message(writes, opening, complaint, moment)
    _put_aspects(writes, opening, complaint)
    writes.add([_STEPS], opening.receipt.id, [new_id() for _ in STEPS], list(STEPS), moment)
    if alone:
        _put_notes(writes, opening, complaint, moment)
    _put_entries(writes, opening, complaint, actor, subject_keys)
    return writes


def _put_notes(writes: Writes, opening: Opening, complaint: Complaint, moment: datetime) -> None:
    """What is to be searchable, and which queue has one case more."""
    new = {"case": opening.case_id, "message": opening.message_id, "person": opening.receipt.person_id}
    writes.add(
        _NOTES, list(new), list(new.values()), moment, new_id(), opening.queue_id, opening.ground.unit_id,
        complaint.confidential,
    )  # fmt: skip


def _put_message(writes: Writes, opening: Opening, complaint: Complaint, moment: datetime) -> None:
    receipt, unit_id = opening.receipt, opening.ground.unit_id
    if opening.waited:
        writes.add(_MESSAGE_KNOWN, opening.message_id, opening.case_id, unit_id, receipt.id)
        return
    writes.add(
        [_MESSAGE, _DECIDED], opening.message_id, opening.case_id, receipt.person_id, receipt.id, complaint.channel,
        opening.title, body_of(complaint), opening.received_at, moment, f"filed as a complaint by {complaint.channel}",
        complaint.told, new_id(), unit_id,
    )  # fmt: skip


def _put_case(writes: Writes, opening: Opening, complaint: Complaint, moment: datetime) -> None:
    writes.add(
        [_CASE], opening.case_id, opening.reference, opening.ground.unit_id, complaint.case_type, opening.title,
        opening.queue_id, complaint.channel, complaint.language, complaint.confidential, opening.received_at,
        deadlines.received_on(opening.received_at, opening.ground.time_zone), moment, opening.due_at, opening.fields,
        len(complaint.matters),
    )  # fmt: skip


def _put_aspects(writes: Writes, opening: Opening, complaint: Complaint) -> None:
    matters = complaint.matters
    writes.add(
        _ASPECTS, list(opening.aspect_ids), opening.case_id, list(range(1, len(matters) + 1)),
        [matter.title or shortened(matter.text, 80) for matter in matters], [matter.text for matter in matters],
        [matter.category for matter in matters], opening.due_at, list(opening.aspect_queues), opening.message_id,
        [new_id() for _ in matters],
    )  # fmt: skip


def body_of(complaint: Complaint) -> str:
    """What the complainant said, as one text for the timeline."""
    if len(complaint.matters) == 1:
        only = complaint.matters[0].text
        return only if complaint.summary in {"", only} else f"{complaint.summary}\n\n{only}"
    parts = [complaint.summary] if complaint.summary else []
    for place, matter in enumerate(complaint.matters, 1):
        said_below = not matter.title or matter.text.startswith(matter.title.removesuffix("…"))
        head = f"{place}. " if said_below else f"{place}. {matter.title}\n"
        parts.append(head + matter.text)
    return "\n\n".join(parts)


def _put_entries(
    writes: Writes, opening: Opening, complaint: Complaint, actor: str, subject_keys: Mapping[str, bytes]
) -> None:
    stream, person = f"case/{opening.case_id}", f"person/{opening.receipt.person_id}"
    aspects = [
        {
            "id": str(identity),
            "position": place,
            "status": "open",
            "priority": "normal",
            "severity": 1,
            "due_at": moment(opening.due_at),
            "category": matter.category if is_code(matter.category) else "",
            **({"queue": str(queue)} if queue else {}),
        }
        for place, (identity, matter, queue) in enumerate(
            zip(opening.aspect_ids, complaint.matters, opening.aspect_queues, strict=True), 1
        )
    ]
    body = {
        "reference": opening.reference, "unit": str(opening.ground.unit_id), "channel": complaint.channel,
        "status": "new", "case_type": complaint.case_type, "priority": "normal", "severity": 1, "owner": "",
        "queue": str(opening.queue_id or ""),
        "received_at": moment(opening.received_at), "due_at": moment(opening.due_at),
        "person": str(opening.receipt.person_id), "party": str(opening.party_id), "link": str(opening.link.id),
        "aspects": aspects, "confidential": complaint.confidential,
        "language": complaint.language if is_language(complaint.language) else "",
        "coded": fields.coded(opening.ground.fields, opening.fields),
    }  # fmt: skip
    values = {"name": complaint.person.name, "email": complaint.person.email, "phone": complaint.person.phone}
    sealed = {f"person.{key}": Sealed(person, value) for key, value in values.items() if value}
    sealed["title"] = Sealed(person, opening.title)
    sealed |= {f"matter.{place}": Sealed(person, each.text) for place, each in enumerate(complaint.matters, 1)}
    sealed |= {
        f"matter.{place}.category": Sealed(person, each.category)
        for place, each in enumerate(complaint.matters, 1)
        if not is_code(each.category)
    }
    said = {"message": str(opening.message_id), "channel": complaint.channel, "direction": "in",
            "decision": "complaint", "aspects": [str(each) for each in opening.aspect_ids]}  # fmt: skip
    begin(
        writes,
        actor=actor,
        cause=f"command/{opening.receipt.id}",
        entries=[
            NewEntry(stream, "case.opened", body, sealed),
            NewEntry(stream, "message.received", said, {"body": Sealed(person, body_of(complaint))}),
            *([opening.representative.entry(stream)] if opening.representative else []),
        ],
        subject_keys=subject_keys,
    )


def moment(at: datetime) -> str:
    """A time as entries hold it."""
    return moment_text(at)
