"""The portal's words by language, from `texts/<language>.toml`."""

import tomllib
from pathlib import Path
from typing import Any

TEXTS: dict[str, dict[str, Any]] = {
    file.stem: tomllib.loads(file.read_text(encoding="utf-8"))
    for file in sorted((Path(__file__).parent / "texts").glob("*.toml"))
}


def problem(language: str, code: str, **about: Any) -> str:
    """What is wrong and what helps; English where the language is not spoken here."""
    words: str = (TEXTS.get(language) or TEXTS["en"])["problems"][code]
    return words.format(**about)
