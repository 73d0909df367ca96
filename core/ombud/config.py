"""Loads the settings from file and environment, and stops on what does not hold."""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ombud.config_table import DERIVED, PREFIX, SECTIONS, TABLE, Config, Data, Key, Secrets, as_toml, sample

__all__ = ["Config", "ConfigError", "load", "sample"]

SETTINGS_VARIABLE = "OMBUD_SETTINGS"
ALIASES = {"OMBUD_MASTER_KEY_FILE": ("secrets", "master_key_file")}


class ConfigError(Exception):
    """The settings do not hold; the text has one line per problem with place, key and remedy."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load(
    settings_file: Path | None = None, data: Path | None = None, environ: Mapping[str, str] | None = None
) -> Config:
    """Settings from file and environment (which wins); `data` wins over both. Raises ConfigError."""
    environ = os.environ if environ is None else environ
    path = _find_file(settings_file, data, environ)
    reading = _Reading({section: {} for section in TABLE}, [])
    if path is not None:
        _read_file(path, reading)
    _read_environment(environ, reading)
    if data is not None:
        reading.values["data"]["dir"] = Path.cwd() / data.expanduser()
    if reading.problems:
        raise ConfigError(reading.problems)
    config = Config(**{section: SECTIONS[section](**reading.values[section]) for section in TABLE})
    return _complete(_agreeing(config, path), path.parent if path else Path.cwd())


def _find_file(given: Path | None, data: Path | None, environ: Mapping[str, str]) -> Path | None:
    named = given or (Path(environ[SETTINGS_VARIABLE]) if environ.get(SETTINGS_VARIABLE) else None)
    if named is not None:
        path = Path.cwd() / named.expanduser()
        if not path.is_file():
            raise ConfigError([f"{path}: there is no such settings file. Correct the path or leave it out."])
        return path
    folder = data or (Path(environ["OMBUD_DATA_DIR"]) if environ.get("OMBUD_DATA_DIR") else None)
    places = [Path.cwd() / folder.expanduser()] if folder else []
    return next((p / "settings.toml" for p in (*places, Path.cwd()) if (p / "settings.toml").is_file()), None)


def _read_file(path: Path, reading: _Reading) -> None:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        content = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: byte {error.start} is not UTF-8. Save the file as UTF-8."]) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{path}: this is not TOML: {error}. Write lines like: port = 8000"]) from error
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}. Let this user read it."]) from error
    for section, entries in content.items():
        if section not in TABLE or not isinstance(entries, dict):
            reading.problems.append(_unknown_section(path, text, section))
            continue
        for name, raw in entries.items():
            where = f"{path}, line {_line_of(text, section, name)}"
            known = TABLE[section].get(name)
            if known is None:
                reading.problems.append(
                    f"{where}: [{section}] {name} is not a setting. {_nearest(name, list(TABLE[section]))}"
                )
                continue
            reading.take(known, raw, as_toml(known.default), f"{where}: [{section}] {name}", path.parent)


def _unknown_section(path: Path, text: str, section: str) -> str:
    where = f"{path}, line {_line_of(text, section, None)}"
    if section in TABLE:
        return f"{where}: {section} is a section, not a key. Write [{section}] on its own line, its keys below."
    homes = [f"[{name}]" for name, keys in TABLE.items() if section in keys]
    if homes:
        return f"{where}: {section} stands in no section. Put it under {' or '.join(homes)}."
    return f"{where}: {section} is not a section. {_nearest(section, list(TABLE))}"


def _line_of(text: str, section: str, name: str | None) -> int:
    """The line (from 1) that sets the key; that of the section where the key is written in another way."""
    current, fallback = "", 1
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[+\s*([^\]#]+?)\s*\]", line):
            current = header[1].strip("\"'")
        words = re.match(r"\s*([\w\s.\"'-]+?)\s*=", line)
        dotted = [part.strip(" \"'") for part in words[1].split(".")] if words else []
        place = ([current] if current else []) + dotted
        if place and place[0] == section:
            if name is None or place[1:2] == [name]:
                return number
            fallback = number if fallback == 1 else fallback
    return fallback


def _nearest(wrong: str, known: list[str]) -> str:
    close = difflib.get_close_matches(wrong.lower(), [word.lower() for word in known], 1)
    match = next((word for word in known if close and word.lower() == close[0]), None)
    return f"Did you mean {match}?" if match else f"Remove it, or choose from {', '.join(known)}."


def _read_environment(environ: Mapping[str, str], reading: _Reading) -> None:
    variables = {each.variable: each for keys in TABLE.values() for each in keys.values()}
    variables |= {alias: TABLE[section][name] for alias, (section, name) in ALIASES.items()}
    for alias, (section, name) in ALIASES.items():
        long = TABLE[section][name].variable
        if alias in environ and long in environ and environ[alias] != environ[long]:
            reading.problems.append(f"{alias} and {long} differ. Give one of them.")
    for variable in sorted(environ):
        if known := variables.get(variable):
            reading.take(
                known, _parsed(known.type, environ[variable]), _as_variable(known.default), variable, Path.cwd()
            )
        elif any(variable.startswith(f"{PREFIX}{section.upper()}_") for section in TABLE):
            reading.problems.append(f"{variable} is not a setting. {_nearest(variable, list(variables))}")


@dataclass
class _Reading:
    """What the sources gave so far, and what was wrong with it."""

    values: dict[str, dict[str, Any]]
    problems: list[str]

    def take(self, known: Key, raw: Any, default: str, where: str, base: Path) -> None:
        value = _typed(known.type, raw, base)
        if value is not None and known.check.holds(value):
            self.values[known.section][known.name] = value
            return
        shown = "" if known.secret else f" = {_shown(raw)}"
        remedy = f"The default is {default}." if known.default not in ("", (), DERIVED) else "Leave it out if unsure."
        self.problems.append(f"{where}{shown} must be {known.check.must_be}. {remedy}")


def _shown(raw: Any) -> str:
    text = json.dumps(raw, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "…"


def _parsed(kind: Any, raw: str) -> Any:
    """An environment variable's text as the file would have given it."""
    if kind is int:
        return int(raw) if re.fullmatch(r"-?\d{1,18}", raw.strip()) else raw
    if kind == tuple[str, ...]:
        return [item.strip() for item in raw.split(",") if item.strip()]
    return raw


