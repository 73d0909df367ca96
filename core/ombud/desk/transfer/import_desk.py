"""Takes a whole export into an empty desk: everything is checked first, then written in one transaction or not at all.

Ids, times, versions and references stay; the ledger's entries and checkpoints come back byte for byte, and its sealed
values and all files are encrypted anew under this desk's keys. Before the commit every kind is written out again and
compared with the file by its SHA-256, and the ledger is verified in place.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import msgspec

from ombud.desk import first_desk
from ombud.desk.errors import NotNow
from ombud.desk.transfer import import_rows
from ombud.desk.transfer.archive import Archive, BadExport, Manifest, opened_archive
from ombud.desk.transfer.import_check import WITH_FILES, Checked, check
from ombud.desk.transfer.kinds import KINDS, Kind
from ombud.kernel import plugin_change
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.process import settings
from ombud.trust import ledger_restore, ledger_verify
from ombud.trust.ledger import NewEntry, append
from ombud.trust.signing import SUBJECT as DEPLOYMENT

Progress = Callable[[str, int, int], None]  # what is done, how much of it, of how much

# These two are parts of ledger and vault, and are written by `ledger_restore`.
OF_THE_LEDGER = {"sealed_subjects": ledger_restore.subjects, "erased_subjects": ledger_restore.destroyed}


@dataclass(frozen=True)
class Line:
    """One line of the reconciliation: expected by the manifest and written here. `same`: whether an export would write
    the same bytes again; None where that cannot be, because this version keeps more about such records."""

    kind: str
    expected: int
    written: int
    sha256: str = ""
    same: bool | None = True


@dataclass
class ImportReport:
    """What came in, and what is left for a person to do."""

    manifest: Manifest
    manifest_sha256: str
    lines: list[Line] = field(default_factory=list)
    signed_by: tuple[str, ...] = ()
    checkpoints: int = 0
    users: tuple[str, ...] = ()
    links: int = 0
    plugins: tuple[str, ...] = ()
    prefix_differs: bool = False


def quiet(what: str, done: int, total: int) -> None:
    return None


async def import_desk(path: Path, progress: Progress = quiet) -> ImportReport:
    """Fills this empty desk from an export. Raises NotNow where the desk is not empty, BadExport with the place where
    the file does not hold, OSError where it cannot be read; then nothing was written."""
    await refuse_filled()
    with opened_archive(path) as archive:
        checked = check(archive, lambda done, total: progress("files checked", done, total))
        async with db.transaction():
            await db.execute("SELECT pg_advisory_xact_lock($1)", first_desk.LOCK)
            await refuse_filled()
            try:
                report = await _write(archive, checked, progress)
            except ledger_restore.CannotRestore as error:
                raise BadExport("ledger/", f"its parts do not fit together: {error}.") from None
    return report


async def refuse_filled() -> None:
    """Only a desk where nobody was yet can take all of another: ids and the ledger's streams must not meet."""
    there = {
        "users": await db.fetchval("SELECT count(*) FROM core_user"),
        "cases": await db.fetchval("SELECT count(*) FROM core_case"),
        "people": await db.fetchval("SELECT count(*) FROM core_person"),
        "entries in the ledger": await db.fetchval("SELECT coalesce(sum(seq), 0)::bigint FROM core_stream"),
        "keys": await db.fetchval("SELECT count(*) FROM core_key WHERE subject <> $1", DEPLOYMENT),
    }
    found = ", ".join(f"{many} {what}" for what, many in there.items() if many)
    if found:
        raise NotNow(
            f"This desk is not empty; it has {found}. Only an empty desk can take in an export. Name a folder in which "
            "there is no desk yet: ombud import desk FILE --data NEW_FOLDER"
        )


async def _write(archive: Archive, checked: Checked, progress: Progress) -> ImportReport:
    report = ImportReport(archive.manifest, archive.sha256, signed_by=tuple(sorted(checked.keys)))
    kinds = [kind for kind in KINDS if kind.name in archive.manifest.counts]
    await ledger_restore.prepare()
    written: dict[str, int] = {}
    for done, kind in enumerate(sorted(kinds, key=lambda each: each.name not in OF_THE_LEDGER)):
        progress("kinds of records written", done, len(kinds))
        written[kind.name] = await _write_kind(kind, archive)
    progress("kinds of records written", len(kinds), len(kinds))
    await _write_files(archive, written)
    await _write_ledger(archive, report, progress)
    if archive.manifest.case_numbers_used:
        await db.fetchval("SELECT setval('core_case_number', $1)", archive.manifest.case_numbers_used)
    await _compare(archive, kinds, written, report)
    await _verify(progress)
    await _leave_to_do(report)
    await _tell(report, checked)
    return report


