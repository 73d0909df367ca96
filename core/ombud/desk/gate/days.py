"""Days in a text, in English and Polish writing; and in words for a reader. Pure."""

import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from babel.dates import get_month_names

from ombud.writing import long_day_in

_ROMAN = dict(zip("I II III IV V VI VII VIII IX X XI XII".split(), range(1, 13), strict=True))  # noqa: SIM905


@dataclass(frozen=True)
class Said:
    """A day and where it stands. `could_be`: more than one where 3/11 might be either way round, none where there is
    no such day; `month_day`: without a year, when only these are said."""

    start: int
    end: int
    could_be: frozenset[date]
    month_day: tuple[int, int] | None = None

    def is_in(self, known: frozenset[date]) -> bool:
        """Whether it may be one of these days."""
        if self.month_day is not None:
            return any((each.month, each.day) == self.month_day for each in known)
        return bool(self.could_be & known)


@lru_cache(maxsize=1)
def _months() -> dict[str, int]:
    found: dict[str, int] = {}
    for locale, context in (("en_GB", "format"), ("en_US", "format"), ("pl", "format"), ("pl", "stand-alone")):
        for width in ("wide", "abbreviated"):
            for number, name in get_month_names(width, context=context, locale=locale).items():  # type: ignore[arg-type]
                found[name.rstrip(".").lower()] = number
    return found


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    names = "|".join(sorted((re.escape(each) for each in _months()), key=len, reverse=True))
    blank, nth = r"[ \u00a0\n]{1,2}", r"(?:st|nd|rd|th)?"
    roman = "|".join(sorted(_ROMAN, key=len, reverse=True))
    return re.compile(
        rf"(?<![\w.-])(?:(?P<iso_y>\d{{4}})-(?P<iso_m>\d{{2}})-(?P<iso_d>\d{{2}})"
        rf"|(?P<d>\d{{1,2}}){nth}(?:{blank}of)?{blank}(?P<m>(?i:{names}))\.?(?:,?{blank}(?P<y>\d{{4}}))?(?!\w)"
        rf"|(?P<us_m>(?i:{names}))\.?{blank}(?P<us_d>\d{{1,2}}){nth},?{blank}(?P<us_y>\d{{4}})"
        rf"|(?P<r_d>\d{{1,2}}){blank}(?P<r_m>{roman}){blank}(?P<r_y>\d{{4}})"
        r"|(?P<n_a>\d{1,2})(?P<n_s>[./-])(?P<n_b>\d{1,2})(?P=n_s)(?P<n_y>\d{4}))(?![\d-])"
    )


def said(text: str) -> list[Said]:
    """Every day, in order. In figures the day comes first, unless only the other way round is a day."""
    return [each for match in _pattern().finditer(text) if (each := _read(match)) is not None]


def _read(match: re.Match[str]) -> Said | None:
    start, end = match.span()
    if match["iso_y"]:
        return Said(start, end, _day(match["iso_y"], match["iso_m"], match["iso_d"]))
    if match["m"] and not match["y"]:
        number = _months()[match["m"].lower()]
        wordlike = match["m"] in {"may", "mar", "sep", "dec", "jan", "sie"}  # "3 may apply"
        return None if wordlike else Said(start, end, frozenset(), (number, int(match["d"])))
    if match["m"]:
        return Said(start, end, _day(match["y"], _months()[match["m"].lower()], match["d"]))
    if match["us_m"]:
        return Said(start, end, _day(match["us_y"], _months()[match["us_m"].lower()], match["us_d"]))
    if match["r_m"]:
        return Said(start, end, _day(match["r_y"], _ROMAN[match["r_m"]], match["r_d"]))
    year, first, second = match["n_y"], match["n_a"], match["n_b"]
    either = _day(year, first, second) if match["n_s"] == "/" else frozenset()
    return Said(start, end, _day(year, second, first) | either)


def _day(year: str | int, month: str | int, day: str | int) -> frozenset[date]:
    try:
        return frozenset({date(int(year), int(month), int(day))})
    except ValueError:
        return frozenset()


def worded(day: date, language: str) -> str:
    """2 November 2026, or 2 listopada 2026 in Polish."""
    return long_day_in(day, language)
