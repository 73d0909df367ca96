"""Who changed a record last and when, for a writer who comes with an older version."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import Arguments, Viewer, decide


@dataclass(frozen=True)
class LastChange:
    who: str
    at: datetime


SOMEBODY = "Somebody else"


async def last_change(viewer: Viewer, case_id: UUID, aspect_id: UUID | None = None) -> LastChange:
    """The newest entry of the case that the viewer may know of, or of one aspect of it."""
    arguments = Arguments(f"case/{case_id}")
    seen = decide(viewer, "case.read", "entry").where("e", arguments)
    about = f" AND e.body->>'aspect' = {arguments.add(str(aspect_id))}" if aspect_id else ""
    row = await db.fetchrow(
        "SELECT e.at, coalesce(nullif(w.display_name, ''), w.name) AS name FROM core_ledger_entry e "
        "LEFT JOIN core_user w ON e.actor = 'user/' || w.id::text "
        f"WHERE e.stream = $1 AND {seen}{about} ORDER BY e.seq DESC LIMIT 1",
        *arguments.values,
    )
    return LastChange(row["name"] or SOMEBODY, row["at"]) if row else LastChange(SOMEBODY, now())
