"""Writes the ledger: append-only entries, hash-chained per stream, personal values as commitments."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

import asyncpg
import msgspec

from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.outbox import put_events
from ombud.kernel.writes import Writes, hex_bytes
from ombud.trust import keys
from ombud.trust.canonical import ZERO, NotCanonical, canonical, commitment, encode_checked, entry_hash, moment_text
from ombud.trust.vault import Box, seal, unseal

FORMAT = 1
NEWS = "ombud_live"  # the channel of open pages
LOOK_AGAIN = "*"  # what it says where much has changed, or something may have been missed
MUCH = 20
_CLOCK = "clock.started"
_STREAM = re.compile(r"[a-z][a-z_-]*/[!-~]{1,180}")
_ACTOR = re.compile(r"system|(user|plugin|person|token)/[!-~]{1,100}")
_CAUSE = re.compile(r"|(event|rule|command)/[!-~]{1,300}")
_KIND = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_FIELD = re.compile(r"[!-~]{1,100}")
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class NotInTransaction(RuntimeError):
    """An entry would be committed without the fact it records."""


class BadEntry(ValueError):
    """A part of an entry does not follow the ledger's format."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A personal or free-text value, and the person (`person/<id>`, `user/<id>`) whose key seals it."""

    subject: str
    value: Any


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What to append. A field that concerns several people takes a list: each is sealed alone, as `field.1`, …"""

    stream: str
    kind: str
    body: Mapping[str, Any] = field(default_factory=dict)
    sealed: Mapping[str, Sealed | Sequence[Sealed]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """One committed fact, as `reference/ledger.md` describes it; `sealed` maps a field to its commitment in hex."""

    stream: str
    seq: int
    at: datetime
    actor: str
    cause: str
    kind: str
    body: dict[str, Any]
    sealed: dict[str, str]
    prev: bytes
    hash: bytes

    @property
    def hashed(self) -> dict[str, Any]:
        """The ten fields that are hashed."""
        return {
            "v": FORMAT,
            "stream": self.stream,
            "seq": self.seq,
            "at": moment_text(self.at),
            "actor": self.actor,
            "cause": self.cause,
            "kind": self.kind,
            "body": self.body,
            "sealed": self.sealed,
            "prev": self.prev.hex(),
        }


@dataclass(frozen=True, slots=True)
class Opening:
    """The proof that a value is what an entry committed to."""

    stream: str
    seq: int
    field: str
    subject: str
    nonce: bytes
    value: Any


@dataclass(frozen=True, slots=True)
class _Secret:
    stream: str
    seq: int
    field: str
    subject: str
    box: Box


async def append(
    *,
    actor: str,
    entries: Sequence[NewEntry],
    cause: str = "",
    at: datetime | None = None,
    writes: Writes | None = None,
) -> list[Entry]:
    """Appends in the transaction of the fact itself; its streams stay locked until the commit. `writes`: rows of the
    fact that go in the same statement as the entries.

    Put everything a transaction records into one call: streams are then locked in one order and cannot deadlock.
    Raises BadEntry, NotCanonical, Destroyed (a value is to be sealed for an erased person) or NotInTransaction.
    """
    if not db.in_transaction():
        raise NotInTransaction("append to the ledger inside `async with db.transaction()`, together with the fact")
    if not entries:
        if writes is not None:
            await writes.send()
        return []
    drafts = _drafted(actor, cause, entries)
    subjects = {sealed.subject for draft in drafts for sealed in draft.sealed.values()}
    subject_keys = await keys.sealing_keys(subjects) if subjects else {}
    heads = await _lock_heads({draft.stream for draft in drafts})
    writes = writes or Writes()
    written = _Chain(actor, cause, at or now(), subject_keys, heads).of(drafts)
    _put(writes, [written], heads, _NEXT_HEADS)
    await writes.send()
    return [each for each, _ in written]


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first entries of streams, who made them why, and when."""

    actor: str
    cause: str
    at: datetime
    entries: Sequence[NewEntry]


def begin(writes: Writes, beginnings: Sequence[Beginning], subject_keys: Mapping[str, bytes]) -> None:
    """Puts the first entries of streams into the statement that makes what they tell of, which is no moment older;
    `subject_keys` holds the key of everybody for whom something is sealed. Raises BadEntry, NotCanonical."""
    written: list[_Written] = []
    heads: _Heads = {}
    for each in beginnings:
        drafts = _drafted(each.actor, each.cause, each.entries)
        own = dict.fromkeys([draft.stream for draft in drafts], (0, ZERO))
        written.append(_Chain(each.actor, each.cause, each.at, subject_keys, own).of(drafts))
        heads |= own
    _put(writes, written, heads, _NEW_HEADS)


def _drafted(actor: str, cause: str, entries: Sequence[NewEntry]) -> "list[_Draft]":
    _check_part("actor", actor, _ACTOR)
    _check_part("cause", cause, _CAUSE)
    return [_Draft(each) for each in entries]


