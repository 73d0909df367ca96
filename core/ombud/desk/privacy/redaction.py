"""Takes other people's names, addresses and numbers out of what is handed to somebody, and writes down where."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SHORTEST = 3  # a part of a name that is taken out where it stands alone
DIGITS = 7  # fewer are no telephone number
WORDS = {
    "name": "[name of another person]", "email": "[e-mail of another person]", "phone": "[number of another person]",
    "address": "[address of another person]", "erased": "[erased]",
}  # fmt: skip


@dataclass(frozen=True)
class Known:
    """What somebody is known by."""

    name: str = ""
    emails: Sequence[str] = ()
    phones: Sequence[str] = ()
    addresses: Sequence[str] = ()


@dataclass
class Redaction:
    """`log`: (place, what kind, how often), never what stood there."""

    patterns: Sequence[tuple[str, re.Pattern[str]]]
    log: list[tuple[str, str, int]] = field(default_factory=list)
    instead: str = ""

    def text(self, text: str, place: str) -> str:
        for kind, pattern in self.patterns:
            text, many = pattern.subn(self.instead or WORDS[kind], text)
            if many:
                self.log.append((place, kind, many))
        return text

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
    return Redaction(_patterns(others, own))


def of_erased(person: Iterable[Known]) -> Redaction:
    """For texts that stay because they are somebody else's as well."""
    return Redaction(_patterns(person, Known()), instead=WORDS["erased"])


def _patterns(people: Iterable[Known], own: Known) -> list[tuple[str, re.Pattern[str]]]:
    mine = {each.casefold() for each in (own.name, *own.name.split(), *own.emails, *own.addresses) if each}
    my_digits = {_digits(each) for each in own.phones}
    found: dict[tuple[str, str], None] = {}
    parts: dict[str, None] = {}
    for person in people:
        plain = [("email", each) for each in person.emails] + [("address", each) for each in person.addresses]
        for kind, text in [*plain, ("name", person.name)]:
            if text.strip() and text.casefold() not in mine:
                found[kind, text.strip()] = None
        for phone in person.phones:
            if len(_digits(phone)) >= DIGITS and _digits(phone) not in my_digits:
                found["phone", _digits(phone)] = None
        for part in person.name.split():
            word = part.strip(".,;()")
            if len(word) >= SHORTEST and word.casefold() not in mine:
                parts[word] = None
    longest = sorted(found, key=lambda pair: -len(pair[1]))
    whole = [(kind, _pattern(kind, text)) for kind, text in longest]
    return whole + [("name", re.compile(rf"(?<!\w){re.escape(each)}(?!\w)")) for each in parts]


def _digits(text: str) -> str:
    return "".join(each for each in text if each.isdigit())


def _pattern(kind: str, text: str) -> re.Pattern[str]:
    if kind == "phone":
        last = text[-9:]
        return re.compile(r"\+?[\d()]{0,4}[\s().-]{0,2}" + r"[\s().-]{0,2}".join(last))
    spaced = r"\s+".join(re.escape(each) for each in text.split())
    return re.compile(rf"(?<!\w){spaced}(?!\w)", re.IGNORECASE)
