"""Handing payments to a firm's own payment service: a signed request with the payment's key, and what its answer means.

That it is being handed over is committed before the service is asked. A process that dies in between leaves a payment
that is *unsure*, and so does every answer that leaves a doubt; nobody repeats it but a person. Only what certainly did
not leave this machine is tried again by itself.
"""

import hashlib
import hmac
import logging
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec
from asyncpg import Record

from ombud import speech
from ombud.desk.errors import NotNow
from ombud.desk.redress.money import text_of
from ombud.desk.redress.payments import states
from ombud.desk.redress.payments.moving import ENGINE, locked, move
from ombud.desk.redress.payments.paying import JOB, payee_of, wake
from ombud.desk.redress.payments.rules import Rules, fits, rules_in, secret_in
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.outbox import JobContext, enqueue_job
from ombud.speech import sentence

log = logging.getLogger("ombud.payments")

SWEEP = "payments.sweep"
SECONDS = 20.0
PAUSES = (10, 30, 120, 600, 1800, 3600)
FORGOTTEN = timedelta(minutes=15)
SKEW = timedelta(minutes=5)


@dataclass(frozen=True)
class Asked:
    """All that is needed for the request, so that nothing of ours can fail once it is said to have begun."""

    url: str
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """How an attempt ended: `took`, `settle`, `refuse`, `doubt`, or `wait` (it certainly did not leave)."""

    event: str
    detail: str = ""
    remote: str = ""
    value_date: date | None = None


def signature(secret: str, stamp: str, body: bytes) -> str:
    """HMAC-SHA256 over stamp, a dot, and the body; of what is sent and of what comes back."""
    return hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def signed_by(secret: str, stamp: str, body: bytes, given: str) -> bool:
    """Whether a request is fresh and signed with the secret; without a secret none is."""
    if not secret or not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
        return False
    fresh = abs(now().timestamp() - int(stamp)) <= SKEW.total_seconds()
    return fresh and hmac.compare_digest(signature(secret, stamp, body), given.removeprefix("sha256="))


async def hand_over(payload: dict[str, Any], context: JobContext) -> None:
    """The job of one payment. Safe to run twice: only one run takes it, and what a run before left behind is unsure."""
    identity = UUID(payload["payment"])
    asked = await _prepare(identity)
    if asked is None or not await _take(identity, context.delivery_id):
        return
    answer = asked if isinstance(asked, Answer) else await request(asked)
    await book(identity, context.delivery_id, answer)


_READY = """
SELECT p.*, c.unit_id, c.reference FROM core_payment p JOIN core_case c ON c.id = p.case_id
WHERE p.id = $1 AND p.way = 'webhook'
"""


async def _prepare(identity: UUID) -> Asked | Answer | None:
    """Reads what is sent; an Answer where it cannot be sent now, None for what is no payment of this way."""
    row = await db.fetchrow(_READY, identity)
    if row is None:
        return None
    rules, secret = await rules_in(row["unit_id"]), await secret_in(row["unit_id"])
    if not fits(rules.url) or not secret:
        return Answer(states.WAIT, "The payment service has no https address or no secret. Set both in the settings.")
    try:
        return await _asked(row, rules, secret)
    except NotNow as refusal:
        return Answer(states.REFUSE, str(refusal))


async def _asked(row: Record, rules: Rules, secret: str) -> Asked:
    payee = await payee_of(row)
    body = speech.encoded({
        "key": row["key"], "amount": text_of(row["amount"], row["currency"]), "currency": row["currency"],
        "payee": {"name": payee.name, "account": payee.account, "bic": payee.bic}, "reference": row["reference"],
    })  # fmt: skip
    return Asked(rules.url, body, signed_headers(secret, row["key"], body))


def signed_headers(secret: str, key: str, body: bytes) -> dict[str, str]:
    """Of whatever is sent to the service about the payment of this key."""
    stamp = str(int(now().timestamp()))
    return {
        "content-type": "application/json", "idempotency-key": key, "x-ombud-timestamp": stamp,
        "x-ombud-signature": f"sha256={signature(secret, stamp, body)}", "user-agent": "Ombud",
    }  # fmt: skip


async def _take(identity: UUID, delivery_id: UUID) -> bool:
    """Commits that this attempt begins; False where there is nothing to do."""
    async with db.transaction():
        row = await locked(identity)
        if row is None or row["way"] != "webhook":
            return False
        if row["state"] == states.HANDING and row["sender"] == delivery_id:
            await _doubt(row, "The process that handed it over ended before it heard an answer.")
            return False
        if row["state"] != states.INTENDED:
            return False
        await move(ENGINE, row, states.TAKE, sender=delivery_id, handed_at=now())
        return True


async def request(asked: Asked) -> Answer:
    """Asks the service once. Only a connection that was never made is certain not to have left."""
    said = await posted(asked)
    return said if isinstance(said, Answer) else read(*said)


