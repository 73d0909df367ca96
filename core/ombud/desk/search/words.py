"""From text to what is looked up: words without case, diacritics and endings, in English and Polish. Pure, no I/O.

Snowball's stemmers do most of it. Its Polish one leaves the softened forms apart (*opłacie* of *opłata*) and needs the
diacritics of some endings, so a word that may be such a form gets a second stem. A form always gives the same stems
with and without diacritics, because only the folded word is looked at. Polish stems carry a mark of their own, so that
the *care* of an English text is not found as *car*, which is what its Polish ending would leave of it.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import snowballstemmer

LONGEST_WORD = 64
LAST_PLACE = 16_000  # of a word in a text; a tsvector counts to 16,383
APART = 50  # places between two parts of a text, so that no phrase reaches over
POLISH_MARK = "~"

_english = snowballstemmer.stemmer("english").stemWord
_polish = snowballstemmer.stemmer("polish").stemWord

# Letters that Unicode does not take apart, and the apostrophe that keyboards write.
_STROKES = (
    ("ł", "l"), ("đ", "d"), ("ø", "o"), ("ħ", "h"), ("ŧ", "t"), ("æ", "ae"), ("œ", "oe"), ("ı", "i"), ("’", "'"),
)  # fmt: skip

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
# What is also looked up as a whole: references, addresses, numbers with spaces or points in them; and a sign without
# which a text holds none.
_WHOLES = (
    ("-", re.compile(r"(?P<reference>\b[^\W\d_]{2,6}-[0-9a-z]{5,12}-[0-9a-z]\b)", re.IGNORECASE)),
    ("@", re.compile(r"(?P<email>[\w.+%-]{1,64}@[\w-]+(?:\.[\w-]+)+)")),
    ("", re.compile(r"(?P<digits>\d(?:[ ()/.-]{0,2}\d){6,})")),
    ("", re.compile(r"(?P<amount>\d+(?:[.,]\d+)+)")),
)

COMMON = frozenset(
    """a about after all also am an and any are as at be because been but by can could did do does for from had has have
    he her here him his how i if in into is it its just me more my no not of on or our out over she so than that the
    their them then there they this to up us was we were what when where which who will with would you your
    aby ale bardzo bez bo byc byl byla bylo co czy dla gdy go ich ile im ja jak jako je jego jej jest jestem jeszcze juz
    ku lub ma mam mi mnie moj moja moje mu na nad nam nas nasz nie nich nim niz od oraz pan pana pani po pod przed przez
    przy sa sie tak tam te tego tej ten ta tu ty tych tylko tym u w wiec z za ze zeby""".split()  # noqa: SIM905 - a list of words reads best as text
)
# Folded words that tell the language of a text; none is of both.
_ENGLISH_SIGNS = frozenset("the and of is this with for have you not they been it".split())  # noqa: SIM905
_POLISH_SIGNS = frozenset("sie nie na jest przez oraz dla czy ze od juz jak w z".split())  # noqa: SIM905
_POLISH_LETTERS = re.compile("[ąćęłńóśźż]", re.IGNORECASE)

BOTH, ENGLISH, POLISH = "both", "en", "pl"


def fold(text: str) -> str:
    """Small letters without diacritics; the length may change."""
    if text.isascii():
        return text.lower()
    text = _unstroked(text.casefold())
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFKD", text)
    if apart.isascii():  # it held no more than an ellipsis or a hard space
        return apart
    return _unstroked("".join(sign for sign in apart if not unicodedata.combining(sign)))


def _unstroked(text: str) -> str:
    """Most texts hold one such letter at most: looking for each is ten times as quick as looking at every letter."""
    for letter, plain in _STROKES:
        text = text.replace(letter, plain)
    return text


@lru_cache(maxsize=200_000)
def stems(folded: str, language: str = BOTH) -> tuple[str, ...]:
    """The stems of a folded word, each once; a number or a mixed sign is its own stem."""
    word = folded[:LONGEST_WORD].replace("'s", "").replace("'", "") or folded[:LONGEST_WORD].replace("'", "")
    if not word.isalpha():
        return (word,)
    found = [] if language == POLISH else [_english(word) or word]
    if language != ENGLISH:
        found += [POLISH_MARK + stem for stem in _polish_stems(word)]
    return tuple(dict.fromkeys(found))


def _polish_stems(word: str) -> list[str]:
    """The stem of the word, and of the forms that its softened or shortened ending may stand for."""
    found = [fold(_polish(form)) or form for form in (word, *_hard_forms(word))]
    for stem in (*found, word):
        found += [stem.removesuffix(soft) + hard for soft, hard in _NASAL if stem.endswith(soft)]
    return [stem for place, stem in enumerate(found) if place == 0 or len(stem) > 2]


# Folded endings and what the word had before them: opłacie → opłata, szkodzie → szkoda, skardze → skarga …
_HARDER = (
    ("cie", "ta"), ("dzie", "da"), ("rze", "ra"), ("dze", "ga"), ("ce", "ka"), ("icy", "ik"), ("nci", "nt"),
    ("dzi", "d"), ("rzy", "r"), ("ek", "ka"), ("ow", "ów"), ("ow", "a"), ("ami", "a"), ("niedz", "niadz"),
    ("niedzmi", "niadz"), ("iecy", "iac"), ("uje", "ować"), ("ujemy", "ować"), ("uja", "ować"),
)  # fmt: skip
_NASAL = (("ad", "ed"), ("adz", "edz"))  # błąd, błędu
_VERB = re.compile(r"(.{4,}?)(?:[iyae]l(?:em|am|es|as|a|o|i|y)?|[iyae]c|[oae]n(?:y|a|e|o|ego|ej|emu|ym|ych|ymi|i))\Z")


def _hard_forms(word: str) -> Iterable[str]:
    for ending, hard in _HARDER:
        if word.endswith(ending) and len(word) > len(ending) + 1:
            yield word.removesuffix(ending) + hard
    verb = _VERB.match(word)
    if verb:
        yield verb.group(1)


def find_wholes(text: str) -> Iterable[re.Match[str]]:
    """References, addresses, long numbers and amounts in a text."""
    for sign, pattern in _WHOLES:
        if sign in text:
            yield from pattern.finditer(text)


def whole_forms(match: re.Match[str]) -> list[str]:
    """How one of `find_wholes` is looked up: digits without signs, a phone number also without its country."""
    kind, said = match.lastgroup, fold(match.group())
    if kind == "digits":
        digits = "".join(sign for sign in said if sign.isdecimal())[:LONGEST_WORD]
        return [digits, digits[-9:]] if 10 <= len(digits) <= 13 else [digits]
    if kind == "amount":
        return [said.replace(",", ".")[:LONGEST_WORD]]
    return [said[: 2 * LONGEST_WORD]]


def language_of(text: str, folded_words: Sequence[str]) -> str:
    """English or Polish where the text says so plainly, else both."""
    english = sum(map(_ENGLISH_SIGNS.__contains__, folded_words))
    polish = sum(map(_POLISH_SIGNS.__contains__, folded_words))
    polish += 0 if text.isascii() else len(_POLISH_LETTERS.findall(text))
    if english >= 3 and english >= 8 * polish:
        return ENGLISH
    return POLISH if polish >= 3 and polish >= 8 * english else BOTH


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of what is indexed. `weight` (A to D) says who may search it. `prose`: its language is looked for and
    its commonest words are left out; else each word counts in both languages (names, titles, addresses)."""

    weight: str
    text: str
    prose: bool = False


