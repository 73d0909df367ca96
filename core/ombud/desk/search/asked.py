"""What somebody typed into a search box, as a question to the index; and which words of a text answer it. Pure.

Words are joined by AND. `"a phrase"` keeps its words together, `-word` leaves out what holds it, and the last word may
be unfinished. Whatever was typed has a meaning or a plain refusal; nothing of it reaches SQL but stems.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

from ombud.desk.errors import Invalid
from ombud.desk.search.words import (
    COMMON,
    POLISH_MARK,
    WORD,
    find_wholes,
    fold,
    stems,
    whole_forms,
)
from ombud.speech import number, sentence

LONGEST = 300
MOST_WORDS = 20
SHORTEST_BEGINNING = 2  # letters of an unfinished word that is looked up
SNIPPET = 220
_PIECE = re.compile(
    r'(?P<not>(?<!\S)-)?(?:"(?P<phrase>[^"]*)"?|(?P<number>\+?\d(?:[ ()/.-]{0,2}\d){6,}(?![^\s"]))|(?P<words>[^\s"]+))'
)


@dataclass(frozen=True, slots=True)
class Term:
    """One word (or number, or address) or a phrase. `alternatives`: for each place of the phrase, the forms that may
    stand there; `gaps`: how far each place is from the one before; `beginning`: what an unfinished word begins with;
    `apart`: the numbers that a number with spaces may be, too."""

    alternatives: tuple[tuple[str, ...], ...]
    gaps: tuple[int, ...] = ()
    beginning: str = ""
    without: bool = False
    apart: tuple[str, ...] = ()

    def query(self, weights: str) -> str:
        places = [self._place(forms, weights) for forms in self.alternatives]
        said = places[0] + "".join(f" <{gap}> {place}" for gap, place in zip(self.gaps, places[1:], strict=True))
        if self.apart:
            said += f" | ({' & '.join(self._place((number,), weights) for number in self.apart)})"
        return f"!({said})" if self.without else f"({said})"

    def _place(self, forms: tuple[str, ...], weights: str) -> str:
        exact = [f"'{form}':{weights}" if weights else f"'{form}'" for form in forms]
        marks = ("", POLISH_MARK) if self.beginning.isalpha() else ("",)
        begun = [f"'{mark}{self.beginning}':*{weights}" for mark in marks] if self.beginning else []
        return f"({' | '.join([*exact, *begun])})"


@dataclass(frozen=True)
class Asked:
    """A search that can be run. `left_out`: common words that were not looked for."""

    text: str
    terms: tuple[Term, ...]
    left_out: tuple[str, ...] = ()

    def query(self, weights: str = "") -> str:
        """The tsquery, looking only at words of these weights; empty means all."""
        return " & ".join(term.query(weights) for term in self.terms)

    def wanted(self) -> str:
        """The tsquery without what is to be left out: what finds the candidates, whoever may see which of their words
        (a word that is left out and hidden must not decide)."""
        return " & ".join(term.query("") for term in self.terms if not term.without)

    @property
    def leaves_out(self) -> bool:
        return any(term.without for term in self.terms)

    @cached_property
    def forms(self) -> frozenset[str]:
        kept = [term for term in self.terms if not term.without]
        return frozenset(form for term in kept for place in (*term.alternatives, term.apart) for form in place)

    @cached_property
    def beginnings(self) -> tuple[str, ...]:
        return tuple(term.beginning for term in self.terms if term.beginning and not term.without)


def read(text: str) -> Asked | None:
    """What the text asks for, or None where it holds no word; raises Invalid with the remedy."""
    if len(text) > LONGEST:
        raise Invalid(
            sentence(
                "This search has %(what)s characters. Search for a few words, at most %(most)s.",
                what=number(len(text)),
                most=LONGEST,
            ),
            "q",
        )
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    found = list(_terms(text))
    if len(found) > MOST_WORDS:
        raise Invalid(
            sentence("These are %(found)s words. Search for at most %(most)s.", found=len(found), most=MOST_WORDS), "q"
        )
    left_out = tuple(said for said, term in found if term is None)
    terms = tuple(term for _, term in found if term is not None)
    if all(term.without for term in terms) and left_out:  # nothing but common words: then they count
        terms += tuple(Term((stems(said),)) for said in left_out)
        left_out = ()
    if not terms:
        return None
    if all(term.without for term in terms):
        raise Invalid("This says only what to leave out. Add a word that should be there.", "q")
    return Asked(text, terms, left_out)


def _terms(text: str) -> Iterator[tuple[str, Term | None]]:
    """Each word or phrase with its term; None for a common word."""
    pieces = list(_joined(text))
    for place, (said, phrase, without) in enumerate(pieces):
        if phrase:
            term = _phrase(said, without)
            if term is not None:
                yield said, term
            continue
        unfinished = place == len(pieces) - 1 and not without
        yield from _words(said, without, unfinished)


def _joined(text: str) -> Iterator[tuple[str, bool, bool]]:
    """(text, is a phrase, is left out); a number typed with spaces stays one piece."""
    for match in _PIECE.finditer(text):
        said, phrase = match.group("number") or match.group("words"), match.group("phrase")
        yield said if phrase is None else phrase, phrase is not None, match.group("not") is not None


def _phrase(said: str, without: bool) -> Term | None:
    words = WORD.findall(fold(said))[:MOST_WORDS]
    kept = [(place, word) for place, word in enumerate(words) if word not in COMMON] or list(enumerate(words))
    if not kept:
        return None
    gaps = tuple(later[0] - earlier[0] for earlier, later in pairwise(kept))
    return Term(tuple(stems(word) for _, word in kept), gaps, without=without)


def _words(said: str, without: bool, unfinished: bool) -> Iterator[tuple[str, Term | None]]:
    whole = next((match for match in find_wholes(said) if len(match.group()) >= len(said.strip(".,;:!?()")) - 1), None)
    if whole is not None:
        forms = whole_forms(whole)
        begun = forms[0] if unfinished and whole.lastgroup != "amount" else ""
        numbers = tuple(WORD.findall(said)) if whole.lastgroup == "digits" else ()
        apart = numbers if len(numbers) > 1 else ()
        yield said, Term((tuple(forms),), beginning="" if apart else begun, without=without, apart=apart)
        return
    words = WORD.findall(fold(said))
    for place, word in enumerate(words):
        if word in COMMON:
            yield word, None
            continue
        last = unfinished and place == len(words) - 1 and len(word) >= SHORTEST_BEGINNING
        beginning = word.replace("'", "") if last and said[-1:].isalnum() else ""
        yield word, Term((stems(word),), beginning=beginning, without=without)


@dataclass(frozen=True, slots=True)
class Shown:
    """A piece of a text; `found` where it answers the search."""

    text: str
    found: bool


def marked(asked: Asked | None, text: str) -> tuple[Shown, ...]:
    """The whole text in pieces, the words that answer the search marked."""
    text = unicodedata.normalize("NFC", text)
    pieces, end = [], 0
    for start, stop in _spans(asked, text):
        if start < end:
            continue
        pieces += [Shown(text[end:start], False)] if start > end else []
        pieces.append(Shown(text[start:stop], True))
        end = stop
    return (*pieces, Shown(text[end:], False)) if end < len(text) else tuple(pieces)


def snippet(asked: Asked | None, text: str, length: int = SNIPPET) -> tuple[Shown, ...]:
    """The part of a text where most words answer the search, on one line, with them marked."""
    line = " ".join(unicodedata.normalize("NFC", text).split())
    if len(line) <= length:
        return marked(asked, line)
    spans = _spans(asked, line)
    start = _best_start(spans, line, length)
    cut = line[start : start + length]
    if start + length < len(line):
        cut = cut.rsplit(" ", 1)[0] + " …"
    if start:
        cut = "… " + cut
    return marked(asked, cut)


def _best_start(spans: list[tuple[int, int]], line: str, length: int) -> int:
    """Where the window begins that holds most marks, a few words before its first one."""
    if not spans or spans[0][1] < length - 40:
        return 0
    first = max(spans, key=lambda span: sum(span[0] <= other[0] < span[0] + length - 60 for other in spans))
    near = max(0, min(first[0] - 40, len(line) - length))
    return line.rfind(" ", 0, near + 1) + 1


def _spans(asked: Asked | None, text: str) -> list[tuple[int, int]]:
    if asked is None:
        return []
    forms, beginnings = asked.forms, asked.beginnings
    words = frozenset(filter(_answering(forms, beginnings).__getitem__, set(WORD.findall(text))))
    found = [match.span() for match in _these(words).finditer(text)] if words else []
    found += [
        match.span() for match in find_wholes(text)
        if any(_answers(form, (form,), forms, beginnings) for form in whole_forms(match))
    ]  # fmt: skip
    return sorted(found, key=lambda span: (span[0], -span[1]))


@lru_cache(maxsize=256)
def _these(words: frozenset[str]) -> re.Pattern[str]:
    """These words where they stand whole, as WORD takes a text apart; looking at every word again is slow. What must
    not stand before a word is asked behind it, so that only places where one begins are looked at."""
    either = "|".join(rf"{each}(?<![^\W_]{each})(?<![^\W_]['’]{each})" for each in map(re.escape, sorted(words)))
    return re.compile(rf"(?:{either})(?!['’]?[^\W_])")


class _Answering(dict[str, bool]):
    """Whether a word answers a search, each found out once: a page of findings asks it of thousands of words, and most
    of them are the same few."""

    MOST = 5000

    def __init__(self, forms: frozenset[str], beginnings: tuple[str, ...]) -> None:
        super().__init__()
        self._forms, self._beginnings = forms, beginnings

    def __missing__(self, said: str) -> bool:
        if len(self) >= self.MOST:
            self.clear()
        word = fold(said)
        self[said] = answer = _answers(word, stems(word), self._forms, self._beginnings)
        return answer


_answering = lru_cache(maxsize=64)(_Answering)


def _answers(word: str, known: tuple[str, ...], forms: frozenset[str], beginnings: tuple[str, ...]) -> bool:
    return not forms.isdisjoint(known) or any(word.startswith(begun) for begun in beginnings)
