"""Whether the tone of messages is read, and whose word counts first: a group of core's settings."""

from functools import lru_cache

from ombud.kernel.setting_schema import SettingSchema, read_schema

KEY = "mood"
LABEL = "Tone of messages"
SUMMARY = "Whether how heated a customer's message sounds is suggested, and which scorer is asked first."
ICON = "mood-smile"


@lru_cache(maxsize=1)
def schema() -> SettingSchema:
    return read_schema(
        {
            "read": {
                "type": "boolean", "required": True, "default": True,
                "meta": {
                    "label": "Suggest the tone of what customers write",
                    "help": "A cue for whoever reads it: it decides nothing and says nothing about whether they are "
                    "right. What members of staff write is never read. It holds for messages that come in from now on.",
                },
            },
            "order": {
                "type": "list", "default": [], "maxlength": 20, "schema": {"type": "string", "maxlength": 100},
                "meta": {
                    "label": "Scorers in this order", "scope": "deployment",
                    "help": "Their keys, one a line; the first that can tell counts, what others say is kept beside "
                    "it. Those that are not named follow by name.",
                },
            },
        }
    )  # fmt: skip
