"""Begins an import: looks at the file, finds the one that was broken off, or writes a new one down."""

import asyncio
import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any
from uuid import UUID

from ombud_csv_import import layouts, runs
from ombud_csv_import.encoding import Source
from ombud_csv_import.layouts import Layout
from ombud_csv_import.mapping import Mapping, read_mapping
from ombud_csv_import.reading import Table, Tally, open_table

FILE_NAME = 120
SOURCE = re.compile(r"[\w .:/@-]{1,80}")
SOURCE_HINT = "Name the source with letters, digits, dots and dashes, 80 at most, such as crm-2026."


@dataclass(frozen=True)
class Looked:
    """A file that can be read to its end."""

    table: Table
    tally: Tally
    layout: Layout | None

    @property
    def rows(self) -> int:
        return self.tally.readable + self.tally.rejected

    @property
    def fingerprint(self) -> str:
        return self.table.encoding.fingerprint


async def look(source: Source) -> Looked:
    """Reads the whole file once, in a thread. Raises a kind of UnreadableFileError with the remedy."""
    return await asyncio.to_thread(_look, source)


def _look(source: Source) -> Looked:
    table = open_table(source)
    return Looked(table, table.tally(), layouts.recognise(table.header))


def usual_source(layout: Layout | None, file_name: str) -> str:
    """All CFPB exports share one space of complaint ids, the narratives have ids of their own; any other file is its
    own source until somebody says otherwise, because ids of two systems may coincide."""
    if layout is not None:
        return layout.name if layout.name == "cfpb-narratives" else "cfpb"
    stem = PurePath(file_name).name.removesuffix(".gz").removesuffix(".csv")
    return re.sub(r"[^\w.-]+", "-", stem).strip("-.")[:80] or "csv"


async def begin(
    looked: Looked, mapping: Mapping | None, file_name: str, source: str, unit: str, started_by: str
) -> tuple[runs.Run, bool]:
    """The import to run, and whether it goes on where it was broken off; without a mapping it keeps the one it had.

    A file that was begun with another mapping or unit is begun anew; what the first one filed is then a duplicate.
    """
    known = await runs.unfinished(looked.fingerprint, source)
    document = (mapping or layouts.proposal(looked.table.header)).document()
    if known is not None and known.unit == unit and (mapping is None or known.mapping == document):
        await runs.change(known.id, runs.OPEN_STATES, state="waiting", error="")
        return known, True
    if known is not None:
        await runs.change(known.id, runs.OPEN_STATES, state="stopped")
    identity = await runs.add(
        file_name=printable(file_name),
        source=source,
        unit=unit,
        mapping=document,
        state="waiting",
        started_by=started_by,
        **facts(looked),
    )
    return await found(identity), False


def printable(file_name: str) -> str:
    """The name of a file as lists show it."""
    return "".join(char for char in file_name if char.isprintable())[:FILE_NAME] or "file.csv"


def facts(looked: Looked) -> dict[str, Any]:
    """What the file itself says, as columns of csv_import_run."""
    return {
        "fingerprint": looked.fingerprint,
        "layout": looked.layout.name if looked.layout else "",
        "warnings": list(looked.table.warnings),
        "rows_total": looked.rows,
    }


async def found(identity: UUID) -> runs.Run:
    run = await runs.get(identity)
    assert run is not None
    return run


def mapping_of(run: runs.Run) -> Mapping:
    """Raises MappingError where a later version of the plugin cannot read it."""
    return read_mapping(run.mapping)