def vector(parts: Iterable[Part]) -> str:
    """A tsvector in PostgreSQL's own writing. Text beyond the last place a tsvector counts stands at that place."""
    found: dict[str, str] = {}
    place = 0
    for part in parts:
        if part.text:
            place = _collect(found, part, place) + APART
    return " ".join(found.values())


def _collect(found: dict[str, str], part: Part, place: int) -> int:
    """Puts the words of a part behind `place` into `found`, as `word:places`. The busiest loop of a rebuild: each word
    is looked up once, however often it stands there."""
    weight = "" if part.weight == "D" else part.weight
    words = WORD.findall(fold(part.text))
    learn = _learners[part.prose, language_of(part.text, words) if part.prose else BOTH]
    spots: dict[str, list[str]] = {}
    for word, spot in zip(words, _spots(weight)[place : place + min(len(words), LAST_PLACE)], strict=False):
        if word in spots:
            spots[word].append(spot)
        else:
            spots[word] = [spot]
    for word, where in spots.items():
        _put(found, learn(word), ",".join(where))
    place = min(place + len(words) + 2, LAST_PLACE)
    for word in words[LAST_PLACE:]:
        for stem in learn(word):
            found.setdefault(stem, f"{stem}:{LAST_PLACE}{weight}")
    for match in find_wholes(part.text):
        _put(found, whole_forms(match), f"{place}{weight}")
    return place


def _put(found: dict[str, str], stems: Iterable[str], where: str) -> None:
    for stem in stems:
        known = found.get(stem)
        found[stem] = f"{known},{where}" if known else f"{stem}:{where}"


@lru_cache(maxsize=4)
def _spots(weight: str) -> tuple[str, ...]:
    """The places a text can have, written: place 1 first; what comes after the last one stands there."""
    return tuple(f"{min(spot, LAST_PLACE)}{weight}" for spot in range(1, 2 * LAST_PLACE + 1))


def _learner(prose: bool, language: str) -> Callable[[str], tuple[str, ...]]:
    """What is indexed of a word; of the commonest words of prose, nothing."""

    @lru_cache(maxsize=200_000)
    def learn(word: str) -> tuple[str, ...]:
        return () if prose and word in COMMON else stems(word, language)

    return learn


_learners = {(prose, each): _learner(prose, each) for prose in (True, False) for each in (BOTH, ENGLISH, POLISH)}
