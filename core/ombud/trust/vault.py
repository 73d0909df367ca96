"""The vault: bytes at rest, encrypted with a data key of their own that is wrapped by their subject's key."""

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust import keys
from ombud.trust.keys import Destroyed

__all__ = [
    "Destroyed", "NotStored", "VaultRow", "destroy_subject", "insert", "load", "load_many", "move", "prepare", "store",
]  # fmt: skip


class NotStored(KeyError):
    """The vault holds nothing under this id."""


class Damaged(RuntimeError):
    """Stored bytes no longer decrypt: they were altered, or moved from another row."""


@dataclass(frozen=True, slots=True)
class Box:
    """Encrypted bytes and their wrapped data key."""

    wrapped: bytes
    nonce: bytes
    ciphertext: bytes


def seal(subject_key: bytes, data: bytes, label: bytes) -> Box:
    """Encrypts under a fresh data key; `label` ties the result to its row."""
    data_key, nonce = os.urandom(32), os.urandom(12)
    return Box(keys.wrap(subject_key, data_key, label), nonce, AESGCM(data_key).encrypt(nonce, data, label))


def unseal(subject_key: bytes, box: Box, label: bytes) -> bytes:
    try:
        data_key = keys.unwrap(subject_key, box.wrapped, label)
        return AESGCM(data_key).decrypt(box.nonce, box.ciphertext, label)
    except InvalidTag:
        raise Damaged(f"{label.decode(errors='replace')!r}: the stored bytes were altered; restore the row") from None


@dataclass(frozen=True, slots=True)
class VaultRow:
    """The values of one row of core_vault, for a caller that inserts it in a statement of its own."""

    id: UUID
    subject: str
    box: Box
    size: int
    created_at: datetime


def _label(identity: UUID, subject: str) -> bytes:
    return f"ombud-vault-1\n{identity}\n{subject}".encode()


async def prepare(subject: str, data: bytes) -> VaultRow:
    """Encrypts without storing; call it in the transaction that inserts the row. Raises Destroyed."""
    return (await prepare_many([(subject, data)]))[0]


async def prepare_many(items: Sequence[tuple[str, bytes]]) -> list[VaultRow]:
    """Like `prepare` for many (subject, bytes), with one statement for all their keys."""
    subject_keys = await keys.sealing_keys({subject for subject, _ in items})
    return [sealed_row(subject, data, subject_keys[subject]) for subject, data in items]


async def prepare_again(items: Sequence[tuple[UUID, str, bytes]]) -> list[VaultRow]:
    """The same for bytes that had an id on another desk and keep it: (id, subject, bytes)."""
    subject_keys = await keys.sealing_keys({subject for _, subject, _ in items})
    return [sealed_row(subject, data, subject_keys[subject], identity) for identity, subject, data in items]


def sealed_row(subject: str, data: bytes, subject_key: bytes, identity: UUID | None = None) -> VaultRow:
    """The row under a key the caller holds already."""
    identity = identity or new_id()
    return VaultRow(identity, subject, seal(subject_key, data, _label(identity, subject)), len(data), now())


async def insert(rows: Iterable[VaultRow]) -> None:
    """Stores prepared rows with one statement."""
    await db.execute(
        """INSERT INTO core_vault (id, subject, wrapped, nonce, ciphertext, size, created_at)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bigint[],
                             $7::timestamptz[])""",
        *columns(rows),
    )


def values(row: VaultRow) -> tuple[object, ...]:
    """Its columns id, subject, wrapped, nonce, ciphertext, size, in this order."""
    return (row.id, row.subject, row.box.wrapped, row.box.nonce, row.box.ciphertext, row.size)


def columns(rows: Iterable[VaultRow]) -> list[list[object]]:
    """The seven arrays of `insert`, in the order id, subject, wrapped, nonce, ciphertext, size, created_at."""
    table = [(*values(row), row.created_at) for row in rows]
    return [[line[place] for line in table] for place in range(7)]


async def store(subject: str, data: bytes) -> UUID:
    """Encrypts and stores; the id is all a caller keeps. Raises Destroyed if the subject was erased."""
    async with db.transaction():
        row = await prepare(subject, data)
        await insert([row])
    return row.id


async def load(identity: UUID) -> bytes:
    """Raises NotStored, or Destroyed when the subject was erased."""
    return (await load_many([identity]))[identity]


_LOAD = """
SELECT v.id, v.subject, v.wrapped, v.nonce, v.ciphertext, k.wrapped AS key, k.master_id, k.destroyed_at
FROM core_vault v LEFT JOIN core_key k USING (subject) WHERE v.id = ANY($1)
"""


async def load_many(identities: Collection[UUID]) -> dict[UUID, bytes]:
    """Several at once with one statement; raises as `load` does for the first that cannot be read."""
    found = {row["id"]: row for row in await db.fetch(_LOAD, list(identities))}
    clear = {}
    for identity in identities:
        row = found.get(identity)
        if row is None:
            raise NotStored(f"the vault holds nothing under {identity}")
        if row["key"] is None:
            raise Destroyed(f"{identity}: the key of {row['subject']} was destroyed; the bytes cannot be read")
        key = keys.open_wrapped(keys.master(), row["subject"], row["master_id"], row["key"])
        box = Box(row["wrapped"], row["nonce"], row["ciphertext"])
        clear[identity] = unseal(key, box, _label(identity, row["subject"]))
    return clear


async def move(identities: Collection[UUID], subject: str) -> None:
    """Makes bytes those of another subject, so that its erasure takes them: sealed anew under its key, with their ids
    kept. In the caller's transaction; raises NotStored, or Destroyed for either subject."""
    clear = await load_many(identities)
    if not clear:
        return
    rows = await prepare_again([(identity, subject, data) for identity, data in clear.items()])
    await db.execute(
        """UPDATE core_vault v SET subject = $2, wrapped = fresh.wrapped, nonce = fresh.nonce,
            ciphertext = fresh.ciphertext
        FROM unnest($1::uuid[], $3::bytea[], $4::bytea[], $5::bytea[]) AS fresh (id, wrapped, nonce, ciphertext)
        WHERE v.id = fresh.id""",
        [row.id for row in rows], subject, [row.box.wrapped for row in rows], [row.box.nonce for row in rows],
        [row.box.ciphertext for row in rows],
    )  # fmt: skip


async def retire(subject: str) -> None:
    """Destroys the key of a subject for whom nothing is sealed any more, because all of it was handed over."""
    kept = await db.fetchval(
        "SELECT EXISTS (SELECT 1 FROM core_vault WHERE subject = $1) "
        "OR EXISTS (SELECT 1 FROM core_sealed WHERE subject = $1)",
        subject,
    )
    if not kept:
        await keys.destroy(subject)


async def destroy_subject(subject: str) -> bool:
    """Destroys the subject's key and blanks what it sealed; commitments in the ledger stay. False if done before."""
    async with db.transaction():
        done = await keys.destroy(subject)
        await db.execute("UPDATE core_vault SET wrapped = '', nonce = '', ciphertext = '' WHERE subject = $1", subject)
        await db.execute("UPDATE core_sealed SET wrapped = '', nonce = '', ciphertext = '' WHERE subject = $1", subject)
    return done
