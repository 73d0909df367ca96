"""Who signs returns to regulators: core's settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from ombud.kernel.setting_schema import SettingSchema, read_schema
from ombud.trust.group_settings import held_in

KEY = "returns"
LABEL = "Returns to regulators"
SUMMARY = "Whether a second person signs what somebody froze."
ICON = "clipboard-data"


@dataclass(frozen=True)
class Rules:
    """`second_person`: who froze a return does not sign it."""

    second_person: bool


@lru_cache(maxsize=1)
def schema() -> SettingSchema:
    fields: Mapping[str, Any] = {
        "second_person": {
            "type": "boolean", "default": False,
            "meta": {
                "label": "Whoever froze a return does not sign it", "scope": "unit",
                "help": "A second person who may sign returns looks at the frozen figures and signs. Check that there "
                "are two.",
            },
        },
    }  # fmt: skip
    return read_schema(fields)


async def rules_in(unit_id: UUID | None) -> Rules:
    """As they hold in a unit; one statement."""
    return Rules(**await held_in(unit_id, KEY, schema()))
