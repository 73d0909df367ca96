"""Opens a customer file, CSV or Excel, whatever its characters and separators. Pure; bytes in, rows out."""

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

MOST_BYTES = 50_000_000
MOST_UNPACKED = 400_000_000  # of an Excel workbook
MOST_COLUMNS, LONGEST_CELL = 200, 20_000
DELIMITERS = ",;\t|"
LATIN = ("cp1252", "cp1250", "iso8859_2")  # the likeliest first
OTHERS = {"cp1251": "Cyrillic", "cp1253": "Greek and Coptic", "koi8_r": "Cyrillic", "iso8859_5": "Cyrillic"}
TYPOGRAPHY = frozenset("’‘“”„…–—«»€°§")
BESIDE_A_LETTER = re.compile(rb"(?<=[A-Za-z])[\x80-\xff]|[\x80-\xff](?=[A-Za-z])")
SAMPLE = 1 << 16
NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


class UnreadableError(ValueError):
    """The file cannot be read as a table; the text names the remedy."""


@dataclass(frozen=True)
class Row:
    """Cells by column, as written; `problem` says why the row cannot be taken."""

    line: int
    cells: dict[str, str] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class Table:
    """`header`: the names of the columns; `notes`: what was noticed, for people."""

    header: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


def read(data: bytes) -> Table:
    """The whole file. Raises UnreadableError."""
    if not data.strip():
        raise UnreadableError("The file is empty. Choose one with a row of column names and one row for each customer.")
    if len(data) > MOST_BYTES:
        raise UnreadableError(
            f"The file is larger than {MOST_BYTES // 1_000_000} MB. Leave columns out that nobody needs."
        )
    if data.startswith(b"PK\x03\x04"):
        return _table(_workbook(data), ("The first sheet of the workbook is read.",))
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise UnreadableError("This is an old Excel workbook (.xls). Save it as .xlsx or as CSV.")
    text, notes = decoded(data)
    delimiter = _delimiter(text)
    note = f"Cells are separated by a {NAMES[delimiter]}."
    return _table(_lines(text, delimiter), (*notes, note))


def decoded(data: bytes) -> tuple[str, tuple[str, ...]]:
    """The text, and what to say of its encoding. UTF-8 and UTF-16 by their mark or by fitting; else the likeliest of
    the European code pages, which a person then checks in the preview."""
    for mark, codec in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig")):
        if data.startswith(mark):
            try:
                return data.decode(codec), ()
            except UnicodeDecodeError:
                break
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        codec = _code_page(data)
        text = data.decode(codec, "replace")
        return text, (f"The file is not UTF-8. It is read as {codec.replace('_', '-')}; check the letters below.",)
    if "\0" in text[:SAMPLE]:
        raise UnreadableError("This is no text. Choose a CSV file or an Excel workbook (.xlsx).")
    return text, ()


def _code_page(data: bytes) -> str:
    """Cyrillic and Greek by their letters; of the Latin pages the one in which the fewest bytes beside a letter are no
    letter: Polish read as Western is full of ³ and ¹."""
    from charset_normalizer import from_bytes  # long to import, and most files are UTF-8

    best = from_bytes(data, cp_isolation=[*LATIN, *OTHERS]).best()
    if best is not None and OTHERS.get(best.encoding, "-") in best.alphabets:
        return best.encoding
    beside = Counter(found[0] for found in BESIDE_A_LETTER.findall(data))
    return min(LATIN, key=lambda codec: sum(count for byte, count in beside.items() if _odd(byte, codec)))


def _odd(byte: int, codec: str) -> bool:
    sign = bytes([byte]).decode(codec, "replace")
    return not sign.isalpha() and sign not in TYPOGRAPHY


def _delimiter(text: str) -> str:
    """The one by which most of the first lines have as many cells as the first; a comma where none parts them."""
    first = text[:SAMPLE]
    if first[:4].lower() == "sep=" and first[4:5] in NAMES:
        return first[4]
    return max(DELIMITERS, key=lambda each: (_fit(first, each), -DELIMITERS.index(each)))


