"""Where a regulator or a law holds: by the country of the unit, or as an administrator says. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

APPLIES = "applies"
"""The name of the setting that says so; a plugin that has it lets core ask nobody else."""
WISHES = BY_COUNTRY, ALWAYS, NEVER = ("by_country", "always", "never")
_WORDS = {BY_COUNTRY: "By the unit's country", ALWAYS: "Always", NEVER: "Never"}
EU = frozenset(
    ("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV",
     "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK")
)  # fmt: skip
"""Members of the European Union, which `EU` among places stands for."""


def applies_rule(label: str, default: str = BY_COUNTRY, help_: str = "") -> dict[str, Any]:
    """The rule of the setting `applies`, for a plugin's schema. What holds nowhere by itself, because no country tells
    whom it is for, begins with `NEVER` and does not offer the country."""
    choices = [each for each in _WORDS if each != BY_COUNTRY or default == BY_COUNTRY]
    return {
        "type": "string", "required": True, "allowed": choices, "default": default,
        "meta": {"label": label, "group": "Where it holds", "choices": {each: _WORDS[each] for each in choices},
                 "help": help_ or "A unit has its own country, or that of the unit above it."},
    }  # fmt: skip


def lies_in(places: Sequence[str], country: str) -> bool:
    """Whether a country, by its ISO 3166-1 code, is one of the places. A part such as `US-CA` counts as its country,
    because a unit names no part."""
    countries = {each.partition("-")[0] for each in places}
    return bool(country) and (country in countries or ("EU" in countries and country in EU))


def holds(places: Sequence[str], country: str, settings: Mapping[str, Any]) -> bool:
    """Whether what is for these places holds in a unit of this country; none named: everywhere. An unknown country is
    none of them."""
    wish = settings.get(APPLIES) or BY_COUNTRY
    return wish == ALWAYS or (wish == BY_COUNTRY and (not places or lies_in(places, country)))


__all__ = ["ALWAYS", "APPLIES", "BY_COUNTRY", "EU", "NEVER", "WISHES", "applies_rule", "holds", "lies_in"]
