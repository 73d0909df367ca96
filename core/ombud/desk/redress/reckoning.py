"""What a customer is owed, with every line of the working: refunds, interest at dated rates, deductions. Pure.

All of it is `Decimal`. Nothing is rounded on the way; the sum is rounded once, to the smallest unit of its currency.
An interval runs from its first day up to, and without, its last: 1 to 2 March is one day.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Context, Decimal, localcontext

from babel.numbers import get_currency_precision

from ombud.speech import day as day_in_words
from ombud.speech import sentence

DIGITS = 50
"""Of the arithmetic in between; what is shown of it is cut to `SHOWN` places."""
SHOWN = Decimal("0.000001")
LONGEST = timedelta(days=366 * 60)

ACTUAL_365, ACTUAL_ACTUAL, THIRTY_360 = "actual/365", "actual/actual", "30E/360"
BASES = {
    ACTUAL_365: "Actual days over 365, in leap years too (actual/365 fixed)",
    ACTUAL_ACTUAL: "Actual days over 365, and over 366 for those in a leap year (actual/actual ISDA)",
    THIRTY_360: "Months of 30 days over 360 (30E/360, ISDA 2006 4.16(g))",
}
SIMPLE, YEARLY, MONTHLY, DAILY = "simple", "yearly", "monthly", "daily"
WAYS = {
    SIMPLE: "Simple: no interest on interest",
    YEARLY: "Compound, added every year",
    MONTHLY: "Compound, added every month",
    DAILY: "Compound, added every day",
}
_MONTHS = {YEARLY: 12, MONTHLY: 1}
ROUNDINGS = {
    "half_up": "To the nearest, half up",
    "half_even": "To the nearest, half to even",
    "up": "Up, in the customer's favour",
    "down": "Down",
}
_MODES = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "up": ROUND_UP, "down": ROUND_DOWN}
ZERO, HUNDRED = Decimal(0), Decimal(100)


class CannotReckon(ValueError):
    """Why the sum cannot be made, in words for whoever asked; `field`: which of their inputs it lies in."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Rate:
    """A yearly rate in per cent that holds from a day on, until the next one. `version`: the value that was used."""

    valid_from: date
    percent: Decimal
    version: str = ""


@dataclass(frozen=True)
class Interest:
    """Interest on an amount from a day up to, without, another one."""

    amount: Decimal
    start: date
    end: date
    rates: tuple[Rate, ...]
    basis: str = ACTUAL_365
    way: str = SIMPLE


@dataclass(frozen=True)
class Claim:
    """What is to be added up. `tax_percent`: the share of the interest that is withheld; `paid`: what the customer had
    already."""

    currency: str
    refund: Decimal = ZERO
    interest: tuple[Interest, ...] = ()
    distress: Decimal = ZERO
    tax_percent: Decimal = ZERO
    paid: Decimal = ZERO
    rounding: str = "half_up"


@dataclass(frozen=True)
class Line:
    """One line of the working. `amount` unrounded; of interest also the base, the days and the rate it was made from,
    `formula` as one can do it again by hand."""

    what: str
    amount: Decimal
    formula: str = ""
    base: Decimal | None = None
    start: date | None = None
    end: date | None = None
    days: int = 0
    percent: Decimal | None = None
    version: str = ""


@dataclass(frozen=True)
class Reckoned:
    """`exact`: the sum before, `total`: after it was rounded once; `interest` unrounded."""

    currency: str
    lines: tuple[Line, ...]
    interest: Decimal
    exact: Decimal
    total: Decimal
    rounding: str


def reckon(claim: Claim) -> Reckoned:
    """The sum with its working; raises CannotReckon."""
    _refuse(claim)
    with localcontext(Context(prec=DIGITS)):
        lines = [Line("refund", claim.refund)] if claim.refund else []
        accrued = [line for each in claim.interest for line in interest_lines(each)]
        interest = sum((line.amount for line in accrued), ZERO)
        lines += accrued
        if claim.distress:
            lines.append(Line("distress", claim.distress))
        if claim.tax_percent and interest:
            tax = -interest * claim.tax_percent / HUNDRED
            formula = f"{plain(interest)} × {plain(claim.tax_percent)} %"
            lines.append(Line("tax", tax, formula, base=interest, percent=claim.tax_percent))
        if claim.paid:
            lines.append(Line("paid", -claim.paid))
        exact = sum((line.amount for line in lines), ZERO)
    if exact < 0:
        raise CannotReckon("More is deducted than there is to pay. Check the deductions.", "paid")
    return Reckoned(
        claim.currency, tuple(lines), interest, exact, rounded(exact, claim.currency, claim.rounding), claim.rounding
    )


def _refuse(claim: Claim) -> None:
    for name in ("refund", "distress", "paid", "tax_percent"):
        value = getattr(claim, name)
        if not value.is_finite() or value < 0:
            raise CannotReckon("Give an amount that is not below zero.", name)
    if claim.tax_percent > HUNDRED:
        raise CannotReckon("No more than 100 % of the interest can be withheld.", "tax_percent")
    if claim.rounding not in _MODES:
        raise CannotReckon("Choose how the sum is rounded.", "rounding")


def interest_lines(wanted: Interest) -> list[Line]:
    """The working of one interest, unrounded; raises CannotReckon."""
    if not wanted.amount.is_finite() or wanted.amount < 0:
        raise CannotReckon("Give the amount on which interest runs.", "amount")
    if wanted.end < wanted.start:
        raise CannotReckon("The last day lies before the first. Swap them.", "end")
    if wanted.end - wanted.start > LONGEST:
        raise CannotReckon("Interest runs for at most 60 years. Check the years.", "start")
    if wanted.basis not in BASES:
        raise CannotReckon("Choose how days are counted.", "basis")
    if wanted.way not in WAYS:
        raise CannotReckon("Choose simple or compound interest.", "way")
    with localcontext(Context(prec=DIGITS)):
        return list(_daily(wanted) if wanted.way == DAILY else _by_period(wanted))


