"""Bytes to words: what a mail says of its letters, and what its letters say where that is wrong."""

import codecs
import re
from email.errors import HeaderParseError
from email.header import decode_header

LONGEST_HEADER = 8_000
_GUESSED_FROM = 20_000  # bytes that are looked at to guess
_KNOWN_AS = {
    "ansi_x3.4-1968": "ascii", "us-ascii": "ascii", "x-unknown": "utf-8", "unknown-8bit": "utf-8", "utf8": "utf-8",
    "iso-8859-1": "cp1252", "latin1": "cp1252", "iso8859-1": "cp1252", "gb2312": "gb18030", "gbk": "gb18030",
    "ks_c_5601-1987": "cp949", "euc-kr": "cp949", "iso-8859-8-i": "iso-8859-8", "unicode-1-1-utf-7": "utf-7",
    "x-sjis": "cp932", "shift_jis": "cp932", "windows-874": "cp874", "x-mac-roman": "mac_roman",
    "iso-8859-9": "cp1254", "iso-8859-11": "cp874", "cp-850": "cp850",
}  # fmt: skip
_NO_LETTERS = {"punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"}
_USUAL = ("cp1252", "cp1250", "iso8859-2", "koi8-r", "cp1251")
_SIGNS = set("–—‘’“”„…•€£§°«»\u00a0´")
_UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def plain(text: str) -> str:
    """Without signs that no database and no page takes; lines end with one sign."""
    return _UNFIT.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def text_of(data: bytes, declared: str = "") -> tuple[str, bool]:
    """The words, and whether the declared character set was right (or none was needed)."""
    name = _codec(declared)
    for each in dict.fromkeys((name, "utf-8") if name else ("utf-8",)):
        try:
            text = data.decode(each)
        except (UnicodeError, LookupError, ValueError):
            continue
        return plain(text.removeprefix("\ufeff")), each == (name or "utf-8") or data.isascii()
    return plain(_guessed(data)), False


def _codec(declared: str) -> str:
    name = declared.strip().strip("\"'").lower()[:60]
    name = _KNOWN_AS.get(name, name)
    try:
        known = codecs.lookup(name).name if name else ""
    except (LookupError, ValueError):
        return ""
    return "" if known.replace("-", "_") in _NO_LETTERS else known


def _guessed(data: bytes) -> str:
    """Where nothing is said, or something wrong: the one of Europe's usual sets that gives words, else a guess."""
    sample = data[:_GUESSED_FROM]
    best = min(_USUAL, key=lambda each: (_oddness(sample.decode(each, "replace")), _USUAL.index(each)))
    if _oddness(sample.decode(best, "replace")) == 0:
        return data.decode(best, "replace")
    return _guessed_anywhere(data)


def _oddness(text: str) -> int:
    """How much of it is no word of any language: signs among letters, two alphabets or capitals inside a word."""
    odd = sum(1 for sign in text if ord(sign) > 127 and not sign.isalpha() and sign not in _SIGNS)
    for word in re.findall(r"[^\W\d_]{2,}", text):
        cyrillic = sum(1 for sign in word if "\u0400" <= sign <= "\u04ff")
        odd += 0 < cyrillic < len(word)
        odd += word[1:] != word[1:].lower() and word != word.upper()
        odd += bool(cyrillic) and word == word.upper() and len(word) > 3
        odd += not cyrillic and len(word) > 3 and not any(sign.isascii() for sign in word)
    return odd


def _guessed_anywhere(data: bytes) -> str:
    from charset_normalizer import from_bytes  # long to import, and most texts say what they are in

    best = from_bytes(data[:_GUESSED_FROM]).best()
    return data.decode(best.encoding if best else "cp1252", "replace")


def decoded(value: object) -> str:
    """A header's words on one line: encoded words (RFC 2047) and raw 8-bit letters alike."""
    raw = str(value)[:LONGEST_HEADER]
    if any("\ud800" <= sign <= "\udfff" for sign in raw):
        raw = text_of(raw.encode("utf-8", "surrogateescape"))[0]
    try:
        pieces = decode_header(raw) if "=?" in raw else [(raw, None)]
    except (HeaderParseError, ValueError, LookupError):
        pieces = [(raw, None)]
    words = "".join(_piece(data, charset) for data, charset in pieces)
    return " ".join(plain(words).split())


def _piece(data: bytes | str, charset: str | None) -> str:
    if isinstance(data, str):
        return data
    if charset is None:  # what stood between encoded words, which the library hands over as bytes
        return data.decode("raw_unicode_escape", "replace")
    return text_of(data, charset)[0]
