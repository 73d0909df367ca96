"""One step of a payment, in one transaction: the row and the ledger entry of its case."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.errors import NotFound, NotNow
from ombud.desk.redress.payments import states
from ombud.desk.redress.payments.states import NoWay
from ombud.desk.writing import demand, subject_of
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.speech import sentence
from ombud.trust.keys import Destroyed
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud.trust.policy import Arguments, Viewer, decide

NO_PAYMENT = "There is no such payment that you may see. The page of payments shows those there are."
ENGINE = Viewer(actor="system", system=True)

_ENTRY = {
    states.TAKE: "payment.handing", states.HAND: "payment.handed_over", states.TOOK: "payment.handed_over",
    states.DOUBT: "payment.unsure", states.WAIT: "payment.waits", states.REFUSE: "payment.failed",
    states.SETTLE: "payment.paid", states.BOUNCE: "payment.returned", states.AGAIN: "payment.repeated",
    states.REPEAT: "payment.repeated", states.CANCEL: "payment.cancelled",
}  # fmt: skip
WHY_NOT = {
    "intended": "It has not left yet.", "handing": "It is just being handed over.",
    "handed_over": "It was handed over.", "paid": "It is paid.", "failed": "It failed.",
    "unsure": "It is not certain whether it was paid.", "cancelled": "It was cancelled.",
}  # fmt: skip


async def locked(identity: UUID) -> Record | None:
    """The row with its case's unit and reference, its case locked first, as every other writer does it."""
    await db.execute(
        "SELECT 1 FROM core_case WHERE id = (SELECT case_id FROM core_payment WHERE id = $1) FOR UPDATE", identity
    )
    return await db.fetchrow(
        "SELECT p.*, c.unit_id, c.reference FROM core_payment p JOIN core_case c ON c.id = p.case_id "
        "WHERE p.id = $1 FOR UPDATE OF p",
        identity,
    )


async def seen(viewer: Viewer, permission: str, identity: UUID) -> Record:
    """The locked row, if the viewer has the permission where its aspect is and may see that. Raises NotFound."""
    demand(viewer, permission)
    arguments = Arguments(identity)
    rows = decide(viewer, permission, "aspect").where("a", arguments)
    found = await db.fetchval(
        f"SELECT p.id FROM core_payment p JOIN core_aspect a ON a.id = p.aspect_id WHERE p.id = $1 AND {rows}",
        *arguments.values,
    )
    row = await locked(identity) if found else None
    if row is None:
        raise NotFound(NO_PAYMENT)
    return row


async def move(
    viewer: Viewer, row: Record, event: str, *, said: str = "", codes: Mapping[str, Any] | None = None, **values: Any
) -> str:
    """Takes one step in the caller's transaction and returns the new state. `said`: words for the ledger, sealed; other
    columns in `values`. Raises NotNow where it cannot be taken."""
    state = stepped(row, event)
    columns = {"state": state, "changed_at": now(), **values}
    if row["state"] == states.PAID:
        columns.setdefault("value_date", None)
    if state in {states.PAID, states.FAILED, states.CANCELLED}:
        columns.setdefault("settled_at", now())
    sets = ", ".join(f"{column} = ${place}" for place, column in enumerate(columns, 2))
    await db.execute(
        f"UPDATE core_payment SET {sets}, version = version + 1 WHERE id = $1", row["id"], *columns.values()
    )
    await tell(viewer, {**dict(row), **columns}, _ENTRY[event], codes or {}, said)
    return state


def stepped(row: Record, event: str) -> str:
    try:
        return states.after(row["state"], event)
    except NoWay:
        raise NotNow(
            sentence("%(state)s Open the payment again to see how it stands.", state=WHY_NOT[row["state"]])
        ) from None


async def tell(
    viewer: Viewer, row: Mapping[str, Any], kind: str, codes: Mapping[str, Any] | None = None, said: str = ""
) -> None:
    """An entry about a payment: codes and amounts in clear, words sealed."""
    body = {
        "aspect": str(row["aspect_id"]), "payment": str(row["id"]), "line": str(row["line_id"]), "state": row["state"],
        "amount": f"{row['amount']:f}", "currency": row["currency"], "key": row["key"], "way": row["way"],
        **(codes or {}),
    }  # fmt: skip
    stream = f"case/{row['case_id']}"
    try:
        sealed = {"said": Sealed(await subject_of(row["case_id"]), said[:2000])} if said else {}
        await append(actor=viewer.actor, entries=[NewEntry(stream, kind, body, sealed)])
    except Destroyed:  # the person was erased: that it happened stays, the words go with them
        await append(actor=viewer.actor, entries=[NewEntry(stream, kind, body)])