def _fit(sample: str, delimiter: str) -> tuple[float, int]:
    try:
        widths = [len(cells) for cells in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter) if cells][
            :30
        ]
    except csv.Error:
        return 0.0, 0
    if not widths or widths[0] < 2:
        return 0.0, 0
    return widths.count(widths[0]) / len(widths), widths[0]


def _lines(text: str, delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """(line on which it ends, cells), or the reason why there are none."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    skip = text[:4].lower() == "sep="
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as fault:
            yield reader.line_num, f"It cannot be read ({fault}). Look at its quotes."
            continue
        if skip:
            skip = False
        elif any(cell.strip() for cell in cells):
            yield reader.line_num, cells


def _workbook(data: bytes) -> Iterator[tuple[int, list[str] | str]]:
    try:
        import defusedxml  # noqa: F401 - openpyxl uses it where it is there, against XML that grows without end
        from openpyxl import load_workbook
    except ImportError:
        raise UnreadableError(
            "This is an Excel workbook, and the parts that read those are not installed. "
            "Save it as CSV, or have ombud-crm-csv[xlsx] installed."
        ) from None
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(each.file_size for each in packed.infolist()) > MOST_UNPACKED:
                raise UnreadableError("The workbook unpacks to far more than a customer file holds. Save it as CSV.")
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        for number, values in enumerate(sheet.iter_rows(values_only=True), 1):
            cells = [_cell(value) for value in values]
            while cells and not cells[-1]:
                cells.pop()
            if cells:
                yield number, cells
    except UnreadableError:
        raise
    except Exception as fault:  # whatever a workbook that is none makes of the library
        raise UnreadableError("This is no Excel workbook that can be read. Save it as CSV, and choose that.") from fault


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat() if (value.hour, value.minute) == (0, 0) else value.isoformat(" ", "minutes")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _table(lines: Iterator[tuple[int, list[str] | str]], notes: tuple[str, ...]) -> Table:
    first = next(lines, None)
    if first is None or isinstance(first[1], str):
        raise UnreadableError("The first row cannot be read. Put a row of column names there, such as Name and E-mail.")
    header = _header(first[1])
    rows = tuple(_row(line, cells, header) for line, cells in lines)
    if not rows:
        raise UnreadableError("The file holds column names and no customer. Choose one with a row for each customer.")
    return Table(header, rows, notes)


def _header(cells: list[str]) -> tuple[str, ...]:
    names = [" ".join(cell.removeprefix("\ufeff").split())[:100] for cell in cells]
    if len(names) > MOST_COLUMNS:
        raise UnreadableError(f"The file has {len(names)} columns; {MOST_COLUMNS} are taken at most.")
    if not any(any(sign.isalpha() for sign in name) for name in names) or any("@" in name for name in names):
        raise UnreadableError("The first row names no columns. Put a row of column names before the customers.")
    named: list[str] = []
    for place, name in enumerate(names, 1):
        usual = name or f"Column {place}"
        named.append(usual if usual not in named else f"{usual} ({place})")
    return tuple(named)


def _row(line: int, cells: list[str] | str, header: tuple[str, ...]) -> Row:
    if isinstance(cells, str):
        return Row(line, problem=cells)
    more = [each for each in cells[len(header) :] if each.strip()]
    if more:
        return Row(line, problem=f"It has {len(cells)} cells, the row of names has {len(header)}. Look at its quotes.")
    if any(len(each) > LONGEST_CELL for each in cells):
        return Row(line, problem=f"A cell is longer than {LONGEST_CELL:,} characters. A quote may be missing.")
    if any("\0" in each or "\ufffd" in each for each in cells):
        return Row(line, problem="It holds signs that are no text. Save the file as UTF-8.")
    padded = [each.strip() for each in cells[: len(header)]] + [""] * (len(header) - len(cells))
    return Row(line, {name: each for name, each in zip(header, padded, strict=True) if each})
