"""The whole desk as one ZIP of open formats: JSON lines, files in clear, the ledger as it can be verified elsewhere.

Written so that an empty desk can be filled from it: ids, versions and times are kept, money and moments are text, each
sealed value's subject is named (`sealed_subjects`), and only what is secret or belongs to this server is left out.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from ombud import __version__, speech
from ombud.desk.transfer.export_file import ExportFile, written_whole
from ombud.desk.transfer.kinds import KINDS, LEFT_OUT, Kind
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.process import settings
from ombud.trust import checkpoints, vault
from ombud.trust.canonical import moment_text
from ombud.trust.ledger_commands import everything
from ombud.trust.ledger_export import export_streams

FORMAT, VERSION = "ombud-export", 1
_ROWS = 500  # fetched at once from a server-side cursor
_STREAMS = 5000  # in one file of the ledger
_BYTES = 4_000_000  # of small files decrypted at once

Progress = Callable[[int, int], None]  # lines and files done, in all


@dataclass
class ExportReport:
    """`counts`: lines per kind; `attachments`, `raw`: files; `erased`: files whose owner's key was destroyed."""

    path: Path
    counts: dict[str, int]
    attachments: int = 0
    raw: int = 0
    erased: int = 0
    entries: int = 0
    bytes: int = 0


def quiet(done: int, total: int) -> None:
    return None


class _Line(msgspec.Struct):
    type: str


class _Count:
    def __init__(self, total: int, progress: Progress) -> None:
        self.done, self.total, self.progress = 0, total, progress

    def add(self, many: int) -> None:
        self.done += many
        self.progress(self.done, max(self.done, self.total))


async def export_all(path: Path, progress: Progress = quiet) -> ExportReport:
    """Writes the desk as it stands at one moment (one snapshot of the database), while others work on; memory stays
    the same whatever the size. The file holds personal data in clear. Raises OSError where it cannot be written.
    """
    with written_whole(path) as file:
        await checkpoints.make_checkpoint()
        async with db.transaction():
            await db.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            report = await _export(file, path, progress)
    report.bytes = path.stat().st_size
    return report


async def _export(file: ExportFile, path: Path, progress: Progress) -> ExportReport:
    made_at = now()
    expected = {kind.name: int(await db.fetchval(kind.count_sql)) for kind in KINDS}
    entries = await db.fetchval("SELECT coalesce(sum(seq), 0)::bigint FROM core_stream")
    files = expected["attachments"] + expected["receipts"]
    count = _Count(sum(expected.values()) + files + int(entries), progress)
    report = ExportReport(path, {})
    file.write("README.txt", _README.encode())
    for kind in KINDS:
        report.counts[kind.name] = await _write_kind(file, kind, count)
    report.attachments = await _write_files(file, "attachments", _ATTACHMENTS, count)
    report.raw = await _write_files(file, "raw", _RAW, count)
    report.erased = files - report.attachments - report.raw
    report.entries = await _write_ledger(file, count)
    file.close_sums()
    file.write("manifest.json", await _manifest(file, report, moment_text(made_at)), listed=False, summed=False)
    return report


async def _write_kind(file: ExportFile, kind: Kind, count: _Count) -> int:
    written = 0
    with file.member(f"{kind.name}.jsonl") as member:
        async for lines in kind_lines(kind):
            member.write(b"".join(lines))
            written += len(lines)
            count.add(len(lines))
    return written


async def kind_lines(kind: Kind) -> AsyncIterator[list[bytes]]:
    """The lines of a kind as its file holds them, some hundred at a time; needs an open transaction."""
    async for rows in _batches(kind.rows_sql):
        yield [speech.encoded(dict(row)) + b"\n" for row in rows]


async def _batches(sql: str, *given: Any) -> AsyncIterator[list[asyncpg.Record]]:
    async with db.connection() as connection:
        cursor = await connection.cursor(sql, *given)
        while rows := await cursor.fetch(_ROWS):
            yield rows


_READABLE = (
    "JOIN core_vault v ON v.id = t.vault_id "
    "JOIN core_key k ON k.subject = v.subject AND k.destroyed_at IS NULL ORDER BY t.id"
)
_ATTACHMENTS = f"SELECT t.id, t.vault_id, v.size FROM core_attachment t {_READABLE}"
_RAW = f"SELECT t.id, t.vault_id, v.size FROM core_raw t {_READABLE}"


async def _write_files(file: ExportFile, folder: str, sql: str, count: _Count) -> int:
    """Each file in clear under its record's id; small ones are decrypted some at a time."""
    written, waiting, size = 0, dict[UUID, UUID](), 0
    async for rows in _batches(sql):
        for row in rows:
            waiting[row["id"]] = row["vault_id"]
            size += row["size"]
            if size > _BYTES:
                written += await _write_some(file, folder, waiting, count)
                waiting, size = {}, 0
    return written + await _write_some(file, folder, waiting, count)


async def _write_some(file: ExportFile, folder: str, waiting: dict[UUID, UUID], count: _Count) -> int:
    clear = await vault.load_many(list(waiting.values()))
    for identity, vault_id in waiting.items():
        file.write(f"{folder}/{identity}", clear[vault_id], listed=False)
    count.add(len(waiting))
    return len(waiting)


