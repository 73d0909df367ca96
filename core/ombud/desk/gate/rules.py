"""How strict a unit is, what it calls jargon, and whose requirements hold for which cases: a group of settings."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any
from uuid import UUID

from ombud.desk.gate.asked import refuses
from ombud.desk.gate.findings import CHECKS, LEVELS, USUAL, Policy
from ombud.desk.gate.jargon import USUAL_JARGON
from ombud.kernel.lifecycle import running
from ombud.kernel.setting_schema import SettingSchema, read_schema
from ombud.speech import sentence
from ombud.trust.group_settings import held_in
from ombud_plugin_api.responses import ALWAYS, REFUSED, ResponseRequirement

KEY = "gate"
LABEL = "Final response gate"
SUMMARY = "What a final response must hold before it leaves, whose requirements hold, reading level and jargon."
ICON = "list-check"
NONE = "none"
_HELP = {
    "parts": "What the regulators chosen below ask for, and that the letter says which complaint it answers.",
    "rights": "The way to the ombudsman, and the leaflet as a file or a link.",
    "aspects": "Each aspect is named and its outcome said as it was decided.",
    "sums": "Redress in the letter is the redress of the record.",
    "dates": "The day of receipt and the reference are those of the record.",
    "record": "Past days and sums that stand nowhere in the case.",
    "reading": "English by Flesch Reading Ease, Polish by FOG-PL.",
    "jargon": "Words of the lists below.",
    "languages": "A letter in English and Polish says the same in both.",
}
_LEVEL_WORDS = {"off": "Off", "warn": "Warns", "block": "Blocks"}


@dataclass(frozen=True)
class Rules:
    """As they hold in one unit. `regulators`: codes chosen for the unit; `by_type`: for cases of a type instead."""

    policy: Policy
    regulators: frozenset[str] = frozenset()
    by_type: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def required(self, case_type: str) -> tuple[ResponseRequirement, ...]:
        """What holds for cases of this type, of plugins that run."""
        chosen = self.by_type.get(case_type, self.regulators)
        return tuple(each for each in requirements() if each.regulator in chosen)

    def names_the_way(self, case_type: str, day: date, outcomes: Sequence[str]) -> bool:
        """Whether a final response of that day must say who decides over the firm, as far as its matters are decided
        (an empty outcome: not yet)."""
        if self.policy.level("rights") != "block":
            return False
        asked = [part for each in self.required(case_type) if each.holds_on(day) for part in each.parts if part.rights]
        return any(part.when == ALWAYS or (part.when == REFUSED and refuses(outcomes)) for part in asked)


def requirements() -> list[ResponseRequirement]:
    """What the running plugins brought, by regulator."""
    found = [each for loaded in running.loaded.values() for each in loaded.response_requirements]
    return sorted(found, key=lambda each: (each.regulator, each.letter, str(each.valid_from or "")))


def schema() -> SettingSchema:
    """With one tick for each regulator of the running plugins."""
    return _schema(tuple(dict.fromkeys((each.regulator, each.label) for each in requirements())))


@lru_cache(maxsize=20)
def _schema(regulators: tuple[tuple[str, str], ...]) -> SettingSchema:
    fields: dict[str, Any] = {f"level_{check}": _level(check) for check in CHECKS}
    for code, label in regulators:
        fields[_tick(code)] = {
            "type": "boolean", "default": False,
            "meta": {"label": label, "group": "Whose requirements hold",
                     "help": sentence("Its code is %(code)s. Letters of this unit must hold what "
                         "it asks for.", code=code)},
        }  # fmt: skip
    fields["case_types"] = {
        "type": "list", "default": [], "maxlength": 100,
        "schema": {"type": "string", "maxlength": 200, "regex": r"[a-z0-9_.-]+ *: *[a-z0-9_.-]+( *, *[a-z0-9_.-]+)*"},
        "meta": {"label": "Case types with requirements of their own", "group": "Whose requirements hold",
                 "placeholder": "loan: none",
                 "help": "A line for each: its code, a colon, codes of regulators or none. Others have those ticked."},
    }  # fmt: skip
    fields["flesch"] = _limit("English reads at least this easily", 45, "Flesch Reading Ease: 0 is hard, 100 easy.")
    fields["fog"] = _limit("Polish asks for at most so many years of school", 16, "FOG-PL.")
    fields["jargon_en"], fields["jargon_pl"] = _words("en", "English words"), _words("pl", "Polish words")
    return read_schema(fields)


def _tick(code: str) -> str:
    return f"requires_{re.sub('[^a-z0-9]', '_', code)}"


def _level(check: str) -> dict[str, Any]:
    meta = {"label": CHECKS[check], "group": "Checks", "choices": _LEVEL_WORDS, "help": _HELP[check]}
    return {"type": "string", "required": True, "allowed": list(LEVELS), "default": USUAL[check], "meta": meta}


def _limit(label: str, usual: int, words: str) -> dict[str, Any]:
    meta = {"label": label, "group": "Reading level", "help": words}
    return {"type": "integer", "required": True, "min": 0, "max": 100, "default": usual, "meta": meta}


def _words(language: str, label: str) -> dict[str, Any]:
    return {
        "type": "list", "default": list(USUAL_JARGON[language]), "maxlength": 500,
        "schema": {"type": "string", "maxlength": 200},
        "meta": {"label": label, "group": "Jargon", "placeholder": "pursuant to = under",
                 "help": "A line for each, with = and what to say instead. A star ends a word in any way."},
    }  # fmt: skip


async def rules_in(unit_id: UUID | None) -> Rules:
    """One statement."""
    held = await held_in(unit_id, KEY, schema())
    policy = Policy(
        {check: str(held[f"level_{check}"]) for check in CHECKS}, int(held["flesch"]), int(held["fog"]),
        {code: _pairs(held[f"jargon_{code}"] or ()) for code in USUAL_JARGON},
    )  # fmt: skip
    chosen = frozenset(each.regulator for each in requirements() if held.get(_tick(each.regulator)))
    return Rules(policy, chosen, dict(_by_type(line) for line in held["case_types"] or ()))


def _by_type(line: str) -> tuple[str, frozenset[str]]:
    case_type, _, codes = line.partition(":")
    return case_type.strip(), frozenset(each.strip() for each in codes.split(",")) - {NONE}


def _pairs(lines: Sequence[str]) -> tuple[tuple[str, str], ...]:
    parted = (line.partition("=") for line in lines)
    return tuple((word.strip(), plain.strip()) for word, _, plain in parted if word.strip())
