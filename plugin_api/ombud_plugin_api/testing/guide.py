"""Writes the pages of the author's guide that the code tells: `python -m ombud_plugin_api.testing.guide FOLDER`."""

import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import ombud_plugin_api as api
from ombud_plugin_api import deprecation, manifest, specs
from ombud_plugin_api.testing.registry import all_checks

HEAD = "<!-- Written by `make guide` from the code; do not edit. -->\n"
TIERS = {
    "basic": "What every plugin keeps. Below it a plugin should not be switched on where real complaints are.",
    "sound": "What a plugin keeps that people rely on every day. Every plugin of this repository does.",
    "exemplary": "What makes a plugin a model for others.",
}
GROUPS = (
    ("Objects that hooks return", ("Permission", "NavItem", "Fill", "Channel", "Job", "Command", "Settings", "Tried")),
    ("What a plugin is handed", ("Platform", "Context", "Pages", "Event")),
    (
        "Values",
        (
            "RawReceipt", "Complaint", "PersonGiven", "Matter", "Document", "Filed", "CaseView", "AspectView",
            "CustomerCase", "CustomerAspect", "CustomerMessage", "DocumentView", "LinkView",
        ),
    ),
    ("Errors", ("PluginFault", "Transient", "Permanent", "Misconfigured", "Refused", "Conflict", "TooMany", "BadLink")),
    ("Tables", ("CoreRef",)),
)  # fmt: skip


def checks_page() -> str:
    """One section a check: what is promised, why, an example, and what to do."""
    lines = [HEAD, "# What the conformance kit checks\n", *_introduction()]
    for tier, about in TIERS.items():
        lines += [f"## {tier.capitalize()}\n", f"{about}\n"]
        for key, (check, contract) in all_checks().items():
            if check.tier != tier:
                continue
            lines += [
                f"### {key}\n", f"**{check.title}.** *{contract.title}.*\n", f"{check.why}\n",
                f"```\n{check.example}\n```\n", f"*Remedy:* {check.remedy}\n",
            ]  # fmt: skip
    return "\n".join(lines)


def _introduction() -> Iterator[str]:
    yield (
        "`ombud plugin check <slug|folder|wheel>` tries these on a desk and a database of its own; a plugin's "
        "`tests/test_contract.py` does the same under pytest. Which checks are tried follows from what the plugin "
        "provides.\n"
    )
    yield (
        "A check is left out only with a reason in `quality.toml`, beside pyproject.toml or in the package, by its id: "
        '`sound-20 = { exempt = "its job needs an uploaded file" }` below `[sound]`. An unknown id or an empty reason '
        "fails.\n"
    )
    yield "| id | promise | for |\n|---|---|---|"
    for key, (check, contract) in all_checks().items():
        yield f"| [{key}](#{key}) | {check.title} | {contract.title.lower()} |"
    yield ""


def reference_page() -> str:
    """Hooks, slots, and every name that a plugin may import, with its words in the code."""
    lines = [HEAD, "# Reference of the plugin API\n", f"Version {api.API_VERSION}. Import from `ombud_plugin_api`.\n"]
    lines += ["## Hooks\n", f"{_words(specs)}\n"]
    for name, hook in sorted(vars(specs).items()):
        if hasattr(hook, "ombud_spec"):
            sort = "async def" if inspect.iscoroutinefunction(hook) else "def"
            lines += [f"### {name}\n", f"```text\n{sort} {name}{_signature(hook)}\n```\n", f"{_words(hook)}\n"]
    lines += ["## Slots\n", "| slot | `data` gets | where |\n|---|---|---|"]
    lines += [f"| `{each.name}` | {each.subject} | {each.help} |" for each in api.SLOTS.values()]
    lines += ["", "## The manifest\n", *_manifest()]
    listed = {name for _, names in GROUPS for name in names} | {"Manifest"}
    others = tuple(each for each in api.__all__ if inspect.isclass(getattr(api, each)) and each not in listed)
    for title, names in (*GROUPS, ("More names", others)):
        lines += [f"## {title}\n"]
        for name in names:
            lines += _class(name, getattr(api, name))
    lines += ["## Deprecated\n", *_deprecated()]
    return "\n".join(lines)


def _manifest() -> Iterator[str]:
    for name in ("Manifest", "TableDeclaration"):
        yield from _class(name, getattr(manifest, name))


def _class(name: str, value: type) -> Iterator[str]:
    yield f"### {name}\n"
    yield f"{_words(value)}\n"
    fields = list(_fields(value))
    if fields:
        yield "```text\n" + "\n".join(fields) + "\n```\n"
    for method, function in vars(value).items():
        told = function.fget if isinstance(function, property) else function
        if method.startswith("_") or not inspect.isfunction(told) or method == "column_type":
            continue
        sort = "async " if inspect.iscoroutinefunction(told) else ""
        brackets = "" if isinstance(function, property) else _signature(told)
        yield f"- `{sort}{method}{brackets}`" + (f": {_words(told)}" if _words(told) else "")
    yield ""


def _fields(value: type) -> Iterator[str]:
    annotations = inspect.get_annotations(value)
    for name, annotation in annotations.items():
        if name.startswith("_"):
            continue
        shown = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
        yield f"{name}: {_plain(shown)}{_default(value, name)}"


def _default(value: type, name: str) -> str:
    fields: Any = getattr(value, "__dataclass_fields__", {})
    if is_dataclass(value):
        default = fields[name].default
        return "" if default.__class__.__name__ == "_MISSING_TYPE" or callable(default) else f" = {_value(default)}"
    config = dict(
        zip(
            reversed(getattr(value, "__struct_fields__", ())),
            reversed(getattr(value, "__struct_defaults__", ())),
            strict=False,
        )
    )
    default = config.get(name, ...)
    return "" if default is ... or "NODEFAULT" in repr(default) else f" = {_value(default)}"


def _value(value: object) -> str:
    """As it is written in code; a set in the order of its words, which else changes from process to process."""
    return (
        f"frozenset({{{', '.join(sorted(map(repr, value)))}}})"
        if isinstance(value, frozenset) and value
        else repr(value)
    )


def _signature(function: Any) -> str:
    return _plain(str(inspect.signature(function)))


def _plain(text: str) -> str:
    """Without the modules that the reader knows, and equal on every version of Python."""
    text = re.sub(r"<factory>|<function [^>]*>|<class '([^']+)'>", r"\1", text)
    return re.sub(r"\b(?:[a-z_]+\.)+([A-Z]\w*)", r"\1", text).replace("'", "")


def _words(thing: Any) -> str:
    told = inspect.getdoc(thing) or ""
    return "" if told.startswith(("Initialize self", "A base class")) else told


def _deprecated() -> Iterator[str]:
    if not deprecation.DEPRECATED:
        yield "Nothing at this moment. [How things are deprecated](deprecation.md).\n"
        return
    yield "| name | since | goes with | instead |\n|---|---|---|---|"
    for each in deprecation.DEPRECATED:
        yield f"| `{each.name}` | {each.since} | {each.removed_in} | {each.instead} |"
    yield ""


PAGES = {"checks.md": checks_page, "reference.md": reference_page}


def main(folder: Path) -> None:
    for name, write in PAGES.items():
        (folder / name).write_text(write(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/plugins"))
