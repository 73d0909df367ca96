"""Emergency access is loud: whoever handles the case and whoever reviews such access hear of it at once."""

from typing import Any
from uuid import UUID

from ombud.desk.notices.staff import holders, tell_one
from ombud.desk.viewing.emergencies import REVIEWS
from ombud.kernel.database import db
from ombud.kernel.outbox import JobContext, subscribe
from ombud.trust.policy import about_me


def listen() -> None:
    """Called once by every process, since each writes down who hears of an event."""
    subscribe("viewing.told", ["emergency.opened"], heard)


async def heard(event: dict[str, Any], context: JobContext) -> None:
    """Safe to run twice. Nobody hears of a case with a matter about them, nor of what they did themselves."""
    case_id, by = UUID(str(event["stream"]).removeprefix("case/")), UUID(event["body"]["about"])
    row = await db.fetchrow("SELECT owner_id, unit_id FROM core_case WHERE id = $1", case_id)
    if row is None:
        return
    reviewers = set(await holders(REVIEWS, row["unit_id"])) - {by}
    handlers = {row["owner_id"]} - reviewers - {by, None}
    about = f"SELECT w.id FROM core_user w WHERE w.id = ANY($2) AND {about_me('$1', 'w.id')}"
    concerned = {each["id"] for each in await db.fetch(about, case_id, sorted(reviewers | handlers))}
    for kind, people in (("emergency_review", reviewers), ("emergency", handlers)):
        for each in sorted(people - concerned):
            await tell_one(each, kind, event["id"], case_id, None)
