"""The firm's own aim for the disposition of a privacy complaint. Pure; the rule itself names no time."""

from collections.abc import Iterable, Mapping
from typing import Any

from ombud_plugin_api import CaseFacts, Deadline, WorkingTime

WARN = (75, 90)


def is_privacy(case_type: str, categories: Iterable[str], settings: Mapping[str, Any]) -> bool:
    """Whether a complaint is about privacy, by its type or by what one of its matters is about."""
    by_type = case_type in (settings.get("case_types") or ())
    return by_type or bool(set(categories) & set(settings.get("categories") or ()))


def due(facts: CaseFacts, calendar: WorkingTime, settings: Mapping[str, Any]) -> list[Deadline]:
    days = int(settings.get("aim_days") or 0)
    if not days or not is_privacy(facts.case_type, (each.category for each in facts.aspects), settings):
        return []
    return [Deadline(clock="disposition", label="Disposition of the privacy complaint", met_by="decision", days=days,
                     warn_at=WARN)]  # fmt: skip
