"""How hard a text is to read: Flesch Reading Ease for English, FOG-PL for Polish. Pure.

English: Rudolf Flesch, "A new readability yardstick", Journal of Applied Psychology 32 (1948): 206.835 - 1.015 words a
sentence - 84.6 syllables a word; from 0 (hard) to 100 (easy). Syllables by the hyphenation of `pyphen`.
Polish: Gunning's FOG for Polish as in Broda, Niton, Gruszczynski, Ogrodniczuk, "Measuring readability of Polish texts:
baseline experiments" (LREC 2014): 0.4 (words a sentence + hard words in a hundred), a hard word having four syllables
or more; about the years of school it asks for. We count syllables by the vowels of the word as it stands.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyphen

from ombud.desk.gate.blocks import sentences, words_in

LEAST = 30
"""Words below which nothing is measured."""
HARD = 4
_VOWEL = re.compile(r"i(?=[aąeęoóu])|au|eu|[aąeęioóuy]")


@dataclass(frozen=True)
class Measured:
    """`score`: rounded; `hardest`: from and to of the sentence that costs most; `words` and `sentences` counted."""

    score: int
    words: int
    sentences: int
    hardest: tuple[int, int]


@lru_cache(maxsize=1)
def _hyphens() -> Any:
    return pyphen.Pyphen(lang="en_US")


@lru_cache(maxsize=20_000)
def syllables(word: str, language: str) -> int:
    """How many a word has, at least one."""
    plain = word.lower()
    if language == "pl":
        return max(1, sum(1 for each in _VOWEL.finditer(plain) if each[0] != "i" or not _softens(plain, each.end())))
    return len(_hyphens().positions(plain)) + 1


def _softens(word: str, after: int) -> bool:
    """An i before another vowel only softens the consonant."""
    return after < len(word) and word[after] in "aąeęoóu"


def measure(text: str, language: str) -> Measured | None:
    """None for what is too short to say, or in a language we have no measure for. Headings and lines of a list that end
    without a full stop count as sentences of their own only where they hold more than four words."""
    if language not in {"en", "pl"}:
        return None
    counted = [(span, words_in(text[span[0] : span[1]])) for span in sentences(text)]
    counted = [(span, words) for span, words in counted if len(words) > HARD or text[span[0] : span[1]][-1:] in ".!?"]
    total = sum(len(words) for _, words in counted)
    if total < LEAST:
        return None
    weights = [sum(_weight(word, language) for word in words) for _, words in counted]
    mean, weight = total / len(counted), sum(weights) / total
    score = 0.4 * (mean + 100 * weight) if language == "pl" else 206.835 - 1.015 * mean - 84.6 * weight
    hardest = max(range(len(counted)), key=lambda at: (len(counted[at][1]) + 5 * weights[at], -at))
    return Measured(round(score), total, len(counted), counted[hardest][0])


def _weight(word: str, language: str) -> int:
    count = syllables(word, language)
    return int(count >= HARD) if language == "pl" else count
