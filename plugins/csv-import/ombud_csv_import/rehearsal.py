"""What an import would do, without filing: the whole file for the command, its beginning for the page."""

import asyncio
import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ombud_csv_import import runs
from ombud_csv_import.beginning import Looked
from ombud_csv_import.faults import Rejected
from ombud_csv_import.mapping import Mapping
from ombud_csv_import.reading import Table
from ombud_csv_import.receipts import digest
from ombud_csv_import.reconcile import Reconciliation
from ombud_csv_import.rows import ComplaintRow, complaints

CHUNK = 500
SHOWN, SCANNED, REJECTED = 20, 1000, 10


async def rehearse(looked: Looked, mapping: Mapping, file_name: str, source: str) -> Reconciliation:
    """Core's own refusals are not foreseen: only filing asks core."""
    report = Reconciliation(file_name, looked.fingerprint, source, warnings=looked.table.warnings)
    found = complaints(looked.table, mapping, source, latest=_latest())
    seen: dict[str, str] = {}
    while chunk := await asyncio.to_thread(lambda: list(itertools.islice(found, CHUNK))):
        known = await runs.claimed([item.key for item in chunk if isinstance(item, ComplaintRow)])
        for item in chunk:
            report.read(item.line)
            if isinstance(item, Rejected):
                report.rejected(item)
            else:
                _book(report, item, digest(item), seen, known)
    report.check()
    return report


def _book(
    report: Reconciliation, row: ComplaintRow, content: str, seen: dict[str, str], known: dict[str, tuple[str, str]]
) -> None:
    if row.key in known:
        reference, before = known[row.key]
        report.duplicate(row.line, reference, changed=before != content)
    elif row.key in seen:
        report.duplicate(row.line, "", changed=seen[row.key] != content)
    else:
        seen[row.key] = content
        report.made()


@dataclass(frozen=True)
class Preview:
    """The first rows as they would become complaints, and rejected ones among the first thousand."""

    rows: list[ComplaintRow]
    rejected: list[Rejected]
    scanned: int


async def preview(table: Table, mapping: Mapping, source: str) -> Preview:
    """Raises MappingError."""
    return await asyncio.to_thread(_preview, table, mapping, source)


def _preview(table: Table, mapping: Mapping, source: str) -> Preview:
    items = list(itertools.islice(complaints(table, mapping, source, latest=_latest()), SCANNED))
    rows = [item for item in items if isinstance(item, ComplaintRow)]
    rejected = [item for item in items if isinstance(item, Rejected)]
    return Preview(rows[:SHOWN], rejected[:REJECTED], len(items))


def _latest() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=5)
