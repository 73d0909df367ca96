"""Redress that waits for a second person: asked for, changed, approved as shown, refused with a reason, withdrawn."""

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud import speech
from ombud.desk.cases import refuse_closed
from ombud.desk.checking import clean_text
from ombud.desk.errors import Changed, NotAllowed, NotFound, NotNow
from ombud.desk.redress import limits
from ombud.desk.redress.lines import (
    RedressGiven,
    because_of,
    checked_calculation,
    checked_redress,
    put,
    redress_code,
)
from ombud.desk.writing import check_version, lock_aspect, record, subject_of, update
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.speech import money, sentence
from ombud.trust.ledger import Sealed
from ombud.trust.policy import Viewer

GONE = "There is no such request for redress that you may see. The list shows those that wait."


def content_hash(row: Mapping[str, Any]) -> str:
    """Of all that a second person approves; whatever changes of it changes the hash."""
    content = [
        str(row["id"]), str(row["aspect_id"]), row["kind"], f"{Decimal(row['amount']).normalize():f}", row["currency"],
        row["note"], str(row["calculation_id"] or ""),
    ]  # fmt: skip
    return hashlib.sha256(speech.encoded(content)).hexdigest()


async def ask(viewer: Viewer, case: Record, aspect: Record, line: RedressGiven) -> UUID:
    """Writes down a checked line that needs a second person, in the caller's transaction."""
    identity = new_id()
    await db.execute(
        "INSERT INTO core_redress_request (id, case_id, aspect_id, kind, amount, currency, note, calculation_id, "
        "state, requested_by, requested_at, reason, version) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'waiting', $9, $10, '', 1)",
        identity, case["id"], aspect["id"], line.kind, line.amount, line.currency, line.note, line.calculation,
        viewer.user_id, now(),
    )  # fmt: skip
    await _tell_asked(viewer, case["id"], identity)
    return identity


async def _tell_asked(viewer: Viewer, case_id: UUID, identity: UUID) -> None:
    row = await db.fetchrow("SELECT * FROM core_redress_request WHERE id = $1", identity)
    assert row is not None
    body = {
        "aspect": str(row["aspect_id"]), "request": str(identity), "version": row["version"], "kind": row["kind"],
        "amount": f"{row['amount']:f}", "currency": row["currency"], "content": content_hash(row),
    }  # fmt: skip
    sealed = {"note": Sealed(await subject_of(case_id), row["note"])} if row["note"] else {}
    await record(viewer, case_id, "redress.requested", body, sealed)


async def _locked(viewer: Viewer, request_id: UUID) -> tuple[Record, Record]:
    """The case and the waiting request, locked; through the policy of its aspect."""
    aspect_id = await db.fetchval("SELECT aspect_id FROM core_redress_request WHERE id = $1", request_id)
    if aspect_id is None:
        raise NotFound(GONE)
    try:
        case, _ = await lock_aspect(viewer, "case.decide", aspect_id)
    except NotFound:
        raise NotFound(GONE) from None
    refuse_closed(case)
    row = await db.fetchrow("SELECT * FROM core_redress_request WHERE id = $1 FOR UPDATE", request_id)
    assert row is not None
    if row["state"] != "waiting":
        raise NotNow("This request does not wait any more. The aspect shows what became of it.")
    return case, row


