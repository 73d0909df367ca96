"""In whose language words are said: the reader of this moment, the catalogues, and sentences that know their pieces.

A `Spoken` is its English words for every program (it is a `str`), and is drawn in the reader's language on a page and
by `spoken`. So what is stored, logged, compared or answered to a program stays English.
"""

import gettext as catalogues
import logging
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, Self

import msgspec
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from markupsafe import Markup, escape

from ombud import writing

log = logging.getLogger("ombud.speech")

CATALOGUES = Path(__file__).parent / "web" / "locale"  # beside the templates, whose words are most of them


def _by_the_machine() -> datetime:
    return datetime.now(UTC)


clock: Callable[[], datetime] = _by_the_machine  # pages set the desk's own


@dataclass(frozen=True)
class Reader:
    """Who reads: language code (`en`, `pl`) and IANA time zone."""

    language: str = "en"
    zone: str = "UTC"

    @cached_property
    def style(self) -> writing.Style:
        """How dates and numbers are written for this reader; its `now` is the moment of the first need."""
        return writing.Style(self.language, self.zone, clock(), gettext, ngettext)


LANGUAGES = {"en": "English", "pl": "Polski"}
NOBODY = Reader()
reader: ContextVar[Reader] = ContextVar("ombud_reader", default=NOBODY)


@contextmanager
def reading(language: str, zone: str = "UTC") -> Iterator[None]:
    """Whatever is said inside is said to this reader, such as a mail to one person."""
    token = reader.set(Reader(language, zone))
    try:
        yield
    finally:
        reader.reset(token)


# What plugins say in English (labels, settings, places): by language, English → its words, or their forms where it is
# counted, under the English of one.
of_plugins: dict[str, dict[str, str | list[str]]] = {}


@dataclass(frozen=True)
class Mould:
    """A sentence with places, by which one that a plugin put together is known again, also after it was stored.
    `sign`: its longest piece, which is looked for first."""

    sign: str
    shape: re.Pattern[str]
    words: str


_moulds: dict[str, list[Mould]] = {}
_PLACE = re.compile(r"%\((\w+)\)s")
_SIGN = 8  # letters of the longest piece; a sentence with less of its own would be known in anybody's words


def learn_words(folders: Iterable[tuple[str, Path]]) -> None:
    """Of the plugins that are installed (version, folder), from their `words/<language>.toml`; core's own words come
    first, so no plugin can change them. A file that cannot be read leaves its plugin in English."""
    found: dict[str, dict[str, str | list[str]]] = {}
    for version, folder in folders:
        for language in LANGUAGES:
            for english, words in _words_in(version, folder / "words" / f"{language}.toml").items():
                found.setdefault(language, {}).setdefault(english, words)
    of_plugins.clear()
    of_plugins.update(found)
    _moulds.clear()
    for language, known in found.items():
        _moulds[language] = [each for english, words in known.items() if (each := _mould(english, words)) is not None]


def _mould(english: str, words: str | list[str]) -> Mould | None:
    pieces = _PLACE.split(english)
    sign = max(pieces[::2], key=len)
    if len(pieces) == 1 or len(sign) < _SIGN or not isinstance(words, str):
        return None
    shape = "".join(f"(?P<{each}>.+?)" if at % 2 else re.escape(each) for at, each in enumerate(pieces))
    try:
        return Mould(sign, re.compile(shape, re.DOTALL), words)
    except re.error:  # the same place twice
        return None


@lru_cache(maxsize=512)
def _words_in(version: str, path: Path) -> Mapping[str, str | list[str]]:
    try:
        read = tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        log.error("%s cannot be read: %s", path, problem)
        return {}
    return {english: words for english, words in read.items() if isinstance(words, str | list)}


def word_of(text: str, version: str, folder: Path) -> str:
    """A text of a package that is no plugin, such as a theme, with its own `words/<language>.toml`."""
    return Spoken(text, lambda: _word_of(text, version, folder)) if text else text


def _word_of(text: str, version: str, folder: Path) -> str:
    said = gettext(text)
    words = _words_in(version, folder / "words" / f"{reader.get().language}.toml").get(text)
    return words if said is text and isinstance(words, str) else said


def gettext(message: str) -> str:
    """`message` in the reader's language; English when there is no translation."""
    language = reader.get().language
    if not message or language == "en":
        return message
    catalogue = _catalogue(language)
    text = catalogue.gettext(message)
    if text is not message:
        return text
    # A text that also stands for one of many is kept with its plural.
    text = catalogue.ngettext(message, message, 1)
    if text is not message:
        return text
    words = of_plugins.get(language, {}).get(message)
    if words is None:
        return _moulded(language, message)
    return words if isinstance(words, str) else words[0]


def _moulded(language: str, message: str) -> str:
    """A sentence that a plugin put together, with what stands in its places said as well; all else as it is."""
    for each in _moulds.get(language, ()) if len(message) > 2 * _SIGN else ():
        if each.sign in message and (found := each.shape.fullmatch(message)) is not None:
            return each.words % {name: _place(value) for name, value in found.groupdict().items()}
    return message


def _place(value: str) -> str:
    """What stands in a place: a text, or several with commas between them."""
    said = gettext(value)
    return ", ".join(map(gettext, value.split(", "))) if said is value else said


def ngettext(one: str, many: str, number: int) -> str:
    language = reader.get().language
    catalogue = _catalogue(language)
    text = catalogue.ngettext(one, many, number)
    forms = of_plugins.get(language, {}).get(one) if text in (one, many) else None
    if not isinstance(forms, (list, tuple)):
        return text
    return str(forms[min(_which(catalogue, number), len(forms) - 1)])


