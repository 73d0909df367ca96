"""What a unit sets: whose ombudsman it is, and how the firm is known there."""

from typing import Any

SCHEMA: dict[str, dict[str, Any]] = {
    "ombudsman": {
        "type": "string", "required": True, "default": "Financial Ombudsman Service", "maxlength": 120,
        "meta": {"label": "Ombudsman", "help": "For whom the file is, as its cover names them."},
    },
    "firm": {
        "type": "string", "default": "", "maxlength": 200,
        "meta": {"label": "The firm's legal name", "help": "Empty: the name of the unit alone stands there."},
    },
    "firm_number": {
        "type": "string", "default": "", "maxlength": 60,
        "meta": {"label": "The firm's number", "help": "Under which the regulator or the ombudsman knows the firm."},
    },
    "contact": {
        "type": "string", "default": "", "maxlength": 300,
        "meta": {
            "label": "Who answers the ombudsman", "help": "Name or team, telephone and e-mail, in one line.",
            "placeholder": "Complaints team, 020 7946 0000, complaints@modra.example",
        },
    },
    "final_days": {
        "type": "integer", "required": True, "default": 56, "min": 1, "max": 400,
        "meta": {
            "label": "Final response within", "suffix": "days",
            "help": "Eight weeks are 56. After that the customer may go to the ombudsman without one.",
        },
    },
    "referral_months": {
        "type": "integer", "required": True, "default": 6, "min": 1, "max": 60,
        "meta": {
            "label": "Referral within", "suffix": "months",
            "help": "How long after the final response the ombudsman takes the case without the firm's consent.",
        },
    },
}  # fmt: skip
