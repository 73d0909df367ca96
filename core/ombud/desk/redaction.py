"""Takes people's names, addresses and numbers out of texts that are handed to somebody or stay with somebody else, and
counts where. One way of finding them serves the bundle of a privacy request, an erasure and the file of a case."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SHORTEST = 3  # a part of a name that is taken out where it stands alone
DIGITS = 7  # fewer are no telephone number
WORDS = {
    "name": "[name of another person]", "email": "[e-mail of another person]", "phone": "[number of another person]",
    "address": "[address of another person]",
}  # fmt: skip
ERASED = "[erased]"


@dataclass(frozen=True)
class Known:
    """What somebody is known by. `instead`: what stands in its place; empty: WORDS. An organisation's name is taken out
    whole, a person's also word by word."""

    name: str = ""
    emails: Sequence[str] = ()
    phones: Sequence[str] = ()
    addresses: Sequence[str] = ()
    instead: str = ""
    organisation: bool = False


@dataclass(frozen=True)
class Sign:
    """One thing that is taken out, and what stands there instead."""

    kind: str
    pattern: re.Pattern[str]
    instead: str


@dataclass
class Redaction:
    """`log`: (place, what kind, how often), never what stood there."""

    signs: Sequence[Sign]
    log: list[tuple[str, str, int]] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(many for _, _, many in self.log)

    def text(self, text: str, place: str = "") -> str:
        for each in self.signs:
            text, many = each.pattern.subn(each.instead.replace("\\", "\\\\"), text)
            if many:
                self.log.append((place, each.kind, many))
        return text

    __call__ = text

    def value(self, value: Any, place: str) -> Any:
        """Texts in whatever is built of mappings and lists, keys as well."""
        if isinstance(value, str):
            return self.text(value, place)
        if isinstance(value, Mapping):
            return {self.text(str(key), place): self.value(each, f"{place}.{key}") for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(each, place) for each in value]
        return value


def of_others(others: Iterable[Known], own: Known) -> Redaction:
    """Everything the others are known by, but nothing that is the person's own as well."""
    return Redaction(_signs(others, own))


def of_erased(people: Iterable[Known]) -> Redaction:
    """For texts that stay because they are somebody else's as well."""
    return Redaction([Sign(each.kind, each.pattern, ERASED) for each in _signs(people, Known())])


def _signs(people: Iterable[Known], own: Known) -> list[Sign]:
    """The longest first, then words of names; what two people share stands for the first of them."""
    mine = {_folded(each) for each in (own.name, *own.name.split(), *own.emails, *own.addresses) if each}
    my_digits = {_digits(each) for each in own.phones}
    found: dict[tuple[str, str], tuple[str, str]] = {}
    parts: dict[str, tuple[str, str]] = {}
    for person in people:
        for kind, text in _told(person):
            if text and _folded(text) not in mine and not (kind == "phone" and text in my_digits):
                found.setdefault((kind, _folded(text)), (text, person.instead or WORDS[kind]))
        for part in [] if person.organisation else person.name.split():
            word = part.strip(".,;()")
            if len(word) >= SHORTEST and word.casefold() not in mine:
                parts.setdefault(word, (word, person.instead or WORDS["name"]))
    longest = sorted(found.items(), key=lambda pair: (-len(pair[1][0]), pair[0]))
    whole = [Sign(kind, _pattern(kind, text), instead) for (kind, _), (text, instead) in longest]
    return whole + [Sign("name", _word(word), instead) for word, instead in parts.values()]


def _told(person: Known) -> list[tuple[str, str]]:
    """Kind and text of all they are known by; numbers as digits, where they are long enough to be theirs alone."""
    plain = [("email", each.strip()) for each in person.emails] + [
        ("address", each.strip()) for each in person.addresses
    ]
    numbers = [digits for each in person.phones if len(digits := _digits(each)) >= DIGITS]
    return [*plain, ("name", person.name.strip()), *(("phone", each) for each in numbers)]


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _digits(text: str) -> str:
    return "".join(each for each in text if each.isdigit())


def _word(word: str) -> re.Pattern[str]:
    """A word of a name stands as names stand, with the same capitals or all of them: "may" is not Mrs May."""
    forms = dict.fromkeys((word, word.upper(), word.capitalize()))
    return re.compile(rf"(?<!\w)(?:{'|'.join(re.escape(each) for each in forms)})(?!\w)")


def _pattern(kind: str, text: str) -> re.Pattern[str]:
    if kind == "phone":
        last = text[-9:]
        before = r"(?<![\d+])\+?(?:[\d()][\s().-]{0,2}){0,6}"  # a country's code, however it is written
        return re.compile(before + r"[\s().-]{0,2}".join(last))
    spaced = r"\s+".join(re.escape(each) for each in text.split())
    return re.compile(rf"(?<!\w){spaced}(?!\w)", re.IGNORECASE)
