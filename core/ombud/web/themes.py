"""Themes: distributions that name a package under the entry point group `ombud.themes`.

A theme is data, so its package is located and never imported. It may bring `static/`, served under `/themes/<name>/`,
and `templates/`, where a file replaces the one of core with the same path and extends it as `core/<path>`.
"""

import hashlib
import importlib.util
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

GROUP = "ombud.themes"
KNOWN_KEYS = {"name", "label", "styles"}


class ThemeError(ValueError):
    """The theme that `theme.name` asks for cannot be used; the message names the remedy."""


@dataclass(frozen=True)
class Theme:
    name: str
    label: str
    folder: Path
    styles: tuple[str, ...] = ()

    @property
    def static(self) -> Path:
        return self.folder / "static"

    @property
    def templates(self) -> Path:
        return self.folder / "templates"

    def style_urls(self) -> list[str]:
        """Addresses of the style sheets; the digest in the query changes when the file does."""
        return [f"/themes/{self.name}/{style}?v={_digest(self.static / style)}" for style in self.styles]


def find(name: str, installed: Iterable[EntryPoint] | None = None) -> Theme:
    """The installed theme of that name, e.g. `plain`; raises ThemeError."""
    points = {point.name: point for point in (entry_points(group=GROUP) if installed is None else installed)}
    if name not in points:
        there = ", ".join(sorted(points)) or "none"
        raise ThemeError(f"No theme {name!r} is installed (installed: {there}). Install it or change `theme.name`.")
    spec = importlib.util.find_spec(points[name].value)
    if spec is None or spec.origin is None:
        raise ThemeError(f"Theme {name!r} names the package {points[name].value!r}, which is not there. Reinstall it.")
    return read(Path(spec.origin).parent)


def read(folder: Path) -> Theme:
    """Read `theme.toml` in a folder; raises ThemeError for an unknown key or a style sheet that is missing."""
    try:
        stated = tomllib.loads((folder / "theme.toml").read_text("utf-8"))
    except FileNotFoundError:
        raise ThemeError(f"{folder} has no theme.toml.") from None
    except tomllib.TOMLDecodeError as problem:
        raise ThemeError(f"{folder / 'theme.toml'}: {problem}") from None
    if unknown := sorted(set(stated) - KNOWN_KEYS):
        raise ThemeError(
            f"{folder / 'theme.toml'}: unknown key {unknown[0]!r}. Known: {', '.join(sorted(KNOWN_KEYS))}."
        )
    for key in ("name", "label"):
        if not isinstance(stated.get(key), str):
            raise ThemeError(f"{folder / 'theme.toml'}: `{key}` must be a text.")
    theme = Theme(stated["name"], stated["label"], folder, tuple(stated.get("styles", ())))
    for style in theme.styles:
        if not (theme.static / style).is_file():
            raise ThemeError(f"{folder / 'theme.toml'}: the style sheet static/{style} is not there.")
    return theme


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:8]
