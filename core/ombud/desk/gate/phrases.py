"""Phrases of a requirement or a list of words as patterns that cannot run away. Pure."""

import re
from collections.abc import Iterable
from functools import lru_cache

_GAP = r"(?:[^\w]{1,6}\w+){0,12}?[^\w]{1,6}"


@lru_cache(maxsize=2000)
def pattern(phrase: str) -> re.Pattern[str]:
    """The phrase in any case and spacing: `word*` is any ending, `…` up to twelve words between."""
    made, joint = "", ""
    for word in phrase.replace("’", "'").split():
        if word == "…":
            joint = _GAP
            continue
        stem = re.escape(word.removesuffix("*")).replace("'", "['’]")
        made += joint + stem + (r"\w*" if word.endswith("*") else "")
        joint = r"[^\w]{1,6}"
    left = r"(?<!\w)" if re.match(r"\w", phrase) else ""
    right = r"(?!\w)" if re.search(r"[\w*]\Z", phrase) else ""
    return re.compile(left + made + right, re.IGNORECASE)


def first(phrases: Iterable[str], text: str) -> tuple[int, int] | None:
    """Where the first of them stands."""
    spans = [match.span() for each in phrases if (match := pattern(each).search(text))]
    return min(spans) if spans else None


def everywhere(phrase: str, text: str) -> list[tuple[int, int]]:
    return [match.span() for match in pattern(phrase).finditer(text)]
