"""Checkpoints: Merkle roots over what was committed since the last one, published outside the database."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.canonical import ZERO, canonical, checkpoint_hash, moment_text
from ombud.trust.merkle import Tree

LOCK = 0x6F6D_6368_6B  # one checkpoint, and one publication, at a time
BATCH = 5000
_COLUMNS = "n, at, size, root, prev, hash"


class PublishedDiffers(RuntimeError):
    """A checkpoint that was published is not in the database, or is another there: history was changed or cut."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    n: int
    at: datetime
    size: int
    root: bytes
    prev: bytes
    hash: bytes

    @property
    def shown(self) -> dict[str, Any]:
        """As it is exported and published."""
        return {
            "type": "checkpoint",
            "n": self.n,
            "at": moment_text(self.at),
            "size": self.size,
            "root": self.root.hex(),
            "prev": self.prev.hex(),
            "hash": self.hash.hex(),
        }


def checkpoint_of(row: asyncpg.Record) -> Checkpoint:
    return Checkpoint(*(row[name] for name in Checkpoint.__dataclass_fields__))


# `age` compares transaction ids across their wrap-around: older than the oldest one that still runs means that every
# transaction which could have written beside this entry is finished, so nothing can appear in this checkpoint's past.
_TAKE = """
INSERT INTO core_checkpoint_entry (stream, seq, checkpoint, index)
SELECT e.stream, e.seq, $1, row_number() OVER (ORDER BY e.stream COLLATE "C", e.seq) - 1
FROM core_ledger_entry e
WHERE e.id > $2 AND age(e.xmin) > age(pg_snapshot_xmin(pg_current_snapshot())::xid)
AND NOT EXISTS (SELECT 1 FROM core_checkpoint_entry m WHERE m.stream = e.stream AND m.seq = e.seq)
"""
_LEAVES = """
SELECT m.index, e.hash FROM core_checkpoint_entry m JOIN core_ledger_entry e USING (stream, seq)
WHERE m.checkpoint = $1 ORDER BY m.index
"""


async def make_checkpoint() -> Checkpoint | None:
    """Takes every entry that is in no checkpoint yet and certainly visible; None if there is none.

    A transaction that stays open holds back what was committed since it began, until the next time.
    """
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        last = await db.fetchrow(f"SELECT {_COLUMNS} FROM core_checkpoint ORDER BY n DESC LIMIT 1")
        n, prev = (last["n"] + 1, last["hash"]) if last else (1, ZERO)
        taken = await db.execute(_TAKE, n, await _reach())
        if taken == "INSERT 0 0":
            return None
        tree = Tree()
        async for rows in batches(_LEAVES, n):
            for row in rows:
                tree.add(row["hash"])
        moment, root = now(), tree.root()
        made = Checkpoint(n, moment, tree.size, root, prev, checkpoint_hash(n, moment, tree.size, root, prev))
        await db.execute(
            f"INSERT INTO core_checkpoint ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6)",
            *(getattr(made, name) for name in Checkpoint.__dataclass_fields__),
        )
    return made


async def _reach() -> int:
    """The id up to which every entry is in a checkpoint, or will be by the next statement of this transaction.

    Entries take their ids after their transaction has its number, and not in the order of commits. So the last id is
    noted together with the next transaction number; once all transactions below that are over, nothing up to the id
    can come any more: the checkpoint of that moment takes the rest, and later ones look only beyond.
    """
    if await db.fetchval("SHOW transaction_isolation") != "read committed":
        raise RuntimeError("a checkpoint needs a snapshot of its own moment: run it in a read committed transaction")
    upto = await db.fetchval("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM core_ledger_entry_id_seq")
    row = await db.fetchrow(
        """UPDATE core_ledger_reach now SET
            low = CASE WHEN before.over THEN before.upto ELSE before.low END,
            upto = CASE WHEN before.over OR before.strange THEN $1 ELSE before.upto END,
            below = CASE WHEN before.over OR before.strange THEN before.next ELSE before.below END
        FROM (SELECT low, upto, below, next, below <= oldest AS over, below > next AS strange
            FROM core_ledger_reach, (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest,
                pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next) AS moment) AS before
        RETURNING before.low""",
        upto,
    )
    return int(row["low"]) if row else 0


async def batches(sql: str, *args: Any) -> AsyncIterator[list[asyncpg.Record]]:
    """Rows through a server-side cursor, some thousand at a time; needs an open transaction."""
    async with db.connection() as connection:
        cursor = await connection.cursor(sql, *args)
        while rows := await cursor.fetch(BATCH):
            yield rows


async def newest() -> Checkpoint | None:
    row = await db.fetchrow(f"SELECT {_COLUMNS} FROM core_checkpoint ORDER BY n DESC LIMIT 1")
    return checkpoint_of(row) if row else None


async def since(n: int) -> list[Checkpoint]:
    """The checkpoints after number n, in order."""
    rows = await db.fetch(f"SELECT {_COLUMNS} FROM core_checkpoint WHERE n > $1 ORDER BY n", n)
    return [checkpoint_of(row) for row in rows]


async def publish(path: Path) -> int:
    """Appends to the file what it does not hold yet, also after a crash between commit and publication.

    Returns how many. Raises PublishedDiffers when the database no longer holds what the file says.
    """
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        last = last_published(path)
        if last is not None:
            await _compare(last, path)
        fresh = await since(last["n"] if last else 0)
        append_lines(path, b"".join(canonical(each.shown) + b"\n" for each in fresh))
    return len(fresh)


async def _compare(published: dict[str, Any], path: Path) -> None:
    ours = await db.fetchval("SELECT hash FROM core_checkpoint WHERE n = $1", published["n"])
    if ours is None or ours.hex() != published["hash"]:
        state = "is not in the database" if ours is None else "is another in the database"
        raise PublishedDiffers(
            f"checkpoint {published['n']} of {path} {state}: the ledger was cut back or changed; run "
            "`ombud ledger verify` and, after restoring a backup, keep the file and publish to a new one"
        )


def published(path: Path) -> list[dict[str, Any]]:
    """Every checkpoint of the file, as it stands there; an unfinished last line (a crash) is left out."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    try:
        return [msgspec.json.decode(line, type=dict[str, Any]) for line in lines if line.strip()]
    except msgspec.DecodeError:
        raise PublishedDiffers(f"{path} holds a line that is no checkpoint: restore the file from its copy") from None


def last_published(path: Path) -> dict[str, Any] | None:
    """The last checkpoint of the file, None without one; raises PublishedDiffers for a line that is none."""
    if not path.exists():
        return None
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 4096))
        lines = file.read().split(b"\n")[:-1]
    if not lines:
        return None
    try:
        last = msgspec.json.decode(lines[-1], type=dict[str, Any])
    except msgspec.DecodeError:
        last = {}
    if not {"n", "hash"} <= last.keys():
        raise PublishedDiffers(f"the last line of {path} is no checkpoint: restore the file from its copy")
    return last


def append_lines(path: Path, lines: bytes) -> None:
    """Adds whole lines to a file that is only ever added to, and has them on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 4096))
        torn = file.read().rpartition(b"\n")[2]
        if torn:  # a crash while writing; the whole line comes again below
            file.truncate(size - len(torn))
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())
