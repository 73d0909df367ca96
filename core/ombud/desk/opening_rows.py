"""The rows of new cases and the entries that tell of them, as one statement for several complaints of one moment.

The rows of a table travel as one JSON text: encoding an array for each of its columns costs both sides more.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ombud.desk import deadlines, fields
from ombud.desk.opening import Opening, body_of, moment, shortened
from ombud.desk.words import is_code, is_language
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.writes import Writes
from ombud.trust.ledger import Beginning, NewEntry, Sealed, begin
from ombud_plugin_api.facts import PersonGiven

STEPS = ("stored", "parsed", "opened", "aspects", "clocks", "queued")


_TAKE = """
UPDATE core_raw SET status = 'done', reason = '', case_id = new.case_id, message_id = new.message_id
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS new (raw_id, case_id, message_id)
WHERE core_raw.id = new.raw_id AND core_raw.case_id IS NULL
RETURNING core_raw.id
"""
# In a transaction of its own a complaint notes what is new itself; the triggers that would do it keep still meanwhile.
_TAKE_ALONE = f"{_TAKE}, set_config('ombud.opening', 'on', true)"
_NOTES = """
INSERT INTO core_search_due (kind, subject, at)
SELECT new.kind, new.subject, new.at FROM json_to_recordset($1) AS new (kind text, subject uuid, at timestamptz)
WHERE {gate}
"""
_COUNTS = """
INSERT INTO core_queue_count (id, queue_id, unit_id, status, confidential, owned, delta, at)
SELECT new.id, new.queue_id, new.unit_id, 'new', new.confidential, FALSE, 1, new.at
FROM json_to_recordset($1) AS new (id uuid, queue_id uuid, unit_id uuid, confidential boolean, at timestamptz)
WHERE {gate}
"""
_PERSON = """
INSERT INTO core_person (id, kind, name, email, phone, postcode, address, language, created_at, version)
SELECT new.id, 'person', new.name, new.email, new.phone, new.postcode, '', new.language, new.at, 1
FROM json_to_recordset($1)
    AS new (id uuid, name text, email text, phone text, postcode text, language text, at timestamptz)
WHERE {gate}
"""
_PERSON_KNOWN = """
UPDATE core_person SET name = new.name, email = new.email, phone = new.phone, postcode = new.postcode,
    language = new.language, version = version + 1
FROM json_to_recordset($1)
    AS new (id uuid, name text, email text, phone text, postcode text, language text, at timestamptz)
WHERE core_person.id = new.id AND {gate}
"""
_CASE = """
INSERT INTO core_case (id, reference, unit_id, case_type, title, status, priority, severity, queue_id, channel,
    language, confidential, received_at, received_on, opened_at, due_at, changed_at, fields, aspects_total,
    aspects_closed, mood, last_word_at, last_word_channel, version)
SELECT new.id, new.reference, new.unit_id, new.case_type, new.title, 'new', 'normal', 1, new.queue_id, new.channel,
    new.language, new.confidential, new.received_at, new.received_on, new.opened_at, new.due_at, new.opened_at,
    new.fields, new.aspects_total, 0, '', new.received_at, new.channel, 1
FROM json_to_recordset($1)
    AS new (id uuid, reference text, unit_id uuid, case_type text, title text, queue_id uuid, channel text,
        language text, confidential boolean, received_at timestamptz, received_on date, due_at timestamptz,
        fields jsonb, aspects_total int, opened_at timestamptz)
