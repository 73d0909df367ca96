"""What may be chosen."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ombud_plugin_api import Context, Tried

SCHEMA: dict[str, dict[str, Any]] = {
    "words": {
        "type": "string", "maxlength": 300, "default": "Kept with care.",
        "meta": {"label": "Words beside a case", "multiline": True, "group": "Words"},
    },
    "days": {"type": "integer", "min": 1, "max": 90, "default": 30, "meta": {"label": "Keep for", "suffix": "days"}},
    "limit": {"type": "decimal", "min": 0, "max": Decimal("99.95"), "nullable": True, "meta": {"label": "Limit"}},
    "polite": {"type": "boolean", "default": True, "meta": {"label": "Say please"}},
    "since": {"type": "date", "nullable": True, "meta": {"label": "Kept since"}},
    "hosts": {"type": "list", "maxlength": 3, "schema": {"type": "string"}, "meta": {"label": "Other places"}},
    "token": {"type": "string", "meta": {"label": "Access token", "secret": True, "scope": "deployment"}},
}


async def try_out(candidate: Mapping[str, Any], context: Context) -> Tried:
    if not (candidate["words"] or "").strip():
        return Tried(False, "Nothing would stand there. Write some words.", "words")
    return Tried(True, f"Kept for {candidate['days']} days.")
