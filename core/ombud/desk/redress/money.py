"""Amounts of money as people type them and currencies can pay them. Pure."""

from decimal import Decimal, InvalidOperation

from babel.numbers import get_currency_precision, list_currencies

from ombud.desk.errors import Invalid
from ombud.speech import sentence

MOST = Decimal(10) ** 12
NOT_A_NUMBER = Decimal("NaN")


def amount_of(text: str) -> Decimal | None:
    """A typed amount (42, 42.50 or 42,50) as a Decimal; None if it is none."""
    try:
        return Decimal(text.replace("\u00a0", "").replace(" ", "").replace(",", "."))
    except InvalidOperation:
        return None


def typed(text: str) -> Decimal | None:
    """None where nothing was typed; what is no amount is not a number, which every check refuses."""
    if not text.strip():
        return None
    found = amount_of(text[:50])
    return NOT_A_NUMBER if found is None else found


def checked_currency(currency: str, field: str) -> str:
    currency = currency.strip().upper()
    if currency not in list_currencies():
        raise Invalid("Name the currency by its three letters, such as EUR.", field)
    return currency


def checked_amount(amount: Decimal | None, currency: str, field: str, *, or_nothing: bool = False) -> Decimal:
    """An amount the currency can pay, above zero; `or_nothing`: zero too."""
    if amount is None or not amount.is_finite() or amount < 0 or amount >= MOST or (not or_nothing and amount == 0):
        raise Invalid(
            "Give an amount, such as 42.00; zero where it is none." if or_nothing
            else "Give an amount above zero, such as 42.00.", field,
        )  # fmt: skip
    if amount != round(amount, get_currency_precision(currency)):
        raise Invalid(
            sentence("%(currency)s has no smaller unit than that. Round the amount.", currency=currency), field
        )
    return amount


def text_of(amount: Decimal, currency: str) -> str:
    """With the digits of its currency, without an exponent: 42.50."""
    return f"{amount:.{get_currency_precision(currency)}f}"
