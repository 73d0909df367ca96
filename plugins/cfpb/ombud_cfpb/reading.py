"""The bureau's export, row by row: the layout of 2026, the one before it, and any other with the columns it needs.

Names of columns are the bureau's; case, order and spaces do not matter. Pure.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

LARGEST = 20_000_000
MOST_ROWS = 50_000
LONGEST = 40_000
COLUMNS = {
    "complaint id": "complaint_id", "date received": "received", "date sent to company": "sent", "product": "product",
    "sub-product": "sub_product", "issue": "issue", "sub-issue": "sub_issue", "zip code": "zip_code", "tags": "tags",
    "consumer complaint narrative": "narrative", "submitted via": "submitted_via", "company": "company",
    "state": "state",
}  # fmt: skip
NEEDED = ("complaint id", "date sent to company", "issue")
ABSENT = {"", "none", "n/a"}
FORMATS = ("%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y")
OWN = {"name_column": "name", "email_column": "email", "phone_column": "phone"}


class UnreadableFile(ValueError):
    """The file as a whole is refused; the text is a code of the texts' problems."""


@dataclass(frozen=True)
class Row:
    """A complaint of the file. `line`: where it begins, from 1."""

    line: int
    complaint_id: str
    sent: date
    received: date | None = None
    product: str = ""
    sub_product: str = ""
    issue: str = ""
    sub_issue: str = ""
    narrative: str = ""
    company: str = ""
    state: str = ""
    zip_code: str = ""
    tags: str = ""
    submitted_via: str = ""
    name: str = ""
    email: str = ""
    phone: str = ""


@dataclass(frozen=True)
class RowRefused:
    line: int
    problem: str


def read(data: bytes, settings: Mapping[str, Any]) -> Iterator[Row | RowRefused]:
    """Raises UnreadableFile, before the first row."""
    if len(data) > LARGEST:
        raise UnreadableFile("too_large")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFile("no_text") from None
    if "\0" in text:
        raise UnreadableFile("no_text")
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [" ".join(each.lower().split()) for each in next(rows, [])]
    except csv.Error:
        raise UnreadableFile("no_table") from None
    if any(each not in header for each in NEEDED):
        raise UnreadableFile("no_columns")
    return _rows(rows, _places(header, settings))


def _places(header: list[str], settings: Mapping[str, Any]) -> dict[str, int]:
    own = {" ".join(str(settings.get(name) or "").lower().split()): field for name, field in OWN.items()}
    known = {**{name: field for name, field in own.items() if name}, **COLUMNS}
    return {known[name]: place for place, name in enumerate(header) if name in known}


def _rows(rows: Any, places: Mapping[str, int]) -> Iterator[Row | RowRefused]:
    count = 0
    while True:
        line = rows.line_num + 1
        try:
            cells = next(rows, None)
        except csv.Error:
            yield RowRefused(line, "broken_row")
            return
        if cells is None:
            return
        if not any(each.strip() for each in cells):
            continue
        count += 1
        if count > MOST_ROWS:
            yield RowRefused(line, "too_many")
            return
        yield _row(line, cells, places)


def _row(line: int, cells: list[str], places: Mapping[str, int]) -> Row | RowRefused:
    given = {field: _cell(cells, place) for field, place in places.items()}
    identity, sent = given.pop("complaint_id"), day(given.pop("sent"))
    received = day(given.pop("received", ""))
    if not identity or len(identity) > 60 or not identity.isprintable():
        return RowRefused(line, "no_id")
    if sent is None:
        return RowRefused(line, "no_sent_day")
    if not (given.get("narrative") or given.get("issue")):
        return RowRefused(line, "no_words")
    return Row(line=line, complaint_id=identity, sent=sent, received=received, **given)


def _cell(cells: list[str], place: int) -> str:
    value = cells[place].strip()[:LONGEST] if place < len(cells) else ""
    return "" if value.lower() in ABSENT else value


def day(text: str) -> date | None:
    """ISO, or month first as the bureau wrote it before."""
    for form in FORMATS:
        try:
            return datetime.strptime(text[:10], form).date()
        except ValueError:
            continue
    return None


def counted(data: bytes, settings: Mapping[str, Any]) -> int:
    """How many rows can be filed. Raises UnreadableFile."""
    return sum(isinstance(each, Row) for each in read(data, settings))
