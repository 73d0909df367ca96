"""The final response: written from the outcomes of the aspects, and issued only when each of them is answered."""

from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.cases import all_aspects_closed
from ombud.desk.errors import NotNow
from ombud.desk.outgoing.content import outcomes_hash
from ombud.desk.writing import record, refuse_concerned, update
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.speech import sentence
from ombud.trust.policy import Viewer

_OUTCOMES = """
SELECT a.id, a.outcome, a.reason, coalesce((
    SELECT jsonb_agg(jsonb_build_array(r.kind, r.amount::text, r.currency, r.note) ORDER BY r.created_at, r.id)
    FROM core_redress r WHERE r.aspect_id = a.id AND r.reverses IS NULL
        AND NOT EXISTS (SELECT 1 FROM core_redress b WHERE b.reverses = r.id)), '[]'::jsonb) AS redress
FROM core_aspect a WHERE a.case_id = $1 ORDER BY a.position, a.id
"""


async def issue(viewer: Viewer, case: Record) -> str:
    """In the caller's transaction: refuses while an aspect is unanswered, or for somebody whom one is about; the case
    is resolved. Returns the hash of the outcomes."""
    await refuse_concerned(viewer, case["id"])
    await answered(case)
    await db.fetch("SELECT 1 FROM core_aspect WHERE case_id = $1 FOR SHARE", case["id"])
    if case["status"] in {"new", "in_progress"}:
        await update("core_case", case["id"], {"status": "resolved", "changed_at": now()})
        await record(viewer, case["id"], "case.status_changed", {"status": "resolved"})
    return await outcomes_now(case["id"])


async def answered(case: Record) -> None:
    try:
        await all_aspects_closed(case)
    except NotNow as refusal:
        words = str(refusal).partition(" no outcome yet.")[0]
        raise NotNow(
            sentence("%(words)s no outcome yet. Decide each aspect, then write the final response.", words=words)
        ) from refusal


async def outcomes_now(case_id: UUID) -> str:
    rows = await db.fetch(_OUTCOMES, case_id)
    return outcomes_hash([(row["id"], row["outcome"], row["reason"], row["redress"]) for row in rows])


async def stale(row: Record) -> str:
    """Why a final response that waits may not leave any more; empty where all is as it was when it was written."""
    case: Any = await db.fetchrow("SELECT * FROM core_case WHERE id = $1", row["case_id"])
    try:
        await answered(case)
    except NotNow as refusal:
        return str(refusal)
    if await outcomes_now(row["case_id"]) != row["outcomes"]:
        return "An outcome or its redress changed after this was written. Write the final response again."
    return ""
