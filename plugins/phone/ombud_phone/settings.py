"""What a unit chooses: the script, how recordings are kept, and how its telephony system signs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ombud_phone.signatures import SCHEMES, TOLERANCE
from ombud_plugin_api import Settings

NONE = "none"
BASES = {
    NONE: "None: no recording is kept", "consent": "Consent of the caller", "contract": "Needed for the contract",
    "legal_obligation": "Required by law", "legitimate_interest": "Legitimate interest",
}  # fmt: skip
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(?::[0-9]{1,5})?"

SCHEMA: dict[str, dict[str, Any]] = {
    "opening": {
        "type": "string", "maxlength": 1000,
        "default": "Thank you for telling us. I will ask a few questions; at the end I read back what I understood.",
        "meta": {"label": "Words to begin with", "multiline": True, "group": "Script"},
    },
    "script": {
        "type": "list", "maxlength": 60, "default": [], "schema": {"type": "string", "maxlength": 300},
        "meta": {
            "label": "Questions", "group": "Script",
            "help": "One a line. A star at the end means that it must be answered. Before a bar stands the key of a "
            "case type, where it is asked for that type alone: complaint | When did you notice it? *",
        },
    },
    "country": {
        "type": "string", "regex": "([A-Za-z]{2})?", "default": "",
        "meta": {
            "label": "Country of numbers without one", "group": "Script", "placeholder": "GB",
            "help": "Two letters. Left empty, the unit's own country.",
        },
    },
    "draft_days": {
        "type": "integer", "required": True, "min": 1, "max": 90, "default": 14,
        "meta": {"label": "Keep unfinished calls for", "suffix": "days", "scope": "deployment", "group": "Script"},
    },
    "recording_basis": {
        "type": "string", "required": True, "allowed": list(BASES), "default": NONE,
        "meta": {
            "label": "Legal basis of recordings", "choices": BASES, "group": "Recordings",
            "help": "Without one no recording of this unit is kept, whoever sends it.",
        },
    },
    "recording_notice": {
        "type": "string", "maxlength": 1000, "default": "",
        "meta": {
            "label": "What callers are told of it", "multiline": True, "group": "Recordings",
            "help": "Read out by the agent at the start of each call.",
        },
    },
    "recording_days": {
        "type": "integer", "required": True, "min": 1, "max": 3650, "default": 90,
        "meta": {
            "label": "Keep recordings for", "suffix": "days", "group": "Recordings",
            "help": "From the call. It holds for recordings that come from now on; then they are destroyed, and the "
            "case's history says so.",
        },
    },
    "hook_scheme": {
        "type": "string", "required": True, "allowed": [NONE, *SCHEMES], "default": NONE,
        "meta": {
            "label": "How the telephony system signs", "group": "Telephony system",
            "choices": {
                NONE: "No telephony system", "twilio": "Twilio (X-Twilio-Signature)",
                "stamped": "With a time (X-Signature, X-Signature-Timestamp)", "hub": "X-Hub-Signature-256",
            },
            "help": "Let it send to /p/phone/hook/ and the key of the unit.",
        },
    },
    "hook_secret": {
        "type": "string", "maxlength": 500,
        "meta": {"label": "Its secret", "secret": True, "group": "Telephony system"},
    },
    "hook_address": {
        "type": "string", "maxlength": 500, "regex": r"(https?://[^\s]+)?", "default": "",
        "meta": {
            "label": "Address as the telephony system has it", "group": "Telephony system",
            "help": "Only for Twilio, which signs it; left empty, the address by which the request came.",
        },
    },
    "hook_tolerance": {
        "type": "integer", "required": True, "min": 10, "max": 3600, "default": TOLERANCE,
        "meta": {"label": "Refuse what was signed longer ago than", "suffix": "seconds", "group": "Telephony system"},
    },
    "recording_hosts": {
        "type": "list", "maxlength": 10, "default": ["api.twilio.com"], "schema": {"type": "string", "regex": _HOST},
        "meta": {
            "label": "Hosts to fetch recordings from", "group": "Telephony system", "scope": "deployment",
            "help": "Over https alone, where a request names an address instead of bringing the recording.",
        },
    },
    "fetch_account": {
        "type": "string", "maxlength": 200, "default": "",
        "meta": {"label": "Account for fetching", "group": "Telephony system"},
    },
    "fetch_password": {
        "type": "string", "maxlength": 500,
        "meta": {"label": "Its password or token", "secret": True, "group": "Telephony system"},
    },
}  # fmt: skip


def settings() -> list[Settings]:
    return [Settings(SCHEMA)]


@dataclass(frozen=True)
class Recordings:
    """How a unit keeps recordings."""

    basis: str
    notice: str
    keep_for: timedelta

    @property
    def wanted(self) -> bool:
        return self.basis != NONE


def recordings_of(chosen: Mapping[str, Any]) -> Recordings:
    return Recordings(
        str(chosen["recording_basis"]), str(chosen["recording_notice"] or ""),
        timedelta(days=int(chosen["recording_days"])),
    )  # fmt: skip


def lines_of(chosen: Mapping[str, Any]) -> Sequence[str]:
    return tuple(str(each) for each in chosen["script"] or ())
