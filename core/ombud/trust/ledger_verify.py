"""Verifies the ledger in place: hashes, chains, heads, checkpoints, and that the tables are what the entries tell."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from ombud.kernel.database import db
from ombud.trust import ledger_fold, ledger_sealed, timestamps
from ombud.trust.canonical import ZERO, checkpoint_hash, encode_checked, moment_text
from ombud.trust.checkpoints import batches, checkpoint_of, published
from ombud.trust.ledger_fold import CHANGES, CaseState
from ombud.trust.merkle import Tree

Progress = Callable[[int, int], None]  # entries done, entries in all
_CASES_AT_ONCE = 500


class Broken(Exception):
    """The first thing that does not hold."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where = where
        self.what = what


@dataclass(slots=True)
class Report:
    """`broken` names the first thing that does not hold; empty when everything does."""

    entries: int = 0
    streams: int = 0
    checkpoints: int = 0
    newer: int = 0  # entries in no checkpoint yet
    published: int = 0  # checkpoints that were compared with the published file
    stamped: int = 0  # time-stamps whose proof holds
    opened: int = 0  # sealed values that were opened and fit; only where that was asked for
    erased: int = 0  # sealed values whose keys were destroyed
    broken: str = ""
    where: str = ""  # the entry, checkpoint, stream or case that `broken` names


def _quiet(done: int, total: int) -> None:
    return None


async def verify(
    since: int | None = None,
    progress: Progress = _quiet,
    publish_file: Path | None = None,
    *,
    sealed: bool = False,
    roots: Path | None = None,
) -> Report:
    """Reads one snapshot with constant memory, and stops at the first thing that does not hold.

    With `since`, only streams with entries that are in no checkpoint up to that number, and the checkpoints after it.
    With `sealed`, every sealed value is opened too, which takes a good deal longer. `roots`: the certificates that
    vouch for kept time-stamps (RFC 3161), which are checked too.
    """
    report = Report()
    async with db.transaction():
        await db.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        await verify_here(report, since, progress, publish_file, sealed=sealed, roots=roots)
    return report


async def verify_here(
    report: Report,
    since: int | None = None,
    progress: Progress = _quiet,
    publish_file: Path | None = None,
    *,
    sealed: bool = False,
    roots: Path | None = None,
) -> None:
    """The same in the caller's transaction, such as one that wrote a ledger and has not committed yet."""
    try:
        await _check_entries("" if since is None else _ONLY_SINCE, since, progress, report)
        await _check_checkpoints(since or 0, report)
        await _check_leftovers()
        if publish_file is not None:
            await _check_published(publish_file, report)
            await _check_stamps(publish_file, roots, report)
        if sealed:
            await _check_sealed(report, None)
    except Broken as broken:
        report.broken, report.where = str(broken), broken.where


async def verify_streams(streams: Sequence[str]) -> Report:
    """Only these streams, their sealed values included: their chains, heads, and what the tables say of their cases.

    Checkpoints are not looked at; a stream that was cut away whole is noticed by `verify` alone.
    """
    report = Report()
    async with db.transaction():
        await db.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        try:
            await _check_entries(_ONLY_STREAMS, list(streams), _quiet, report)
            await _check_sealed(report, streams)
        except Broken as broken:
            report.broken, report.where = str(broken), broken.where
    return report


async def _check_sealed(report: Report, streams: Sequence[str] | None) -> None:
    count = ledger_sealed.Count()
    wrong = await ledger_sealed.first_wrong(count, streams)
    report.opened, report.erased = count.opened, count.erased
    if wrong is not None:
        raise Broken(f"entry {wrong.stream} {wrong.seq}", wrong.what)


_ENTRIES = """
SELECT e.stream, e.seq, e.at, e.actor, e.cause, e.kind, e.body::text, e.sealed::text, e.prev, e.hash,
    head.seq AS head_seq, head.hash AS head_hash
FROM core_ledger_entry e LEFT JOIN core_stream head ON head.stream = e.stream
{only}
ORDER BY e.stream COLLATE "C", e.seq
"""
_ONLY_SINCE = """
WHERE e.stream IN (
    SELECT fresh.stream FROM core_ledger_entry fresh WHERE NOT EXISTS (
        SELECT 1 FROM core_checkpoint_entry m
        WHERE m.stream = fresh.stream AND m.seq = fresh.seq AND m.checkpoint <= $1))
"""
_ONLY_STREAMS = "WHERE e.stream = ANY($1)"


async def _check_entries(only: str, given: object, progress: Progress, report: Report) -> None:
    """`only`: a condition over the entries, with `given` as its argument; empty for all."""
    total = await db.fetchval("SELECT coalesce(sum(seq), 0)::bigint FROM core_stream")
    sql = _ENTRIES.format(only=only)
    streams = _Streams(report)
    async for rows in batches(sql, *((given,) if only else ())):
        for row in rows:
            streams.take(row)
        report.entries += len(rows)
        if len(streams.cases) >= _CASES_AT_ONCE:
            await _compare_cases(streams.cases)
        progress(report.entries, max(total, report.entries))
    streams.finish()
    await _compare_cases(streams.cases)


