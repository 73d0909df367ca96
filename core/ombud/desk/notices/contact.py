"""Whether a person wants to be told of their cases without asking."""

from uuid import UUID

from ombud.kernel.clock import now
from ombud.kernel.database import db


async def choose(person_id: UUID, wanted: bool, recorded_by: UUID | None) -> None:
    """Records whether a person wants news of their cases; in the caller's transaction."""
    await db.execute(
        "INSERT INTO core_contact_choice (id, person_id, kind, wanted, recorded_by, at) "
        "VALUES (gen_random_uuid(), $1, 'status', $2, $3, $4) ON CONFLICT (person_id, kind) "
        "DO UPDATE SET wanted = $2, recorded_by = $3, at = $4",
        person_id, wanted, recorded_by, now(),
    )  # fmt: skip


async def wants_news(person_id: UUID) -> bool:
    found = await db.fetchval(
        "SELECT wanted FROM core_contact_choice WHERE person_id = $1 AND kind = 'status'", person_id
    )
    return found is not False
