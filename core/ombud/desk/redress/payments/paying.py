"""What people do with a payment: have it made, record one made by hand, say what became of it, repeat it, cancel it."""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import Record

from ombud import speech
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotNow
from ombud.desk.redress.payments import accounts, states
from ombud.desk.redress.payments.accounts import Payee
from ombud.desk.redress.payments.moving import move, seen, stepped, tell
from ombud.desk.redress.payments.rules import rules_in
from ombud.desk.writing import lock_aspect
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.outbox import enqueue_job
from ombud.trust import vault
from ombud.trust.keys import Destroyed
from ombud.trust.policy import Viewer

MANAGE = "payment.manage"
JOB = "payments.hand_over"

_LINE = """
SELECT r.*, EXISTS (SELECT 1 FROM core_redress b WHERE b.reverses = r.id) AS gone,
    EXISTS (SELECT 1 FROM core_payment p WHERE p.line_id = r.id AND p.state <> 'cancelled') AS on_its_way
FROM core_redress r WHERE r.id = $1 AND r.aspect_id = $2
"""

_NAME = """SELECT p.name FROM core_party y JOIN core_person p ON p.id = y.person_id
WHERE y.case_id = $1 AND p.id = $2 LIMIT 1"""


async def _payable(viewer: Viewer, aspect_id: UUID, line_id: UUID) -> tuple[Record, Record]:
    """The case and the line, locked. Also of a closed case: what was promised is paid after it is closed too."""
    case, _ = await lock_aspect(viewer, "case.decide", aspect_id)
    line = await db.fetchrow(_LINE, line_id, aspect_id)
    if line is None or line["reverses"] is not None or line["gone"] or line["kind"] != "money":
        raise NotNow("Only a standing line of money can be paid. Open the redress again to see how it stands.")
    if line["on_its_way"]:
        raise NotNow("This line has a payment already. Open the redress again to see how it stands.")
    return case, line


async def intend(viewer: Viewer, aspect_id: UUID, line_id: UUID, person_id: UUID | None, payee: Payee) -> UUID:
    """Has a line paid to one of the case's people, whose account a person gives; the account goes into the vault under
    that person's key."""
    payee = accounts.checked(payee)
    async with db.transaction():
        case, line = await _payable(viewer, aspect_id, line_id)
        rules = await rules_in(case["unit_id"])
        name = await db.fetchval(_NAME, case["id"], person_id)
        if name is None:
            raise Invalid("Choose which of the people of this case is paid.", "person")
        try:
            account = await vault.store(f"person/{person_id}", speech.encoded(_plain(payee)))
        except Destroyed:
            raise NotNow("This person was erased, so nothing can be kept of them. Choose somebody else.") from None
        row = await _insert(
            viewer, case, line, rules.way, states.INTENDED, person_id=person_id, payee_vault_id=account,
            payee_hint=payee.hint(name),
        )  # fmt: skip
        if rules.way == "webhook":
            await wake(row["id"], row["version"])
    return UUID(str(row["id"]))


def _plain(payee: Payee) -> dict[str, str]:
    return {"name": payee.name, "account": payee.account, "bic": payee.bic}


async def _insert(viewer: Viewer, case: Record, line: Record, way: str, state: str, **more: Any) -> Record:
    identity, moment = new_id(), now()
    values = {
        "id": identity, "case_id": case["id"], "aspect_id": line["aspect_id"], "line_id": line["id"],
        "amount": line["amount"], "currency": line["currency"], "way": way, "state": state, "key": key_of(identity, 1),
        "attempt": 1, "payee_hint": "", "remote": "", "detail": "", "created_by": viewer.user_id, "created_at": moment,
        "changed_at": moment, "version": 1, **more,
    }  # fmt: skip
    places = ", ".join(f"${place}" for place in range(1, len(values) + 1))
    row = await db.fetchrow(
        f"INSERT INTO core_payment ({', '.join(values)}) VALUES ({places}) RETURNING *",
        *values.values(),
    )  # fmt: skip
    assert row is not None
    await tell(
        viewer, row, "payment.intended" if state == states.INTENDED else "payment.paid", _dated(row), row["detail"]
    )
    return row


def _dated(row: Record) -> dict[str, str]:
    return {"value_date": row["value_date"].isoformat()} if row["value_date"] else {}


def key_of(identity: UUID, attempt: int) -> str:
    """What the other side knows it by; at most 35 characters, as an end-to-end id may have. It changes only after an
    attempt that certainly failed."""
    return identity.hex if attempt == 1 else f"{identity.hex}-{attempt}"


async def wake(identity: UUID, version: int) -> None:
    await enqueue_job(JOB, {"payment": str(identity)}, key=f"{identity}/{version}")


