"""What the gate reads, and what it finds. Frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

OFF, WARN, BLOCK = "off", "warn", "block"
LEVELS = (OFF, WARN, BLOCK)
CHECKS: Mapping[str, str] = {
    "parts": "Required parts",
    "rights": "Ombudsman rights and leaflet",
    "aspects": "Each aspect is answered",
    "sums": "Sums equal the record",
    "dates": "Dates and reference equal the record",
    "record": "Other dates and sums are known",
    "reading": "Easy to read",
    "jargon": "No jargon",
    "languages": "Languages in step",
}
USUAL: Mapping[str, str] = {
    "parts": BLOCK, "rights": BLOCK, "aspects": BLOCK, "sums": BLOCK, "dates": BLOCK, "record": WARN, "reading": WARN,
    "jargon": WARN, "languages": WARN,
}  # fmt: skip


@dataclass(frozen=True)
class Money:
    """An exact sum of a currency (ISO 4217)."""

    amount: Decimal
    currency: str


@dataclass(frozen=True)
class AspectFact:
    """What the record says of one aspect. `sums`: its standing redress in money, line by line."""

    id: str
    letter: str
    title: str
    outcome: str = ""
    sums: tuple[Money, ...] = ()


@dataclass(frozen=True)
class Record:
    """What the desk knows of a case. `dates`, `sums`: all that is said in it anywhere (messages, reasons, notes,
    workings); `incoming`: days on which something came in; `references`: of cases tied to this one."""

    reference: str
    received_on: date
    today: date
    aspects: tuple[AspectFact, ...] = ()
    incoming: frozenset[date] = frozenset()
    dates: frozenset[date] = frozenset()
    sums: frozenset[Money] = frozenset()
    references: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Letter:
    """What is to be sent. `files`: names of those that go along; `kind`: which letter, for a regulator's parts."""

    text: str
    subject: str = ""
    language: str = "en"
    files: tuple[str, ...] = ()
    kind: str = "final_response"


@dataclass(frozen=True)
class Policy:
    """How strict a unit is. `levels`: by check; `flesch`: the least reading ease of English; `fog`: the highest FOG-PL
    of Polish; `jargon`: by language, a word and what to say instead."""

    levels: Mapping[str, str] = field(default_factory=lambda: dict(USUAL))
    flesch: int = 45
    fog: int = 16
    jargon: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)

    def level(self, check: str) -> str:
        return self.levels.get(check, USUAL[check])


@dataclass(frozen=True)
class Finding:
    """Something to mend. `text`, `remedy`: for the translator, with %(name)s of `facts`; `passage`: from and to in the
    text; `aspects`: ids it tells of, so that it is kept from whom they are hidden; `level`: warn or block."""

    check: str
    code: str
    text: str
    remedy: str
    facts: Mapping[str, str] = field(default_factory=dict)
    passage: tuple[int, int] | None = None
    aspects: tuple[str, ...] = ()
    level: str = WARN

    @property
    def blocks(self) -> bool:
        return self.level == BLOCK

    @property
    def words(self) -> str:
        """In English, for machines."""
        return (self.text % self.facts) + ". " + (self.remedy % self.facts)

    @property
    def key(self) -> str:
        """The same for the same shortcoming, whatever is typed around it."""
        return ":".join([self.code, self.facts.get("key", ""), ",".join(self.aspects)])

    def at(self, level: str) -> "Finding":
        return replace(self, level=level)


def found(check: str, code: str, text: str, remedy: str, **more: Any) -> Finding:
    """A finding whose `facts` are what is not a field of it."""
    own = {name: more.pop(name) for name in ("passage", "aspects") if name in more}
    return Finding(check, code, text, remedy, {name: str(value) for name, value in more.items()}, **own)
