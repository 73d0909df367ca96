"""`ombud import csv FILE`: the same import, in the process of the command. Safe to kill and to run again."""

import argparse
import json
import sys
from pathlib import Path

from ombud_csv_import import layouts, runs
from ombud_csv_import.beginning import SOURCE, SOURCE_HINT, Looked, begin, look, usual_source
from ombud_csv_import.faults import UnreadableFileError
from ombud_csv_import.filing import Busy, Stopped, import_rows
from ombud_csv_import.mapping import Mapping, MappingError, read_mapping
from ombud_csv_import.reconcile import COLUMNS, as_text, cells, csv_line, told
from ombud_csv_import.rehearsal import rehearse
from ombud_csv_import.runs import Run
from ombud_plugin_api import Context, Permanent

LISTED = 100
ALL_ACCOUNTED, NOTHING_CAME, INTERRUPTED, CANNOT_BEGIN = 0, 1, 1, 2


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help=".csv or .csv.gz")
    parser.add_argument(
        "--source", default="", help="names the space of the file's ids; default: by layout or file name"
    )
    parser.add_argument("--layout", default="", choices=["", *(each.name for each in layouts.LAYOUTS)], metavar="NAME")
    parser.add_argument(
        "--mapping", type=Path, metavar="FILE.json", help="columns to fields, as the import page saves it"
    )
    parser.add_argument("--unit", default="", metavar="KEY", help="unit of the cases; default: the first")
    parser.add_argument("--report", type=Path, metavar="FILE.csv", help="also write the rows that made no case here")
    parser.add_argument("--dry-run", action="store_true", help="show what would happen and file nothing")


async def run_command(asked: argparse.Namespace, context: Context) -> int:
    """0: every row is accounted for. 1: broken off, run it again, or every row was rejected. 2: the file, the mapping
    or the unit is refused."""
    try:
        looked = await look(asked.file)
        mapping = _mapping(asked, looked.table.header)
        source = asked.source or usual_source(looked.layout, asked.file.name)
        if not SOURCE.fullmatch(source):
            return _refuse(SOURCE_HINT)
        if asked.dry_run:
            return await _rehearse(asked, looked, mapping, source)
        return await _import(asked, looked, mapping, source, context)
    except (UnreadableFileError, MappingError, Permanent, Busy) as refusal:
        return _refuse(str(refusal))


async def _rehearse(asked: argparse.Namespace, looked: Looked, mapping: Mapping | None, source: str) -> int:
    header = looked.table.header
    report = await rehearse(looked, mapping or layouts.proposal(header), asked.file.name, source)
    print(f"Nothing was filed. This would happen:\n{as_text(report, LISTED)}", end="")
    return ALL_ACCOUNTED


async def _import(
    asked: argparse.Namespace, looked: Looked, mapping: Mapping | None, source: str, context: Context
) -> int:
    if mapping is None:
        layouts.proposal(looked.table.header).bound(looked.table.header)
    run, again = await begin(looked, mapping, asked.file.name, source, asked.unit, context.viewer_name)
    if again:
        _say(f"This file was begun before: {run.rows_in:,} of {run.rows_total:,} rows are accounted for. Going on.")
    try:
        finished = await import_rows(run, asked.file, context)
    except Stopped:
        _say("The import was stopped. Run the command again to go on.")
        return INTERRUPTED
    await _report(finished, asked.report)
    return _ended(finished)


def _ended(run: Run) -> int:
    """A script that goes by the exit code must not take a file of rejected rows for an import."""
    if run.rejected and not run.made and not run.duplicates:
        _say("Nothing came in: every row was rejected. The reasons stand above; correct the file or its mapping.")
        return NOTHING_CAME
    if run.rejected:
        _say(f"{run.rejected:,} of {run.rows_in:,} rows were rejected; the others are here.")
    return ALL_ACCOUNTED


async def _report(run: Run, to: Path | None) -> None:
    items = await runs.without_case(run.id, limit=LISTED)
    print("\n".join([*run.figures.lines(), *map(told, items)]))
    more = run.rejected + run.duplicates - len(items)
    if more:
        print(f"  … and {more:,} more rows without a case; --report FILE or the import's page lists them all.")
    if to is not None:
        with to.open("w", encoding="utf-8", newline="") as out:
            out.write(csv_line(COLUMNS))
            async for item in runs.all_without_case(run.id):
                out.write(csv_line(cells(item)))


def _mapping(asked: argparse.Namespace, header: tuple[str, ...]) -> Mapping | None:
    """What the words of the command ask for; None leaves it to the columns. Raises MappingError."""
    if asked.mapping is not None:
        return read_mapping(_document(asked.mapping)).bound(header)
    if asked.layout:
        return layouts.named(asked.layout).mapping.bound(header)
    return None


def _document(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise MappingError((f"{path} cannot be opened: {fault.strerror}. Check the name and the rights.",)) from fault
    except ValueError as fault:
        raise MappingError((f"{path} is not JSON: {fault}. Save the mapping again on the import page.",)) from fault
    if not isinstance(found, dict):
        raise MappingError((f"{path} holds no mapping. Save one on the import page.",))
    return found


def _refuse(text: str) -> int:
    _say(f"ombud import csv: {text}")
    return CANNOT_BEGIN


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
