"""The laws of this plugin, read from laws.toml: data, so that a lawyer can check it without reading a program."""

import tomllib
from importlib.resources import files
from typing import Any

from ombud_plugin_api import Ground, Law, Right, Span

SPANS = ("answer", "acknowledge", "extension")


def laws() -> list[Law]:
    """Every law of the file; a right that says nothing of identity or agents takes its law's word."""
    text = files("ombud_hipaa").joinpath("laws.toml").read_text(encoding="utf-8")
    content = tomllib.loads(text)
    return [_law(each, content) for each in content["law"]]


def _law(given: dict[str, Any], content: dict[str, Any]) -> Law:
    shared = content.get("grounds", {}).get(given.get("grounds", ""), [])
    return Law(
        key=given["key"], label=given["label"], places=tuple(given["places"]), note=given.get("note", ""),
        rights=tuple(_right(each, given) for each in given["right"]),
        grounds=tuple(Ground(**{**each, "against": tuple(each.get("against", ()))}) for each in shared),
    )  # fmt: skip


def _right(given: dict[str, Any], law: dict[str, Any]) -> Right:
    both = {**law.get("usual", {}), **given}
    for part in both.pop("without", ()):  # times of its law that this right does not have
        both.pop(part, None)
    spans: dict[str, Any] = {part: Span(**both.pop(part)) for part in SPANS if part in both}
    return Right(**both, **spans)