async def _write_kind(kind: Kind, archive: Archive) -> int:
    special = OF_THE_LEDGER.get(kind.name)
    if special is None:
        return await import_rows.write(kind, archive)
    try:
        return await special(import_rows.batches(archive.lines(f"{kind.name}.jsonl")))
    except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, msgspec.MsgspecError, KeyError) as error:
        raise BadExport(f"{kind.name}.jsonl", f"holds a record that this desk cannot take: {error}") from None


async def _write_files(archive: Archive, written: dict[str, int]) -> None:
    for kind in KINDS:
        if (folder := WITH_FILES.get(kind.name)) and kind.name in written:
            try:
                written[f"{folder}/"] = await import_rows.write_files(kind, folder, archive)
            except (asyncpg.IntegrityConstraintViolationError, msgspec.MsgspecError) as error:
                raise BadExport(f"{folder}/", f"the files do not fit their records: {error}") from None


async def _write_ledger(archive: Archive, report: ImportReport, progress: Progress) -> None:
    names = archive.ledger_files
    try:
        for done, name in enumerate(names, 1):
            await ledger_restore.file(archive.lines(name))
            progress("files of the ledger written", done, len(names))
        entries, _ = await ledger_restore.finish()
    except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
        raise BadExport("ledger/", f"holds an entry that this desk cannot take: {error}") from None
    report.checkpoints = await db.fetchval("SELECT count(*) FROM core_checkpoint")
    report.lines.append(Line("ledger entries", archive.manifest.ledger_entries, entries))


async def _compare(archive: Archive, kinds: list[Kind], written: dict[str, int], report: ImportReport) -> None:
    """Counts and sums of what was written; a difference ends the import."""
    manifest = archive.manifest
    lines = []
    for kind in kinds:
        sha256 = await import_rows.written_sum(kind)
        there = await db.fetchval(kind.count_sql)
        same: bool | None = sha256 == manifest.files[f"{kind.name}.jsonl"].sha256
        if not same and there and _first_names(archive, kind) != set(kind.names):
            same = None
        lines.append(Line(kind.name, manifest.counts[kind.name], there, sha256, same))
    files = (("attachments/", manifest.attachment_files), ("raw/", manifest.raw_files))
    lines += [Line(name, expected, written.get(name, 0)) for name, expected in files]
    report.lines = lines + report.lines
    for line in report.lines:
        if line.written != line.expected:
            raise BadExport(line.kind, f"{line.expected} were expected, but {line.written} could be written.")
        if line.same is False:
            raise BadExport(
                f"{line.kind}.jsonl", "written out again it is not the same; a value in it is not as usual."
            )


def _first_names(archive: Archive, kind: Kind) -> set[str]:
    return set(msgspec.json.decode(next(archive.lines(f"{kind.name}.jsonl"))))


async def _verify(progress: Progress) -> None:
    found = ledger_verify.Report()
    await ledger_verify.verify_here(
        found, progress=lambda done, total: progress("entries of the ledger verified", done, total)
    )
    if found.broken:
        raise BadExport("the export", f"its records are not what its ledger tells: {found.broken}.")


async def _leave_to_do(report: ImportReport) -> None:
    rows = await db.fetch("SELECT name FROM core_user WHERE active ORDER BY name")
    report.users = tuple(row["name"] for row in rows)
    report.links = await db.fetchval("SELECT count(*) FROM core_link WHERE revoked_at IS NULL AND expires_at > now()")
    report.prefix_differs = report.manifest.reference_prefix != settings().complaints.reference_prefix
    report.plugins = tuple(await plugin_change.settle_in())


async def _tell(report: ImportReport, checked: Checked) -> None:
    """The ledger says where it was taken over, and whose signatures the earlier exports bear."""
    body = {
        "made_at": report.manifest.made_at, "ombud": report.manifest.ombud, "manifest": report.manifest_sha256,
        "entries": checked.entries, "streams": checked.streams, "checkpoints": len(checked.checkpoints),
        "public_keys": sorted(checked.keys),
    }  # fmt: skip
    await append(actor="system", entries=[NewEntry(f"import/{new_id()}", "desk.imported", body)])


__all__ = ["BadExport", "ImportReport", "import_desk", "refuse_filled"]