async def posted(asked: Asked) -> Answer | tuple[int, bytes]:
    """The status and the bytes of the answer; an Answer where there was none."""
    try:
        async with httpx.AsyncClient(timeout=SECONDS, follow_redirects=False, trust_env=False) as client:
            reply = await client.post(asked.url, content=asked.body, headers=asked.headers)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.InvalidURL, httpx.UnsupportedProtocol) as problem:
        return Answer(
            states.WAIT,
            sentence("The payment service could not be reached: %(name__)s.", name__=type(problem).__name__),
        )
    except httpx.HTTPError as problem:
        return Answer(
            states.DOUBT,
            sentence("The payment service did not answer to the end: %(name__)s.", name__=type(problem).__name__),
        )
    return reply.status_code, reply.content


def read(status: int, content: bytes) -> Answer:
    """What an answer means. Pure. An answer that does not say clearly that it was not taken leaves a doubt."""
    try:
        said: Any = msgspec.json.decode(content[:20_000])
    except msgspec.DecodeError:
        said = None
    said = said if isinstance(said, dict) else {}
    detail, remote = str(said.get("reason", ""))[:1000], str(said.get("reference", ""))[:200]
    word = said.get("status")
    if 200 <= status < 300 and word == "accepted":
        return Answer(states.TOOK, detail, remote)
    if 200 <= status < 300 and word == "paid" and (on := _day(said.get("value_date"))):
        return Answer(states.SETTLE, detail, remote, on)
    if word == "refused" and (200 <= status < 300 or status in {400, 404, 409, 422}):
        return Answer(states.REFUSE, detail or "The payment service refused it.", remote)
    if status == 429:
        return Answer(states.WAIT, "The payment service asked for a pause.")
    return Answer(
        states.DOUBT,
        sentence(
            "The payment service answered %(status)s without a word that is certain. %(detail)s",
            status=status,
            detail=detail,
        ).strip(),
    )


def _day(text: Any) -> date | None:
    try:
        return date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


async def book(identity: UUID, delivery_id: UUID, answer: Answer) -> None:
    """Writes down how this attempt ended. A payment that became unsure meanwhile is settled by it all the same."""
    async with db.transaction():
        row = await locked(identity)
        if row is None or row["sender"] != delivery_id or row["state"] not in {states.HANDING, states.UNSURE}:
            return
        if row["state"] == states.UNSURE and answer.event in {states.DOUBT, states.WAIT}:
            return
        if answer.event == states.DOUBT:
            await _doubt(row, answer.detail)
        elif answer.event == states.WAIT:
            await move(ENGINE, row, states.WAIT, said=answer.detail, detail=answer.detail, sender=None, handed_at=None)
            await _later(row)
        else:
            more = {"value_date": answer.value_date} if answer.event == states.SETTLE else {}
            await move(
                ENGINE, row, answer.event, said=answer.detail, detail=answer.detail, remote=answer.remote,
                codes={"remote": answer.remote}, **more,
            )  # fmt: skip


async def _doubt(row: Record, detail: str) -> None:
    await move(ENGINE, row, states.DOUBT, said=detail, detail=detail)


async def _later(row: Record) -> None:
    """The same key after a pause that grows with each attempt; the version counts two for each."""
    pause = PAUSES[min(row["version"] // 2, len(PAUSES)) - 1]
    await enqueue_job(
        JOB, {"payment": str(row["id"])}, key=f"{row['id']}/{row['version'] + 1}", delay=timedelta(seconds=pause)
    )  # fmt: skip


async def sweep(payload: dict[str, Any], context: JobContext) -> None:
    """Every minute: what lost its process or its job, and what nobody has heard of for too long."""
    moment = now()
    for row in await db.fetch(
        "SELECT id FROM core_payment WHERE state = 'handing' AND changed_at < $1 LIMIT 100", moment - FORGOTTEN
    ):
        await _unheard(row["id"], states.HANDING, "The process that handed it over was not heard of again.")
    for row in await db.fetch(
        "SELECT id, version FROM core_payment WHERE state = 'intended' AND way = 'webhook' AND changed_at < $1 "
        "LIMIT 100",
        moment - timedelta(seconds=PAUSES[-1] + 300),
    ):
        await wake(row["id"], row["version"])
    await _silent()


async def _silent() -> None:
    rows = await db.fetch(
        "SELECT p.id, c.unit_id, p.changed_at FROM core_payment p JOIN core_case c ON c.id = p.case_id "
        "WHERE p.state = 'handed_over' AND p.changed_at < $1 ORDER BY p.changed_at LIMIT 200",
        now() - timedelta(days=1),
    )
    patience: dict[UUID, int] = {}
    for row in rows:
        if row["unit_id"] not in patience:
            patience[row["unit_id"]] = (await rules_in(row["unit_id"])).silent_days
        days = patience[row["unit_id"]]
        if row["changed_at"] < now() - timedelta(days=days):
            await _unheard(row["id"], states.HANDED, sentence("Nothing was heard of it for %(days)s days.", days=days))


async def _unheard(identity: UUID, state: str, detail: str) -> None:
    async with db.transaction():
        row = await locked(identity)
        if row is not None and row["state"] == state:
            await _doubt(row, detail)
