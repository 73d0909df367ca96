"""Which characters the bytes of a file stand for. One pass, constant memory."""

import codecs
import gzip
import hashlib
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from ombud_csv_import.faults import BinaryContent, BrokenArchive, CannotOpen, EmptyFile

Source = Path | bytes
CHUNK = 1 << 16
GZIP = b"\x1f\x8b"
SIGNATURES = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    GZIP: "a gzip file inside a gzip file",
}
BYTE_ORDER_MARKS = (  # UTF-32's little-endian mark begins with UTF-16's, so it is asked first
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SINGLE_BYTE = {"cp1252": "Western European", "cp1250": "Central European", "iso8859_2": "Central European (Latin-2)"}
TYPOGRAPHY = frozenset("’‘“”„…–—")
BESIDE_A_LETTER = re.compile(rb"(?<=[A-Za-z])[\x80-\xff]|[\x80-\xff](?=[A-Za-z])")
CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\x1b"))
ESCAPED_BYTE = re.compile("[\udc80-\udcff]")
BEYOND_ASCII = re.compile("[^\x00-\x7f\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Encoding:
    """codec: Python's name for it. fingerprint: SHA-256 of the unpacked bytes, so a resumed import knows its file."""

    codec: str
    fingerprint: str
    warnings: tuple[str, ...] = ()

    @property
    def errors(self) -> str:
        """Byte-wise codecs keep a broken byte as a lone surrogate, the wide ones as U+FFFD; rows with either refuse."""
        return "replace" if self.codec.startswith(("utf-16", "utf-32")) else "surrogateescape"


@contextmanager
def unpacked(source: Source) -> Iterator[IO[bytes]]:
    """The bytes of a file, gunzipped where they begin as gzip does, whatever the file is called."""
    try:
        raw: IO[bytes] = source.open("rb") if isinstance(source, Path) else io.BytesIO(source)
    except (OSError, ValueError) as fault:
        reason = getattr(fault, "strerror", None) or "the name is not valid"
        raise CannotOpen(f"{source!s} cannot be opened: {reason}. Check the name and the rights.") from fault
    with raw:
        packed = raw.read(2) == GZIP
        raw.seek(0)
        if not packed:
            yield raw
            return
        try:
            with gzip.GzipFile(fileobj=raw) as opened:
                yield cast(IO[bytes], opened)
        except (gzip.BadGzipFile, EOFError, zlib.error) as fault:
            raise BrokenArchive(f"The gzip file is damaged or cut short ({fault}). Copy it again.") from fault


def detect(source: Source) -> Encoding:
    """Reads the whole file once. Raises EmptyFile, BinaryContent, BrokenArchive or CannotOpen."""
    with unpacked(source) as raw:
        head = raw.read(CHUNK)
        if not head:
            raise EmptyFile("The file is empty. Choose a file with a header row and at least one complaint.")
        digest = hashlib.sha256(head)
        wide = _wide_codec(head)
        if wide is None:
            refuse_binary(head)
            return _byte_wise(raw, head, digest)
        for chunk in iter(lambda: raw.read(CHUNK), b""):
            digest.update(chunk)
    return Encoding(wide[0], digest.hexdigest(), wide[1])


def refuse_binary(head: bytes) -> None:
    for signature, kind in SIGNATURES.items():
        if head.startswith(signature):
            raise BinaryContent(f"This is {kind}, not CSV text. Save or unpack it as CSV, then import that.")
    controls = len(head) - len(head.translate(None, CONTROLS))
    if controls * 10 > len(head):
        raise BinaryContent("This file is not text: one byte in ten or more is a control byte. Choose a CSV file.")


def _wide_codec(head: bytes) -> tuple[str, tuple[str, ...]] | None:
    for mark, codec in BYTE_ORDER_MARKS:
        if head.startswith(mark) and codec != "utf-8-sig":
            return codec, ()
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = len(head) // 2
    for codec, zeros, others in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if half >= 4 and zeros * 10 > half * 4 and others * 20 < half:
            return codec, ("The file is UTF-16 without a byte order mark. Check the letters in the preview.",)
    return None


def _byte_wise(raw: IO[bytes], head: bytes, digest: "hashlib._Hash") -> Encoding:
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    beside: Counter[int] = Counter()
    valid = broken = 0
    chunk = head
    while True:
        if not chunk.isascii():
            beside.update(found[0] for found in BESIDE_A_LETTER.findall(chunk))
        text = decoder.decode(chunk, final=not chunk)
        if not text.isascii():
            broken += len(ESCAPED_BYTE.findall(text))
            valid += len(BEYOND_ASCII.findall(text))
        if not chunk:
            break
        chunk = raw.read(CHUNK)
        digest.update(chunk)
    mark = head.startswith(codecs.BOM_UTF8)
    return _verdict(digest.hexdigest(), mark, valid - mark, broken, beside)


def _verdict(fingerprint: str, mark: bool, valid: int, broken: int, beside: Counter[int]) -> Encoding:
    codec = "utf-8-sig" if mark else "utf-8"
    if not broken:
        return Encoding(codec, fingerprint)
    if mark or valid > broken:
        warning = f"{broken} bytes are not valid UTF-8. The rows that hold them are rejected."
        return Encoding(codec, fingerprint, (warning,))
    guess = min(SINGLE_BYTE, key=lambda codec: _oddity(codec, beside))
    warning = f"The file is not UTF-8. It is read as {SINGLE_BYTE[guess]} ({guess}); check the letters in the preview."
    return Encoding(guess, fingerprint, (warning,))


def _oddity(codec: str, beside: Counter[int]) -> int:
    """How often a byte that touches a letter would be no letter itself: Polish read as cp1252 is full of ³ and ¹."""
    odd = 0
    for byte, count in beside.items():
        char = bytes([byte]).decode(codec, "replace")
        if not char.isalpha() and char not in TYPOGRAPHY:
            odd += count
    return odd
