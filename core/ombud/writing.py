"""How pages write days, moments, spans and money: short, in the reader's zone, with hard spaces that never break."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from babel.numbers import format_currency, format_decimal

HARD = "\u00a0"
_CODE_AND_NUMBER = re.compile(r"(?<=[A-Z]{3})(?=[0-9])")
NEAR, FAR = f"d{HARD}MMM", f"d{HARD}MMM{HARD}y"


@dataclass(frozen=True)
class Style:
    language: str
    zone: str
    now: datetime
    gettext: Callable[[str], str]
    ngettext: Callable[[str, str, int], str]

    @cached_property
    def locale(self) -> str:
        """Babel's name: English dates put the day first."""
        return locale_of(self.language)

    @cached_property
    def today(self) -> date:
        return self.local(self.now).date()

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def local(self, moment: datetime) -> datetime:
        return moment.astimezone(self._zone)


def locale_of(language: str) -> str:
    """Babel's name of a language, by its first letters: pl for pl-PL. Whatever we do not speak is "
    "written in English."""
    return "pl" if language[:2].lower() == "pl" else "en_GB"


def long_day_in(value: date, language: str) -> str:
    """6 November 2026, or 6 listopada 2026, with usual spaces: for what is written in a language of its own."""
    return _in_words(value, "d MMMM y", locale_of(language))


def money_in(amount: Decimal, currency: str, language: str) -> str:
    """€42.00, or 42,00 €, with usual spaces."""
    return _spaced(format_currency(amount, currency, locale=locale_of(language))).replace(HARD, " ")


def _spaced(text: str) -> str:
    """PLN 42.00: a code stands apart from its number (currencySpacing of CLDR, which Babel leaves out)."""
    return _CODE_AND_NUMBER.sub(HARD, text)


@lru_cache(maxsize=8192)
def _in_words(that: date, pattern: str, locale: str) -> str:
    """Babel's date; a list writes the same few days many times."""
    return str(format_date(that, pattern, locale=locale))


Write = Callable[..., str]
Filter = Callable[..., str]


def _date_of(style: Style, value: date | datetime) -> date:
    return style.local(value).date() if isinstance(value, datetime) else value


def day(style: Style, value: date | datetime) -> str:
    """6 Nov 2026"""
    return _in_words(_date_of(style, value), f"d{HARD}MMM{HARD}y", style.locale)


def long_day(style: Style, value: date | datetime) -> str:
    """6 November 2026"""
    return _in_words(_date_of(style, value), f"d{HARD}MMMM{HARD}y", style.locale)


def near_day(style: Style, value: date | datetime) -> str:
    """Today, Yesterday, 18 Nov, or 18 Nov 2025 in another year."""
    that, today = _date_of(style, value), style.today
    if that == today:
        return style.gettext("Today")
    if (today - that).days == 1:
        return style.gettext("Yesterday")
    pattern = NEAR if that.year == today.year else FAR
    return _in_words(that, pattern, style.locale)


def hour(style: Style, value: datetime) -> str:
    """09:31"""
    local = style.local(value)
    return _clock_time(local.hour, local.minute, style.locale)


@lru_cache(maxsize=4096)
def _clock_time(hour: int, minute: int, locale: str) -> str:
    return str(format_time(time(hour, minute), "HH:mm", locale=locale))


def moment(style: Style, value: datetime) -> str:
    """Today, 08:14"""
    local = style.local(value)
    return f"{near_day(style, local.date())}, {_clock_time(local.hour, local.minute, style.locale)}"


def span(style: Style, value: datetime | timedelta) -> str:
    """The time between now and a moment, either way: 25 min, 9 h, 2 d 4 h, 13 d."""
    length = abs(value if isinstance(value, timedelta) else value - style.now)
    minutes = int(length.total_seconds() // 60)
    days, hours = minutes // 1440, minutes % 1440 // 60
    if days >= 4 or (days and not hours):
        return style.gettext("%(days)s d").replace(" ", HARD) % {"days": days}
    if days:
        return style.gettext("%(days)s d %(hours)s h").replace(" ", HARD) % {"days": days, "hours": hours}
    if minutes >= 60:
        return style.gettext("%(hours)s h").replace(" ", HARD) % {"hours": hours}
    return style.gettext("%(minutes)s min").replace(" ", HARD) % {"minutes": minutes}


def ago(style: Style, value: datetime) -> str:
    """now, 4 min ago, 3 d ago, 9 months ago"""
    past = style.now - value
    if past < timedelta(minutes=1):
        return style.gettext("now")
    if past >= timedelta(days=60):
        months = past.days // 30
        return style.ngettext("%(n)s month ago", "%(n)s months ago", months) % {"n": months}
    return style.gettext("%(span)s ago") % {"span": span(style, past)}


def money(style: Style, amount: Decimal | str | int, currency: str) -> str:
    """€42.00"""
    return _spaced(format_currency(Decimal(amount), currency, locale=style.locale)).replace(" ", HARD)


def number(style: Style, value: int | Decimal) -> str:
    """1,204"""
    return _number(value, style.locale)


@lru_cache(maxsize=4096)
def _number(value: int | Decimal, locale: str) -> str:
    return str(format_decimal(value, locale=locale))


def iso(_style: Style, value: date | datetime) -> str:
    """For the datetime attribute of <time>."""
    return value.astimezone(UTC).isoformat(timespec="seconds") if isinstance(value, datetime) else value.isoformat()


def initials(_style: Style, name: str) -> str:
    """EK for Ewa Kruk; at most two letters."""
    letters = [word[0] for word in name.split() if word[0].isalnum()]
    return "".join(letters[:1] + letters[1:][-1:]).upper()


def size(style: Style, octets: int) -> str:
    """312 KB"""
    if octets < 1_000_000:
        return f"{format_decimal(max(1, round(octets / 1000)), locale=style.locale)}{HARD}KB"
    return f"{format_decimal(Decimal(octets) / 1_000_000, format='0.0', locale=style.locale)}{HARD}MB"


FILTERS: dict[str, Callable[..., Any]] = {
    write.__name__: write
    for write in (day, long_day, near_day, hour, moment, span, ago, money, number, iso, initials, size)
}
