"""What a letter's text seems to say: who wrote it, about which case, in which language. Proposals for a person."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOKALIKE = str.maketrans("OIL", "011")
_REFERENCE = re.compile(r"(?<![A-Z0-9])([A-Z]{2,6})\s?[-–—]\s?([0-9A-Z]{5,12})\s?[-–—]\s?([0-9A-Z])(?![A-Z0-9])")
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,4}\.[A-Za-z]{2,24}")
_PHONE = re.compile(r"(?:tel|telefon|phone|mobile|kom)[.: ]{1,4}(\+?[\d][\d ()/-]{6,18}\d)", re.IGNORECASE)
_UK = re.compile(r"\b([A-Z]{1,2}\d[A-Z\d]?) ?(\d[A-Z]{2})\b")
_PL = re.compile(r"\b(\d{2}-\d{3})\s+\w")
_POLISH = frozenset("ąćęłńśźżĄĆĘŁŃŚŹŻ")
_POLISH_WORDS = frozenset({
    "jest", "nie", "się", "oraz", "przez", "dla", "proszę", "pani", "pana", "szanowni", "państwo", "sprawie",
})  # fmt: skip
_ENGLISH_WORDS = frozenset({
    "the", "and", "that", "with", "have", "your", "from", "this", "was", "not", "dear", "sir", "madam", "letter",
})  # fmt: skip
_CLOSING = re.compile(
    r"^\s*(yours|sincerely|faithfully|kind regards|best regards|regards|with best|z poważaniem|z wyrazami|pozdrawiam"
    r"|łączę wyrazy)\b.{0,40}$",
    re.IGNORECASE,
)
_SALUTATION = re.compile(r"^\s*(dear|to whom|szanown|drog|re:|dotyczy|subject|sprawa)\b", re.IGNORECASE)
_SUBJECT = re.compile(
    r"^\s*(?:re|subject|ref|concerning|dotyczy|temat|sprawa|dot\.)\s*[:.]\s*(\S.{2,150})$", re.IGNORECASE | re.MULTILINE
)
_NAME = re.compile(
    r"^(?:(?:Mr|Mrs|Ms|Miss|Dr|Prof|Pan|Pani|mgr|inż)\.?\s+)?[^\W\d_][\w.'’-]*(?:\s+[^\W\d_][\w.'’-]*){1,3}$"
)


@dataclass(frozen=True)
class Seen:
    """Empty where it is not seen."""

    sender: str = ""
    email: str = ""
    phone: str = ""
    postcode: str = ""
    subject: str = ""
    language: str = ""


def references(text: str) -> list[str]:
    """Case numbers whose check character is right, in the order in which they stand, each once. The rule is that of
    numbers as people read them aloud: OMB-7F3K2-9, Luhn over 32 signs."""
    found: list[str] = []
    for prefix, body, sign in _REFERENCE.findall(text.upper()):
        whole = body.translate(_LOOKALIKE) + sign.translate(_LOOKALIKE)
        if all(each in ALPHABET for each in whole) and _check(whole[:-1]) == whole[-1]:
            number = f"{prefix}-{whole[:-1]}-{whole[-1]}"
            if number not in found:
                found.append(number)
    return found


def _check(body: str) -> str:
    total, double = 0, True
    for sign in reversed(body):
        value = ALPHABET.index(sign) * (2 if double else 1)
        total += value // 32 + value % 32
        double = not double
    return ALPHABET[(32 - total % 32) % 32]


def look(text: str, ours: Sequence[str] = ()) -> Seen:
    """`ours`: lines of our own letterhead, which stand on many a letter and are not the sender's."""
    own = {_folded(line) for line in ours if line.strip()}
    lines = [line.strip() for line in text.splitlines() if line.strip() and _folded(line) not in own]
    kept = "\n".join(lines)
    emails = [each for each in _EMAIL.findall(kept) if not any(each.lower() in line for line in own)]
    phone = _PHONE.search(kept)
    subject = _SUBJECT.search(text)
    return Seen(
        sender=_sender(lines), email=emails[0] if emails else "", phone=phone[1].strip() if phone else "",
        postcode=_postcode(lines), subject=subject[1].strip() if subject else "", language=language(text),
    )  # fmt: skip


def _folded(line: str) -> str:
    return " ".join(line.lower().split())


def _sender(lines: Sequence[str]) -> str:
    """The name below the closing words, else the first line of the head where that looks like a name."""
    for place, line in enumerate(lines):
        if _CLOSING.match(line):
            for below in lines[place + 1 : place + 4]:
                if _is_name(below):
                    return below
    for line in lines[:2]:
        if _SALUTATION.match(line):
            return ""
        if _is_name(line):
            return line
    return ""


def _is_name(line: str) -> bool:
    """Two to four words, each with a capital but for what stands between names."""
    return (
        bool(_NAME.match(line))
        and len(line) <= 60
        and all(
            word[0].isupper() or word in {"van", "von", "de", "der", "da", "z", "mgr", "inż."} for word in line.split()
        )
    )


def _postcode(lines: Sequence[str]) -> str:
    """Of the head alone: further down it may be anybody's."""
    for line in lines[:8]:
        if match := _UK.search(line.upper()):
            return f"{match[1]} {match[2]}"
        if match := _PL.search(line):
            return str(match[1])
    return ""


def language(text: str) -> str:
    """`pl` or `en` by signs and common words, empty where neither is likelier."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    polish = sum(sign in _POLISH for sign in text) + 3 * sum(word in _POLISH_WORDS for word in words)
    english = 3 * sum(word in _ENGLISH_WORDS for word in words)
    if max(polish, english) < 6:
        return ""
    return "pl" if polish > english else "en"
