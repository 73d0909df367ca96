"""What an organisation calls the steps of severity and priority. The steps are fixed, since rules and returns count
them; the words, and what counts as which, are each unit's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from ombud.desk.words import LABELS, PRIORITIES, SEVERITIES, label
from ombud.kernel.setting_schema import SettingSchema, read_schema
from ombud.kernel.settled import Memory
from ombud.speech import joined, noted, sentence, word
from ombud.trust.group_settings import held_in

KEY = "scales"
LABEL = "Severity and priority"
SUMMARY = "What you call the steps of severity and priority, and what counts as which."
ICON = "adjustments-horizontal"
SEVERITY_WORDS = {1: noted("minor"), 2: noted("some harm"), 3: noted("serious"), 4: noted("grave")}


@dataclass(frozen=True)
class Scales:
    """The words of a unit. `severities`: with their number before; `…_help`: what counts as which, may be empty."""

    severities: Mapping[int, str]
    priorities: Mapping[str, str]
    severity_help: str = ""
    priority_help: str = ""


STANDARD = Scales(
    {step: joined((str(step), word(words))) for step, words in SEVERITY_WORDS.items()},
    {code: label(code) for code in PRIORITIES},
)


@lru_cache(maxsize=1)
def schema() -> SettingSchema:
    steps: dict[str, Any] = {}
    for step in SEVERITIES:
        steps[f"severity_{step}"] = _word(sentence("Severity %(step)s", step=step), SEVERITY_WORDS[step], "Severity")
    steps["severity_help"] = _help("What counts as which severity", "Severity")
    for code in PRIORITIES:
        steps[f"priority_{code}"] = _word(
            sentence("Priority %(code)s", code=label(code).lower()), LABELS[code], "Priority"
        )
    steps["priority_help"] = _help("What counts as which priority", "Priority")
    return read_schema(steps)


def _word(label: str, default: str, group: str) -> dict[str, Any]:
    return {
        "type": "string", "required": True, "default": default, "minlength": 1, "maxlength": 40,
        "meta": {"label": label, "group": group},
    }  # fmt: skip


def _help(label: str, group: str) -> dict[str, Any]:
    return {
        "type": "string", "default": "", "maxlength": 500,
        "meta": {"label": label, "group": group, "multiline": True, "help": "Stands where somebody chooses one."},
    }  # fmt: skip


async def scales_in(unit_id: UUID) -> Scales:
    """The words as they hold in a unit; one statement."""
    found = await held_in(unit_id, KEY, schema())
    return Scales(
        {step: joined((str(step), word(found[f"severity_{step}"]))) for step in SEVERITIES},
        {code: word(str(found[f"priority_{code}"])) for code in PRIORITIES},
        found["severity_help"] or "", found["priority_help"] or "",
    )  # fmt: skip


_remembered: Memory[UUID, Scales] = Memory(1000)


async def scales_known(unit_id: UUID, settled: int) -> Scales:
    """The same from memory, as long as the number holds under which they were read (`kernel/settled.py`)."""
    return await _remembered.of(unit_id, settled, lambda: scales_in(unit_id))
