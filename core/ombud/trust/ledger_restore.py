"""Writes a ledger that was exported into an empty desk: entries byte for byte, values sealed anew for their people.

Everything happens in the caller's transaction. What was checked before (`verifier.py`) is not checked again here; the
desk verifies the whole ledger in place before it commits.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from ombud.kernel.database import db
from ombud.trust import keys
from ombud.trust.canonical import canonical
from ombud.trust.ledger import LOOK_AGAIN, NEWS, sealed_label
from ombud.trust.vault import Box, seal

BATCH = 1000
Item = dict[str, Any]


class CannotRestore(ValueError):
    """The parts of the exported ledger do not fit together; the text names the first place."""


async def prepare() -> None:
    """Tables in which entries and subjects of sealed values wait for the end; they go with the transaction."""
    await db.execute(
        """
        CREATE TEMP TABLE restored_entry ON COMMIT DROP AS SELECT * FROM core_ledger_entry LIMIT 0;
        CREATE TEMP TABLE restored_sealed (place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            stream text COLLATE "C" NOT NULL, seq bigint NOT NULL, field text COLLATE "C" NOT NULL,
            subject text NOT NULL, UNIQUE (stream, seq, field)) ON COMMIT DROP;
        """
    )


async def destroyed(lines: Iterable[Sequence[bytes]]) -> int:
    """The tombstones of destroyed keys, so that nothing can be sealed for these people again; returns how many."""
    written = 0
    for some in lines:
        rows = [msgspec.json.decode(line) for line in some]
        await db.execute(
            "INSERT INTO core_key (subject, wrapped, master_id, created_at, destroyed_at) "
            "SELECT t.subject, NULL, '', t.at::timestamptz, t.at::timestamptz "
            "FROM unnest($1::text[], $2::text[]) AS t (subject, at)",
            [row["subject"] for row in rows],
            [row["destroyed_at"] for row in rows],
        )
        written += len(rows)
    return written


async def subjects(lines: Iterable[Sequence[bytes]]) -> int:
    """For whom each sealed value was sealed, in the order of the file; returns how many."""
    written = 0
    for some in lines:
        rows = [msgspec.json.decode(line) for line in some]
        await db.execute(
            "INSERT INTO restored_sealed (stream, seq, field, subject) SELECT t.stream, t.seq, t.field, t.subject "
            "FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[]) WITH ORDINALITY "
            "AS t (stream, seq, field, subject, place) ORDER BY t.place",
            *([row[name] for row in rows] for name in ("stream", "seq", "field", "subject")),
        )
        written += len(rows)
    return written


async def file(lines: Iterable[bytes]) -> None:
    """One file of the exported ledger."""
    writers = {"entry": _entries, "opening": _openings, "checkpoint": _checkpoints, "proof": _members}
    waiting: dict[str, list[Item]] = {kind: [] for kind in writers}
    for line in lines:
        item = msgspec.json.decode(line)
        mine = waiting.get(item["type"])
        if mine is None:
            continue  # header and signature speak of the file; this desk signs with a key of its own
        mine.append(item)
        if len(mine) >= BATCH:
            await writers[item["type"]](mine)
            mine.clear()
    for kind, rest in waiting.items():
        if rest:
            await writers[kind](rest)


async def _entries(items: Sequence[Item]) -> None:
    await db.execute(
        """INSERT INTO restored_entry (stream, seq, at, actor, cause, kind, body, sealed, prev, hash)
        SELECT e.stream, e.seq, e.at::timestamptz, e.actor, e.cause, e.kind, e.body::jsonb, e.sealed::jsonb,
            decode(e.prev, 'hex'), decode(e.hash, 'hex')
        FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::text[], $10::text[]) AS e (stream, seq, at, actor, cause, kind, body, sealed, prev, hash)""",
        *([item[name] for item in items] for name in ("stream", "seq", "at", "actor", "cause", "kind")),
        [canonical(item["body"]).decode() for item in items],
        [canonical(item["sealed"]).decode() for item in items],
        [item["prev"] for item in items],
        [item["hash"] for item in items],
    )


async def _openings(items: Sequence[Item]) -> None:
    """Seals each value with its old nonce, so that the commitment still fits, under the new key of its subject."""
    rows = await db.fetch(
        """SELECT given.place AS item, s.place, s.subject
        FROM unnest($1::text[], $2::bigint[], $3::text[]) WITH ORDINALITY AS given (stream, seq, field, place)
        LEFT JOIN restored_sealed s USING (stream, seq, field) ORDER BY given.place""",
        *([item[name] for item in items] for name in ("stream", "seq", "field")),
    )
    for row in rows:
        if row["subject"] is None:
            item = items[row["item"] - 1]
            raise CannotRestore(
                f"nobody is named for whom {item['field']} of {item['stream']} {item['seq']} was sealed"
            )
    try:
        opened = await keys.sealing_keys({row["subject"] for row in rows})
    except keys.Destroyed as error:
        raise CannotRestore(f"a value stands here in clear although it was erased: {error}") from None
    boxes = [_sealed(opened[row["subject"]], row["subject"], item) for row, item in zip(rows, items, strict=True)]
    await db.execute(
        """INSERT INTO core_sealed (id, stream, seq, field, subject, wrapped, nonce, ciphertext)
        SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bytea[], $7::bytea[],
            $8::bytea[])""",
        [row["place"] for row in rows],
        *([item[name] for item in items] for name in ("stream", "seq", "field")),
        [row["subject"] for row in rows],
        *([getattr(box, name) for box in boxes] for name in ("wrapped", "nonce", "ciphertext")),
    )


def _sealed(key: bytes, subject: str, item: Item) -> Box:
    clear = bytes.fromhex(item["nonce"]) + canonical(item["value"])
    return seal(key, clear, sealed_label(item["stream"], item["seq"], item["field"], subject))


async def _checkpoints(items: Sequence[Item]) -> None:
    """Each file of the ledger brings the checkpoints of its entries; the same one comes more than once."""
    await db.execute(
        """INSERT INTO core_checkpoint (n, at, size, root, prev, hash)
        SELECT c.n, c.at::timestamptz, c.size, decode(c.root, 'hex'), decode(c.prev, 'hex'), decode(c.hash, 'hex')
        FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[])
            AS c (n, at, size, root, prev, hash) ON CONFLICT (n) DO NOTHING""",
        *([item[name] for item in items] for name in ("n", "at", "size", "root", "prev", "hash")),
    )


async def _members(items: Sequence[Item]) -> None:
    await db.execute(
        "INSERT INTO core_checkpoint_entry (stream, seq, checkpoint, index) "
        "SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[])",
        *([item[name] for item in items] for name in ("stream", "seq", "checkpoint", "index")),
    )


async def finish() -> tuple[int, int]:
    """Entries in the order of their times, heads, and an empty box for each value that was erased; returns how many
    entries and sealed values the desk has now."""
    await db.execute(
        """INSERT INTO core_ledger_entry (stream, seq, at, actor, cause, kind, body, sealed, prev, hash)
        SELECT stream, seq, at, actor, cause, kind, body, sealed, prev, hash FROM restored_entry
        ORDER BY at, stream COLLATE "C", seq"""
    )
    await db.execute(
        """INSERT INTO core_stream (stream, seq, hash)
        SELECT DISTINCT ON (stream) stream, seq, hash FROM restored_entry ORDER BY stream, seq DESC"""
    )
    await db.execute(
        """INSERT INTO core_sealed (id, stream, seq, field, subject, wrapped, nonce, ciphertext)
        SELECT s.place, s.stream, s.seq, s.field, s.subject, '', '', '' FROM restored_sealed s
        JOIN core_key k ON k.subject = s.subject AND k.destroyed_at IS NOT NULL"""
    )
    left = await db.fetchrow(
        "SELECT s.stream, s.seq, s.field FROM restored_sealed s LEFT JOIN core_sealed c ON c.id = s.place "
        "WHERE c.id IS NULL ORDER BY s.place LIMIT 1"
    )
    if left is not None:
        raise CannotRestore(f"the value {left['field']} of {left['stream']} {left['seq']} is missing")
    await db.fetchval(
        "SELECT setval(pg_get_serial_sequence('core_sealed', 'id'), greatest(1, (SELECT max(id) FROM core_sealed)))"
    )
    row = await db.fetchrow(
        "SELECT (SELECT count(*) FROM core_ledger_entry) AS entries, (SELECT count(*) FROM core_sealed) AS sealed"
    )
    assert row is not None
    db.tell(NEWS, LOOK_AGAIN)
    return row["entries"], row["sealed"]


__all__ = ["CannotRestore", "destroyed", "file", "finish", "prepare", "subjects"]
