"""References that people read aloud: OMB-7F3K2-9, Crockford's base 32 with a check character."""

import re

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOKALIKE = str.maketrans("OIL", "011")
_MULTIPLIER = 0x9E3779B1  # odd, so multiplying is a bijection modulo a power of two
_WIDTH = 5
_SHAPE = re.compile(r"([A-Z]{2,6})-([0-9A-Z]{5,12})-([0-9A-Z])\Z")
_DASH = r"[ \t]?[-\u2010-\u2015\u2212][ \t]?"  # as word processors and scans write it
# Not within a longer word, an address, or the value of an attribute.
_SAID = re.compile(
    rf"(?<![\w/=&%-])([a-z]{{2,6}}){_DASH}([0-9a-z]{{5,12}}){_DASH}([0-9a-z])(?![\w=%-])", re.IGNORECASE | re.ASCII
)
_TAG = re.compile(r"<!--.*?-->|</?[a-z][a-z0-9]*(?:\s[^<>]*)?/?>", re.IGNORECASE | re.DOTALL)
_MOST = 20


def make(number: int, prefix: str) -> str:
    """The reference of the number-th case (from 1): scattered, so that a reference does not tell how many there are."""
    width = _WIDTH
    while number >= 32**width:
        number, width = number - 32**width, width + 1
    return _assemble(prefix, _digits((number * _MULTIPLIER) % 32**width, width))


def _assemble(prefix: str, body: str) -> str:
    return f"{prefix}-{body}-{check(body)}"


def _digits(value: int, width: int) -> str:
    text = ""
    for _ in range(width):
        value, rest = divmod(value, 32)
        text = ALPHABET[rest] + text
    return text


def check(body: str) -> str:
    """Luhn's rule over 32 signs (ISO/IEC 7812-1 generalised): finds one wrong sign and most swapped neighbours."""
    total, double = 0, True
    for sign in reversed(body):
        value = ALPHABET.index(sign) * (2 if double else 1)
        total += value // 32 + value % 32
        double = not double
    return ALPHABET[(32 - total % 32) % 32]


def tidy(text: str) -> str | None:
    """The reference as we write it, from what a person typed (o for 0, small letters); None if its check fails."""
    match = _SHAPE.match(text.strip().upper().replace(" ", ""))
    if match is None:
        return None
    prefix, body, sign = match.group(1), match.group(2).translate(_LOOKALIKE), match.group(3).translate(_LOOKALIKE)
    if any(each not in ALPHABET for each in body + sign) or check(body) != sign:
        return None
    return f"{prefix}-{body}-{sign}"


def find(text: str) -> list[str]:
    """The references that somebody wrote in a text, each once, in their order: those whose check sign fits, in what can
    be seen, and not in lines that quote somebody else."""
    visible = _TAG.sub(" ", text)
    written = "\n".join(line for line in visible.splitlines() if not line.lstrip().startswith((">", "|")))
    found = (tidy("-".join(match.groups())) for match in _SAID.finditer(written))
    return list(dict.fromkeys(each for each in found if each))[:_MOST]
