"""The way in: raw bytes are committed first, then one transaction opens the case, once per idempotency key.

A receipt whose case was not opened (the process died in between, or core could not take it) stays in core_raw; the
job `intake.resume` parses it again in the work process, or it waits in "Needs a look".
"""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import structs

from ombud.desk import attachments, deadlines, fields, promises, queues, references, representatives, taxonomies
from ombud.desk.checking import checked_complaint
from ombud.desk.errors import Invalid, KeyReused
from ombud.desk.words import is_code
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.process import address, settings
from ombud.trust import keys, links, vault
from ombud.trust.canonical import moment_text
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud_plugin_api.facts import Complaint, Filed, RawReceipt

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


async def file(raw: RawReceipt, complaint: Complaint, *, principal: str = "", actor: str = "") -> Filed:
    """Files a complaint whose bytes and meaning the door already has. The same key again gives the first answer.

    `principal` is who used the door, which scopes the key; `actor` is who files, by default the complainant.
    Raises Invalid for what the desk cannot take and KeyReused for a key used with other bytes.
    """
    complaint = checked_complaint(complaint)
    documents = attachments.checked(complaint.documents)
    receipt = await receive(raw, principal=principal)
    if receipt.case_id is not None:
        return await answer_again(receipt.case_id)
    try:
        return await open_case(receipt, structs.replace(complaint, documents=documents), actor=actor)
    except Invalid:  # the door refuses it, so nothing was promised and the key is free for the corrected content
        await _forget(receipt)
        raise


async def _forget(receipt: Receipt) -> None:
    await db.execute(
        "WITH gone AS (DELETE FROM core_raw WHERE id = $1 AND case_id IS NULL RETURNING vault_id) "
        "DELETE FROM core_vault WHERE id IN (SELECT vault_id FROM gone)",
        receipt.id,
    )


async def receive(raw: RawReceipt, *, principal: str = "") -> Receipt:
    """Commits the bytes, encrypted, before anything thinks; a known key answers with the receipt it made before."""
    fingerprint = hashlib.sha256(raw.content_type.encode() + b"\n" + raw.body).hexdigest()
    receipt = Receipt(new_id(), new_id(), now(), "stored", None)
    stored = await _store(receipt, raw, principal, fingerprint)
    return stored or await _known(raw, principal, fingerprint)


async def _known(raw: RawReceipt, principal: str, fingerprint: str) -> Receipt:
    row = await db.fetchrow(
        "SELECT r.id, r.received_at, r.status, r.case_id, r.fingerprint, v.subject FROM core_raw r "
        "JOIN core_vault v ON v.id = r.vault_id WHERE r.channel = $1 AND r.principal = $2 AND r.key = $3",
        raw.channel,
        principal,
        raw.key,
    )
    if row is None:  # refused a moment ago, which freed its key
        return await receive(raw, principal=principal)
    if row["fingerprint"] != fingerprint:
        raise KeyReused("This idempotency key was used before with other content. Send the new content with a new key.")
    person_id = UUID(row["subject"].removeprefix("person/"))
    return Receipt(row["id"], person_id, row["received_at"], row["status"], row["case_id"])


