"""Exports streams so that others can check them without us; `verifier.py` reads what this writes."""

import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust import checkpoints
from ombud.trust.canonical import canonical, moment_text
from ombud.trust.checkpoints import BATCH, checkpoint_of
from ombud.trust.ledger import Entry, Opening, entry_of, open_sealed
from ombud.trust.merkle import Paths
from ombud.trust.signing import signing_key

ALGORITHM = "ombud-ledger-1"
_PAGE = 500

MayOpen = Callable[[Entry, Opening], bool]


class NoSuchCase(LookupError):
    """No case has this reference."""


async def export_case(reference: str, may_open: MayOpen, *, publish_file: Path | None = None) -> AsyncIterator[bytes]:
    """The streams of a case and of its messages, line by line. Raises NoSuchCase."""
    case = await db.fetchval("SELECT id FROM core_case WHERE reference = $1", reference)
    if case is None:
        raise NoSuchCase(f"no case has the reference {reference}; check it for a mistyped character")
    streams = await streams_of_case(case)
    async for line in export_streams(streams, f"case/{case}", may_open, publish_file=publish_file):
        yield line


async def streams_of_case(case: UUID) -> list[str]:
    """The case's own, then those of its messages and of the receipts they came in."""
    rows = await db.fetch(
        "SELECT id FROM core_message WHERE case_id = $1 UNION SELECT id FROM core_raw WHERE case_id = $1 ORDER BY id",
        case,
    )
    return [f"case/{case}", *(f"message/{row['id']}" for row in rows)]


_OF_PERIOD = """
WITH held AS (
    SELECT DISTINCT m.checkpoint FROM core_ledger_entry e JOIN core_checkpoint_entry m USING (stream, seq)
    WHERE e.at >= $1 AND e.at < $2
), ends AS (
    SELECT m.stream, m.seq FROM core_checkpoint_entry m JOIN held USING (checkpoint)
    UNION ALL SELECT e.stream, e.seq FROM core_ledger_entry e WHERE e.at >= $1 AND e.at < $2
)
SELECT stream, max(seq) AS seq FROM ends GROUP BY stream
"""


async def streams_of_period(since: datetime, until: datetime) -> dict[str, int]:
    """The streams with entries from `since` to before `until`, each with the number up to which it belongs to an
    export: checkpoints with entries of the period are taken whole, so that a verifier sees that nothing was left out.
    """
    return {row["stream"]: row["seq"] for row in await db.fetch(_OF_PERIOD, since, until)}


def period_scope(since: datetime, until: datetime) -> str:
    """How the header of an export names a period."""
    return f"period/{moment_text(since)}/{moment_text(until)}"


async def export_streams(
    streams: Sequence[str],
    scope: str,
    may_open: MayOpen,
    *,
    publish_file: Path | None = None,
    checkpoint_first: bool = True,
    up_to: Mapping[str, int] | None = None,
) -> AsyncIterator[bytes]:
    """Header, entries, openings the reader may see, checkpoints, proofs, signature: one canonical line each.

    Makes a checkpoint first, and publishes it where a file is given. No transaction stays open between two lines.
    A caller that reads one snapshot makes its checkpoint before that and passes `checkpoint_first=False`. `up_to`: the
    last number of each stream that is taken; from the first on, because a chain is checked from its beginning.
    """
    if checkpoint_first:
        await checkpoints.make_checkpoint()
    if publish_file is not None:
        await checkpoints.publish(publish_file)
    key, over = await signing_key(), hashlib.sha256()
    async for item in _content(streams, scope, may_open, key.public_key().public_bytes_raw(), up_to or {}):
        line = canonical(item) + b"\n"
        over.update(line)
        yield line
    signature = {
        "type": "signature",
        "algorithm": "ed25519",
        "over": over.hexdigest(),
        "signature": key.sign(over.digest()).hex(),
    }
    yield canonical(signature) + b"\n"


