"""Writes one kind of record back, whatever its table: PostgreSQL reads the JSON and says where a value does not fit."""

import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from uuid import UUID

import asyncpg
import msgspec

from ombud.desk.transfer.archive import Archive, BadExport
from ombud.desk.transfer.export import kind_lines
from ombud.desk.transfer.kinds import Kind
from ombud.kernel.database import db
from ombud.trust import vault

ROWS = 500  # written with one statement
BYTES = 4_000_000  # of lines or files in memory at once


def batches(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Some hundred lines at a time, fewer where they are long."""
    some: list[bytes] = []
    size = 0
    for line in lines:
        some.append(line)
        size += len(line)
        if len(some) >= ROWS or size >= BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some


async def write(kind: Kind, archive: Archive) -> int:
    """Returns how many rows were written; columns that the file does not have get their defaults. What refers to
    another row of its own table, such as a unit to its parent, may come in any order."""
    place = f"{kind.name}.jsonl"
    await db.execute(f"CREATE TEMP TABLE restored ON COMMIT DROP AS SELECT * FROM {kind.tablename} LIMIT 0")
    names: list[str] = []
    try:
        for some in batches(archive.lines(place)):
            names = names or [name for name in kind.columns if name in msgspec.json.decode(some[0])]
            await db.execute(
                f"INSERT INTO restored SELECT row.* FROM unnest($1::text[]) WITH ORDINALITY AS given (line, place), "
                f"LATERAL jsonb_populate_record(NULL::{kind.tablename}, given.line::jsonb) AS row ORDER BY given.place",
                [line.decode() for line in some],
            )
        done = await _take_over(kind, names) if names else 0
    except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, UnicodeDecodeError) as error:
        detail = getattr(error, "detail", None) or ""
        raise BadExport(place, f"holds a record that this desk cannot take: {error} {detail}".rstrip()) from None
    await db.execute("DROP TABLE restored")
    return done


async def _take_over(kind: Kind, names: Sequence[str]) -> int:
    types = {
        row["name"]: row
        for row in await db.fetch(
            "SELECT attname AS name, atttypid::regtype::text AS type, attnotnull AS needed FROM pg_attribute "
            "WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped",
            kind.tablename,
        )
    }
    values = [_value(name, types[name]) for name in names]
    columns = ", ".join(f'"{name}"' for name in names)
    tag = await db.execute(f"INSERT INTO {kind.tablename} ({columns}) SELECT {', '.join(values)} FROM restored")
    await _count_on(kind)
    return int(tag.rpartition(" ")[2])


def _value(name: str, column: asyncpg.Record) -> str:
    """JSON has no bytes, and its null may be a value of its own."""
    if column["type"] == "bytea":
        return f"decode(convert_from(\"{name}\", 'UTF8'), 'base64')"
    if column["type"] == "jsonb" and column["needed"]:
        return f"coalesce(\"{name}\", 'null'::jsonb)"
    return f'"{name}"'


async def _count_on(kind: Kind) -> None:
    """A key that the database counts up goes on after the highest one."""
    key = kind.table._meta.primary_key._meta.db_column_name
    sequence = await db.fetchval("SELECT pg_get_serial_sequence($1, $2)", kind.tablename, key)
    if sequence is not None:
        await db.fetchval(f'SELECT setval($1::text::regclass, (SELECT max("{key}") FROM {kind.tablename}))', sequence)


async def written_sum(kind: Kind) -> str:
    """The SHA-256 of the file that an export would write of this kind now."""
    digest = hashlib.sha256()
    async for lines in kind_lines(kind):
        for line in lines:
            digest.update(line)
    return digest.hexdigest()


class _FileRow(msgspec.Struct):
    id: str
    vault_id: UUID
    subject: str | None = None


async def write_files(kind: Kind, folder: str, archive: Archive) -> int:
    """The bytes of attachments or receipts, encrypted anew for the same people; returns how many files. Of an erased
    person an empty box stays, so that it is still known whose it was."""
    there = archive.files(folder)
    written = 0
    async for clear, gone in _some_files(kind, folder, archive, there):
        rows = await vault.prepare_again(clear)
        await vault.insert(rows)
        await db.execute(
            "INSERT INTO core_vault (id, subject, wrapped, nonce, ciphertext, size, created_at) "
            "SELECT g.id, g.subject, '', '', '', 0, now() FROM unnest($1::uuid[], $2::text[]) AS g (id, subject)",
            [identity for identity, _ in gone],
            [subject for _, subject in gone],
        )
        written += len(rows)
    return written


_Clear = list[tuple[UUID, str, bytes]]
_Gone = list[tuple[UUID, str]]


async def _some_files(
    kind: Kind, folder: str, archive: Archive, there: set[str]
) -> AsyncIterator[tuple[_Clear, _Gone]]:
    clear: _Clear = []
    gone: _Gone = []
    size = 0
    for line in archive.lines(f"{kind.name}.jsonl"):
        row = msgspec.json.decode(line, type=_FileRow)
        if row.subject is None:
            continue
        if row.id in there:
            data = archive.data(f"{folder}/{row.id}")
            clear.append((row.vault_id, row.subject, data))
            size += len(data)
        else:
            gone.append((row.vault_id, row.subject))
        if size > BYTES or len(clear) + len(gone) >= ROWS:
            yield clear, gone
            clear, gone, size = [], [], 0
    yield clear, gone
