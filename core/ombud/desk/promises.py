"""What a unit promises to complainants: set on its settings page, else above it, else in settings.toml."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from ombud.config_table import Complaints
from ombud.kernel.setting_schema import SettingSchema, read_schema
from ombud.kernel.setting_values import holding
from ombud.kernel.settled import Memory
from ombud.process import settings
from ombud.trust.group_settings import held_in

KEY = "promises"


@dataclass(frozen=True)
class Promises:
    """Calendar days and hours; each has a default in settings.toml."""

    answer_within_days: int
    acknowledge_within_days: int
    triage_within_hours: int
    tracking_link_days: int


# label, suffix, help, most
_WORDS = {
    "answer_within_days": (
        "Full answer within", "days",
        "Calendar days from the day the complaint came in. It holds for complaints that come in from now on; a case "
        "type with a term of its own keeps that.", 3650,
    ),
    "acknowledge_within_days": (
        "First word from us within", "days",
        "Calendar days. Until you have written, the customer's page names the day.", 365,
    ),
    "triage_within_hours": (
        "Judge a message within", "hours",
        "A message that came in and was not judged by then is marked as late in the inbox, and under “Needs a look” "
        "where it could not be read.", 24 * 365,
    ),
    "tracking_link_days": (
        "The customer's link works for", "days", "Links that were made before keep their own end.", 3650,
    ),
}  # fmt: skip


def schema() -> SettingSchema:
    """Defaults are those of settings.toml, as this process read it."""
    return _schema(settings().complaints)


@lru_cache(maxsize=4)
def _schema(defaults: Complaints) -> SettingSchema:
    return read_schema(
        {
            name: {
                "type": "integer", "required": True, "min": 1, "max": most, "default": getattr(defaults, name),
                "meta": {"label": label, "suffix": suffix, "help": about, "scope": "unit"},
            }
            for name, (label, suffix, about, most) in _WORDS.items()
        }
    )  # fmt: skip


def resolved(values: Sequence[Mapping[str, Any]]) -> Promises:
    """From what is set in a unit, in those above it and for the whole desk, the nearest first."""
    return Promises(**holding(schema(), values))


async def promises_in(unit_id: UUID | None) -> Promises:
    """One statement; None means the whole desk."""
    return Promises(**await held_in(unit_id, KEY, schema()))


_remembered: Memory[tuple[UUID | None, Complaints], Promises] = Memory(1000)


async def promises_known(unit_id: UUID | None, settled: int) -> Promises:
    """The same from memory, as long as the number holds under which they were read (`kernel/settled.py`)."""
    return await _remembered.of((unit_id, settings().complaints), settled, lambda: promises_in(unit_id))
