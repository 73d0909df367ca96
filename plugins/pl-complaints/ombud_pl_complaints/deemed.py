"""A clock that was missed: by the act the complaint counts as upheld, as the client asked. The plugin says so in the
case's history and beside it, and proposes the outcome; a person decides."""

from datetime import datetime
from uuid import UUID

from ombud_pl_complaints import kept
from ombud_plugin_api import Event, Platform, Refused

DEEMED = "pl_complaints.deemed_upheld"


async def breached(event: Event, platform: Platform) -> None:
    """Safe to run twice: a case is deemed upheld once. Entries of the ledger name the moment by which it was due."""
    kind, _, identity = event.stream.partition("/")
    if kind != "case":
        return
    case_id, due = UUID(identity), datetime.fromisoformat(str(event.body["due_at"]))
    known = await kept.of_case(case_id)
    if known is not None and known.deemed_at is not None:
        return
    settings = await platform.settings()
    if not settings.get("deemed_upheld"):
        return
    try:
        await platform.record(case_id, DEEMED, {"outcome": "upheld", "due": due.date().isoformat()})
    except Refused:  # the case is gone
        return
    await kept.put(case_id, deemed_at=due)