async def approve(viewer: Viewer, request_id: UUID, shown: str) -> UUID:
    """Grants the very version that was shown (`shown`: its hash). Never by whoever asked, and only within the
    approver's own limit for the case. Returns the line."""
    from ombud.desk.redress.granting import granted_so_far, lock_sums

    async with db.transaction():
        case, row = await _locked(viewer, request_id)
        _refuse_asker(viewer, row)
        if content_hash(row) != shown:
            raise Changed("This request", row["version"], {"amount": row["amount"]}, {})
        await lock_sums(case["id"])
        limit = await limits.limit_of(viewer, case["unit_id"], row["currency"])
        total = row["amount"] + await granted_so_far(case["id"], row["currency"])
        if total > limit:
            raise NotNow(
                sentence(
                    "With it the case would have been given %(total)s; your own limit is %(limit)s. "
                    "Somebody with a higher limit must approve it.",
                    total=money(total, row["currency"]),
                    limit=money(limit, row["currency"]),
                )
            )
        line = _line(row)
        identity = await put(
            case["id"], row["aspect_id"], line, row["requested_by"], approved_by=viewer.user_id
        )  # fmt: skip
        await _decided(viewer, row, "approved", line_id=identity)
        aspect = {"aspect": str(row["aspect_id"])}
        await record(
            viewer, case["id"], "redress.approved",
            {**aspect, "request": str(request_id), "version": row["version"], "content": shown, "line": str(identity)},
        )  # fmt: skip
        sealed = {"note": Sealed(await subject_of(case["id"]), line.note)} if line.note else {}
        code = redress_code(identity, line.kind, line.amount, line.currency)
        await record(
            viewer,
            case["id"],
            "redress.added",
            {**aspect, **code, **because_of(line), "request": str(request_id)},
            sealed,
        )
        return identity


def _line(row: Record) -> RedressGiven:
    return RedressGiven(row["kind"], row["amount"], row["currency"], row["note"], row["calculation_id"])


def _refuse_asker(viewer: Viewer, row: Record) -> None:
    if viewer.user_id is None or row["requested_by"] == viewer.user_id:
        raise NotAllowed("You asked for this redress. Somebody else must approve it.")


async def _decided(viewer: Viewer, row: Record, state: str, **more: Any) -> None:
    values = {"state": state, "decided_by": viewer.user_id, "decided_at": now(), **more}
    await update("core_redress_request", row["id"], values)


async def refuse(viewer: Viewer, request_id: UUID, reason: str) -> None:
    """No, with the reason, which whoever asked reads."""
    reason = clean_text(reason, "reason", longest=1000, required=True)
    async with db.transaction():
        case, row = await _locked(viewer, request_id)
        _refuse_asker(viewer, row)
        await _decided(viewer, row, "refused", reason=reason)
        await _tell_end(viewer, case, row, "redress.refused", reason)


async def withdraw(viewer: Viewer, request_id: UUID, reason: str = "") -> None:
    """Taken back, by whoever asked or anybody who may decide here."""
    reason = clean_text(reason, "reason", longest=1000)
    async with db.transaction():
        case, row = await _locked(viewer, request_id)
        await _decided(viewer, row, "withdrawn", reason=reason)
        await _tell_end(viewer, case, row, "redress.withdrawn", reason)


async def _tell_end(viewer: Viewer, case: Record, row: Record, kind: str, reason: str) -> None:
    body = {"aspect": str(row["aspect_id"]), "request": str(row["id"]), "version": row["version"]}
    sealed = {"reason": Sealed(await subject_of(case["id"]), reason)} if reason else {}
    await record(viewer, case["id"], kind, body, sealed)


async def change(viewer: Viewer, request_id: UUID, line: RedressGiven, version: int | None) -> None:
    """Another amount or note, by whoever asked: what was shown to an approver before holds no longer."""
    line = checked_redress(line)
    async with db.transaction():
        case, row = await _locked(viewer, request_id)
        if row["requested_by"] != viewer.user_id:
            raise NotAllowed("Only whoever asked for it changes it. Refuse it with a reason instead.")
        check_version("This request", row, version, {"amount": line.amount})
        if line.amount is None:
            raise NotNow("What needs no approval does not wait. Withdraw this request, and give it directly.")
        await checked_calculation(row["aspect_id"], line)
        await update(
            "core_redress_request", request_id,
            {"kind": line.kind, "amount": line.amount, "currency": line.currency, "note": line.note,
             "calculation_id": line.calculation, "requested_at": now()},
        )  # fmt: skip
        await _tell_asked(viewer, case["id"], request_id)