def _as_variable(value: Any) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _typed(kind: Any, value: Any, base: Path) -> Any:
    """The value as the key's type, or None where it is of another."""
    if kind is int:
        return value if type(value) is int else None
    if kind == tuple[str, ...]:
        good = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return tuple(value) if good else None
    if not isinstance(value, str):
        return None
    if kind is Path:
        return base / Path(value).expanduser() if value.strip() else DERIVED
    return value


def _agreeing(config: Config, path: Path | None) -> Config:
    """Checks that need two keys."""
    where = f"{path}: " if path else ""
    problems = []
    if config.database.pool_min > config.database.pool_max:
        problems.append(f"{where}[database] pool_min is above pool_max. Lower pool_min or raise pool_max.")
    if config.jobs.ttl_seconds <= config.jobs.heartbeat_seconds:
        problems.append(f"{where}[jobs] ttl_seconds must be above heartbeat_seconds. Raise ttl_seconds.")
    if config.limits.attachment_mb > config.limits.body_mb:
        problems.append(f"{where}[limits] attachment_mb is above body_mb. Lower attachment_mb or raise body_mb.")
    if problems:
        raise ConfigError(problems)
    return config


def _complete(config: Config, base: Path) -> Config:
    """Fills what is derived from other keys."""
    folder = Path(os.path.normpath(base / config.data.dir))
    key_file = config.secrets.master_key_file
    publish = config.ledger.publish_file
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.server.host, config.server.host)  # noqa: S104
    host = f"[{host}]" if ":" in host else host
    address = config.server.base_url or f"http://{host}:{config.server.port}"
    return replace(
        config,
        server=replace(config.server, base_url=address.rstrip("/")),
        data=Data(dir=folder),
        secrets=Secrets(master_key_file=folder / "secrets" / "master.key" if key_file == DERIVED else key_file),
        ledger=replace(config.ledger, publish_file=folder / "checkpoints.jsonl" if publish == DERIVED else publish),
    )