WHERE {gate}
"""
_PARTY_AND_LINK = (
    """
    INSERT INTO core_party (id, case_id, person_id, role, authority, created_at)
    SELECT new.id, new.case_id, new.person_id, 'complainant', '', new.at
    FROM json_to_recordset($1) AS new (id uuid, case_id uuid, person_id uuid, at timestamptz)
    WHERE {gate}
    """,
    """
    INSERT INTO core_link (id, case_id, person_id, purpose, created_at, expires_at, revoked_by)
    SELECT new.link_id, new.case_id, new.person_id, 'track', new.at, new.link_ends, ''
    FROM json_to_recordset($1)
        AS new (link_id uuid, case_id uuid, person_id uuid, link_ends timestamptz, at timestamptz)
    WHERE {gate}
    """,
)
_MESSAGE_AND_ITS_DECISION = (
    """
    INSERT INTO core_message (id, case_id, person_id, raw_id, channel, direction, subject, body, said_at, recorded_at,
        key, decision, decision_reason, decided_by, decided_at, told)
    SELECT new.id, new.case_id, new.person_id, new.raw_id, new.channel, 'in', new.subject, new.body, new.said_at,
        new.at, '', 'complaint', 'filed as a complaint by ' || new.channel, 'system', new.at, new.told
    FROM json_to_recordset($1)
        AS new (id uuid, case_id uuid, person_id uuid, raw_id uuid, channel text, subject text, body text,
            said_at timestamptz, told boolean, at timestamptz)
    WHERE {gate}
    """,
    """
    INSERT INTO core_triage (id, message_id, version, decision, reason, words, wording, rule, actor, unit_id, case_id,
        at)
    SELECT new.triage_id, new.id, 1, 'complaint', '', '', '', 'filed.' || new.channel, 'system', new.unit_id,
        new.case_id, new.at
    FROM json_to_recordset($1)
        AS new (triage_id uuid, id uuid, channel text, unit_id uuid, case_id uuid, at timestamptz)
    WHERE {gate}
    """,
)
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
    SELECT new.id, new.case_id, new.position, new.title, new.text, new.category, 'open', 'normal', 1, new.due_at, 1,
        new.queue_id
    FROM json_to_recordset($1)
        AS new (id uuid, case_id uuid, position int, title text, text text, category text, due_at timestamptz,
            queue_id uuid)
    WHERE {gate}
    """,
    """
    INSERT INTO core_message_aspect (id, message_id, aspect_id)
    SELECT new.pin_id, new.message_id, new.id FROM json_to_recordset($1) AS new (pin_id uuid, message_id uuid, id uuid)
    WHERE {gate}
    """,
)
_STEPS = """
INSERT INTO core_intake_step (id, raw_id, step, state, attempts, error, at)
SELECT done.id, done.raw_id, done.step, 'done', 1, '', done.at
FROM json_to_recordset($1) AS done (id uuid, raw_id uuid, step text, at timestamptz) WHERE {gate}
ON CONFLICT (raw_id, step) DO UPDATE SET state = 'done', error = '', at = excluded.at
"""


def written(openings: Sequence[Opening], subject_keys: Mapping[str, bytes]) -> Writes:
    """Receipts, people, cases, parties, links, messages, aspects, pins and steps, with the entries that tell of them:
    all, or none where one of the receipts has its case. What waited in the inbox is opened by itself."""
    assert len(openings) == 1 or not any(each.waited for each in openings)
    alone = not db.in_transaction()
    taken = zip(*((each.receipt.id, each.case_id, each.message_id) for each in openings), strict=True)
    writes = Writes(_TAKE_ALONE if alone else _TAKE, *map(list, taken), several=len(openings))
    _put_people(writes, openings)
    _put_cases(writes, openings)
    _put_messages(writes, openings)
    _put_aspects(writes, openings)
    _put_steps(writes, openings)
    if alone:
        _put_notes(writes, openings)
    begin(writes, [_beginning(each) for each in openings], subject_keys)
    return writes


def _put_people(writes: Writes, openings: Sequence[Opening]) -> None:
    people = [
        {
            "id": each.receipt.person_id, "name": who.name, "email": who.email, "phone": who.phone,
            "postcode": who.postcode, "language": each.complaint.language, "at": each.opened_at,
        }
        for each, who in ((each, each.complaint.person) for each in openings)
    ]  # fmt: skip
    writes.add([_PERSON_KNOWN if openings[0].waited else _PERSON], people)


def _put_cases(writes: Writes, openings: Sequence[Opening]) -> None:
    cases = [
        {
            "id": each.case_id, "reference": each.reference, "unit_id": each.ground.unit_id,
            "case_type": each.complaint.case_type, "title": each.title, "queue_id": each.queue_id,
            "channel": each.complaint.channel, "language": each.complaint.language,
            "confidential": each.complaint.confidential, "received_at": each.received_at,
            "received_on": deadlines.received_on(each.received_at, each.ground.time_zone), "due_at": each.due_at,
            "fields": each.fields, "aspects_total": len(each.complaint.matters), "opened_at": each.opened_at,
        }
        for each in openings
    ]  # fmt: skip
    writes.add([_CASE], cases)
    parties = [
        {
            "id": each.party_id, "case_id": each.case_id, "person_id": each.receipt.person_id, "at": each.opened_at,
            "link_id": each.link.id, "link_ends": each.link.expires_at,
        }
        for each in openings
    ]  # fmt: skip
    writes.add(_PARTY_AND_LINK, parties)