def _by_period(wanted: Interest) -> Iterator[Line]:
    """Within a period interest is simple; at its end it joins the balance on which the next runs."""
    balance = wanted.amount
    for start, end in _periods(wanted):
        added = ZERO
        for line in _pieces(wanted, balance, start, end):
            added += line.amount
            yield line
        balance += added


def _periods(wanted: Interest) -> Iterator[tuple[date, date]]:
    if wanted.way == SIMPLE:
        yield wanted.start, wanted.end
        return
    start, number = wanted.start, 1
    while start < wanted.end:
        end = min(months_later(wanted.start, number * _MONTHS[wanted.way]), wanted.end)
        yield start, end
        start, number = end, number + 1


def _pieces(wanted: Interest, balance: Decimal, start: date, end: date) -> Iterator[Line]:
    """Simple interest from one change of the rate to the next."""
    for first, last, rate in _stretches(wanted.rates, start, end):
        amount = accrued(balance, rate.percent, first, last, wanted.basis)
        formula = f"{plain(balance)} × {plain(rate.percent)} % × {share_text(first, last, wanted.basis)}"
        yield Line(
            "interest",
            amount,
            formula,
            balance,
            first,
            last,
            days(first, last, wanted.basis),
            rate.percent,
            rate.version,
        )


def _stretches(rates: Sequence[Rate], start: date, end: date) -> Iterator[tuple[date, date, Rate]]:
    """The parts of an interval in which one rate holds. Where two begin on one day, the later in order holds."""
    if start == end:
        return
    order = sorted(rates, key=lambda each: each.valid_from)
    known = list({each.valid_from: each for each in order}.values())
    if not known or known[0].valid_from > start:
        raise CannotReckon(
            sentence(
                "There is no rate for %(day)s. Add one that begins on that day or before.", day=day_in_words(start)
            ),
            "rate",
        )
    for place, rate in enumerate(known):
        until = known[place + 1].valid_from if place + 1 < len(known) else end
        first, last = max(rate.valid_from, start), min(until, end)
        if first < last:
            yield first, last, rate


def _daily(wanted: Interest) -> Iterator[Line]:
    """Every day's interest joins the balance; one line for each year and rate, as nobody reads thousands."""
    balance = wanted.amount
    for start, end, rate in _stretches(wanted.rates, wanted.start, wanted.end):
        first = start
        while first < end:
            last, opening, day = min(date(first.year + 1, 1, 1), end), balance, first
            while day < last:
                after = day + timedelta(days=1)
                balance += accrued(balance, rate.percent, day, after, wanted.basis)
                day = after
            many = days(first, last, wanted.basis)
            formula = (
                f"{plain(opening)} × {plain(rate.percent)} %, added daily, {share_text(first, last, wanted.basis)}"
            )
            yield Line("interest", balance - opening, formula, opening, first, last, many, rate.percent, rate.version)
            first = last


def accrued(balance: Decimal, percent: Decimal, start: date, end: date, basis: str) -> Decimal:
    """Simple interest; divided last, so that what comes out even is even."""
    return sum((balance * percent * many / (100 * whole) for many, whole in shares(start, end, basis)), ZERO)


def shares(start: date, end: date, basis: str) -> list[tuple[int, int]]:
    """The share of a year from `start` up to `end`, as sum of fractions. Additive: a split interval has the same."""
    if basis == ACTUAL_ACTUAL:
        return _by_year(start, end)
    return [(days(start, end, basis), 360 if basis == THIRTY_360 else 365)]


def days(start: date, end: date, basis: str) -> int:
    """As the convention counts them."""
    return _thirty(end) - _thirty(start) if basis == THIRTY_360 else (end - start).days


def _thirty(day: date) -> int:
    return day.year * 360 + day.month * 30 + min(day.day, 30)


def _by_year(start: date, end: date) -> list[tuple[int, int]]:
    """Days in common and in leap years: (days, length of the year), those that are none left out."""
    leap = sum(
        (min(end, date(year + 1, 1, 1)) - max(start, date(year, 1, 1))).days
        for year in range(start.year, end.year + 1)
        if is_leap(year)
    )
    return [(many, whole) for many, whole in (((end - start).days - leap, 365), (leap, 366)) if many]


def is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def share_text(start: date, end: date, basis: str) -> str:
    """The share of a year as one does it again by hand, such as 30/365."""
    pieces = [f"{many}/{whole}" for many, whole in shares(start, end, basis)]
    return f"({' + '.join(pieces)})" if len(pieces) > 1 else "".join(pieces)


def months_later(day: date, months: int) -> date:
    """The same day so many months later, or the month's last where it has none such."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return date(year, month + 1, min(day.day, (following - timedelta(days=1)).day))


def smallest(currency: str) -> Decimal:
    """The smallest unit of a currency (ISO 4217): 0.01 for EUR, 1 for JPY, 0.001 for KWD."""
    return Decimal(1).scaleb(-get_currency_precision(currency))


def rounded(amount: Decimal, currency: str, rounding: str = "half_up") -> Decimal:
    """To the smallest unit of the currency."""
    return amount.quantize(smallest(currency), _MODES[rounding], Context(prec=DIGITS))


def plain(value: Decimal) -> str:
    """Without an exponent and without zeros at the end; cut to `SHOWN` places, as it is only shown."""
    shown = value.quantize(SHOWN, ROUND_HALF_EVEN, Context(prec=DIGITS)) if value.is_finite() else value
    text = f"{shown:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
