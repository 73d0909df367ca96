"""15 calendar days after the complaint was sent to the company; 60 once “In progress” was given in. Pure."""

from collections.abc import Mapping
from typing import Any

from ombud_plugin_api import CaseFacts, Deadline, WorkingTime

CHANNEL, RESPONDED = "cfpb", "cfpb.responded"
WARN = (60, 85)


def due(facts: CaseFacts, calendar: WorkingTime, settings: Mapping[str, Any]) -> list[Deadline]:
    """For what came through the bureau alone. The case was received on the day on which it was sent to the company."""
    if facts.channel != CHANNEL:
        return []
    if not facts.recorded.get(RESPONDED, {}).get("in_progress"):
        days = int(settings.get("days_first") or 15)
        return [_clock(f"Response to the CFPB: {days} days", days, "first")]
    days = int(settings.get("days_final") or 60)
    return [_clock(f"Final response to the CFPB: {days} days", days, "final")]


def _clock(label: str, days: int, policy: str) -> Deadline:
    return Deadline(
        clock="response", label=label, met_by="decision", days=days, regulatory=True, warn_at=WARN, policy=policy
    )
