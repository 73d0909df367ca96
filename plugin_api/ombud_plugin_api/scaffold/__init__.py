"""Writes a new plugin that keeps the kit's promises from its first day: `ombud plugin new <slug> --kind <kind>`.

A kind is a folder of templates below `kinds/`; `common/` goes into every plugin. In texts and names of templates
`__slug__`, `__package__`, `__prefix__`, `__Name__`, `__Class__`, `__id__` and `__stamp__` are replaced.
"""

import keyword
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from ombud_plugin_api.manifest import SLUG

SUFFIX = ".tmpl"
_HOME = files(__name__)


class ScaffoldError(ValueError):
    """A plugin cannot be written so; the text says what would do."""


def _kinds() -> dict[str, str]:
    found = {each.name: each for each in (_HOME / "kinds").iterdir() if each.is_dir() and not each.name.startswith("_")}
    return {name: (found[name] / "ABOUT").read_text("utf-8").strip() for name in sorted(found)}


KINDS: dict[str, str] = _kinds()
"""Every kind that can be written, with what such a plugin does."""


def write_plugin(slug: str, kind: str, folder: Path, now: datetime | None = None) -> Path:
    """Writes it into a folder that must not exist yet; raises ScaffoldError."""
    if not SLUG.match(slug) or keyword.iskeyword(slug):
        raise ScaffoldError(f"{slug!r} cannot be a slug; use small words joined by hyphens, such as letter-box")
    if kind not in KINDS:
        raise ScaffoldError(f"there is no kind {kind!r}; choose one of {', '.join(KINDS)}")
    if folder.exists():
        raise ScaffoldError(f"{folder} is there already; nothing was written")
    words = _words(slug, kind, now or datetime.now(UTC))
    for home in (_HOME / "common", _HOME / "kinds" / kind):
        _write(home, folder, words)
    return folder


def _words(slug: str, kind: str, now: datetime) -> dict[str, str]:
    plain = slug.replace("-", "_")
    return {
        "__slug__": slug,
        "__package__": f"ombud_{plain}",
        "__prefix__": f"{plain}_",
        "__Name__": slug.replace("-", " ").capitalize(),
        "__Class__": "".join(word.capitalize() for word in slug.split("-")),
        "__kind__": kind,
        "__about__": KINDS[kind],
        "__id__": now.strftime("%Y-%m-%dT%H:%M:%S:%f"),
        "__stamp__": now.strftime("%Y_%m_%dt%H_%M_%S"),
    }


def _write(home: Traversable, folder: Path, words: Mapping[str, str]) -> None:
    for each in sorted(home.iterdir(), key=lambda entry: entry.name):
        if each.name == "ABOUT" or each.name.startswith("__pycache__"):
            continue
        path = folder / _said(each.name.removesuffix(SUFFIX), words)
        if each.is_dir():
            _write(each, path, words)
            continue
        text = _said(each.read_text("utf-8"), words)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.read_text("utf-8") + text if path.exists() else text, encoding="utf-8")


def _said(text: str, words: Mapping[str, str]) -> str:
    for name, word in words.items():
        text = text.replace(name, word)
    return text


__all__ = ["KINDS", "ScaffoldError", "write_plugin"]