async def _write_ledger(file: ExportFile, count: _Count) -> int:
    """Some thousand streams per file, each of which holds and can be verified by itself. Returns the entries."""
    number, entries, streams = 0, 0, list[str]()
    async for rows in _batches('SELECT stream FROM core_stream WHERE seq > 0 ORDER BY stream COLLATE "C"'):
        streams += [row["stream"] for row in rows]
        if len(streams) >= _STREAMS:
            number += 1
            entries += await _write_streams(file, number, streams, count)
            streams = []
    if streams or not number:
        entries += await _write_streams(file, number + 1, streams, count)
    return entries


async def _write_streams(file: ExportFile, number: int, streams: list[str], count: _Count) -> int:
    entries = 0
    with file.member(f"ledger/{number:05}.jsonl") as member:
        async for line in export_streams(streams, "desk", everything, checkpoint_first=False):
            member.write(line)
            if msgspec.json.decode(line, type=_Line).type == "entry":
                entries += 1
                count.add(1)
    return entries


async def _manifest(file: ExportFile, report: ExportReport, made_at: str) -> bytes:
    prepared = {
        "format": FORMAT,
        "version": VERSION,
        "made_at": made_at,
        "ombud": __version__,
        "case_numbers_used": await db.fetchval(
            "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM core_case_number"
        ),
        "reference_prefix": settings().complaints.reference_prefix,
        "counts": report.counts,
        "ledger_entries": report.entries,
        "attachment_files": report.attachments,
        "raw_files": report.raw,
        "erased_files": report.erased,
        "files": file.files,
        "left_out": LEFT_OUT | await _plugin_tables(),
    }
    return msgspec.json.format(speech.encoded(prepared), indent=2) + b"\n"


async def _plugin_tables() -> dict[str, str]:
    """What plugins keep for themselves; whatever others should see of it they wrote into core's records."""
    rows = await db.fetch("SELECT slug, declaration FROM core_plugin ORDER BY slug")
    return {
        table["name"]: f"working state of the plugin {row['slug']}"
        for row in rows
        for table in row["declaration"].get("tables", ())
    }


_README = """An export of an Ombud desk
==========================

This file holds complaints, what was said about them, and the people they concern, in clear.
Keep it as you would keep the paper files: whoever has it can read everything.

manifest.json     when it was made, how many lines each file has, the SHA-256 of the files
SHA256SUMS        the SHA-256 of every file but the manifest; check them with: sha256sum -c SHA256SUMS
*.jsonl           one kind of record per file, one record per line, as JSON in UTF-8
attachments/ID    the bytes of the attachment with this id; attachments.jsonl holds its name and type
raw/ID            what came through the door, byte for byte; receipts.jsonl holds when, and by which channel
ledger/*.jsonl    the ledger, hash-chained, with checkpoints, proofs and a signature, and the values that were
                  sealed in it; each file is checked by itself with: python verifier.py FILE
                  (core/ombud/trust/verifier.py of Ombud; it needs nothing but Python)

Times are UTC, as 2026-11-23T09:00:00Z. Money is text with an ISO currency beside it. Ids are UUIDs and connect the
files: a message's case_id is the id of a case. Empty text means that nothing was said; null that there is nothing.

units             legal entities, brands and teams, with the parent's id
roles, users      who may do what; passwords, sessions and tokens are not here
user_roles        which role a user holds in which unit
case_types        kinds of cases, with the schema of their own fields
queues            where work waits, with the condition for what goes there
taxonomy_terms    categories and causes with their words, their span and what took their place
plugins, settings what was switched on, and values that were set; secret ones are not here and must be typed again
people            people and organisations
cases             what complainants want put right; received_at starts the clocks
parties           who has which role in which case, with authority and its end
aspects           the matters of a case: outcome, reason, cause; position 1 is the primary one
redress           lines of what was given; a line that reverses another names it
rates             rates of interest; rate_values: what they were from which day, with the source
calculations      sums with their inputs, rates and working; redress_limits: how much whom may give
redress_requests  redress that waited for a second person; payments, payment_batches: how it was paid, without accounts
receipts          what arrived; receipt_steps: how far each receipt came
messages          what was said, in and out, and notes among staff; message_aspects: about which aspects
attachments       files that came with messages
findings          what was proposed about a record, by whom and why
support_needs     confirmed support needs of a person in a case
links             signed links; their addresses stay secret
crm_answers       what customer systems told of people, each with its moment; crm_choices: who somebody is there, as a
                  colleague chose; crm_records: what customer systems were told of closed cases
drafts            unsent text of staff
demo_items        what belongs to the demonstration data
sealed_subjects   for whom each sealed value of the ledger was sealed
erased_subjects   whose keys were destroyed; nothing can open what was sealed for them

An empty desk is filled from this file with: ombud import desk FILE.zip --data NEW_FOLDER
"""

__all__ = ["ExportReport", "export_all", "kind_lines"]
