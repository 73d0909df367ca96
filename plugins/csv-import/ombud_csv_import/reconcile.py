"""Accounts for every row of an import: a case made, a duplicate, or rejected with the reason and the line."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ombud_csv_import.faults import Rejected

FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A row whose key was filed before: reference is the case that has it, left as it is.

    changed: the row says other things than it did then.
    """

    line: int
    reference: str
    changed: bool = False

    @property
    def reason(self) -> str:
        what = f"already filed as {self.reference}" if self.reference else "already filed"
        return f"{what}, with other content; the case was left as it is" if self.changed else what


@dataclass(frozen=True, slots=True)
class Figures:
    """The sum of an import, for the head of its report."""

    file_name: str
    rows_in: int
    cases_made: int
    duplicates: int
    rejected: int
    warnings: tuple[str, ...] = ()

    def check(self) -> None:
        """Raises UnbalancedError."""
        settled = self.cases_made + self.duplicates + self.rejected
        if self.rows_in != settled:
            raise UnbalancedError(f"{self.rows_in} rows came in, {settled} are accounted for.")

    def lines(self) -> list[str]:
        return [
            f"Import of {self.file_name}",
            f"  rows in      {self.rows_in:>9,}",
            f"  cases made   {self.cases_made:>9,}",
            f"  duplicates   {self.duplicates:>9,}",
            f"  rejected     {self.rejected:>9,}",
            *(f"  note: {warning}" for warning in self.warnings),
        ]


class UnbalancedError(Exception):
    """Rows were read that nobody accounted for: a fault of the program, never of the file."""


@dataclass(slots=True)
class Reconciliation:
    """Kept while an import runs, saved with document() after each batch, read back where it goes on.

    Each row is first read(), then settled by made(), duplicate() or rejected(). read_to: the last line read.
    """

    file_name: str
    fingerprint: str
    source: str
    rows_in: int = 0
    cases_made: int = 0
    read_to: int = 0
    duplicates: list[Duplicate] = field(default_factory=list)
    rejects: list[Rejected] = field(default_factory=list)
    warnings: tuple[str, ...] = ()

    def read(self, last_line: int) -> None:
        self.rows_in += 1
        self.read_to = last_line

    def made(self) -> None:
        self.cases_made += 1

    def duplicate(self, line: int, reference: str, changed: bool = False) -> None:
        self.duplicates.append(Duplicate(line, reference, changed))

    def rejected(self, rejected: Rejected) -> None:
        self.rejects.append(rejected)

    @property
    def settled(self) -> int:
        return self.cases_made + len(self.duplicates) + len(self.rejects)

    @property
    def figures(self) -> Figures:
        counts = (self.rows_in, self.cases_made, len(self.duplicates), len(self.rejects))
        return Figures(self.file_name, *counts, self.warnings)

    @property
    def without_case(self) -> list[Rejected | Duplicate]:
        return [*self.rejects, *self.duplicates]

    def check(self) -> None:
        """Raises UnbalancedError. Called before each save and before the report is shown."""
        self.figures.check()

    def document(self) -> dict[str, Any]:
        """As JSON keeps it."""
        self.check()
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Reconciliation":
        values = dict(document)
        values["duplicates"] = [Duplicate(**item) for item in values["duplicates"]]
        values["rejects"] = [Rejected(**item) for item in values["rejects"]]
        values["warnings"] = tuple(values["warnings"])
        found = cls(**values)
        found.check()
        return found


def as_text(report: Reconciliation, listed: int | None = None) -> str:
    """For a terminal: the four figures, then the rows that made no case, all or the first so many."""
    report.check()
    items = [told(item) for item in report.without_case]
    more = len(items) - listed if listed is not None and len(items) > listed else 0
    rest = [f"  … and {more:,} more rows without a case"] if more else []
    return "\n".join([*report.figures.lines(), *items[:listed], *rest]) + "\n"


def told(item: Rejected | Duplicate) -> str:
    """One row that made no case, as a line of text."""
    where = item.where if isinstance(item, Rejected) else f"line {item.line}"
    return f"  {where}: {item.reason}"


def as_csv(report: Reconciliation) -> str:
    """One row for each row of the file that made no case, in the order of the file, safe to open in a spreadsheet."""
    report.check()
    items = sorted(report.without_case, key=lambda item: item.line)
    return csv_line(COLUMNS) + "".join(csv_line(cells(item)) for item in items)


COLUMNS = ("line", "last_line", "outcome", "code", "reason", "reference")


def cells(item: Rejected | Duplicate) -> tuple[object, ...]:
    if isinstance(item, Rejected):
        return (item.line, item.last_line, "rejected", item.code, item.reason, "")
    return (item.line, item.line, "duplicate", "changed" if item.changed else "", item.reason, item.reference)


def csv_line(row: Iterable[object]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out).writerow(_harmless(row))
    return out.getvalue()


def _harmless(row: Iterable[object]) -> list[object]:
    """Cells a spreadsheet would run as a formula get an apostrophe in front."""
    return [f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell for cell in row]
