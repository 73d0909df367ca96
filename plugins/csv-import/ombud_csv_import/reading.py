"""Opens any CSV file and streams its rows with the physical lines they stand on, in constant memory.

What no reader could make sense of refuses the file (`UnreadableFileError`); what spoils one row rejects that row.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ombud_csv_import import dialect as dialects
from ombud_csv_import import encoding as encodings
from ombud_csv_import.dialect import Dialect
from ombud_csv_import.encoding import Encoding, Source
from ombud_csv_import.faults import (
    BinaryContent,
    BrokenHeader,
    DuplicateHeader,
    EmptyFile,
    NoHeader,
    Rejected,
    UnterminatedQuote,
)

MAX_ROW = 1 << 20
"""Characters one row may hold; a cell may hold csv.field_size_limit() (131,072 unless a program changed it)."""
MAX_NAME = 200
SAMPLE = 1 << 16
EXCEL_HINT = re.compile(r'"?sep=([,;\t|])"?(?:\r\n?|\n|\Z)', re.IGNORECASE)
"""A first line by which Excel learns the delimiter; it is no header."""
BROKEN_TEXT = re.compile("[\ud800-\udfff]")
LOOKS_LIKE_DATA = re.compile(r"[-+]?[\d .,]+|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ].*)?|[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True, slots=True)
class SourceRow:
    """values: header name → cell, as written. line, last_line: physical lines from 1, both included."""

    line: int
    last_line: int
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class Tally:
    """What a first pass over the rows found: how many can be read, how many are rejected for their form."""

    readable: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Table:
    """An opened file. Each call of rows() reads it anew, so a stopped import goes on after the line it reached."""

    source: Source
    encoding: Encoding
    dialect: Dialect
    header: tuple[str, ...]
    header_line: int
    warnings: tuple[str, ...]

    def rows(self, after_line: int = 0) -> Iterator[SourceRow | Rejected]:
        """Rows that begin after the given line. Raises UnterminatedQuote or BrokenArchive where the file breaks off."""
        with encodings.unpacked(self.source) as raw:
            text = io.TextIOWrapper(raw, self.encoding.codec, self.encoding.errors, newline="")
            try:
                for record in _records(_Lines(text), self.dialect):
                    if record.line > max(after_line, self.header_line):
                        yield record if isinstance(record, Rejected) else self._row(record)
            finally:
                text.detach()

    def tally(self) -> Tally:
        """Reads all rows once, so that a file that breaks off is refused before its first complaint is filed."""
        readable = rejected = 0
        for row in self.rows():
            if isinstance(row, Rejected):
                rejected += 1
            else:
                readable += 1
        return Tally(readable, rejected)

    def _row(self, record: "_Record") -> SourceRow | Rejected:
        code, reason = _defect(record.cells, self.header, self.encoding)
        if code:
            return Rejected(record.line, record.last_line, code, reason)
        return SourceRow(record.line, record.last_line, dict(zip(self.header, record.cells, strict=True)))


def open_table(source: Source | str) -> Table:
    """Opens .csv or .csv.gz from a path or from bytes. Raises a kind of UnreadableFileError with the remedy."""
    if isinstance(source, str):
        source = Path(source)
    encoding = encodings.detect(source)
    with encodings.unpacked(source) as raw:
        text = io.TextIOWrapper(raw, encoding.codec, encoding.errors, newline="")
        sample = text.read(SAMPLE)
        text.detach()
    hint = EXCEL_HINT.match(sample)
    dialect = Dialect(hint[1]) if hint else dialects.detect(sample)
    first = _first_record(source, encoding, dialect, after_line=1 if hint else 0)
    return Table(source, encoding, dialect, _header(first.cells), first.last_line, encoding.warnings)


def folded(name: str) -> str:
    """A column name without case and without spaces, for comparison."""
    return "".join(name.split()).casefold()


def _first_record(source: Source, encoding: Encoding, dialect: Dialect, after_line: int) -> "_Record":
    with encodings.unpacked(source) as raw:
        text = io.TextIOWrapper(raw, encoding.codec, encoding.errors, newline="")
        try:
            first = next((record for record in _records(_Lines(text), dialect) if record.line > after_line), None)
        finally:
            text.detach()
    if first is None:
        raise EmptyFile("The file holds only blank lines. Choose a file with a header row and at least one complaint.")
    if isinstance(first, Rejected):
        raise BrokenHeader(f"The row of column names cannot be read. {first.reason}")
    return first


def _header(cells: list[str]) -> tuple[str, ...]:
    names = tuple(" ".join(cell.removeprefix("\ufeff").split()) for cell in cells)
    if any("\0" in name for name in names):
        raise BinaryContent("The first row holds NUL bytes, so this is not CSV text. Choose a CSV file.")
    if any(BROKEN_TEXT.search(name) for name in names):
        raise BrokenHeader("A column name holds bytes that are no text. Save the file as UTF-8 and try again.")
    if not any(any(char.isalpha() for char in name) for name in names):
        raise NoHeader("The first row names no columns. Put the column names into the first row.")
    for name in names:
        if len(name) > MAX_NAME or LOOKS_LIKE_DATA.fullmatch(name):
            raise NoHeader(f"The first row looks like data ({name[:40]!r}). Put a row of column names before it.")
    names = tuple(name or f"Column {number}" for number, name in enumerate(names, start=1))
    _refuse_duplicates(names)
    return names


def _refuse_duplicates(names: tuple[str, ...]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        if folded(name) in seen:
            raise DuplicateHeader(f"Two columns are named {name[:80]!r}. Rename one of them, then import again.")
        seen[folded(name)] = name


def _defect(cells: list[str], header: tuple[str, ...], encoding: Encoding) -> tuple[str, str]:
    if not any(cell.strip() for cell in cells):
        return "empty_row", "The row is empty."
    if len(cells) != len(header):
        code = "too_few_cells" if len(cells) < len(header) else "too_many_cells"
        return code, f"The row has {len(cells)} cells, the header has {len(header)}. Check delimiters and quotes."
    whole = "".join(cells)
    if "\0" in whole:
        return "nul", "The row holds a NUL byte. Remove it, then import again."
    if BROKEN_TEXT.search(whole) or (encoding.errors == "replace" and "\ufffd" in whole):
        return "broken_text", f"The row holds bytes that are no {encoding.codec} text. Save the file as UTF-8."
    return "", ""


@dataclass(frozen=True, slots=True)
class _Record:
    line: int
    last_line: int
    cells: list[str]


class _RowTooLongError(Exception):
    """Raised by _Lines through csv.reader."""


class _Lines:
    """Feeds csv.reader physical lines, counts them and stops a row that would fill the memory."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self.text = text
        self.number = 0
        self.first = 0
        self.held = 0
        self.quotes = 0
        self.ended = False

    def begin(self) -> None:
        self.first, self.held, self.quotes = 0, 0, 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self.text.readline(MAX_ROW)
        if not line:
            self.ended = True
            raise StopIteration
        self.number += 1
        self.first = self.first or self.number
        self.held += len(line)
        self.quotes += line.count('"')
        if self.held >= MAX_ROW:
            self._skip_row(line)
            raise _RowTooLongError
        return line

    def skip_row(self) -> None:
        """Passes over the rest of a row that is too long: to the first line end outside quotes."""
        self._skip_row("\n")

    def _skip_row(self, piece: str) -> None:
        while not (piece.endswith(("\n", "\r")) and self.quotes % 2 == 0):
            ended = piece.endswith(("\n", "\r"))
            piece = self.text.readline(MAX_ROW)
            if not piece:
                if self.quotes % 2:
                    raise UnterminatedQuote(self.first)
                return
            self.number += ended
            self.quotes += piece.count('"')


def _records(lines: _Lines, dialect: Dialect) -> Iterator[_Record | Rejected]:
    while True:
        reader = csv.reader(lines, delimiter=dialect.delimiter, skipinitialspace=dialect.spaced, strict=True)
        while True:
            lines.begin()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except _RowTooLongError:
                yield _too_long(lines)
                break
            except csv.Error as fault:
                yield _spoiled(lines, str(fault))
                break  # a reader's state after an error is its own affair: go on with a fresh one
            if cells:
                yield _Record(lines.first, lines.number, cells)


def _spoiled(lines: _Lines, fault: str) -> Rejected:
    if lines.ended:
        raise UnterminatedQuote(lines.first)
    if "field limit" in fault:
        lines.skip_row()
        return _too_long(lines)
    span = "" if lines.first == lines.number else " What stands on these lines was not read further."
    return Rejected(
        lines.first,
        lines.number,
        "broken_quote",
        f"Text follows a closing quote. Double each quote that belongs to the text.{span}",
    )


def _too_long(lines: _Lines) -> Rejected:
    reason = f"A cell is longer than {csv.field_size_limit():,} characters, or the row than {MAX_ROW:,}. Shorten it."
    return Rejected(lines.first, lines.number, "too_long", reason)
