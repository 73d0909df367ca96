"""An administrator's lists of words: one line for each category, `fees: overdraft fee, charge`."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

# Letters that Unicode does not take apart into a plain one and an accent.
_PLAIN = str.maketrans({"ł": "l", "đ": "d", "ø": "o", "ħ": "h", "ŧ": "t", "ı": "i"})


@dataclass(frozen=True)
class WordList:
    """The words of one category, folded; a phrase is several words in a row."""

    category: str
    phrases: tuple[tuple[str, ...], ...]


class Unreadable(ValueError):
    """A line is no list; the text says which and what helps."""


def folded(sign: str) -> str:
    """One sign without case and accents; may be several signs, or none."""
    apart = unicodedata.normalize("NFKD", sign.casefold().translate(_PLAIN))
    return "".join(each for each in apart if not unicodedata.combining(each)).translate(_PLAIN)


def words_of(text: str) -> list[tuple[str, int, int]]:
    """The words of a text, folded, with where each begins and ends in it."""
    found: list[tuple[str, int, int]] = []
    word, start = "", 0
    for place, sign in enumerate(text):
        if sign.isalnum() or (word and unicodedata.combining(sign)):
            if not word:
                start = place
            word += folded(sign)
        elif word:
            found.append((word, start, place))
            word = ""
    if word:
        found.append((word, start, len(text)))
    return found


def read(lines: Sequence[str]) -> list[WordList]:
    """The lists in these lines; empty lines are left out. Raises Unreadable."""
    found: list[WordList] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        category, colon, rest = line.partition(":")
        if not colon or not category.strip():
            raise Unreadable(f"Line {number} has no category. Write it like: fees: overdraft fee, charge")
        phrases = tuple(
            words for each in rest.split(",") if (words := tuple(word for word, _, _ in words_of(each)))
        )  # fmt: skip
        if not phrases:
            raise Unreadable(f"Line {number} has no words after {category.strip()}. Add some, or remove the line.")
        found.append(WordList(category.strip(), phrases))
    return found