_Heads = dict[str, tuple[int, bytes]]
_Written = list[tuple[Entry, list[_Secret]]]


@dataclass(frozen=True, slots=True)
class _Chain:
    """What entries of one moment share; `heads` moves on with them."""

    actor: str
    cause: str
    at: datetime
    subject_keys: Mapping[str, bytes]
    heads: _Heads

    def of(self, drafts: "Sequence[_Draft]") -> _Written:
        return [self._next(draft) for draft in drafts]

    def _next(self, draft: "_Draft") -> "tuple[Entry, list[_Secret]]":
        seq, prev = self.heads[draft.stream]
        values, secrets = draft.sealed_at(seq + 1, self.subject_keys)
        fields = Entry(
            draft.stream, seq + 1, self.at, self.actor, self.cause, draft.kind, draft.body, values, prev, b""
        )  # fmt: skip
        entry = replace(fields, hash=entry_hash(fields.hashed))
        self.heads[draft.stream] = (entry.seq, entry.hash)
        return entry, secrets


def _put(writes: Writes, chains: Sequence[_Written], heads: _Heads, move_heads: str) -> None:
    """Entries of several chains, which are told of each by itself."""
    entries = [entry for chain in chains for entry, _ in chain]
    writes.add([_ENTRIES], [_entry_row(entry) for entry in entries])
    secrets = [_secret_row(secret) for chain in chains for _, secrets in chain for secret in secrets]
    writes.add([_SECRETS], secrets)
    writes.add([move_heads], list(heads), *map(list, zip(*heads.values(), strict=True)))
    put_events(writes, [_told(entry) for entry in entries])
    for chain in chains:
        writes.then(partial(tell_news, [entry for entry, _ in chain]))


def tell_news(entries: Sequence[Entry]) -> None:
    """Tells open pages which cases have new entries, ids and codes only; a large piece of work says once that much has
    changed."""
    news = _without_repetition([each for each in entries if each.stream.startswith("case/")])
    if len(news) > MUCH:
        db.tell(NEWS, LOOK_AGAIN)
        return
    for each in news:
        db.tell(NEWS, f"e {each.stream.removeprefix('case/')} {each.seq} {each.kind} {each.actor}")


def _without_repetition(entries: Sequence[Entry]) -> list[Entry]:
    """Where several clocks of a case start together, that of the case itself, which everybody knows of who knows the
    case, speaks for the others."""
    speak = {each.stream: each for each in entries if each.kind == _CLOCK and not each.body.get("aspect")}
    return [each for each in entries if each.kind != _CLOCK or speak.get(each.stream, each) is each]


def _told(entry: Entry) -> dict[str, Any]:
    """What subscribers hear of an entry: never its sealed values."""
    return {
        "id": f"{entry.stream}/{entry.seq}",
        "stream": entry.stream,
        "seq": entry.seq,
        "at": moment_text(entry.at),
        "actor": entry.actor,
        "cause": entry.cause,
        "kind": entry.kind,
        "body": entry.body,
    }


def _check_part(name: str, text: str, pattern: re.Pattern[str]) -> None:
    if not pattern.fullmatch(text):
        raise BadEntry(f"{name} {text!r} does not follow the ledger's format ({pattern.pattern})")


class _Draft:
    """A checked NewEntry with its several-people fields spread out."""

    def __init__(self, new: NewEntry) -> None:
        _check_part("stream", new.stream, _STREAM)
        _check_part("kind", new.kind, _KIND)
        self.stream, self.kind, self.body = new.stream, new.kind, dict(new.body)
        if _NUL.search(canonical(self.body)):
            raise NotCanonical(f"{new.kind}: the body holds a NUL character, which the database cannot store")
        self.sealed = dict(_spread(new.sealed))

    def sealed_at(self, seq: int, subject_keys: Mapping[str, bytes]) -> tuple[dict[str, str], list[_Secret]]:
        """The commitments of the entry with this seq, and what opens them."""
        commitments, secrets = {}, []
        for name, sealed in self.sealed.items():
            nonce = os.urandom(32)
            commitments[name] = commitment(nonce, sealed.value).hex()
            label = sealed_label(self.stream, seq, name, sealed.subject)
            box = seal(subject_keys[sealed.subject], nonce + canonical(sealed.value), label)
            secrets.append(_Secret(self.stream, seq, name, sealed.subject, box))
        return commitments, secrets


def _spread(sealed: Mapping[str, Sealed | Sequence[Sealed]]) -> list[tuple[str, Sealed]]:
    pairs: list[tuple[str, Sealed]] = []
    for name, value in sealed.items():
        _check_part("sealed field", name, _FIELD)
        if isinstance(value, Sealed):
            pairs.append((name, value))
        else:
            pairs += [(f"{name}.{place}", each) for place, each in enumerate(value, start=1)]
    if len({name for name, _ in pairs}) < len(pairs):
        raise BadEntry("two sealed fields have one name; give each its own")
    return pairs