def _which(catalogue: catalogues.NullTranslations, number: int) -> int:
    """Which form of a word the language takes for so many."""
    plural: Callable[[int], int] = getattr(catalogue, "plural", lambda count: int(count != 1))
    return plural(number)


@lru_cache
def _catalogue(language: str) -> catalogues.NullTranslations:
    """Read from its text once in a process (a sixth of a second), so that nothing must be compiled beforehand."""
    path = CATALOGUES / language / "LC_MESSAGES" / "ombud.po"
    if not path.is_file():
        return catalogues.NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return catalogues.GNUTranslations(compiled)


class Spoken(str):
    """English words that can say themselves in the language of whoever reads."""

    __slots__ = ("_say",)
    _say: Callable[[], str]

    def __new__(cls, english: str, say: Callable[[], str]) -> Self:
        made = super().__new__(cls, english)
        made._say = say
        return made

    def __str__(self) -> str:
        return self  # also through an exception: str(problem) still knows its pieces

    def __html__(self) -> str:
        return str(escape(self._say()))

    def __reduce__(self) -> tuple[Any, ...]:
        return str, (plain(self),)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def lower(self) -> "Spoken":
        return Spoken(plain(self).lower(), lambda: self._say().lower())

    def said(self) -> str:
        return self._say()


def plain(value: object) -> str:
    """The English words alone, for programs."""
    return str.__str__(value) if isinstance(value, str) else str(value)


def for_programs(value: object) -> str:
    """What JSON says of a value that msgspec does not know: the English of a `Spoken`."""
    if isinstance(value, str):
        return plain(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def encoded(value: Any, *, order: Literal["deterministic", "sorted"] | None = None) -> bytes:
    """JSON for programs: every `Spoken` in English."""
    return msgspec.json.encode(value, enc_hook=for_programs, order=order)


def builtins_of(value: Any) -> Any:
    """As dicts, lists and texts for programs: every `Spoken` in English."""
    return msgspec.to_builtins(value, enc_hook=for_programs)


def spoken(value: object) -> str:
    """The words of a `Spoken` in the reader's language; all else as it is."""
    return value.said() if isinstance(value, Spoken) else str(value)


def sentence(text: str, /, **places: object) -> str:
    """A sentence of the catalogue, with what stands in its %(places)s."""
    return _of(text, lambda: gettext(text), places)


def word(text: str) -> str:
    """A text of the catalogue that Python found under a code: an outcome, a channel, a kind of file."""
    return Spoken(text, lambda: gettext(text)) if text and type(text) is str else text


def noted(text: str) -> str:
    """The text itself, noted for the catalogue: a word that does not look like one of ours, kept under a code."""
    return text


def counted(one: str, many: str, num: int, /, **places: object) -> str:
    """The same for so many of it: `%(num)s` is the number."""
    english = one if num == 1 else many
    return _of(english, lambda: ngettext(one, many, num), {"num": number(num), **places})


def _of(english: str, say: Callable[[], str], places: Mapping[str, object]) -> Spoken:
    if not places:
        return Spoken(english, say)
    values = {name: value if isinstance(value, str) else str(value) for name, value in places.items()}
    return Spoken(
        english % {name: plain(value) for name, value in values.items()},
        lambda: say() % {name: spoken(value) for name, value in values.items()},
    )


def joined(pieces: Iterable[str], between: str = ", ") -> str:
    """Pieces in a row, each of which may know how to say itself."""
    parts = tuple(pieces)
    return Spoken(between.join(map(plain, parts)), lambda: between.join(map(spoken, parts)))


def either(pieces: Iterable[str]) -> str:
    """One, two or three."""
    parts = tuple(pieces)
    return _in_a_row(parts, "%(first)s or %(last)s")


def both(pieces: Iterable[str]) -> str:
    """One, two and three."""
    parts = tuple(pieces)
    return _in_a_row(parts, "%(first)s and %(last)s")


def _in_a_row(parts: tuple[str, ...], words: str) -> str:
    if len(parts) < 2:
        return parts[0] if parts else ""
    return sentence(words, first=joined(parts[:-1]), last=parts[-1])


def capital(text: str) -> str:
    """With a capital letter at its beginning."""
    english = plain(text)
    return Spoken(english[:1].upper() + english[1:], lambda: _upper(spoken(text)))


def small(text: str) -> str:
    """With a small letter at its beginning."""
    english = plain(text)
    return Spoken(english[:1].lower() + english[1:], lambda: _lower(spoken(text)))


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


_ENGLISH = Reader("en", "UTC")


def _written(write: Callable[..., str], value: object, *args: object) -> Spoken:
    return Spoken(
        write(_ENGLISH.style, value, *args).replace(writing.HARD, " "),
        lambda: write(reader.get().style, value, *args),
    )


def number(value: int | Decimal) -> str:
    """1,204, and 1 204 in Polish."""
    return _written(writing.number, value)


def money(amount: Decimal | str | int, currency: str) -> str:
    """€42.00, and 42,00 € in Polish."""
    return _written(writing.money, amount, currency)


def day(value: date | datetime) -> str:
    """6 Nov 2026, and 6 lis 2026 in Polish. A moment is the day it has in its own zone."""
    return _written(writing.day, value.date() if isinstance(value, datetime) else value)


def long_day(value: date | datetime) -> str:
    """6 November 2026, and 6 listopada 2026 in Polish."""
    return _written(writing.long_day, value.date() if isinstance(value, datetime) else value)


def shown(text: str) -> Markup:
    """For a place that takes only what is drawn already."""
    return Markup(escape(spoken(text)))  # noqa: S704 - escaped here
