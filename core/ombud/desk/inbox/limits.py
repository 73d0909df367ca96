"""What a unit's inbox puts up with: set on its settings page, else above it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from ombud.kernel.setting_schema import SettingSchema, read_schema
from ombud.kernel.setting_values import resolve
from ombud.trust.group_settings import levels

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
                    "label": "Messages of one sender", "suffix": "in an hour", "scope": "unit",
                    "help": "What comes beyond that is held back, so that machines which answer each other flood "
                    "nobody. It stands in the inbox under “Held back”, and a person lets it in.",
                },
            },
        }
    )  # fmt: skip


def resolved(values: Sequence[Mapping[str, Any]]) -> Limits:
    return Limits(**{name: each.value for name, each in resolve(schema(), values).items()})


async def limits_in(unit_id: UUID | None) -> Limits:
    """One statement."""
    return resolved([each.values for each in await levels(KEY, unit_id)])