def sealed_label(stream: str, seq: int, name: str, subject: str) -> bytes:
    """What ties the encrypted value of a field to its place in the ledger."""
    return f"ombud-sealed-1\n{stream}\n{seq}\n{name}\n{subject}".encode()


async def _lock_heads(streams: set[str]) -> dict[str, tuple[int, bytes]]:
    rows = await db.fetch(
        """INSERT INTO core_stream (stream, seq, hash)
        SELECT given.stream, 0, $2 FROM unnest($1::text[]) AS given (stream) ORDER BY given.stream COLLATE "C"
        ON CONFLICT (stream) DO UPDATE SET seq = core_stream.seq
        RETURNING stream, seq, hash""",
        list(streams),
        ZERO,
    )
    return {row["stream"]: (row["seq"], row["hash"]) for row in rows}


_ENTRIES = """
INSERT INTO core_ledger_entry (stream, seq, at, actor, cause, kind, body, sealed, prev, hash)
SELECT e.* FROM json_to_recordset($1)
    AS e (stream text, seq bigint, at timestamptz, actor text, cause text, kind text, body jsonb, sealed jsonb,
        prev bytea, hash bytea)
WHERE {gate}
"""
_SECRETS = """
INSERT INTO core_sealed (stream, seq, field, subject, wrapped, nonce, ciphertext)
SELECT s.* FROM json_to_recordset($1)
    AS s (stream text, seq bigint, field text, subject text, wrapped bytea, nonce bytea, ciphertext bytea)
WHERE {gate}
"""
_NEXT_HEADS = """
UPDATE core_stream SET seq = head.seq, hash = head.hash
FROM unnest($1::text[], $2::bigint[], $3::bytea[]) AS head (stream, seq, hash)
WHERE core_stream.stream = head.stream AND {gate}
"""
_NEW_HEADS = """
INSERT INTO core_stream (stream, seq, hash)
SELECT head.* FROM unnest($1::text[], $2::bigint[], $3::bytea[]) AS head (stream, seq, hash) WHERE {gate}
"""


def _entry_row(entry: Entry) -> dict[str, Any]:
    return {
        "stream": entry.stream, "seq": entry.seq, "at": entry.at, "actor": entry.actor, "cause": entry.cause,
        "kind": entry.kind, "body": _as_json(entry.body), "sealed": _as_json(entry.sealed),
        "prev": hex_bytes(entry.prev), "hash": hex_bytes(entry.hash),
    }  # fmt: skip


def _as_json(checked: dict[str, Any]) -> msgspec.Raw:
    return msgspec.Raw(encode_checked(checked))


def _secret_row(secret: _Secret) -> dict[str, Any]:
    return {
        "stream": secret.stream, "seq": secret.seq, "field": secret.field, "subject": secret.subject,
        "wrapped": hex_bytes(secret.box.wrapped), "nonce": hex_bytes(secret.box.nonce),
        "ciphertext": hex_bytes(secret.box.ciphertext),
    }  # fmt: skip


def entry_of(row: asyncpg.Record) -> Entry:
    """An entry from a row of core_ledger_entry."""
    return Entry(*(row[name] for name in Entry.__dataclass_fields__))


async def read(streams: Sequence[str], *, after: int = 0, limit: int = 1000) -> list[Entry]:
    """Entries of these streams with seq above `after`, ordered by stream and seq."""
    rows = await db.fetch(
        """SELECT stream, seq, at, actor, cause, kind, body, sealed, prev, hash FROM core_ledger_entry
        WHERE stream = ANY($1) AND seq > $2 ORDER BY stream COLLATE "C", seq LIMIT $3""",
        list(streams),
        after,
        limit,
    )
    return [entry_of(row) for row in rows]


async def open_sealed(places: Sequence[tuple[str, int]]) -> list[Opening]:
    """What can still be opened of the entries at these (stream, seq); erased people's values are simply not there.

    The caller decides who may see them.
    """
    rows = await db.fetch(
        """SELECT s.stream, s.seq, s.field, s.subject, s.wrapped, s.nonce, s.ciphertext,
            k.wrapped AS key, k.master_id
        FROM core_sealed s JOIN unnest($1::text[], $2::bigint[]) AS place (stream, seq) USING (stream, seq)
        JOIN core_key k ON k.subject = s.subject AND k.destroyed_at IS NULL
        ORDER BY s.stream COLLATE "C", s.seq, s.field""",
        [stream for stream, _ in places],
        [seq for _, seq in places],
    )
    return [opening_of(row) for row in rows]


def opening_of(row: asyncpg.Record) -> Opening:
    """Opens a row of core_sealed joined with its subject's key (`key`, `master_id`); raises vault.Damaged."""
    key = keys.open_wrapped(keys.master(), row["subject"], row["master_id"], row["key"])
    box = Box(row["wrapped"], row["nonce"], row["ciphertext"])
    clear = unseal(key, box, sealed_label(row["stream"], row["seq"], row["field"], row["subject"]))
    value = msgspec.json.decode(clear[32:])
    return Opening(row["stream"], row["seq"], row["field"], row["subject"], clear[:32], value)
