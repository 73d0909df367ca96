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

    def check(self) -> None:
        """Raises UnbalancedError. Called before each save and before the report is shown."""
        if self.rows_in != self.settled:
            raise UnbalancedError(f"{self.rows_in} rows came in, {self.settled} are accounted for.")

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


def as_text(report: Reconciliation) -> str:
    """For a terminal: the four figures, then every row that made no case."""
    report.check()
    lines = [
        f"Import of {report.file_name}",
        f"  rows in      {report.rows_in:>9,}",
        f"  cases made   {report.cases_made:>9,}",
        f"  duplicates   {len(report.duplicates):>9,}",
        f"  rejected     {len(report.rejects):>9,}",
    ]
    lines += [f"  note: {warning}" for warning in report.warnings]
    lines += [f"  {rejected.where}: {rejected.reason}" for rejected in report.rejects]
    lines += [f"  line {twin.line}: {twin.reason}" for twin in report.duplicates]
    return "\n".join(lines) + "\n"


def as_csv(report: Reconciliation) -> str:
    """One row for each row of the file that made no case, in the order of the file, safe to open in a spreadsheet."""
    report.check()
    rejected = [(item.line, item.last_line, "rejected", item.code, item.reason, "") for item in report.rejects]
    twins = [(item.line, item.line, "duplicate", "", item.reason, item.reference) for item in report.duplicates]
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(("line", "last_line", "outcome", "code", "reason", "reference"))
    for row in sorted((*rejected, *twins)):
        writer.writerow(_harmless(row))
    return out.getvalue()


def _harmless(row: Iterable[object]) -> list[object]:
    """Cells a spreadsheet would run as a formula get an apostrophe in front."""
    return [f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell for cell in row]
