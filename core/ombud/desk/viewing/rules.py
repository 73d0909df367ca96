"""How long emergency access may last in a unit, and how long the record of views is kept: core's settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from ombud.kernel.setting_schema import SettingSchema, read_schema
from ombud.trust.group_settings import held_in

KEY = "viewing"
LABEL = "Who looks at cases"
SUMMARY = "How long emergency access to a case may last, and how long the record of who looked at cases is kept."
ICON = "eye"
MOST_HOURS = 8


@dataclass(frozen=True)
class Rules:
    """`emergency_hours`: at most, 0 where there is no emergency access to cases of the unit."""

    emergency_hours: int
    keep_months: int


@lru_cache(maxsize=1)
def schema() -> SettingSchema:
    fields: Mapping[str, Any] = {
        "emergency_hours": {
            "type": "integer", "required": True, "min": 0, "max": MOST_HOURS, "default": 4,
            "meta": {
                "label": "Emergency access lasts at most", "suffix": "hours", "scope": "unit",
                "help": "Of one opening, for cases of this unit. 0 means that nobody gets any. What is open runs on.",
            },
        },
        "keep_months": {
            "type": "integer", "required": True, "min": 1, "max": 120, "default": 24,
            "meta": {
                "label": "The record of who looked at cases is kept for", "suffix": "months", "scope": "deployment",
                "help": "It is about members of staff: keep it no longer than you need it to look into misuse.",
            },
        },
    }  # fmt: skip
    return read_schema(fields)


async def rules_in(unit_id: UUID | None) -> Rules:
    """As they hold in a unit, or for the whole desk; one statement."""
    return Rules(**await held_in(unit_id, KEY, schema()))
