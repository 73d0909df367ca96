"""Words for rules: that a service level was missed, and a promise of a reply."""

from collections.abc import Mapping
from typing import Any

from ombud_plugin_api import Action, CaseFacts, Change, Condition, StartClock

LEVELS = {"first_reply": "First reply", "next_reply": "Next reply", "resolution": "Resolution"}
PROMISED = "promised_reply"


def missed(facts: CaseFacts, args: Mapping[str, Any]) -> bool:
    """Of the case, or of any of its aspects; one that was met late counts too."""
    clock = f"sla.{args['level']}"
    return any(each.late for key, each in facts.clocks.items() if key.partition("/")[0] == clock)


def promise(facts: CaseFacts, args: Mapping[str, Any]) -> list[Change]:
    """Nothing where such a promise runs already."""
    known = facts.clocks.get(PROMISED)
    if known is not None and known.state in {"running", "paused", "breached"}:
        return []
    return [StartClock(clock=PROMISED, within=args["hours"] * 3600, business=True)]


CONDITIONS = (
    Condition(
        "sla.missed", "A service level was missed",
        {"level": {"type": "string", "required": True, "allowed": list(LEVELS), "default": "first_reply",
                   "meta": {"label": "Which", "choices": LEVELS}}},
        missed, lambda args: f"the service level “{LEVELS[args['level']]}” was missed", reads=("clocks",),
    ),
)  # fmt: skip
ACTIONS = (
    Action(
        "sla.promise", "Promise a reply",
        {"hours": {"type": "integer", "required": True, "min": 1, "max": 400, "default": 4,
                   "meta": {"label": "Within", "suffix": "hours of working time"}}},
        promise, lambda args: f"promise a reply within {args['hours']} hours of working time",
    ),
)  # fmt: skip
