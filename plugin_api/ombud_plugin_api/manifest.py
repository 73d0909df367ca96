"""`plugin.toml`: what a plugin says of itself, read without importing its code."""

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")
EVENTS = re.compile(r"(\*|[a-z][a-z0-9_.]*(\.\*)?)( [a-z][a-z0-9_]*=[!-~]+)*\Z")


class ManifestError(ValueError):
    """The manifest is missing or says something it may not; the text names the file, the key and the remedy."""


@dataclass(frozen=True)
class TableDeclaration:
    """One table of the plugin. `person`: the column that leads to the person (a CoreRef's name), empty if the table
    holds no personal data or names nobody; `person_via`: what that column refers to: `person`, `case`, `aspect` or
    `message` of core's, or another table of the plugin's by its name. `personal`: the personal columns; `erase`:
    `blank` them or `delete` the row. `files`: columns with ids of files that the plugin keeps in the vault; they are
    destroyed with it. `until`: in words, when rows that lead to nobody go by themselves."""

    name: str
    person: str = ""
    person_via: str = "person"
    personal: tuple[str, ...] = ()
    erase: str = "delete"
    files: tuple[str, ...] = ()
    until: str = ""


@dataclass(frozen=True)
class Manifest:
    """`kinds`: what the plugin is (channel, tracking, importer …); `reaches`: hosts outside; `events`: ledger kinds
    that `on_event` wants, such as `case.closed`, `case.*` or, with what the body must say, `case.opened channel=email`.
    `doors`: where core's stable public addresses lead (`file` for /complain, `track` for /track/<token>, with `{token}`
    in it, `rights` for /your-data), relative to the plugin's pages. `records`: of each kind of entry that the plugin
    writes with `platform.record`, the sentence that tells it in a case's history, with `%(name)s` for a code of its
    body (a day as 2026-11-06 is written out) and `%(actor)s` for who did it; translated by `words/<language>.toml`."""

    slug: str
    name: str
    summary: str
    version: str
    api: str
    kinds: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    reaches: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    security_contact: str = ""
    doors: dict[str, str] = field(default_factory=dict)
    tables: tuple[TableDeclaration, ...] = ()
    records: dict[str, str] = field(default_factory=dict)

    @property
    def prefix(self) -> str:
        """What the plugin's table names begin with: the slug, hyphens as underscores, and an underscore."""
        return self.slug.replace("-", "_") + "_"


_REQUIRED = ("slug", "name", "summary", "version", "api")
_LISTS = ("kinds", "needs", "reaches", "events")
_KEYS = {*_REQUIRED, *_LISTS, "security_contact", "doors", "tables", "records"}
_DOORS = {"file", "track", "rights"}


def read_manifest(path: Path) -> Manifest:
    """Reads and checks a `plugin.toml`; raises `ManifestError`."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ManifestError(f"{path}: there is no manifest; a plugin's package carries a plugin.toml") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise ManifestError(f"{path}: not readable as TOML: {problem}") from None
    return _checked(path, content)


def _checked(path: Path, content: dict[str, Any]) -> Manifest:
    for key in content:
        if key not in _KEYS:
            raise ManifestError(f"{path}: unknown key {key!r}; known are {', '.join(sorted(_KEYS))}")
    for key in _REQUIRED:
        if not isinstance(content.get(key), str) or not content[key]:
            raise ManifestError(f"{path}: {key} is missing; give it as text")
    if not SLUG.match(content["slug"]):
        raise ManifestError(f"{path}: slug {content['slug']!r} must be lower-case words joined by hyphens")
    for wanted in _words(path, "events", content.get("events", [])):
        if not EVENTS.match(wanted):
            raise ManifestError(f"{path}: events: {wanted!r} is no kind like 'case.*' or 'case.opened channel=email'")
    doors = content.get("doors", {})
    for door in doors:
        if door not in _DOORS:
            raise ManifestError(f"{path}: unknown door {door!r}; known are {', '.join(sorted(_DOORS))}")
    tables = tuple(_table(path, content["slug"], each) for each in content.get("tables", []))
    return Manifest(
        **{key: content[key] for key in _REQUIRED},
        **{key: _words(path, key, content.get(key, [])) for key in _LISTS},
        security_contact=str(content.get("security_contact", "")),
        doors={key: str(value) for key, value in doors.items()},
        tables=tables,
        records=_records(path, content["slug"], content.get("records", {})),
    )


_VALUE = re.compile(r"%\([a-z_]+\)s")


def _records(path: Path, slug: str, content: Any) -> dict[str, str]:
    if not isinstance(content, dict):
        raise ManifestError(f"{path}: records must be a table of kinds and sentences")
    prefix = slug.replace("-", "_") + "."
    for kind, sentence in content.items():
        if not kind.startswith(prefix):
            raise ManifestError(f"{path}: records: {kind!r} must begin with {prefix!r}, and stand in quotes")
        if not isinstance(sentence, str) or not sentence.strip():
            raise ManifestError(f"{path}: records: {kind} needs a sentence that tells what happened")
        if "%" in _VALUE.sub("", sentence):
            raise ManifestError(f"{path}: records: {kind}: write a value as %(name)s, and no other percent sign")
    return dict(content)


def _words(path: Path, key: str, value: Any) -> Any:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise ManifestError(f"{path}: {key} must be a list of texts")
    return tuple(value)


def _table(path: Path, slug: str, content: dict[str, Any]) -> TableDeclaration:
    known = {"name", "person", "person_via", "personal", "erase", "files", "until"}
    for key in content:
        if key not in known:
            raise ManifestError(f"{path}: unknown key {key!r} in [[tables]]; known are {', '.join(sorted(known))}")
    name = str(content.get("name", ""))
    prefix = slug.replace("-", "_") + "_"
    if not name.startswith(prefix):
        raise ManifestError(f"{path}: table {name!r} must begin with {prefix!r}")
    if content.get("erase", "delete") not in {"delete", "blank"}:
        raise ManifestError(f"{path}: table {name}: erase is either 'delete' or 'blank'")
    return TableDeclaration(
        name=name,
        person=str(content.get("person", "")),
        person_via=str(content.get("person_via", "person")),
        personal=tuple(content.get("personal", ())),
        erase=str(content.get("erase", "delete")),
        files=tuple(content.get("files", ())),
        until=str(content.get("until", "")),
    )