async def record_by_hand(viewer: Viewer, aspect_id: UUID, line_id: UUID, on: date | None, how: str) -> UUID:
    """A line that was paid another way, such as on the next bill; the day and the way are said by a person."""
    how = clean_text(how, "how", longest=500, required=True)
    on = _past(on)
    async with db.transaction():
        case, line = await _payable(viewer, aspect_id, line_id)
        row = await _insert(viewer, case, line, "hand", states.PAID, value_date=on, settled_at=now(), detail=how)
    return UUID(str(row["id"]))


def _past(on: date | None) -> date:
    if on is None:
        raise Invalid("Give the day on which it was paid.", "value_date")
    if not 0 <= (now().date() - on).days + 1 <= 3660:
        raise Invalid("This day is still to come, or ten years ago. Check it.", "value_date")
    return on


async def settle(viewer: Viewer, identity: UUID, event: str, why: str, on: date | None = None) -> None:
    """A person says what became of a payment that was handed over or is in doubt: paid on a day, failed, repeated
    knowingly, given up, or come back; always with why."""
    why = clean_text(why, "why", longest=1000, required=True)
    async with db.transaction():
        row = await seen(viewer, MANAGE, identity)
        event = _read_event(row, event)
        more: dict[str, Any] = {"detail": why}
        if event == states.SETTLE:
            more["value_date"] = _past(on)
        if event in {states.AGAIN, states.REPEAT}:
            more |= await _fresh(row, event)
        codes = {"by_hand": True, "key": more.get("key", row["key"])}
        await move(viewer, row, event, said=why, codes=codes, **more)
        if event in {states.AGAIN, states.REPEAT} and more["way"] == "webhook":
            await wake(identity, row["version"] + 1)


def _read_event(row: Record, event: str) -> str:
    known = {
        "paid": states.SETTLE, "failed": states.REFUSE, "cancel": states.CANCEL, "returned": states.BOUNCE,
        "again": states.REPEAT if row["state"] == states.UNSURE else states.AGAIN,
    }  # fmt: skip
    if event not in known:
        raise Invalid("Say whether it was paid, failed, came back, is paid again, or is given up.", "event")
    if row["state"] == states.HANDING:
        raise NotNow("It is just being handed over. Wait a moment, then look again.")
    stepped(row, known[event])
    return known[event]


async def _fresh(row: Record, event: str) -> dict[str, Any]:
    """An attempt after a certain failure gets a key of its own, one after a doubt keeps its key."""
    if row["payee_vault_id"] is None:
        raise NotNow("Where it was to be paid is not kept any more. Cancel it, and have the line paid anew.")
    attempt = row["attempt"] + (event == states.AGAIN)
    way = (await rules_in(row["unit_id"])).way
    return {"attempt": attempt, "key": key_of(row["id"], attempt), "way": way, "batch_id": None, "sender": None,
            "handed_at": None, "settled_at": None, "remote": ""}  # fmt: skip


async def cancel(viewer: Viewer, identity: UUID, why: str) -> None:
    """One that has not left, or failed for certain; the line stands and can be paid anew, to another account."""
    why = clean_text(why, "why", longest=1000)
    async with db.transaction():
        row = await seen(viewer, "case.decide", identity)
        await _cancel(viewer, row, why)


async def cancel_with_line(viewer: Viewer, identity: UUID) -> None:
    """In the transaction that takes its line back. A payment that was made stays: the money went out."""
    row = await db.fetchrow("SELECT * FROM core_payment WHERE id = $1 FOR UPDATE", identity)
    if row is not None and row["state"] in {states.INTENDED, states.FAILED}:
        await _cancel(viewer, row, "")


async def _cancel(viewer: Viewer, row: Record, why: str) -> None:
    await move(viewer, row, states.CANCEL, said=why, detail=why, batch_id=None)
    if row["batch_id"] is not None and row["state"] == states.INTENDED:
        await db.execute(
            "UPDATE core_payment_batch SET payments = payments - 1, total = total - $2, version = version + 1 "
            "WHERE id = $1",
            row["batch_id"], row["amount"],
        )  # fmt: skip


async def payee_of(row: Record) -> Payee:
    """Out of the vault; raises NotNow where the person was erased meanwhile."""
    try:
        if row["payee_vault_id"] is None:
            raise vault.NotStored("none")
        found = msgspec.json.decode(await vault.load(row["payee_vault_id"]))
    except (Destroyed, vault.NotStored):
        raise NotNow("Where this payment was to go is not kept any more. Cancel it.") from None
    return Payee(found["name"], found["account"], found["bic"])
