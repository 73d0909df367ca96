"""What a unit sets: its service levels, and when to warn."""

from collections.abc import Mapping
from typing import Any

from ombud_plugin_api import Context, Tried
from ombud_sla.levels import MOST_LINES, Unreadable, read_all

DEFAULT = [
    "priority=urgent: first 1h, next 2h, resolution 2d",
    "priority=high: first 4h, next 4h, resolution 5d",
    "any: first 8h, next 8h, resolution 20d",
]
_CONDITION = "(?:type|priority|channel)=[a-z0-9_./-]+"
_PROMISE = "(?:first|next|resolution) +[0-9]{1,5} *[mhd]"
LINE = f" *(?:any|{_CONDITION}(?: +{_CONDITION})*) *: *{_PROMISE}(?: *, *{_PROMISE})* *"

SCHEMA: dict[str, dict[str, Any]] = {
    "levels": {
        "type": "list", "maxlength": MOST_LINES, "default": DEFAULT,
        "schema": {"type": "string", "maxlength": 300, "regex": LINE},
        "meta": {
            "label": "Service levels", "placeholder": "priority=urgent channel=phone: first 1h, next 2h, resolution 2d",
            "help": "One a line; the first that fits a case counts. Before the colon: type, priority, channel, several "
            "values with a slash, or any. After it: first, next and resolution, each in minutes (m) or hours (h) of "
            "working time, or business days (d). Clocks that run keep what they began with.",
        },
    },
    "warn_early": {
        "type": "integer", "required": True, "min": 0, "max": 99, "default": 50,
        "meta": {"label": "Warn early at", "suffix": "% of the time", "help": "0 gives no such warning."},
    },
    "warn_late": {
        "type": "integer", "required": True, "min": 0, "max": 99, "default": 80,
        "meta": {"label": "Warn again at", "suffix": "% of the time", "help": "0 gives no such warning."},
    },
}  # fmt: skip


async def try_out(candidate: Mapping[str, Any], context: Context) -> Tried:
    """Reads the lines as cases will have them read."""
    try:
        levels = read_all(candidate["levels"] or ())
    except Unreadable as problem:
        return Tried(False, str(problem), "levels")
    if not levels:
        return Tried(True, "No service levels: cases keep the clocks of core alone.")
    rest = "" if any(not each.conditions for each in levels) else " A case that no line fits has none."
    return Tried(True, f"{len(levels)} service levels can be read.{rest}")
