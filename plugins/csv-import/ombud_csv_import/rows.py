"""From a row and a mapping to a complaint, or to the reason why it is none."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ombud_csv_import.dates import DateError, read_date
from ombud_csv_import.faults import Rejected
from ombud_csv_import.mapping import Mapping
from ombud_csv_import.reading import SourceRow, Table, folded

EMAIL = re.compile(r"[^@\s<>,;]{1,64}@[^@\s<>,;.]+(\.[^@\s<>,;.]+)+")
SUMMARY_LENGTH = 120
NO_NARRATIVE = "This record came without a description in the customer's own words."


@dataclass(frozen=True, slots=True)
class Person:
    """name is never empty: where the file gives none it says so (named is False)."""

    name: str
    named: bool
    email: str = ""
    phone: str = ""
    postcode: str = ""


@dataclass(frozen=True, slots=True)
class Matter:
    text: str
    category: str = ""


@dataclass(frozen=True, slots=True)
class ComplaintRow:
    """received_at: aware UTC, or None where the file does not tell. key: idempotency key, 64 hex digits.

    in_own_words is False where the text was composed from other columns. notes: what could not be taken over as it was.
    """

    line: int
    key: str
    external_id: str
    received_at: datetime | None
    person: Person
    summary: str
    matters: tuple[Matter, ...]
    in_own_words: bool
    channel: str
    extra: dict[str, str]
    notes: tuple[str, ...] = ()


def complaint(row: SourceRow, mapping: Mapping, source: str, latest: datetime | None = None) -> ComplaintRow | Rejected:
    """mapping is bound to the row's header. source names the import: its rows share one space of external ids.

    latest: a time of receipt after it rejects the row, because its clocks would start in the future.
    """
    reader = _Cells(row, mapping)
    external_id = reader.cell(mapping.external_id)
    try:
        received_at = reader.received_at()
    except DateError as fault:
        return Rejected(row.line, row.last_line, "date", f"{mapping.received_at}: {fault}")
    if received_at and latest and received_at > latest:
        reason = f"{mapping.received_at}: {received_at:%Y-%m-%d} lies in the future. Correct it."
        return Rejected(row.line, row.last_line, "future_date", reason)
    own_words = reader.own_words()
    texts = own_words or reader.composed()
    if not texts:
        return Rejected(row.line, row.last_line, "no_text", "The row holds no complaint text. Fill it in.")
    category = reader.joined(mapping.category, " / ")
    return ComplaintRow(
        line=row.line,
        key=row_key(row, source, external_id),
        external_id=external_id,
        received_at=received_at,
        person=reader.person(external_id),
        summary=shortened(reader.summary() or texts[0]),
        matters=tuple(Matter(text, category) for text in texts),
        in_own_words=bool(own_words),
        channel=reader.channel(),
        extra={key: value for column, key in mapping.extra if (value := reader.cell(column))},
        notes=reader.notes(),
    )


def complaints(
    table: Table, mapping: Mapping, source: str, after_line: int = 0, latest: datetime | None = None
) -> Iterator[ComplaintRow | Rejected]:
    """All rows of a file that begin after a line, in its order. Raises MappingError before the first row."""
    bound = mapping.bound(table.header)
    return (
        row if isinstance(row, Rejected) else complaint(row, bound, source, latest) for row in table.rows(after_line)
    )


def row_key(row: SourceRow, source: str, external_id: str) -> str:
    """The same for the same complaint however often, in whatever column order, and from whatever file it comes.

    Without an external id the whole row speaks: two rows alike in every cell are one complaint.
    """
    if external_id:
        told: list[object] = [source, "id", external_id]
    else:
        told = [source, "row", sorted((folded(name), value.strip()) for name, value in row.values.items())]
    return hashlib.sha256(json.dumps(told, ensure_ascii=True).encode()).hexdigest()


def shortened(text: str) -> str:
    """The first line of a text, cut at a word where it is longer than a summary may be."""
    line = " ".join(text.split("\n", 1)[0].split())
    if len(line) <= SUMMARY_LENGTH:
        return line
    return line[: SUMMARY_LENGTH - 1].rsplit(" ", 1)[0].rstrip(" ,;:.-") + "…"


class _Cells:
    """One row as its mapping sees it."""

    def __init__(self, row: SourceRow, mapping: Mapping) -> None:
        self.row = row
        self.mapping = mapping

    def cell(self, column: str) -> str:
        """A coded cell: trimmed, on one line, empty where it only says 'nothing'."""
        if not column:
            return ""
        value = " ".join(self.row.values[column].split())
        return "" if value in self.mapping.absent else value

    def joined(self, columns: tuple[str, ...], glue: str) -> str:
        return glue.join(value for column in columns if (value := self.cell(column)))

    def text(self, column: str) -> str:
        """A cell of prose: line ends made alike, what stands inside left as written."""
        return self.row.values[column].replace("\r\n", "\n").replace("\r", "\n").strip() if column else ""

    def summary(self) -> str:
        return self.joined(self.mapping.summary, ": ")

    def own_words(self) -> list[str]:
        if self.mapping.matter_columns:
            columns = (*((self.mapping.narrative,) if self.mapping.narrative else ()), *self.mapping.matter_columns)
            return [text for column in dict.fromkeys(columns) if (text := self.text(column))]
        narrative = self.text(self.mapping.narrative)
        if self.mapping.matter_separator:
            return [part.strip() for part in narrative.split(self.mapping.matter_separator) if part.strip()]
        return [narrative] if narrative else []

    def composed(self) -> list[str]:
        facts = [f"{column}: {value}" for column in self.mapping.composed if (value := self.cell(column))]
        return ["\n".join((NO_NARRATIVE, *facts))] if facts else []

    def received_at(self) -> datetime | None:
        words = self.cell(self.mapping.received_at)
        if not words:
            return None
        return read_date(words, self.mapping.date_formats, self.mapping.day_first, self.mapping.time_zone)

    def person(self, external_id: str) -> Person:
        name = self.cell(self.mapping.person_name)
        email = self.cell(self.mapping.person_email)
        return Person(
            name=name or self.mapping.absent_name.replace("{id}", external_id or f"line {self.row.line}"),
            named=bool(name),
            email=email if EMAIL.fullmatch(email) else "",
            phone=self.cell(self.mapping.person_phone),
            postcode=self.cell(self.mapping.person_postcode),
        )

    def channel(self) -> str:
        word = self.cell(self.mapping.channel).casefold()
        known = {value.casefold(): channel for value, channel in self.mapping.channels}
        return known.get(word, self.mapping.default_channel)

    def notes(self) -> tuple[str, ...]:
        notes = []
        email = self.cell(self.mapping.person_email)
        if email and not EMAIL.fullmatch(email):
            notes.append(f"The file gave an e-mail address that cannot be used: {email}")
        if shortened(self.summary()) != self.summary():
            notes.append(f"The summary in the file was longer: {self.summary()}")
        word = self.cell(self.mapping.channel)
        if word and self.channel() == self.mapping.default_channel:
            notes.append(f"The file named the channel: {word}")
        return tuple(notes)
