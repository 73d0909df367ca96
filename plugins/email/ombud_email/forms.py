"""The form of a further mailbox: the fields of the settings, read and checked as core does it there."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ombud_email.settings import SCHEMA


@dataclass
class Given:
    """`values`: without secrets; `secrets`: those that were typed; `wrong`: a code of the texts by field."""

    values: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)


def usual() -> dict[str, Any]:
    """What stands in an empty form."""
    return {name: rule.get("default") for name, rule in SCHEMA.items() if not rule["meta"].get("secret")}


def read(form: Mapping[str, Any]) -> Given:
    given = Given()
    for name, rule in SCHEMA.items():
        typed = str(form.get(name) or "").strip()
        if rule["meta"].get("secret"):
            if typed:
                given.secrets[name] = typed
            continue
        try:
            given.values[name] = _value(rule, typed)
        except ValueError as problem:
            given.values[name], given.wrong[name] = typed, str(problem)
    if not given.values.get("address") and "address" not in given.wrong:
        given.wrong["address"] = "address"
    if given.values.get("afterwards") == "move" and not given.values.get("moved_to"):
        given.wrong.setdefault("moved_to", "moved_to")
    return given


def _value(rule: Mapping[str, Any], typed: str) -> Any:
    """Raises ValueError with the code of what is wrong."""
    kind = rule["type"]
    if kind == "boolean":
        return typed == "on"
    if kind == "date":
        return date.fromisoformat(typed).isoformat() if re.fullmatch(r"\d{4}-\d\d-\d\d", typed) else _none(typed)
    if kind == "integer":
        if not typed.isdecimal() or not rule["min"] <= int(typed[:9]) <= rule["max"]:
            raise ValueError("number")
        return int(typed)
    if "allowed" in rule:
        typed = typed or rule["default"]
        if typed not in rule["allowed"]:
            raise ValueError("choice")
    if len(typed) > rule["maxlength"]:
        raise ValueError("long")
    if "regex" in rule and not re.fullmatch(rule["regex"], typed):
        raise ValueError("form")
    return typed


def _none(typed: str) -> None:
    if typed:
        raise ValueError("date")
