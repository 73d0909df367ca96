"""An unsure payment asked about at the payment service that was handed it: what became of this key?

A question moves no money and may be asked as often as somebody likes. Only an answer that names the key, and no other
amount, ends the doubt; everything else leaves the payment unsure, and a person decides as before.
"""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import Record

from ombud import speech
from ombud.desk.errors import NotNow
from ombud.desk.redress.payments import service, states
from ombud.desk.redress.payments.moving import ENGINE, WHY_NOT, locked, move, seen, tell
from ombud.desk.redress.payments.paying import MANAGE
from ombud.desk.redress.payments.reports import MEANS, Report, differs
from ombud.desk.redress.payments.rules import fits, rules_in, secret_in
from ombud.desk.redress.payments.service import Answer, Asked
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.outbox import JobContext, enqueue_job
from ombud.speech import sentence
from ombud.trust.policy import Viewer

JOB = "payments.ask"
ASKED = "The payment service is being asked what became of it."


async def ask(viewer: Viewer, identity: UUID) -> None:
    """A person has the service asked; the work process does it. Raises NotNow where there is nothing to ask about, or
    nobody to ask."""
    async with db.transaction():
        row = await seen(viewer, MANAGE, identity)
        if row["state"] != states.UNSURE:
            raise NotNow(sentence("%(state)s There is no doubt to ask about.", state=WHY_NOT[row["state"]]))
        if row["way"] != "webhook":
            raise NotNow("It left in a file. Ask your bank, and say here what became of it.")
        if not fits((await rules_in(row["unit_id"])).status_url):
            raise NotNow(
                "The payment service has no address for questions. Set it under Settings, Payments of redress, or ask "
                "the service yourself and say here what became of it."
            )
        await _note(row, ASKED)
        await tell(viewer, row, "payment.asked")
        await enqueue_job(JOB, {"payment": str(identity), "key": row["key"]}, key=f"{identity}/{row['version'] + 1}")


async def _note(row: Record, detail: str) -> None:
    await db.execute(
        "UPDATE core_payment SET detail = $2, changed_at = $3, version = version + 1 WHERE id = $1",
        row["id"], detail, now(),
    )  # fmt: skip


_ABOUT = """
SELECT p.*, c.unit_id FROM core_payment p JOIN core_case c ON c.id = p.case_id
WHERE p.id = $1 AND p.key = $2 AND p.state = 'unsure'
"""


async def run(payload: dict[str, Any], context: JobContext) -> None:
    """The job; run again it asks again, which moves nothing."""
    row = await db.fetchrow(_ABOUT, UUID(payload["payment"]), payload["key"])
    if row is None:
        return
    await book(row["id"], payload["key"], await _asked(row))


async def _asked(row: Record) -> Answer:
    rules, secret = await rules_in(row["unit_id"]), await secret_in(row["unit_id"])
    if not fits(rules.status_url) or not secret:
        return Answer(states.DOUBT, "The payment service has no https address for questions, or no secret.")
    body = speech.encoded({"key": row["key"]})
    said = await service.posted(Asked(rules.status_url, body, service.signed_headers(secret, row["key"], body)))
    return said if isinstance(said, Answer) else read(row, *said)


def read(row: Any, status: int, content: bytes) -> Answer:
    """What an answer says of this payment. Pure. Without a clear word about this very key it leaves a doubt."""
    try:
        said: Any = msgspec.json.decode(content[:20_000])
    except msgspec.DecodeError:
        said = None
    if not 200 <= status < 300 or not isinstance(said, dict):
        return Answer(
            states.DOUBT,
            sentence("The payment service answered %(status)s without a word that is certain.", status=status),
        )
    words = {name: str(said.get(name) or "")[:500] for name in _FIELDS}
    if "\0" in "".join(words.values()) or words["key"] != row["key"]:
        return Answer(states.DOUBT, "The payment service answered about another payment.")
    if other := differs(row, Report(words["key"], words["status"], amount=words["amount"], currency=words["currency"])):
        return Answer(states.DOUBT, other)
    return _meant(words)


_FIELDS = ("key", "status", "value_date", "amount", "currency", "reference", "reason")


def _meant(words: dict[str, str]) -> Answer:
    detail, remote = words["reason"], words["reference"][:200]
    match MEANS.get(words["status"].lower(), words["status"].lower()):
        case "paid" if on := _day(words["value_date"]):
            return Answer(states.SETTLE, detail, remote, on)
        case "paid":
            return Answer(states.DOUBT, "The payment service says that it is paid, and not on which day. Ask for it.")
        case "failed" | "returned":
            return Answer(states.REFUSE, detail or "The payment service says that it was not paid.", remote)
        case "accepted":
            return Answer(states.TOOK, detail, remote)
        case "unknown":
            return Answer(states.DOUBT, "The payment service knows no payment of this key.")
    return Answer(
        states.DOUBT,
        sentence("The payment service says “%(status)s”, which leaves it uncertain.", status=words["status"][:40]),
    )


def _day(text: str) -> date | None:
    try:
        on = date.fromisoformat(text)
    except ValueError:
        return None
    return on if abs((on - now().date()).days) <= 3660 else None


async def book(identity: UUID, key: str, answer: Answer) -> None:
    """Writes down what was answered; a payment that somebody settled or repeated meanwhile is left alone."""
    async with db.transaction():
        row = await locked(identity)
        if row is None or row["state"] != states.UNSURE or row["key"] != key:
            return
        if answer.event in {states.DOUBT, states.WAIT}:
            await _note(row, answer.detail)
            await tell(ENGINE, row, "payment.still_unsure", said=answer.detail)
            return
        more = {"value_date": answer.value_date} if answer.event == states.SETTLE else {}
        await move(
            ENGINE, row, answer.event, said=answer.detail, detail=answer.detail, remote=answer.remote,
            codes={"remote": answer.remote, "asked": True}, **more,
        )  # fmt: skip