class _Streams:
    """Walks through the entries in order; holds one stream's end and the cases that wait to be compared."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.stream, self.seq, self.hash = "", 0, ZERO
        self.head: tuple[int | None, bytes | None] = (0, ZERO)
        self.case: CaseState | None = None
        self.cases: dict[str, tuple[str, CaseState]] = {}
        self._decode = msgspec.json.Decoder().decode

    def take(self, row: asyncpg.Record) -> None:
        stream, seq, at, actor, cause, kind, body_text, sealed_text, prev, hashed, head_seq, head_hash = row
        if stream != self.stream:
            self.finish()
            self.stream, self.seq, self.hash = stream, 0, ZERO
            self.head = (head_seq, head_hash)
            self.case = CaseState() if stream.startswith("case/") else None
            self.report.streams += 1
        if seq != self.seq + 1:
            raise Broken(f"entry {stream} {seq}", f"entry {self.seq + 1} of its stream is missing")
        if prev != self.hash:
            raise Broken(f"entry {stream} {seq}", "does not follow the entry before it")
        body, sealed = self._decode(body_text), self._decode(sealed_text)
        fields = {
            "v": 1,
            "stream": stream,
            "seq": seq,
            "at": moment_text(at),
            "actor": actor,
            "cause": cause,
            "kind": kind,
            "body": body,
            "sealed": sealed,
            "prev": prev.hex(),
        }
        if hashlib.sha256(b"ombud-entry-1\n" + encode_checked(fields)).digest() != hashed:
            raise Broken(f"entry {stream} {seq}", "the hash does not fit the content")
        self.seq, self.hash = seq, hashed
        if self.case is not None and kind in CHANGES:
            self._fold(kind, body, sealed)

    def _fold(self, kind: str, body: dict[str, Any], sealed: dict[str, str]) -> None:
        assert self.case is not None
        try:
            CHANGES[kind](self.case, body)
            if kind in {"aspect.decided", "aspect.reopened"}:
                decided = self.seq if "reason" in sealed else None
                self.case.aspect(body).reason_at = decided if kind == "aspect.decided" else 0
                self.case.aspect(body).reason_in = ""
        except (KeyError, TypeError, ArithmeticError) as error:
            raise Broken(f"entry {self.stream} {self.seq}", f"cannot be read as {kind}: {error!r}") from None

    def finish(self) -> None:
        """At the end of a stream: its head must be its last entry."""
        if not self.stream:
            return
        where = f"entry {self.stream} {self.seq}"
        if self.head[0] is None:
            raise Broken(where, "its stream has no head")
        if self.head[0] != self.seq:
            raise Broken(where, f"is the last of its stream, but the head says {self.head[0]}")
        if self.head[1] != self.hash:
            raise Broken(where, "the head of its stream holds another hash")
        if self.case is not None and self.case.seen:
            self.cases[self.stream.removeprefix("case/")] = (where, self.case)


async def _compare_cases(cases: dict[str, tuple[str, CaseState]]) -> None:
    current = await ledger_fold.current_states([name for name in cases if _is_uuid(name)])
    for name, (where, told) in cases.items():
        if said := ledger_fold.difference(told, current.get(name)):
            raise Broken(where, f"the case is not what its entries tell: {said}")
    await _compare_reasons(cases)
    cases.clear()


async def _compare_reasons(cases: dict[str, tuple[str, CaseState]]) -> None:
    """The reason of each decision is the one that was sealed, where it can still be opened."""
    told = {
        aspect: (state.reason_in or f"case/{name}", state.reason_at)
        for name, (_, case) in cases.items()
        if not case.removed
        for aspect, state in case.aspects.items()
        if state.reason_at is not None and _is_uuid(aspect)
    }
    if not told:
        return
    sealed = {
        (stream, seq): value
        async for stream, seq, value in ledger_sealed.values_of(
            "reason", [place for place in told.values() if place[1]]
        )
    }
    rows = await db.fetch("SELECT id::text, reason FROM core_aspect WHERE id = ANY($1::text[]::uuid[])", list(told))
    for row in rows:
        stream, seq = told[row["id"]]
        where = f"entry {stream} {seq}" if seq else f"stream {stream}"
        if seq and (stream, seq) not in sealed:
            continue  # erased: the commitment stands, and nobody can read it any more
        if seq and sealed[stream, seq] is None:
            raise Broken(where, "the sealed value reason was altered and cannot be opened")
        if row["reason"] != (sealed[stream, seq] if seq else ""):
            said = "is not the one its entry sealed" if seq else "stands in the table, though no entry holds one"
            raise Broken(where, f"the case is not what its entries tell: aspect {row['id']}: the reason {said}")


def _is_uuid(text: str) -> bool:
    return len(text) == 36 and text.count("-") == 4


_LEAVES = """
SELECT m.checkpoint, m.index, m.stream, m.seq, e.hash
FROM core_checkpoint_entry m LEFT JOIN core_ledger_entry e USING (stream, seq)
WHERE m.checkpoint > $1 ORDER BY m.checkpoint, m.index
"""


async def _check_checkpoints(after: int, report: Report) -> None:
    """Every checkpoint follows the one before, and is the root of exactly the entries that claim to be in it."""
    start = await db.fetchval("SELECT hash FROM core_checkpoint WHERE n = $1", after) if after else ZERO
    if start is None:
        raise Broken(f"checkpoint {after}", "is not in the database")
    leaves, prev, n = _Leaves(after), start, after
    async for rows in batches(
        "SELECT n, at, size, root, prev, hash FROM core_checkpoint WHERE n > $1 ORDER BY n", after
    ):
        for row in rows:
            leaves.expect(row["n"], row["size"], row["root"])
            mark, n = checkpoint_of(row), n + 1
            if mark.n != n:
                raise Broken(f"checkpoint {n}", "is missing")
            if mark.prev != prev:
                raise Broken(f"checkpoint {n}", "does not follow the checkpoint before it")
            if checkpoint_hash(mark.n, mark.at, mark.size, mark.root, mark.prev) != mark.hash:
                raise Broken(f"checkpoint {n}", "the hash does not fit the content")
            prev = mark.hash
            report.checkpoints += 1
    async for rows in batches(_LEAVES, after):
        for row in rows:
            leaves.take(row)
    leaves.finish()
    report.newer = await db.fetchval(
        """SELECT (SELECT coalesce(sum(seq), 0) FROM core_stream)::bigint - (SELECT coalesce(sum(size), 0)
        FROM core_checkpoint)::bigint"""
    )


class _Leaves:
    """Rebuilds each checkpoint's tree from its leaves as they come by."""

    def __init__(self, after: int) -> None:
        self.expected: dict[int, tuple[int, bytes]] = {}
        self.n, self.tree, self.last = after, Tree(), ("", 0)

    def expect(self, n: int, size: int, root: bytes) -> None:
        self.expected[n] = (size, root)

    def take(self, row: asyncpg.Record) -> None:
        n, index, stream, seq, hashed = row
        if n != self.n:
            self._end_of_checkpoint()
            self.n, self.tree, self.last = n, Tree(), ("", 0)
        where = f"entry {stream} {seq}"
        if n not in self.expected:
            raise Broken(where, f"claims to be in checkpoint {n}, which is not there")
        if hashed is None:
            raise Broken(where, f"is in checkpoint {n} but not in the ledger")
        if index != self.tree.size or (stream, seq) <= self.last:
            raise Broken(where, f"is not in its place in checkpoint {n}")
        self.tree.add(hashed)
        self.last = (stream, seq)

    def _end_of_checkpoint(self) -> None:
        if self.n not in self.expected:
            return
        size, root = self.expected.pop(self.n)
        if self.tree.size != size:
            raise Broken(f"checkpoint {self.n}", f"says {size} entries, but {self.tree.size} are in it")
        if self.tree.root() != root:
            raise Broken(f"checkpoint {self.n}", "its entries lead to another root")

    def finish(self) -> None:
        self._end_of_checkpoint()
        if self.expected:
            raise Broken(f"checkpoint {min(self.expected)}", "its entries are not there")


