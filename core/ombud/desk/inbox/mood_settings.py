"""Whether the tone of messages is read, and whose word counts first: a group of core's settings."""

from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from ombud.kernel.setting_schema import SettingSchema, read_schema
from ombud.kernel.settled import Memory
from ombud.trust.group_settings import held_in

KEY = "mood"
LABEL = "Tone of messages"
SUMMARY = "Whether how heated a customer's message sounds is suggested, and which scorer is asked first."
ICON = "mood-smile"


@lru_cache(maxsize=1)
def schema() -> SettingSchema:
    return read_schema(
        {
            "read": {
                "type": "boolean", "required": True, "default": True,
                "meta": {
                    "label": "Suggest the tone of what customers write",
                    "help": "A cue for whoever reads it: it decides nothing and says nothing about whether they are "
                    "right. What members of staff write is never read. It holds for messages that come in from now on.",
                },
            },
            "order": {
                "type": "list", "default": [], "maxlength": 20, "schema": {"type": "string", "maxlength": 100},
                "meta": {
                    "label": "Scorers in this order", "scope": "deployment",
                    "help": "Their keys, one a line; the first that can tell counts, what others say is kept beside "
                    "it. Those that are not named follow by name.",
                },
            },
        }
    )  # fmt: skip


@dataclass(frozen=True)
class Chosen:
    """`order`: keys of scorers, the first asked first."""

    read: bool
    order: tuple[str, ...]


_remembered: Memory[UUID | None, Chosen] = Memory(1000)


async def known_in(unit_id: UUID | None, settled: int) -> Chosen:
    """As it holds in a unit, from memory as long as the number holds under which it was read (`kernel/settled.py`)."""
    return await _remembered.of(unit_id, settled, lambda: _chosen_in(unit_id))


async def _chosen_in(unit_id: UUID | None) -> Chosen:
    found = await held_in(unit_id, KEY, schema())
    return Chosen(found["read"], tuple(found["order"] or ()))
