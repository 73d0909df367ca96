"""Sums of money in a text, in English and Polish writing, exact; and in words for a reader. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from babel.numbers import list_currencies

from ombud.desk.gate.findings import Money
from ombud.writing import money_in

_SYMBOLS = {"US$": "USD", "£": "GBP", "€": "EUR", "$": "USD", "zł": "PLN"}
_NAMES = {
    "GBP": r"(?:British )?pounds?(?: sterling)?|funt(?:y|ów|a)?(?: szterling(?:i|ów|a))?",
    "EUR": r"euros?", "PLN": r"zlot(?:y|ys)|złot(?:y|e|ych|ego)", "USD": r"(?:US )?dollars?|dolar(?:y|ów|a)?",
}  # fmt: skip
_TIMES = {"k": 3, "thousand": 3, "tys.": 3, "tys": 3, "tysięcy": 3, "tysiące": 3, "m": 6, "million": 6, "mln": 6}
_BLANK = "[ \u00a0\u202f]"
_NUMBER = (
    rf"(?<![\d.,])(?P<{{0}}>\d{{{{1,3}}}}(?:{_BLANK}\d{{{{3}}}})+(?:[.,]\d{{{{1,2}}}})?"
    rf"|\d{{{{1,3}}}}(?:[.,'’]\d{{{{3}}}})+(?:[.,]\d{{{{1,2}}}})?|\d{{{{1,15}}}}(?:[.,]\d{{{{1,2}}}})?)(?![.,]?\d)"
    rf"(?:{_BLANK}?(?P<{{1}}>{'|'.join(re.escape(each) for each in sorted(_TIMES, key=len, reverse=True))})(?!\w))?"
)


@dataclass(frozen=True)
class Said:
    """A sum and where it stands."""

    money: Money
    start: int
    end: int


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    signs = "|".join(re.escape(each) for each in _SYMBOLS)
    codes = "|".join(sorted(list_currencies()))
    names = "|".join(f"(?i:{each})" for each in _NAMES.values())
    before = rf"(?<![^\W\d_])(?P<before>{signs}|(?:{codes})){_BLANK}?{_NUMBER.format('first', 'times')}"
    unit = rf"(?P<after>(?i:zł)(?!\w)|[£€$](?!{_BLANK}?\d)|(?:{codes})(?!\w)|(?:{names})(?!\w))"
    after = rf"{_NUMBER.format('last', 'more')}{_BLANK}?{unit}"
    return re.compile(f"{before}|{after}")


def said(text: str) -> list[Said]:
    """Every sum that has a currency, in order. Three digits after a sign are thousands, one or two are the fraction, so
    that 1,234.50 and 1.234,50 and 1 234,50 are one sum."""
    return [Said(each, *span) for each, span in _read(text)]


def _read(text: str) -> Iterator[tuple[Money, tuple[int, int]]]:
    for match in _pattern().finditer(text):
        number, times = match["first"] or match["last"], match["times"] or match["more"]
        amount = _number(number).scaleb(_TIMES.get(times, 0)) if times else _number(number)
        yield Money(amount, _currency(match["before"] or match["after"])), match.span()


def _number(text: str) -> Decimal:
    plain = re.sub(rf"{_BLANK}|['’]", "", text)
    found = re.fullmatch(r"(.*?)(?:[.,](\d{1,2}))?", plain)
    assert found is not None
    whole = re.sub(r"[.,]", "", found[1])
    return Decimal(f"{whole}.{found[2]}" if found[2] else whole)


def _currency(word: str) -> str:
    if word.lower() == "zł":
        return "PLN"
    if word in _SYMBOLS:
        return _SYMBOLS[word]
    return next((code for code, name in _NAMES.items() if re.fullmatch(name, word, re.IGNORECASE)), word)


def worded(money: Money, language: str) -> str:
    """€42.00, or 42,00 € in Polish."""
    return money_in(money.amount, money.currency, language)


def is_exact(text: str) -> bool:
    """Whether a step of a working is a plain decimal."""
    return re.fullmatch(r"-?\d+(\.\d+)?", str(text)) is not None


def exact(text: str) -> Decimal:
    """An amount as the database writes it, without the noughts it pads with beyond two places."""
    value = Decimal(text)
    return value.quantize(Decimal("0.01")) if value == value.quantize(Decimal("0.01")) else value