async def _check_leftovers() -> None:
    """Heads without entries, and cases nobody opened."""
    stream = await db.fetchval(
        """SELECT stream FROM core_stream head WHERE NOT EXISTS
        (SELECT 1 FROM core_ledger_entry e WHERE e.stream = head.stream) AND seq > 0 ORDER BY stream LIMIT 1"""
    )
    if stream is not None:
        raise Broken(f"stream {stream}", "has a head but no entries")
    case = await db.fetchrow(
        """SELECT id, reference FROM core_case c WHERE NOT EXISTS
        (SELECT 1 FROM core_ledger_entry e WHERE e.stream = 'case/' || c.id AND e.kind = 'case.opened') LIMIT 1"""
    )
    if case is not None:
        raise Broken(f"case {case['reference']}", f"is in the table, but no entry of case/{case['id']} opened it")


async def _check_published(path: Path, report: Report) -> None:
    for said in published(path):
        n = said.get("n")
        row = await db.fetchrow("SELECT n, at, size, root, prev, hash FROM core_checkpoint WHERE n = $1", n)
        if row is None:
            raise Broken(f"checkpoint {n}", f"was published in {path} but is not in the database")
        if checkpoint_of(row).shown != said:
            raise Broken(f"checkpoint {n}", f"is not the one that was published in {path}")
        report.published += 1


async def _check_stamps(path: Path, roots: Path | None, report: Report) -> None:
    stamps = timestamps.path_beside(path)
    if not stamps.exists():
        return
    if roots is None:
        raise Broken(str(stamps), "holds time-stamps, but ledger.timestamp_roots names nobody who vouches for them")
    try:
        report.stamped, wrong, n = await timestamps.first_unproved(stamps, timestamps.roots_in(roots))
    except timestamps.StampFailed as problem:
        raise Broken(str(stamps), str(problem)) from None
    if wrong:
        raise Broken(f"checkpoint {n}", wrong)
