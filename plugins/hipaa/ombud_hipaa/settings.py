"""What an administrator sets: where it holds, which complaints are about privacy, and the firm's own aim."""

from collections.abc import Mapping
from typing import Any

from ombud_plugin_api import Context, Tried, applies_rule
from ombud_plugin_api.applicability import NEVER

_CODE = "[a-z0-9][a-z0-9_.-]{0,59}"


def _codes(label: str, help_: str) -> dict[str, Any]:
    return {
        "type": "list", "maxlength": 100, "default": [],
        "schema": {"type": "string", "maxlength": 60, "regex": _CODE},
        "meta": {"label": label, "help": help_, "group": "Privacy complaints"},
    }  # fmt: skip


SCHEMA: dict[str, dict[str, Any]] = {
    "applies": applies_rule(
        "HIPAA holds", NEVER,
        "No country tells whether a unit is a covered entity: switch it on for the units that are.",
    ),
    "categories": _codes("Categories about privacy", "Codes of your taxonomy: what is about privacy or a breach."),
    "case_types": _codes("Case types about privacy", "Every case of such a type is a privacy complaint."),
    "aim_days": {
        "type": "integer", "required": True, "min": 0, "max": 365, "default": 0,
        "meta": {"label": "Your own aim for a disposition", "suffix": "days", "group": "Privacy complaints",
                 "help": "The rule names no time for complaints. 0: no clock."},
    },
    "layout_confirmed": {
        "type": "boolean", "default": False,
        "meta": {"label": "I compared the register with what our counsel wants it to hold", "group": "Register",
                 "help": "The rule asks for documentation and gives no form. Until then the register is a draft."},
    },
}  # fmt: skip


async def try_out(candidate: Mapping[str, Any], context: Context) -> Tried:
    """Whether the register could hold anything."""
    if candidate.get("applies") != NEVER and not (candidate.get("categories") or candidate.get("case_types")):
        return Tried(False, "Name the categories or case types that are about privacy; the register is empty without.",
                     "categories")  # fmt: skip
    return Tried(True, "It is known which complaints are about privacy.")
