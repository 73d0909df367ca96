"""Messages that came before what they answer are looked at again when that has found its case."""

from typing import Any
from uuid import UUID

from ombud.desk.inbox import decisions, joining, matching, news, threads
from ombud.desk.inbox.decisions import Decided
from ombud.kernel.database import db
from ombud.kernel.outbox import JobContext, enqueue_job
from ombud.trust.ledger import append
from ombud_plugin_api.correspondence import Thread

JOB = "inbox.rematch"
# Where a person has decided once, nothing moves by itself any more.
_OPEN = (
    "m.case_id IS NULL AND m.direction = 'in' AND m.decision = '' AND m.held = '' AND m.robot = '' "
    "AND NOT EXISTS (SELECT 1 FROM core_triage decided WHERE decided.message_id = m.id AND decided.rule = '')"
)
_WAITING = f"""
SELECT DISTINCT m.id, m.said_at FROM core_thread_id t JOIN core_thread_answer a ON a.value = t.value
JOIN core_message m ON m.id = a.message_id WHERE t.message_id = $1 AND {_OPEN} ORDER BY m.said_at, m.id
"""
_POSSIBLE = f"SELECT m.id, m.said_at FROM core_message m WHERE m.possible_case_id = $1 AND {_OPEN} ORDER BY 2, 1"


async def ask(message_id: UUID) -> None:
    """Called in the transaction that put a message into a case: has its answers looked at again, if any wait."""
    if await db.fetchval(f"SELECT EXISTS ({_WAITING})", message_id):
        await enqueue_job(JOB, {"message": str(message_id)}, key=f"rematch/{message_id}")


async def ask_for_case(case_id: UUID) -> None:
    """Called in the transaction that made somebody a party: has what possibly belongs to the case looked at again."""
    if await db.fetchval(f"SELECT EXISTS ({_POSSIBLE})", case_id):
        await enqueue_job(JOB, {"case": str(case_id)}, key=f"rematch/{case_id}")


async def run(payload: dict[str, Any], context: JobContext) -> None:
    """The answers to one message, or what possibly belongs to one case, each in a transaction of its own."""
    sql, about = (_POSSIBLE, payload["case"]) if "case" in payload else (_WAITING, payload["message"])
    for row in await db.fetch(sql, UUID(about)):
        await place_again(row["id"])


async def place_again(message_id: UUID) -> bool:
    """Looks once more where a waiting message belongs; True if it joined its case."""
    rows = await db.fetch("SELECT value FROM core_thread_answer WHERE message_id = $1 ORDER BY place", message_id)
    own = await db.fetch("SELECT value FROM core_thread_id WHERE message_id = $1", message_id)
    thread = Thread(answers=tuple(row["value"] for row in rows))
    async with db.transaction():
        await threads.alone(Thread(answers=(*thread.answers, *(row["value"] for row in own))))
        row = await db.fetchrow(
            f"SELECT m.* FROM core_message m WHERE m.id = $1 AND {_OPEN} FOR UPDATE OF m", message_id
        )
        if row is None:
            return False
        belongs = await matching.find(_asked(row, thread))
        if belongs is None:
            return False
        if belongs.person_id is None:
            await db.execute(
                "UPDATE core_message SET possible_case_id = $2, possible_reason = $3 WHERE id = $1",
                message_id, belongs.case_id, belongs.hint.by,
            )  # fmt: skip
            return False
        await _join(row, belongs, belongs.person_id)
    return True


def _asked(row: Any, thread: Thread) -> matching.Asked:
    sender = joining.sender_of(row["sender_name"], row["sender_address"])
    return matching.Asked(
        sender, thread, f"{row['subject']}\n{row['body']}", row["said_at"], row["possible_case_id"],
        row["possible_reason"],
    )  # fmt: skip


async def _join(row: Any, belongs: matching.Belongs, person_id: UUID) -> None:
    case = await joining.lock(belongs.case_id)
    entry = await joining.join(
        joining.Joining(
            row["id"], row["raw_id"], person_id, belongs.hint.by, belongs.hint.told, row["channel"], row["body"],
            row["said_at"], belongs.origin,
        ),
        case,
    )  # fmt: skip
    await joining.forget_sender(row["person_id"], person_id)
    decided = Decided(decisions.JOINED, rule=f"joined.{belongs.hint.by}", case_id=case["id"])
    await decisions.keep(row["id"], decided)
    subject = f"person/{person_id}"
    told = decisions.entry(f"message/{row['raw_id']}", row["id"], decided, subject)
    await append(actor=subject, cause=f"command/{row['raw_id']}", entries=[entry, told])
    await ask(row["id"])
    news.tell(row["id"])
