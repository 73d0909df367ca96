"""Lists whose lines have columns: each line is kept as text with bars between them, and edited as fields. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

BAR = "|"
TERMS = ("category", "cause")
_KNOWN = {"label": str, "terms": str, "many": bool, "choices": Mapping, "tick": str, "code": bool}


@dataclass(frozen=True)
class Column:
    """One column. `terms`: its cells hold codes of this taxonomy, several with commas between them where `many`;
    `choices`: words by what may stand in it; `tick`: the one word that stands in it, or nothing; `code`: for
    programs, no row is told by it."""

    label: str
    terms: str = ""
    many: bool = False
    choices: Mapping[str, str] | None = None
    tick: str = ""
    code: bool = False


def read_columns(given: Any) -> tuple[Column, ...]:
    """Raises ValueError with what is wrong."""
    if not isinstance(given, list) or not given:
        raise ValueError("columns is a list of mappings, one for each column")
    for each in given:
        if not isinstance(each, Mapping) or not str(each.get("label", "")).strip():
            raise ValueError("each of its columns needs a label")
        for key, value in each.items():
            if key not in _KNOWN or not isinstance(value, _KNOWN[key]):
                raise ValueError(f"its columns take {', '.join(_KNOWN)}; {key!r} is none of them or of a wrong type")
        if each.get("terms", "category") not in TERMS:
            raise ValueError(f"terms of a column is one of {', '.join(TERMS)}")
    return tuple(Column(**each) for each in given)


def cells(line: str, columns: Sequence[Column]) -> list[str]:
    """A text for each column; what stands behind the last one stays in it."""
    parts = [each.strip() for each in line.split(BAR, len(columns) - 1)]
    return parts + [""] * (len(columns) - len(parts))


def line_of(texts: Sequence[str]) -> str:
    """The line; raises ValueError where a cell holds what parts them."""
    if any(BAR in each for each in texts):
        raise ValueError("Leave out the bar |, it parts the columns where the list is kept.")
    return f" {BAR} ".join(each.strip() for each in texts).strip()


def same(one: str, other: str, columns: Sequence[Column]) -> bool:
    """Whether two texts of such lines say the same, however they are spaced."""
    return _rows(one, columns) == _rows(other, columns)


def _rows(text: str, columns: Sequence[Column]) -> list[list[str]]:
    return [[",".join(_codes(each)) for each in cells(line, columns)] for line in text.split("\n") if line.strip()]


def _codes(text: str) -> list[str]:
    return [each.strip() for each in text.split(",")]


def codes(text: str) -> list[str]:
    """The codes of a cell that may hold several."""
    return [each for each in _codes(text) if each]
