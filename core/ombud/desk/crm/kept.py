"""What a customer system answered, checked and cut to size before it is kept: a provider's word is not trusted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from ombud import speech
from ombud.kernel.lifecycle import running
from ombud_plugin_api import Crm, Datum, PersonMatch
from ombud_plugin_api.crm import DATUM_KINDS, EVIDENCE, SHOWS

MOST_MATCHES, MOST_DATA = 20, 200
LONGEST, LONGEST_ID = 500, 200  # characters
STRONG = frozenset({"reference", "email", "phone"})  # what may be shown without a person having chosen it

T = TypeVar("T", PersonMatch, Datum)


class Rubbish(ValueError):
    """The answer is not what the contract promises; the text says where."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The last answer about a person. `used`: False where the system is not used in the unit; `about`: whose `data` it
    is; `version`: of the person's details that were asked with."""

    used: bool = True
    matches: tuple[PersonMatch, ...] = ()
    about: PersonMatch | None = None
    data: tuple[Datum, ...] = ()
    version: int = 0

    @property
    def plain(self) -> Any:
        """As JSON holds it."""
        return speech.builtins_of(self)


def read(stored: Any) -> Answer:
    """What was kept; an answer of an older shape counts as none."""
    try:
        return msgspec.convert(stored, Answer)
    except msgspec.ValidationError:
        return Answer()


def read_match(stored: Any) -> PersonMatch | None:
    """A match as it was chosen; None where it cannot be read any more."""
    try:
        return msgspec.convert(stored, PersonMatch)
    except msgspec.ValidationError:
        return None


def plain_match(match: PersonMatch) -> Any:
    """As JSON holds it."""
    return speech.builtins_of(match)


@dataclass(frozen=True)
class Known:
    """A customer system of a plugin that runs."""

    slug: str
    crm: Crm


def systems() -> list[Known]:
    """Those that run in this process, in the order of plugins."""
    return [Known(slug, crm) for slug, loaded in running.loaded.items() for crm in loaded.crms]


def system(key: str) -> Known | None:
    return next((each for each in systems() if each.crm.key == key), None)


def checked_matches(given: Any) -> tuple[PersonMatch, ...]:
    """Raises Rubbish."""
    found = _checked(given, PersonMatch, MOST_MATCHES)
    for each in found:
        if not 0 < len(each.id) <= LONGEST_ID:
            raise Rubbish(f"a match has an id of {len(each.id)} characters; from 1 to {LONGEST_ID} are taken")
    return tuple(_known(each, evidence=tuple(one for one in each.evidence if one in EVIDENCE)) for each in found)


def checked_data(given: Any) -> tuple[Datum, ...]:
    """Raises Rubbish."""
    found = _checked(given, Datum, MOST_DATA)
    for each in found:
        if each.kind not in DATUM_KINDS or each.shows not in SHOWS:
            raise Rubbish(f"a datum is of kind {each.kind[:40]!r}, shows {each.shows[:40]!r}; neither may be else")
    return tuple(_known(each) for each in found)


def _checked(given: Any, kind: type[T], most: int) -> Sequence[T]:
    if not isinstance(given, list | tuple):
        raise Rubbish(f"it gave {type(given).__name__}, not a list")
    cut = given[:most]
    if not all(isinstance(each, kind) for each in cut):
        raise Rubbish(f"its list holds something other than {kind.__name__}")
    try:
        found = [msgspec.convert(speech.builtins_of(each), kind) for each in cut]
    except (msgspec.ValidationError, TypeError, ValueError) as problem:
        raise Rubbish(f"a {kind.__name__} does not hold what it should: {problem}"[:LONGEST]) from None
    if any(moment is not None and moment.tzinfo is None for each in found for moment in _moments(each)):
        raise Rubbish(f"a moment of a {kind.__name__} has no time zone")
    return found


def _moments(each: PersonMatch | Datum) -> Iterable[Any]:
    return (each.fetched_at, getattr(each, "at", None))


def _known(each: T, **more: Any) -> T:
    """Texts without NUL, not too long; an address that no browser should open is left out."""
    texts = {
        name: value.replace("\0", "")[:LONGEST]
        for name, value in msgspec.structs.asdict(each).items()
        if isinstance(value, str)
    }
    if not texts["href"].startswith(("https://", "http://", "/")) or texts["href"].startswith("//"):
        texts["href"] = ""
    return msgspec.structs.replace(each, **texts, **more)
