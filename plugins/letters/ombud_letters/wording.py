"""The plugin's words by language, from `texts/<language>.toml`."""

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date

TEXTS: dict[str, dict[str, Any]] = {
    file.stem: tomllib.loads(file.read_text(encoding="utf-8"))
    for file in sorted((Path(__file__).parent / "texts").glob("*.toml"))
}


def texts(language: str) -> Mapping[str, Any]:
    """English where the language is not spoken here."""
    return TEXTS.get(language.partition("-")[0]) or TEXTS["en"]


def said(language: str, place: str, code: str, **about: Any) -> str:
    """The words of a code, such as a refusal."""
    words: str = texts(language)[place][code]
    return words.format(**about)


def day(moment: date, language: str) -> str:
    """As it stands at the head of a letter: 26 November 2026, 26 listopada 2026."""
    try:
        locale = Locale.parse(language.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        locale = Locale("en")
    return format_date(moment, "d MMMM y" if locale.language in TEXTS else "long", locale=locale)
