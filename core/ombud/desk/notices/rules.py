"""What a unit tells customers by itself: a group of core's settings. When it leaves (office hours) is said under
outgoing messages."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from ombud.kernel.setting_schema import SettingSchema, read_schema
from ombud.kernel.settled import Memory
from ombud.trust.group_settings import held_in

KEY = "notices"
LABEL = "Notices to customers"
SUMMARY = "Whether what came in is acknowledged, and of which news customers are told without being asked."
ICON = "bell"
NEWS = {"in_progress": "Work on it has begun", "resolved": "Everything is decided"}


@dataclass(frozen=True)
class Rules:
    """`news`: statuses of a case of which its complainant is told."""

    acknowledge: bool
    news: frozenset[str]


@lru_cache(maxsize=1)
def schema() -> SettingSchema:
    fields: Mapping[str, Any] = {
        "acknowledge": {
            "type": "boolean", "required": True, "default": True,
            "meta": {
                "label": "Acknowledge what comes in",
                "help": "Once for each case, by the way they wrote if that leads back, else by e-mail, in their "
                "language. Never to a machine, and not where the complaint is older than a month.",
            },
        },
        "news": {
            "type": "list", "allowed": list(NEWS), "default": [],
            "meta": {
                "label": "Tell them when", "choices": dict(NEWS),
                "help": "Once for each case. Whoever does not want such news is left in peace.",
            },
        },
    }  # fmt: skip
    return read_schema(fields)


async def rules_in(unit_id: UUID | None) -> Rules:
    """As they hold in a unit; one statement."""
    found = await held_in(unit_id, KEY, schema())
    return Rules(found["acknowledge"], frozenset(found["news"] or ()))


_remembered: Memory[UUID | None, Rules] = Memory(1000)


async def rules_known(unit_id: UUID | None, settled: int) -> Rules:
    """The same from memory, as long as the number holds under which they were read (`kernel/settled.py`)."""
    return await _remembered.of(unit_id, settled, lambda: rules_in(unit_id))