_STORED = """
INSERT INTO core_raw (id, channel, key, principal, fingerprint, content_type, received_at, status, vault_id)
{values} ON CONFLICT (channel, principal, key) DO NOTHING
"""
_ALONE = _STORED.format(values="VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
_WITH_BYTES_AND_KEY = f"""
WITH current AS MATERIALIZED (SELECT core_wraps_with($17, $16) AS holds),
stored AS (
    {_STORED.format(values="SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 FROM current WHERE holds")} RETURNING id),
kept AS (
    INSERT INTO core_vault (id, subject, wrapped, nonce, ciphertext, size, created_at)
    SELECT $9, $10, $11, $12, $13, $14, $7 FROM stored),
keyed AS (
    INSERT INTO core_key (subject, wrapped, master_id, created_at) SELECT $10, $15, $16, $7 FROM stored)
SELECT holds, EXISTS (SELECT 1 FROM stored) AS stored FROM current
"""


async def _store(receipt: Receipt, raw: RawReceipt, principal: str, fingerprint: str) -> Receipt | None:
    """One statement, committed by itself, with the key of the person nobody knew before; while the master key is being
    rotated, a transaction that looks after the key. None where the idempotency key is known."""
    fresh = keys.fresh_key(f"person/{receipt.person_id}")
    about = (
        receipt.id, raw.channel, raw.key, principal, fingerprint, raw.content_type, receipt.received_at, "stored"
    )  # fmt: skip
    kept = vault.sealed_row(fresh.subject, raw.body, fresh.key)
    done = await db.fetchrow(
        _WITH_BYTES_AND_KEY, *about, *vault.values(kept), fresh.wrapped, fresh.master_id, keys.MASTER_LOCK
    )
    assert done is not None
    if done["holds"]:
        return replace(receipt, key=fresh.key) if done["stored"] else None
    async with db.transaction():
        if await db.execute(_ALONE, *about, kept.id) == "INSERT 0 0":
            return None
        await vault.insert(await vault.prepare_again([(kept.id, kept.subject, raw.body)]))
    return receipt


async def open_case(
    receipt: Receipt, complaint: Complaint, *, actor: str = "", message_id: UUID | None = None
) -> Filed:
    """Opens the case of a receipt in one transaction; safe to call twice, the second call answers like the first.
    `message_id`: the message that waited in the inbox and becomes the first one of the case."""
    async with db.transaction():
        ground = await _ground(receipt, complaint)
        case_id = ground["case_id"]
        if case_id is None:
            complaint = await taxonomies.coded_complaint(complaint, UUID(ground["unit"]["id"]))
            opening = _plan(receipt, complaint, ground, message_id)
            await _write(opening, complaint)
            await _record(opening, complaint, actor or f"person/{receipt.person_id}")
            return opening.filed
    return await answer_again(case_id)


@dataclass(frozen=True)
class _Opening:
    """Everything about a new case that is settled before the first row is written."""

    receipt: Receipt
    case_id: UUID
    message_id: UUID
    party_id: UUID
    aspect_ids: tuple[UUID, ...]
    reference: str
    unit: dict[str, Any]
    title: str
    received_at: datetime
    due_at: datetime
    queue_id: UUID | None
    link: Any
    fields: dict[str, Any]
    filed: Filed
    representative: representatives.Speaks | None = None


def _plan(receipt: Receipt, complaint: Complaint, ground: dict[str, Any], message_id: UUID | None = None) -> _Opening:
    unit, number = ground["unit"], ground["number"]
    received_at = complaint.received_at or receipt.received_at
    due_at = deadlines.due(received_at, ground["days"], unit["time_zone"])
    reference = references.make(number, settings().complaints.reference_prefix)
    case_id = new_id()
    link_row, token = links.prepare(case_id, receipt.person_id, "track", ground["link_days"])
    facts = {
        "unit_id": unit["id"], "case_type": complaint.case_type, "channel": complaint.channel, "priority": "normal",
        "severity": 1, "language": complaint.language, "category": complaint.matters[0].category,
    }  # fmt: skip
    filed = Filed(
        reference=reference, case_id=case_id, track_url=address(f"/track/{token}"), received_at=received_at,
        answer_by=deadlines.received_on(due_at, unit["time_zone"]),
    )  # fmt: skip
    return _Opening(
        receipt=receipt, case_id=case_id, message_id=message_id or new_id(), party_id=new_id(),
        aspect_ids=tuple(new_id() for _ in complaint.matters), reference=reference, unit=unit,
        title=title_of(complaint), received_at=received_at, due_at=due_at,
        queue_id=queues.choose(facts, ground["queues"]), link=link_row, fields=ground["fields"], filed=filed,
        representative=representatives.speaks(complaint.represented_by),
    )  # fmt: skip


_GROUND = """
WITH RECURSIVE receipt AS MATERIALIZED (SELECT case_id FROM core_raw WHERE id = $3 FOR UPDATE),
unit AS MATERIALIZED (
    SELECT u.* FROM core_unit u
    WHERE CASE WHEN $1 = '' THEN u.parent_id IS NULL ELSE u.key = $1 AND u.active END
    ORDER BY u.created_at, u.id LIMIT 1
), up AS (
    SELECT id, parent_id, 0 AS distance FROM unit
    UNION
    SELECT above.id, above.parent_id, up.distance + 1 FROM up JOIN core_unit above ON above.id = up.parent_id
)
SELECT receipt.case_id,
    CASE WHEN receipt.case_id IS NULL THEN nextval('core_case_number') END AS number,
    (SELECT to_jsonb(u) FROM unit u) AS unit,
    (SELECT coalesce(jsonb_agg(s.value->'value' ORDER BY up.distance NULLS LAST), '[]')
     FROM core_setting s LEFT JOIN up ON up.id = s.unit_id
     WHERE s.key = $4 AND (s.unit_id IS NULL OR up.id IS NOT NULL)) AS promised,
    (SELECT coalesce(jsonb_agg(to_jsonb(q)), '[]') FROM core_queue q WHERE q.active) AS queues,
    (SELECT to_jsonb(t) FROM core_case_type t WHERE t.key = $2 AND t.active) AS case_type
FROM receipt
"""


async def _ground(receipt: Receipt, complaint: Complaint) -> dict[str, Any]:
    """The receipt, locked, and for one that has no case yet its number, unit, what that promises, queues and term; one
    statement."""
    row = await db.fetchrow(_GROUND, complaint.unit, complaint.case_type, receipt.id, promises.KEY)
    if row is None:
        raise LookupError(f"there is no receipt {receipt.id}")
    if row["case_id"] is not None:
        return dict(row)
    if row["unit"] is None:
        raise Invalid(f"There is no unit {complaint.unit!r}. Leave it out, or name an existing one.", "unit")
    if row["case_type"] is None:
        raise Invalid(f"There is no case type {complaint.case_type!r}. Choose one of the desk's types.", "case_type")
    checked = fields.check(row["case_type"]["fields"], complaint.fields)
    promised = promises.resolved(row["promised"])
    days = row["case_type"]["answer_within_days"] or promised.answer_within_days
    return {**dict(row), "days": days, "link_days": promised.tracking_link_days, "fields": checked}


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


async def _write(opening: _Opening, complaint: Complaint) -> None:
    await _write_case(opening, complaint)
    if opening.representative is not None:
        await representatives.insert(opening.case_id, opening.representative)
    await attachments.store(
        complaint.documents, case_id=opening.case_id, message_id=opening.message_id, person_id=opening.receipt.person_id
    )


_CASE_SQL = """
WITH person AS (
    INSERT INTO core_person (id, kind, name, email, phone, postcode, address, language, created_at, version)
    VALUES ($1, 'person', $2, $3, $4, $5, '', $6, $20, 1)
    ON CONFLICT (id) DO UPDATE SET name = $2, email = $3, phone = $4, postcode = $5, language = $6,
        version = core_person.version + 1),
opened AS (
    INSERT INTO core_case (id, reference, unit_id, case_type, title, status, priority, severity, queue_id, channel,
        language, confidential, received_at, received_on, opened_at, due_at, changed_at, fields, aspects_total,
        aspects_closed, mood, last_word_at, last_word_channel, version)
    VALUES ($7, $8, $9, $10, $11, 'new', 'normal', 1, $12, $13, $6, $33, $14, $15, $20, $16, $20, $17, $18, 0, '',
        $14, $13, 1)),
party AS (
    INSERT INTO core_party (id, case_id, person_id, role, authority, created_at)
    VALUES ($19, $7, $1, 'complainant', '', $20)),
said AS (
    INSERT INTO core_message (id, case_id, person_id, raw_id, channel, direction, subject, body, said_at, recorded_at,
        key, decision, decision_reason, decided_by, decided_at, told)
    VALUES ($21, $7, $1, $22, $13, 'in', $11, $23, $14, $20, '', 'complaint', $24, 'system', $20, $34)
    ON CONFLICT (id) DO UPDATE SET case_id = $7, unit_id = $9, possible_case_id = NULL, possible_reason = '',
        held = '', waits = FALSE, triage_due_at = NULL),
files AS (UPDATE core_attachment SET case_id = $7 WHERE message_id = $21),
triage AS (
    INSERT INTO core_triage (id, message_id, version, decision, reason, words, wording, rule, actor, unit_id, case_id,
        at)
    SELECT gen_random_uuid(), $21, 1, 'complaint', '', '', '', 'filed.' || $13, 'system', $9, $7, $20
    WHERE NOT EXISTS (SELECT 1 FROM core_message m WHERE m.id = $21)),
aspects AS (
    INSERT INTO core_aspect (id, case_id, position, title, text, category, status, priority, severity, due_at, version,
        queue_id)
    SELECT a.id, $7, a.position, a.title, a.text, a.category, 'open', 'normal', 1, $16, 1, $12
    FROM unnest($25::uuid[], $26::int[], $27::text[], $28::text[], $29::text[])
        AS a(id, position, title, text, category)),
pins AS (
    INSERT INTO core_message_aspect (id, message_id, aspect_id)
    SELECT gen_random_uuid(), $21, each FROM unnest($25::uuid[]) AS each),
link AS (
    INSERT INTO core_link (id, case_id, person_id, purpose, created_at, expires_at, revoked_by)
    VALUES ($30, $7, $1, 'track', $20, $31, '')),
steps AS (
    INSERT INTO core_intake_step (id, raw_id, step, state, attempts, error, at)
    SELECT gen_random_uuid(), $22, each, 'done', 1, '', $20 FROM unnest($32::text[]) AS each
    ON CONFLICT (raw_id, step) DO UPDATE SET state = 'done', error = '', at = excluded.at)
UPDATE core_raw SET status = 'done', reason = '', case_id = $7, message_id = $21 WHERE id = $22 OR message_id = $21
"""


async def _write_case(opening: _Opening, complaint: Complaint) -> None:
    """Person, case, party, message, aspects, pins, link, steps and receipt in one statement."""
    person, unit, matters = complaint.person, opening.unit, complaint.matters
    await db.execute(
        _CASE_SQL,
        opening.receipt.person_id, person.name, person.email, person.phone, person.postcode, complaint.language,
        opening.case_id, opening.reference, UUID(unit["id"]), complaint.case_type, opening.title, opening.queue_id,
        complaint.channel, opening.received_at, deadlines.received_on(opening.received_at, unit["time_zone"]),
        opening.due_at, opening.fields, len(matters), opening.party_id, now(), opening.message_id,
        opening.receipt.id, body_of(complaint), f"filed as a complaint by {complaint.channel}",
        list(opening.aspect_ids), list(range(1, len(matters) + 1)),
        [matter.title or shortened(matter.text, 80) for matter in matters], [matter.text for matter in matters],
        [matter.category for matter in matters], opening.link.id, opening.link.expires_at, list(STEPS),
        complaint.confidential, complaint.told,
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


async def _record(opening: _Opening, complaint: Complaint, actor: str) -> None:
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
        }
        for place, (identity, matter) in enumerate(zip(opening.aspect_ids, complaint.matters, strict=True), 1)
    ]
    body = {
        "reference": opening.reference, "unit": str(opening.unit["id"]), "channel": complaint.channel, "status": "new",
        "case_type": complaint.case_type, "priority": "normal", "severity": 1, "owner": "",
        "queue": str(opening.queue_id or ""),
        "received_at": moment(opening.received_at), "due_at": moment(opening.due_at),
        "person": str(opening.receipt.person_id), "party": str(opening.party_id), "link": str(opening.link.id),
        "aspects": aspects, "confidential": complaint.confidential,
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
    await append(
        actor=actor,
        cause=f"command/{opening.receipt.id}",
        entries=[
            NewEntry(stream, "case.opened", body, sealed),
            NewEntry(stream, "message.received", said, {"body": Sealed(person, body_of(complaint))}),
            *([opening.representative.entry(stream)] if opening.representative else []),
        ],
        fresh=True,
        held={person: opening.receipt.key} if opening.receipt.key else None,
    )


def moment(at: datetime) -> str:
    """A time as entries hold it."""
    return moment_text(at)


async def answer_again(case_id: UUID) -> Filed:
    """The answer a door gave when the case was opened, word for word."""
    row = await db.fetchrow(
        "SELECT c.reference, c.received_at, c.due_at, u.time_zone, "
        "(SELECT l.id FROM core_link l WHERE l.case_id = c.id ORDER BY l.created_at, l.id LIMIT 1) AS link "
        "FROM core_case c JOIN core_unit u ON u.id = c.unit_id WHERE c.id = $1",
        case_id,
    )
    assert row is not None
    return Filed(
        reference=row["reference"], case_id=case_id, track_url=address(f"/track/{links.token_of(row['link'])}"),
        received_at=row["received_at"], answer_by=deadlines.received_on(row["due_at"], row["time_zone"]),
        duplicate=True,
    )  # fmt: skip


async def load_raw(raw_id: UUID) -> tuple[RawReceipt, Receipt, str]:
    """The stored bytes, the receipt and the principal, for a replay."""
    row = await db.fetchrow(
        "SELECT r.*, v.subject FROM core_raw r JOIN core_vault v ON v.id = r.vault_id WHERE r.id = $1", raw_id
    )
    if row is None:
        raise LookupError(f"there is no receipt {raw_id}")
    body = await vault.load(row["vault_id"])
    person_id = UUID(row["subject"].removeprefix("person/"))
    receipt = Receipt(row["id"], person_id, row["received_at"], row["status"], row["case_id"])
    raw = RawReceipt(channel=row["channel"], key=row["key"], content_type=row["content_type"], body=body)
    return raw, receipt, row["principal"]


async def fault(raw_id: UUID, step: str, reason: str) -> None:
    """Puts a receipt under "Needs a look" with the reason; it is lost for nobody and can be run again."""
    async with db.transaction():
        await db.execute(
            "INSERT INTO core_intake_step (id, raw_id, step, state, attempts, error, at) "
            "VALUES ($1, $2, $3, 'faulted', 1, $4, $5) ON CONFLICT (raw_id, step) DO UPDATE "
            "SET state = 'faulted', attempts = core_intake_step.attempts + 1, error = excluded.error, at = excluded.at",
            new_id(), raw_id, step, reason[:2000], now(),
        )  # fmt: skip
        await db.execute("UPDATE core_raw SET status = 'faulted', reason = $2 WHERE id = $1", raw_id, reason[:2000])
        await append(
            actor="system",
            entries=[NewEntry(f"message/{raw_id}", "intake.faulted", {"raw": str(raw_id), "step": step})],
        )


__all__ = ["Receipt", "answer_again", "fault", "file", "load_raw", "open_case", "receive", "shortened"]
