"""Phone numbers, customer numbers and names in the ways in which Salesforce may hold them. Pure."""

import re
import unicodedata

import phonenumbers
from phonenumbers import PhoneNumberFormat

SHORTEST = 6  # digits


def variants(text: str, country: str) -> list[str]:
    """As written, with prefix, in national and international writing, and as digits: the language compares letters."""
    tidy = text.strip()
    digits = re.sub(r"\D", "", tidy)
    if len(digits) < SHORTEST:
        return []
    found = [tidy, digits]
    number = _number(tidy, country)
    if number is not None:
        shapes = (PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.NATIONAL)
        written = [phonenumbers.format_number(number, shape) for shape in shapes]
        found += [*written, *(re.sub(r"\D", "", each) for each in written)]
    return [each for each in dict.fromkeys(found) if each]


def same(one: str, other: str, country: str) -> bool:
    first, second = key(one, country), key(other, country)
    return bool(first) and first == second


def key(text: str, country: str) -> str:
    """As +48500555123; digits alone where it cannot be read as a number of a country."""
    digits = re.sub(r"\D", "", text)
    if len(digits) < SHORTEST:
        return ""
    number = _number(text, country)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164) if number is not None else digits


def _number(text: str, country: str) -> phonenumbers.PhoneNumber | None:
    tidy = "+" + re.sub(r"\D", "", text)[2:] if text.strip().startswith("00") else text
    try:
        number = phonenumbers.parse(tidy, country.upper() or None)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_possible_number(number) else None


def plain(text: str) -> str:
    """A name, postcode or customer number without case, accents and signs between."""
    letters = unicodedata.normalize("NFKD", text.casefold().replace("ł", "l"))
    return re.sub(r"[\W_]", "", "".join(sign for sign in letters if not unicodedata.combining(sign)))
