"""The way in: raw bytes are committed first, then one transaction opens the case, once per idempotency key.

A receipt whose case was not opened (the process died in between, or core could not take it) stays in core_raw; the
job `intake.resume` parses it again in the work process, or it waits in "Needs a look".
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from msgspec import structs

from ombud.desk import attachments, deadlines, representatives, taxonomies
from ombud.desk.checking import checked_complaint
from ombud.desk.errors import Invalid
from ombud.desk.ground import ground_of
from ombud.desk.opening import Opening, Receipt, planned
from ombud.desk.opening_rows import written
from ombud.desk.receiving import receive
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.settled import SETTLED
from ombud.kernel.together import Together
from ombud.process import address
from ombud.trust import keys, links, vault
from ombud.trust.ledger import NewEntry, append
from ombud_plugin_api.facts import Complaint, Filed, RawReceipt


async def file(raw: RawReceipt, complaint: Complaint, *, principal: str = "", actor: str = "") -> Filed:
    """Files a complaint whose bytes and meaning the door already has. The same key again gives the first answer.

    `principal` is who used the door, which scopes the key; `actor` is who files, by default the complainant.
    Raises Invalid for what the desk cannot take and KeyReused for a key used with other bytes.
    """
    complaint = checked_complaint(complaint)
    documents = attachments.checked(complaint.documents)
    receipt = await receive(raw, principal=principal, its_case_follows=True)
    if receipt.case_id is not None:
        return await answer_again(receipt.case_id)
    try:
        return await open_case(receipt, structs.replace(complaint, documents=documents), actor=actor)
    except Invalid:  # the door refuses it, so nothing was promised and the key is free for the corrected content
        await _forget(receipt)
        raise
    except Exception:
        await _bring_to_disk(receipt)
        raise


async def _forget(receipt: Receipt) -> None:
    await db.execute(
        "WITH gone AS (DELETE FROM core_raw WHERE id = $1 AND case_id IS NULL RETURNING vault_id) "
        "DELETE FROM core_vault WHERE id IN (SELECT vault_id FROM gone)",
        receipt.id,
    )


async def _bring_to_disk(receipt: Receipt) -> None:
    """What the commit of its case would have done for a receipt that did not wait for the disk itself."""
    await db.execute("UPDATE core_raw SET status = status WHERE id = $1", receipt.id)


async def open_case(
    receipt: Receipt, complaint: Complaint, *, actor: str = "", message_id: UUID | None = None
) -> Filed:
    """Opens the case of a receipt in one transaction; safe to call twice, the second call answers like the first.
    `message_id`: the message that waited in the inbox and becomes the first one of the case."""
    if receipt.number is None:
        receipt = await _looked_at(receipt)
    if receipt.case_id is not None:
        return await answer_again(receipt.case_id)
    ground = await ground_of(complaint.unit, complaint.case_type, receipt.settled)
    complaint = await taxonomies.coded_complaint(complaint, ground.unit_id, receipt.settled)
    opening = planned(receipt, complaint, ground, actor=actor, message_id=message_id)
    if await _write(opening):
        return opening.filed
    return await answer_again(await db.fetchval("SELECT case_id FROM core_raw WHERE id = $1", receipt.id))


_LOOK = f"""
SELECT case_id, CASE WHEN case_id IS NULL THEN nextval('core_case_number') END AS number, {SETTLED} AS settled,
    coalesce((SELECT m.account FROM core_message m WHERE m.id = core_raw.message_id), '') AS account
FROM core_raw WHERE id = $1
"""


async def _looked_at(receipt: Receipt) -> Receipt:
    """A receipt that another request stored, as it stands now."""
    row = await db.fetchrow(_LOOK, receipt.id)
    if row is None:
        raise LookupError(f"there is no receipt {receipt.id}")
    found = {name: row[name] for name in ("case_id", "number", "settled", "account")}
    return replace(receipt, **found)


async def _write(opening: Opening) -> bool:
    """Everything about the case at once; False where somebody else opened it meanwhile. One statement, with the cases
    that are opened at the same moment, unless files come with it or the person's key has to be asked for."""
    receipt, complaint = opening.receipt, opening.complaint
    person = f"person/{receipt.person_id}"
    simple = receipt.key is not None and not complaint.documents and opening.representative is None
    if simple and not opening.waited:
        return await _with_others.ask(opening)
    async with db.transaction():
        spoken_for = [f"person/{opening.representative.person_id}"] if opening.representative else []
        held = await keys.sealing_keys([*spoken_for, *([] if receipt.key else [person])])
        held = {**held, person: receipt.key} if receipt.key else held
        done = await written([opening], held).send()
        if done:
            if opening.representative is not None:
                await representatives.insert(opening.case_id, opening.representative)
            await attachments.store(
                complaint.documents, case_id=opening.case_id, message_id=opening.message_id,
                person_id=receipt.person_id,
            )  # fmt: skip
    return done


async def _write_simple(openings: Sequence[Opening]) -> list[bool]:
    receipts = [each.receipt for each in openings]
    held = {f"person/{each.person_id}": each.key for each in receipts if each.key is not None}
    return [await written(openings, held).send()] * len(openings)


_with_others = Together(_write_simple)


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


__all__ = ["Receipt", "answer_again", "fault", "file", "load_raw", "open_case", "receive"]
