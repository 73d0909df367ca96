"""What an administrator sets and corrects: where the bureau's clocks run, the days, the lists, the columns."""

from collections.abc import Mapping
from typing import Any

from ombud_cfpb.codes import MOST, PUBLIC, RESPONSES, Unreadable, public_responses, responses
from ombud_plugin_api import Context, Tried, applies_rule
from ombud_plugin_api.applicability import NEVER

_VERIFIED = {"label": "Compared with the portal", "tick": "verified"}
_KINDS = {"first": "First", "final": "Final", "administrative": "Administrative", "not_ours": "Not ours to choose"}


def _lines(label: str, help_: str, default: tuple[str, ...], *columns: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "list", "maxlength": MOST, "default": list(default), "schema": {"type": "string", "maxlength": 300},
        "meta": {"label": label, "help": help_, "columns": [*columns, _VERIFIED], "group": "Responses"},
    }  # fmt: skip


def _days(label: str, default: int) -> dict[str, Any]:
    return {
        "type": "integer", "required": True, "min": 1, "max": 365, "default": default,
        "meta": {"label": label, "suffix": "days", "group": "Days", "help": "Calendar days; read about the portal."},
    }  # fmt: skip


def _column(label: str) -> dict[str, Any]:
    return {
        "type": "string", "maxlength": 100, "default": "",
        "meta": {"label": label, "group": "Columns of your export",
                 "help": "As it stands in the first row. The public database withholds it; empty: not read."},
    }  # fmt: skip


SCHEMA: dict[str, dict[str, Any]] = {
    "applies": applies_rule(
        "Complaints come through the CFPB", NEVER,
        "No country tells whether the bureau sends complaints to a unit: switch it on for the units it does.",
    ),
    "days_first": _days("First response within", 15),
    "days_final": _days("Final response, after “In progress”, within", 60),
    "days_public": _days("A public response can be given for", 180),
    "responses": _lines(
        "Response categories", "As the portal words them. Tick one once you compared it with the portal.", RESPONSES,
        {"label": "Code", "code": True}, {"label": "Exact text"}, {"label": "Kind", "choices": _KINDS},
    ),
    "public_responses": _lines(
        "Public responses", "As the portal words them.", PUBLIC, {"label": "Code", "code": True},
        {"label": "Exact text"},
    ),
    "columns_confirmed": {
        "type": "boolean", "default": False,
        "meta": {"label": "I compared the columns of the file of responses with the portal", "group": "Responses",
                 "help": "Until then the file calls itself a draft: the portal's own layout was not at hand."},
    },
    "name_column": _column("Column of the consumer's name"),
    "email_column": _column("Column of their e-mail address"),
    "phone_column": _column("Column of their telephone number"),
}  # fmt: skip


async def try_out(candidate: Mapping[str, Any], context: Context) -> Tried:
    """Reads the lists as the pages will."""
    try:
        given = responses(candidate.get("responses") or ())
    except Unreadable as problem:
        return Tried(False, str(problem), "responses")
    try:
        public_responses(candidate.get("public_responses") or ())
    except Unreadable as problem:
        return Tried(False, str(problem), "public_responses")
    if not any(each.ends for each in given):
        return Tried(False, "No category ends a complaint. Give at least one of the kind final.", "responses")
    return Tried(True, "The lists can be read.")
