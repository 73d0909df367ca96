"""Looks for a person's words in whatever they were put into: encodings, archives, documents, one within another."""

import base64
import binascii
import hashlib
import html
import importlib
import io
import quopri
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

DEPTH = 6  # how often what was unpacked is unpacked again
LARGEST = 64_000_000  # bytes that one step may unpack
_HEX = re.compile(rb"(?<![0-9A-Za-z])(?:\\?\\?x)?((?:[0-9a-fA-F]{2}){8,})(?![0-9A-Za-z])")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{12,}(?:(?:\\r|\\n|\s)+[A-Za-z0-9+/_-]{4,})*={0,2}")
_LINES = re.compile(rb"(?:\\r|\\n|\s)+")
_JSON = re.compile(rb"\\+u([0-9a-fA-F]{4})")
_SPACES = re.compile(r"\s+")


class Search:
    """`marks`: words that stand nowhere else, each four letters or longer. Letters' case and the width of blanks do not
    count."""

    def __init__(self, marks: Sequence[str]) -> None:
        self.marks = tuple(_plain(mark) for mark in marks)
        if short := [mark for mark in marks if len(mark) < 4]:
            raise ValueError(f"{short[0]!r} is too short: it stands in many places by chance")
        self._clean: set[bytes] = set()

    def finds(self, data: bytes | str) -> str:
        """The first mark that is found, empty where none is."""
        return self._finds(data.encode() if isinstance(data, str) else data, DEPTH)

    def _finds(self, data: bytes, depth: int) -> str:
        seen = hashlib.sha256(data).digest() + bytes([depth])
        if not data or seen in self._clean:
            return ""
        for text in _texts(data):
            plain = _plain(text)
            if found := next((mark for mark in self.marks if mark in plain), ""):
                return found
        if depth:
            for inner in opened(data):
                if inner != data and (found := self._finds(inner, depth - 1)):
                    return found
        self._clean.add(seen)
        return ""


def _plain(text: str) -> str:
    return _SPACES.sub(" ", text).casefold()


def _texts(data: bytes) -> Iterator[str]:
    yield data.decode("utf-8", "replace")
    if b"\0" in data[:200]:
        yield from (data.decode(name, "replace") for name in ("utf-16-le", "utf-16-be"))


def opened(data: bytes) -> Iterator[bytes]:
    """What is in it, by every way that its bytes allow; rubbish comes out too, which no word stands in."""
    if b"PK\x03\x04" in data:
        yield from _of_zip(data)
    if (place := data.find(b"\x1f\x8b\x08")) >= 0:
        yield from _of_deflate(data[place:], 31)
    if b"%PDF-" in data[:1024]:
        yield from _of_pdf(data)
        return  # its bytes are numbers of letters in fonts, which spell nothing
    if data[:1] == b"x" and data[1:2] in {b"\x01", b"\x5e", b"\x9c", b"\xda"}:
        yield from _of_deflate(data, 15)
    yield from _of_text(data)


def _of_text(data: bytes) -> Iterator[bytes]:
    for match in _HEX.finditer(data):
        yield bytes.fromhex(match.group(1).decode())
    for match in _BASE64.finditer(data):
        yield from _of_base64(_LINES.sub(b"", match.group()))
    if _JSON.search(data):
        yield _JSON.sub(lambda found: chr(int(found.group(1), 16)).encode("utf-8", "replace"), data)
    if b"=" in data:
        yield quopri.decodestring(data)
        yield quopri.decodestring(data, header=True)
    if b"%" in data:
        yield unquote_to_bytes(data.replace(b"+", b" "))
    if b"&" in data:
        yield html.unescape(data.decode("utf-8", "replace")).encode()
    if b'""' in data or b"\\" in data:  # as a row is written by a database, and text in text
        yield data.replace(b'""', b'"').replace(b"\\\\", b"\\")


def _of_base64(run: bytes) -> Iterator[bytes]:
    """At each of the four places a group may begin at: what stands before may be of the same letters."""
    run = run.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    for start in range(4):
        part = run[start:]
        part = part[: len(part) - (1 if len(part) % 4 == 1 else 0)]
        try:
            yield base64.b64decode(part + b"=" * (-len(part) % 4))
        except (binascii.Error, ValueError):
            continue


def _of_deflate(data: bytes, bits: int) -> Iterator[bytes]:
    try:
        yield zlib.decompressobj(bits).decompress(data, LARGEST)
    except zlib.error:
        return


def _of_zip(data: bytes) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield "\n".join(archive.namelist()).encode()
            for each in archive.infolist():
                with archive.open(each) as member:
                    yield member.read(LARGEST)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, zlib.error):
        return


def _of_pdf(data: bytes) -> Iterator[bytes]:
    """The text of its pages, as a reader shows it (where pypdfium2 is installed), its title and the like, and what
    stands in its streams."""
    for match in re.finditer(rb"stream\r?\n(.*?)endstream", data, re.DOTALL):
        yield from _of_deflate(match.group(1), 15)
    try:
        pdfium: Any = importlib.import_module("pypdfium2")
    except ImportError:
        return
    try:
        document = pdfium.PdfDocument(data)
        yield "\n".join(str(value) for value in document.get_metadata_dict().values()).encode()
        for number in range(len(document)):
            yield document[number].get_textpage().get_text_bounded().encode("utf-8", "replace")
    except pdfium.PdfiumError:
        return


__all__ = ["Search", "opened"]
