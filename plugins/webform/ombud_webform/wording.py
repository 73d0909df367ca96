"""The form's words by language, from `texts/<language>.toml`."""

import tomllib
from pathlib import Path
from typing import Any

TEXTS: dict[str, dict[str, Any]] = {
    file.stem: tomllib.loads(file.read_text(encoding="utf-8"))
    for file in sorted((Path(__file__).parent / "texts").glob("*.toml"))
}


def texts(language: str) -> dict[str, Any]:
    """English where the language is not spoken here."""
    return TEXTS.get(language) or TEXTS["en"]


def problem(language: str, code: str, **about: Any) -> str:
    """What is wrong and what helps."""
    words: str = texts(language)["problems"][code]
    return words.format(**about)
