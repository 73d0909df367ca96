"""What a unit may choose about its portal."""

from typing import Any

from ombud_plugin_api import Settings

SHORTEST_PROOF, LONGEST_PROOF = 5, 60  # minutes
_CONTACT = (
    "Shown beside every complaint, under “Talk to a person”: when you are there, and where. Several lines are fine."
)

SCHEMA: dict[str, dict[str, Any]] = {
    "contact": {
        "type": "string", "maxlength": 600, "default": "",
        "meta": {
            "label": "How to reach you", "help": _CONTACT, "multiline": True, "group": "Words",
            "placeholder": "Monday to Friday, 8 to 18",
        },
    },
    "contact_pl": {
        "type": "string", "maxlength": 600, "default": "",
        "meta": {
            "label": "How to reach you, in Polish", "help": "Left empty, the words above are shown.", "multiline": True,
            "group": "Words",
        },
    },
    "proof_minutes": {
        "type": "integer", "required": True, "min": SHORTEST_PROOF, "max": LONGEST_PROOF, "default": 20,
        "meta": {
            "label": "One answer opens documents for", "suffix": "minutes", "group": "Safety",
            "help": "Then the customer answers the question again. Shorter is safer on shared computers.",
        },
    },
    "may_withdraw": {
        "type": "boolean", "default": True,
        "meta": {
            "label": "Customers may withdraw by themselves", "group": "Safety",
            "help": "Turned off, they are asked to write to you instead.",
        },
    },
}  # fmt: skip


def settings() -> list[Settings]:
    return [Settings(SCHEMA)]
