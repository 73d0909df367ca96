"""What a unit's inbox puts up with: set on its settings page, else above it."""

from dataclasses import dataclass
from functools import cache
from uuid import UUID

from ombud.kernel.setting_schema import SettingSchema, read_schema
from ombud.speech import noted
from ombud.trust.group_settings import held_in

KEY = "inbox"


@dataclass(frozen=True)
class Limits:
    """`most_per_hour`: of one sender; what goes beyond is held back until a person looks."""

    most_per_hour: int


@cache
def schema() -> SettingSchema:
    return read_schema(
        {
            "most_per_hour": {
                "type": "integer", "required": True, "min": 1, "max": 10_000, "default": 30,
                "meta": {
                    "label": "Messages of one sender", "suffix": noted("in an hour"), "scope": "unit",
                    "help": "What comes beyond that is held back, so that machines which answer each other flood "
                    "nobody. It stands in the inbox under “Held back”, and a person lets it in.",
                },
            },
        }
    )  # fmt: skip


async def limits_in(unit_id: UUID | None) -> Limits:
    """One statement."""
    return Limits(**await held_in(unit_id, KEY, schema()))
