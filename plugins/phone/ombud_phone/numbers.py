"""One phone number in one writing: E.164. Pure."""

import re

import phonenumbers
from phonenumbers import PhoneNumberFormat

SHORTEST = 6  # digits


def e164(text: str, country: str = "") -> str:
    """Such as +442079460018; as it was typed where it is no number of any country."""
    tidy = " ".join(text.split())[:50]
    number = _number(tidy, country)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164) if number is not None else tidy


def shown(text: str, country: str = "") -> str:
    """As people of the country read it out."""
    number = _number(text, country)
    return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL) if number is not None else text


def same(one: str, other: str, country: str = "") -> bool:
    """Whether both are one number; two that are none are never the same."""
    first, second = _number(one, country), _number(other, country)
    return first is not None and first == second


def _number(text: str, country: str) -> phonenumbers.PhoneNumber | None:
    if len(re.sub(r"\D", "", text)) < SHORTEST:
        return None
    tidy = "+" + re.sub(r"\D", "", text)[2:] if text.strip().startswith("00") else text
    try:
        number = phonenumbers.parse(tidy, country.upper() or None)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_possible_number(number) else None
