"""One message in the hands of its deliverer: what it is given, and what its answer means. Outside transactions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.inbox.threads import reply_token
from ombud.desk.outgoing.plain import as_html
from ombud.desk.outgoing.ways import deliverer, label_of
from ombud.desk.platform import CoreContext, context_in
from ombud.kernel.calling import Fault, Outcome, call
from ombud.kernel.database import db
from ombud.kernel.outbox import JobContext
from ombud.speech import sentence, word
from ombud.trust import vault
from ombud.trust.policy import Viewer
from ombud_plugin_api import Deliverer, Document, OutboundMessage, Receipt, Recipient, Thread


@dataclass(frozen=True)
class Gone:
    """How an attempt ended: sent, failed, unsure, or certainly not sent (transient, misconfigured)."""

    state: str
    detail: str = ""
    remote_id: str = ""
    at: datetime | None = None
    retry_after: float | None = None


@dataclass(frozen=True)
class Prepared:
    """All that is needed for the call, so that nothing of ours can fail once it is said to have begun."""

    slug: str
    way: Deliverer
    message: OutboundMessage
    key: str
    context: CoreContext


async def prepare(row: Record, job: JobContext | None) -> Prepared | Gone:
    """Reads what the deliverer gets; a Gone where nothing that runs here sends this way."""
    found = deliverer(row["channel"])
    if found is None:
        said = sentence("Nothing that is turned on here sends by %(way)s.", way=word(label_of(row["channel"])))
        return Gone("misconfigured", said)
    slug, way = found
    message = await message_of(row)
    context = await context_in(slug, Viewer(actor=f"plugin/{slug}"), job, message.unit)
    return Prepared(slug, way, message, row["key"], context)


async def hand_over(ready: Prepared) -> Gone:
    """Calls the deliverer, once."""
    way = ready.way
    outcome: Outcome[Receipt] = await call(
        ready.slug, way.send, ready.message, ready.key, ready.context, limit=way.limit_seconds,
        place=f"deliverer {way.key} send",
    )  # fmt: skip
    return _read(outcome)


def _read(outcome: Outcome[Receipt]) -> Gone:
    """What certainly did not go says so; all else that is no receipt leaves doubt."""
    if outcome.fault is not None:
        return _of_fault(outcome.fault)
    receipt: Any = outcome.result
    if isinstance(receipt, Receipt) and receipt.state in {"sent", "failed", "unsure"}:
        return Gone(receipt.state, str(receipt.detail), str(receipt.remote_id), receipt.at)
    return Gone("unsure", "The deliverer gave no receipt that says what became of it.")


def _of_fault(fault: Fault) -> Gone:
    states = {
        "transient": "transient", "resting": "transient", "busy": "transient", "permanent": "failed",
        "misconfigured": "misconfigured",
    }  # fmt: skip
    return Gone(states.get(fault.kind, "unsure"), fault.message, retry_after=fault.retry_after)


async def known_of(row: Record, job: JobContext | None) -> Gone | None:
    """What the deliverer knows for certain of an earlier attempt; None where nothing."""
    found = deliverer(row["channel"])
    if found is None or found[1].status is None:
        return None
    slug, way, ask = *found, found[1].status
    unit = await db.fetchval("SELECT key FROM core_unit WHERE id = $1", row["unit_id"])
    context = await context_in(slug, Viewer(actor=f"plugin/{slug}"), job, unit or "")
    outcome: Outcome[Any] = await call(
        slug, ask, row["key"], context, limit=way.limit_seconds, place=f"deliverer {way.key} status"
    )
    receipt: Any = outcome.result
    if not outcome.ok or not isinstance(receipt, Receipt) or receipt.state not in {"sent", "failed"}:
        return None
    return Gone(receipt.state, str(receipt.detail), str(receipt.remote_id), receipt.at)


# Answers leave from where the customer wrote to: what that person said last on this channel, else anybody in the case.
_ABOUT = """
SELECT u.key AS unit, coalesce(c.reference, '') AS reference, coalesce((
    SELECT m.account FROM core_message m WHERE m.case_id = c.id AND m.direction = 'in' AND m.channel = $3
        AND m.account <> '' ORDER BY (m.person_id = $4) DESC NULLS LAST, m.said_at DESC, m.id DESC LIMIT 1
), '') AS account
FROM core_unit u LEFT JOIN core_case c ON c.id = $2 WHERE u.id = $1
"""


async def message_of(row: Record) -> OutboundMessage:
    """The message as a deliverer gets it. Reads the vault; three statements."""
    about = await db.fetchrow(
        _ABOUT, row["unit_id"], row["case_id"], row["channel"], row["person_id"],
    )  # fmt: skip
    assert about is not None
    return OutboundMessage(
        id=row["id"], channel=row["channel"], kind=row["kind"], recipient=Recipient(**row["recipient"]),
        subject=row["subject"], text=row["body"], html=as_html(row["body"]), language=row["language"],
        thread=Thread(id=row["thread_id"], answers=tuple(row["answers"])),
        reply_token=reply_token(row["case_id"]) if row["case_id"] else "", unit=about["unit"],
        account=about["account"], reference=about["reference"], robot=row["robot"], documents=await _documents(row),
    )  # fmt: skip


async def _documents(row: Record) -> tuple[Document, ...]:
    """Those written for it first, then the files of the case that go along."""
    rows = await db.fetch(
        "SELECT name, content_type, vault_id FROM core_attachment WHERE message_id = $1 OR id = ANY($2::uuid[]) "
        "ORDER BY message_id IS DISTINCT FROM $1, created_at, id",
        row["id"], [UUID(each) for each in row["documents"]],
    )  # fmt: skip
    clear = await vault.load_many([each["vault_id"] for each in rows]) if rows else {}
    return tuple(
        Document(name=each["name"], content_type=each["content_type"], data=clear[each["vault_id"]]) for each in rows
    )