async def _content(
    streams: Sequence[str], scope: str, may_open: MayOpen, public_key: bytes, up_to: Mapping[str, int]
) -> AsyncIterator[dict[str, Any]]:
    yield {
        "type": "header",
        "v": 1,
        "algorithm": ALGORITHM,
        "scope": scope,
        "made_at": moment_text(now()),
        "public_key": public_key.hex(),
    }
    rows = await db.fetch(
        'SELECT stream, seq FROM core_stream WHERE stream = ANY($1) AND seq > 0 ORDER BY stream COLLATE "C"',
        sorted(set(streams)),
    )
    heads = {row["stream"]: min(row["seq"], up_to.get(row["stream"], row["seq"])) for row in rows}
    for stream, last in heads.items():
        async for item in _entries(stream, last, may_open):
            yield item
    async for item in _proofs(heads):
        yield item


async def _entries(stream: str, last: int, may_open: MayOpen) -> AsyncIterator[dict[str, Any]]:
    for after in range(0, last, _PAGE):
        rows = await db.fetch(
            """SELECT stream, seq, at, actor, cause, kind, body, sealed, prev, hash FROM core_ledger_entry
            WHERE stream = $1 AND seq > $2 AND seq <= $3 ORDER BY seq""",
            stream,
            after,
            min(after + _PAGE, last),
        )
        entries = [entry_of(row) for row in rows]
        openings: dict[int, list[Opening]] = defaultdict(list)
        for opening in await open_sealed([(each.stream, each.seq) for each in entries if each.sealed]):
            openings[opening.seq].append(opening)
        for entry in entries:
            yield {"type": "entry", **entry.hashed, "hash": entry.hash.hex()}
            for opening in openings[entry.seq]:
                if may_open(entry, opening):
                    yield _opening_line(opening)


def _opening_line(opening: Opening) -> dict[str, Any]:
    return {
        "type": "opening",
        "stream": opening.stream,
        "seq": opening.seq,
        "field": opening.field,
        "nonce": opening.nonce.hex(),
        "value": opening.value,
    }


async def _proofs(heads: dict[str, int]) -> AsyncIterator[dict[str, Any]]:
    """The checkpoints that hold these streams' entries, then the way from each entry to its root."""
    members = await db.fetch(
        """SELECT m.checkpoint, m.index, m.stream, m.seq FROM core_checkpoint_entry m
        JOIN unnest($1::text[], $2::bigint[]) AS head (stream, seq) ON m.stream = head.stream AND m.seq <= head.seq
        ORDER BY m.checkpoint, m.index""",
        list(heads),
        list(heads.values()),
    )
    of_each: dict[int, list[Any]] = defaultdict(list)
    for row in members:
        of_each[row["checkpoint"]].append(row)
    numbers = sorted(of_each)
    rows = await db.fetch(
        "SELECT n, at, size, root, prev, hash FROM core_checkpoint WHERE n = ANY($1) ORDER BY n", numbers
    )
    found = {row["n"]: checkpoint_of(row) for row in rows}
    for each in found.values():
        yield each.shown
    for n, checkpoint in found.items():
        mine = of_each[n]
        tree = await _paths(n, checkpoint.size, [row["index"] for row in mine])
        for row in mine:
            yield {
                "type": "proof",
                "stream": row["stream"],
                "seq": row["seq"],
                "checkpoint": n,
                "index": row["index"],
                "size": checkpoint.size,
                "path": [node.hex() for node in tree.path(row["index"])],
            }


async def _paths(n: int, size: int, indexes: Collection[int]) -> Paths:
    tree = Paths(size, indexes)
    while tree.size < size:
        rows = await db.fetch(
            """SELECT e.hash FROM core_checkpoint_entry m JOIN core_ledger_entry e USING (stream, seq)
            WHERE m.checkpoint = $1 AND m.index >= $2 ORDER BY m.index LIMIT $3""",
            n,
            tree.size,
            BATCH,
        )
        if not rows:
            raise RuntimeError(f"checkpoint {n} lacks leaf {tree.size}; run `ombud ledger verify`")
        for row in rows:
            tree.add(row["hash"])
    return tree
