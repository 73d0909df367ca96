"""`quality.toml`: how a plugin stands to each check by its own word: done, todo, or exempt with the reason."""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from ombud_plugin_api.testing.subject import Subject

DONE, TODO, EXEMPT = "done", "todo", "exempt"


class QualityError(ValueError):
    """The file says something it may not; the text names the key and the remedy."""


@dataclass(frozen=True)
class Word:
    """What the plugin's authors say of one check."""

    state: str
    reason: str = ""


def read_quality(plugin: Subject, known: Collection[str]) -> dict[str, Word]:
    """The plugin's word on checks, by id; empty where there is no file. Raises QualityError."""
    path = quality_file(plugin)
    if path is None:
        return {}
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise QualityError(f"{path}: not readable as TOML: {problem}") from None
    return {key: _word(path, key, value, known) for key, value in _flat(path, content).items()}


def quality_file(plugin: Subject) -> Path | None:
    """In the package, so that a wheel carries it, or beside pyproject.toml."""
    places = [plugin.folder, *([plugin.project] if plugin.project else [])]
    return next((place / "quality.toml" for place in places if (place / "quality.toml").is_file()), None)


def _flat(path: Path, content: Mapping[str, object]) -> dict[str, object]:
    found: dict[str, object] = {}
    for tier, words in content.items():
        if not isinstance(words, dict):
            raise QualityError(f'{path}: {tier} stands alone; write the id below its tier, as [basic] and "basic-01"')
        for key, value in words.items():
            if not key.startswith(f"{tier}-"):
                raise QualityError(f"{path}: {key} stands under [{tier}]; ids there begin with {tier}-")
            found[key] = value
    return found


def _word(path: Path, key: str, value: object, known: Collection[str]) -> Word:
    if key not in known:
        raise QualityError(f"{path}: there is no check {key}; docs/plugins/checks.md lists them all")
    if value == DONE:
        return Word(DONE)
    if isinstance(value, dict) and len(value) == 1:
        ((state, reason),) = value.items()
        if state in {TODO, EXEMPT} and isinstance(reason, str) and len(reason.split()) >= 2:
            return Word(str(state), reason)
    raise QualityError(f'{path}: {key} is either "done", {{ todo = "why" }} or {{ exempt = "why" }}; write the reason')


__all__ = ["DONE", "EXEMPT", "TODO", "QualityError", "Word", "quality_file", "read_quality"]
