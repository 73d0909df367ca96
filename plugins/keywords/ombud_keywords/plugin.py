"""What the plugin gives core."""

from collections.abc import Mapping
from typing import Any

from ombud_keywords.lists import Unreadable, read
from ombud_keywords.matching import classify
from ombud_plugin_api import Classifier, Context, Manifest, Settings, Tried, hookimpl

VERSION = "1"  # of how words are matched; raise it when the same words may match otherwise
SCHEMA = {
    "lists": {
        "type": "list", "default": [], "maxlength": 200, "schema": {"type": "string", "maxlength": 2000},
        "meta": {
            "label": "Words by category",
            "help": "One line for each category: its code, a colon, and words or phrases with commas between them, "
            "such as fees: overdraft fee, charge. Whole words count, whatever their case and accents.",
        },
    },
}  # fmt: skip


def try_out(candidate: Mapping[str, Any], context: Context) -> Tried:
    """Whether each line is a list."""
    try:
        lists = read(candidate.get("lists") or ())
    except Unreadable as problem:
        return Tried(False, str(problem), "lists")
    count = sum(len(each.phrases) for each in lists)
    return Tried(True, f"{len(lists)} lists with {count} words and phrases.")


@hookimpl
def provide_classifiers(manifest: Manifest) -> list[Classifier]:
    return [Classifier("keywords", "Words by category", VERSION, classify)]


@hookimpl
def provide_settings(manifest: Manifest) -> list[Settings]:
    return [Settings(SCHEMA, try_out)]
