"""Themes: distributions that name a package under the entry point group `ombud.themes`.

A theme is data, so its package is located and never imported. It may bring `static/`, served under `/themes/<name>/`,
and `templates/`, where a file replaces the one of core with the same path and extends it as `core/<path>`.
"""

import hashlib
import importlib
import importlib.util
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint
from pathlib import Path

from ombud.kernel.installed import points

GROUP = "ombud.themes"
KNOWN_KEYS = {"name", "label", "summary", "styles"}
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}\Z")


class ThemeError(ValueError):
    """A theme cannot be used; the message names the remedy."""


@dataclass(frozen=True)
class Theme:
    name: str
    label: str
    folder: Path
    styles: tuple[str, ...] = ()
    summary: str = ""
    version: str = ""

    @property
    def static(self) -> Path:
        return self.folder / "static"

    @property
    def templates(self) -> Path:
        return self.folder / "templates"

    def style_urls(self) -> list[str]:
        """Addresses of the style sheets; the digest in the query changes when the file does."""
        return [f"/themes/{self.name}/{style}?v={_digest(self.static / style)}" for style in self.styles]


@dataclass(frozen=True)
class Installed:
    """A theme that is installed, or why it cannot be used."""

    name: str
    theme: Theme | None
    problem: str = ""


def installed() -> list[Installed]:
    """Every installed theme, in the order of names; a broken one with its problem."""
    importlib.invalidate_caches()  # one may have been installed a moment ago
    found = []
    for name, point in sorted(_points().items()):
        try:
            found.append(Installed(name, _of(point)))
        except ThemeError as problem:
            found.append(Installed(name, None, str(problem)))
    return found


def _points(given: Iterable[EntryPoint] | None = None) -> dict[str, EntryPoint]:
    return {point.name: point for point in (points(GROUP) if given is None else given)}


def find(name: str, installed: Iterable[EntryPoint] | None = None) -> Theme:
    """The installed theme of that name, e.g. `plain`; raises ThemeError."""
    importlib.invalidate_caches()
    points = _points(installed)
    if name not in points:
        there = ", ".join(sorted(points)) or "none"
        raise ThemeError(f"No theme {name!r} is installed (installed: {there}). Install it or change `theme.name`.")
    return _of(points[name])


def _of(point: EntryPoint) -> Theme:
    try:
        spec = importlib.util.find_spec(point.value)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None:
        raise ThemeError(f"Theme {point.name!r} names the package {point.value!r}, which is not there. Reinstall it.")
    theme = read(Path(spec.origin).parent)
    if theme.name != point.name:
        raise ThemeError(f"{theme.folder / 'theme.toml'}: the name must be {point.name!r}, as it is installed.")
    return replace(theme, version=point.dist.version if point.dist else "")


def read(folder: Path) -> Theme:
    """Read `theme.toml` in a folder; raises ThemeError for an unknown key or a style sheet that is missing."""
    place = folder / "theme.toml"
    try:
        stated = tomllib.loads(place.read_bytes().decode("utf-8"))
    except FileNotFoundError:
        raise ThemeError(f"{folder} has no theme.toml.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise ThemeError(f"{place}: {problem}") from None
    except OSError as problem:
        raise ThemeError(f"{place} cannot be read: {problem.strerror}.") from None
    if unknown := sorted(set(stated) - KNOWN_KEYS):
        raise ThemeError(f"{place}: unknown key {unknown[0]!r}. Known: {', '.join(sorted(KNOWN_KEYS))}.")
    for key in ("name", "label"):
        if not isinstance(stated.get(key), str):
            raise ThemeError(f"{place}: `{key}` must be a text.")
    if not _NAME.match(stated["name"]):
        raise ThemeError(f"{place}: `name` is a short word of a-z, 0-9 and hyphens.")
    styles = stated.get("styles", [])
    if not isinstance(styles, list) or not all(isinstance(each, str) for each in styles):
        raise ThemeError(f'{place}: `styles` is a list like ["theme.css"].')
    theme = Theme(stated["name"], stated["label"], folder, tuple(styles), str(stated.get("summary", "")))
    for style in theme.styles:
        path = (theme.static / style).resolve()
        if not path.is_relative_to(theme.static.resolve()) or not path.is_file():
            raise ThemeError(f"{place}: the style sheet static/{style} is not there.")
    return theme


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:8]
