"""The form in which two ways of writing the same thing are equal. Pure."""

import re
import unicodedata

_PLAIN = str.maketrans({"ł": "l", "ı": "i", "ø": "o", "đ": "d", "ß": "ss", "æ": "ae", "œ": "oe"})
SHORTEST_PHONE = 6  # digits


def email(text: str) -> str:
    """Case does not count; what has no @ is no address."""
    tidy = text.strip().casefold()
    return tidy if "@" in tidy.strip("@") and " " not in tidy else ""


def phone(text: str, country: str) -> str:
    """As +48500555123. A number without + is one of `country` (ISO 3166, two letters); without a country, or where it
    cannot be one, its digits alone. Empty where there are fewer than six digits."""
    digits = re.sub(r"\D", "", text)
    if len(digits) < SHORTEST_PHONE:
        return ""
    import phonenumbers  # long to import

    tidy = f"+{digits[2:]}" if text.strip().startswith("00") else text
    try:
        number = phonenumbers.parse(tidy, country.upper() or None)
    except phonenumbers.NumberParseException:
        return digits
    if not phonenumbers.is_possible_number(number):
        return digits
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def reference(text: str) -> str:
    """Spaces, dashes, dots and case do not count: `K-1 204` is `k1204`."""
    return re.sub(r"[\s./\-]", "", text).casefold()


def postcode(text: str) -> str:
    return re.sub(r"[^0-9a-z]", "", text.casefold())


def name(text: str) -> str:
    """Accents, case and the order of the words do not count: `Kowalska, Żaneta` is `kowalska zaneta`."""
    letters = unicodedata.normalize("NFKD", text.casefold().translate(_PLAIN))
    words = re.findall(r"[^\W\d_]+", "".join(sign for sign in letters if not unicodedata.combining(sign)))
    return " ".join(sorted(words))
