"""Unsent text on the server: bound to writer, case and purpose, versioned, never lost to somebody else's change."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid
from ombud.desk.writing import demand, no_case
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.process import settings
from ombud.trust.policy import Arguments, Viewer, decide


async def keep(viewer: Viewer, case_id: UUID, purpose: str, body: Mapping[str, str]) -> int:
    """Keeps what is typed so far and returns the draft's version; empty text throws the draft away (version 0)."""
    demand(viewer, "case.read")
    if len(purpose) > 100 or len(body) > 50:
        raise Invalid("This draft has too many parts. Send it, or shorten it.", "draft")
    longest = settings().limits.text_chars
    parts = {str(name)[:100]: clean_text(text, name, longest=longest) for name, text in body.items()}
    if not any(parts.values()):
        await drop(viewer, case_id, purpose)
        return 0
    grant, arguments = (
        decide(viewer, "case.read", "case"),
        Arguments(new_id(), viewer.user_id, case_id, purpose, parts, now()),
    )
    version = await db.fetchval(
        "INSERT INTO core_draft (id, user_id, case_id, purpose, body, version, updated_at) "
        f"SELECT $1, $2, c.id, $4, $5, 1, $6 FROM core_case c WHERE c.id = $3 AND {grant.where('c', arguments)} "
        "ON CONFLICT (user_id, case_id, purpose) DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at, "
        "version = core_draft.version + 1 RETURNING version",
        *arguments.values,
    )
    if version is None:
        raise no_case(case_id)
    return int(version)


async def mine(viewer: Viewer, case_id: UUID) -> dict[str, dict[str, Any]]:
    """The viewer's drafts in a case: purpose → body, version and time."""
    rows = await db.fetch(
        "SELECT purpose, body, version, updated_at FROM core_draft WHERE user_id = $1 AND case_id = $2",
        viewer.user_id,
        case_id,
    )
    return {row["purpose"]: dict(row) for row in rows}


async def drop(viewer: Viewer, case_id: UUID, purpose: str) -> None:
    """Throws a draft away, after it was sent or on the writer's wish."""
    await db.execute(
        "DELETE FROM core_draft WHERE user_id = $1 AND case_id = $2 AND purpose = $3", viewer.user_id, case_id, purpose
    )