def _put_messages(writes: Writes, openings: Sequence[Opening]) -> None:
    if (only := openings[0]).waited:
        writes.add(_MESSAGE_KNOWN, only.message_id, only.case_id, only.ground.unit_id, only.receipt.id)
        return
    messages = [
        {
            "id": each.message_id, "case_id": each.case_id, "person_id": each.receipt.person_id,
            "raw_id": each.receipt.id, "channel": each.complaint.channel, "subject": each.title,
            "body": body_of(each.complaint), "said_at": each.received_at, "told": each.complaint.told,
            "triage_id": new_id(), "unit_id": each.ground.unit_id, "at": each.opened_at,
        }
        for each in openings
    ]  # fmt: skip
    writes.add(_MESSAGE_AND_ITS_DECISION, messages)


def _put_aspects(writes: Writes, openings: Sequence[Opening]) -> None:
    aspects = [
        {
            "id": identity, "case_id": each.case_id, "position": place,
            "title": matter.title or shortened(matter.text, 80), "text": matter.text, "category": matter.category,
            "due_at": each.due_at, "queue_id": queue, "message_id": each.message_id, "pin_id": new_id(),
        }
        for each in openings
        for place, identity, matter, queue in each.aspects()
    ]  # fmt: skip
    writes.add(_ASPECTS, aspects)


def _put_steps(writes: Writes, openings: Sequence[Opening]) -> None:
    steps = [
        {"id": new_id(), "raw_id": each.receipt.id, "step": step, "at": each.opened_at}
        for each in openings
        for step in STEPS
    ]
    writes.add([_STEPS], steps)


def _put_notes(writes: Writes, openings: Sequence[Opening]) -> None:
    """What is to be searchable, and which queue has one case more."""
    new = [
        {"kind": kind, "subject": subject, "at": each.opened_at}
        for each in openings
        for kind, subject in (
            ("case", each.case_id), ("message", each.message_id), ("person", each.receipt.person_id)
        )
    ]  # fmt: skip
    writes.add([_NOTES], new)
    counts = [
        {
            "id": new_id(), "queue_id": each.queue_id, "unit_id": each.ground.unit_id,
            "confidential": each.complaint.confidential, "at": each.opened_at,
        }
        for each in openings
    ]  # fmt: skip
    writes.add([_COUNTS], counts)


def _beginning(opening: Opening) -> Beginning:
    """The entries with which the case and its first message begin."""
    stream, person, complaint = f"case/{opening.case_id}", f"person/{opening.receipt.person_id}", opening.complaint
    sealed = {f"person.{name}": Sealed(person, value) for name, value in _said_of(complaint.person).items() if value}
    sealed["title"] = Sealed(person, opening.title)
    sealed |= {f"matter.{place}": Sealed(person, each.text) for place, each in enumerate(complaint.matters, 1)}
    sealed |= {
        f"matter.{place}.category": Sealed(person, each.category)
        for place, each in enumerate(complaint.matters, 1)
        if not is_code(each.category)
    }
    said = {"message": str(opening.message_id), "channel": complaint.channel, "direction": "in",
            "decision": "complaint", "aspects": [str(each) for each in opening.aspect_ids]}  # fmt: skip
    entries = [
        NewEntry(stream, "case.opened", _body(opening), sealed),
        NewEntry(stream, "message.received", said, {"body": Sealed(person, body_of(complaint))}),
        *([opening.representative.entry(stream)] if opening.representative else []),
    ]
    return Beginning(opening.actor, f"command/{opening.receipt.id}", opening.opened_at, entries)


def _said_of(person: PersonGiven) -> dict[str, str]:
    return {"name": person.name, "email": person.email, "phone": person.phone}


def _body(opening: Opening) -> dict[str, Any]:
    complaint = opening.complaint
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
        for place, identity, matter, queue in opening.aspects()
    ]
    return {
        "reference": opening.reference, "unit": str(opening.ground.unit_id), "channel": complaint.channel,
        "status": "new", "case_type": complaint.case_type, "priority": "normal", "severity": 1, "owner": "",
        "queue": str(opening.queue_id or ""),
        "received_at": moment(opening.received_at), "due_at": moment(opening.due_at),
        "person": str(opening.receipt.person_id), "party": str(opening.party_id), "link": str(opening.link.id),
        "aspects": aspects, "confidential": complaint.confidential,
        "language": complaint.language if is_language(complaint.language) else "",
        "coded": fields.coded(opening.ground.fields, opening.fields),
    }  # fmt: skip
