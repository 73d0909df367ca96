"""Raw bytes made safe before anything thinks: encrypted, with the key of somebody nobody knew before and the number of
the case to come; those of one moment by one statement."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

import asyncpg

from ombud.desk.errors import KeyReused
from ombud.desk.opening import Receipt
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.settled import SETTLED
from ombud.kernel.together import Together
from ombud.trust import keys, vault
from ombud_plugin_api.facts import RawReceipt

SMALL = 100_000
"""Bytes up to which a body goes together with others."""


@dataclass(frozen=True, slots=True)
class _Coming:
    """Bytes at the door, and what their receipt will be."""

    receipt: Receipt
    raw: RawReceipt
    principal: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class _Stored:
    """`number`: of the case to come; None where the idempotency key was known. Nothing was stored where it does not
    hold what the master key was when it was sealed."""

    holds: bool
    number: int | None
    settled: int
    key: bytes


async def receive(raw: RawReceipt, *, principal: str = "", its_case_follows: bool = False) -> Receipt:
    """Commits the bytes; a known key answers with the receipt it made before. Raises KeyReused.

    Whoever is answered only when the case is there (`its_case_follows`) need not wait for the disk twice: the commit of
    the case brings the receipt, committed before it, to the disk as well.
    """
    fingerprint = hashlib.sha256(raw.content_type.encode() + b"\n" + raw.body).hexdigest()
    coming = _Coming(Receipt(new_id(), new_id(), now(), "stored", None), raw, principal, fingerprint)
    if its_case_follows and len(raw.body) <= SMALL:
        stored = await _with_others.ask(coming)
    else:
        (stored,) = await _store(_WITH_ITS_CASE if its_case_follows else _AT_ONCE, [coming])
    if not stored.holds:
        return await _while_the_master_changes(coming) or await _known(coming)
    if stored.number is None:
        return await _known(coming)
    return replace(coming.receipt, key=stored.key, number=stored.number, settled=stored.settled)


async def _known(coming: _Coming) -> Receipt:
    row = await db.fetchrow(
        "SELECT r.id, r.received_at, r.status, r.case_id, r.fingerprint, v.subject FROM core_raw r "
        "JOIN core_vault v ON v.id = r.vault_id WHERE r.channel = $1 AND r.principal = $2 AND r.key = $3",
        coming.raw.channel,
        coming.principal,
        coming.raw.key,
    )
    if row is None:  # refused a moment ago, which freed its key
        return await receive(coming.raw, principal=coming.principal)
    if row["fingerprint"] != coming.fingerprint:
        raise KeyReused("This idempotency key was used before with other content. Send the new content with a new key.")
    person_id = UUID(row["subject"].removeprefix("person/"))
    return Receipt(row["id"], person_id, row["received_at"], row["status"], row["case_id"])


_RAW = "INSERT INTO core_raw (id, channel, key, principal, fingerprint, content_type, received_at, status, vault_id)"
_ALONE = f"{_RAW} VALUES ($1, $2, $3, $4, $5, $6, $7, 'stored', $8) ON CONFLICT (channel, principal, key) DO NOTHING"
_SEVERAL = f"""
WITH current AS MATERIALIZED (SELECT core_wraps_with($1, $2) AS holds{{pace}}),
coming AS MATERIALIZED (
    SELECT each.* FROM current, unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
        $9::timestamptz[], $10::uuid[], $11::text[], $12::bytea[], $13::bytea[], $14::bytea[], $15::bigint[],
        $16::bytea[])
        AS each (id, channel, key, principal, fingerprint, content_type, received_at, vault_id, subject, wrapped, nonce,
            ciphertext, size, subject_key)
    WHERE current.holds),
stored AS (
    {_RAW} SELECT id, channel, key, principal, fingerprint, content_type, received_at, 'stored', vault_id FROM coming
    ON CONFLICT (channel, principal, key) DO NOTHING RETURNING id),
made AS (SELECT coming.* FROM coming JOIN stored USING (id)),
kept AS (
    INSERT INTO core_vault (id, subject, wrapped, nonce, ciphertext, size, created_at)
    SELECT vault_id, subject, wrapped, nonce, ciphertext, size, received_at FROM made),
keyed AS (
    INSERT INTO core_key (subject, wrapped, master_id, created_at)
    SELECT subject, subject_key, $2, received_at FROM made)
SELECT current.holds, {SETTLED} AS settled, stored.id, CASE WHEN stored.id IS NOT NULL
    THEN nextval('core_case_number') END AS number
FROM current LEFT JOIN stored ON TRUE
"""
_AT_ONCE = _SEVERAL.format(pace="")
_WITH_ITS_CASE = _SEVERAL.format(pace=", set_config('synchronous_commit', 'off', true)")


async def _store(sql: str, comings: Sequence[_Coming]) -> list[_Stored]:
    """By their keys in one order, so that two processes that are sent the same do not wait for each other."""
    ordered = sorted(comings, key=lambda each: (each.raw.channel, each.principal, each.raw.key))
    fresh = keys.fresh_keys([f"person/{each.receipt.person_id}" for each in ordered])
    columns = map(list, zip(*map(_row, ordered, fresh), strict=True))
    rows = await db.fetch(sql, keys.MASTER_LOCK, fresh[0].master_id, *columns)
    made: dict[UUID, asyncpg.Record] = {row["id"]: row for row in rows}
    held = {each.receipt.id: own.key for each, own in zip(ordered, fresh, strict=True)}
    first = rows[0]
    return [
        _Stored(
            first["holds"], made[key]["number"] if key in made else None, first["settled"], held[key]
        )
        for key in (each.receipt.id for each in comings)
    ]  # fmt: skip


def _row(coming: _Coming, fresh: keys.FreshKey) -> tuple[object, ...]:
    receipt, raw = coming.receipt, coming.raw
    kept = vault.values(vault.sealed_row(fresh.subject, raw.body, fresh.key))
    return (
        receipt.id, raw.channel, raw.key, coming.principal, coming.fingerprint, raw.content_type, receipt.received_at,
        *kept, fresh.wrapped,
    )  # fmt: skip


_with_others = Together(partial(_store, _WITH_ITS_CASE))


async def _while_the_master_changes(coming: _Coming) -> Receipt | None:
    """A transaction that looks after the key; None where the idempotency key is known."""
    receipt, raw = coming.receipt, coming.raw
    vault_id = new_id()
    about = (
        receipt.id, raw.channel, raw.key, coming.principal, coming.fingerprint, raw.content_type, receipt.received_at
    )  # fmt: skip
    async with db.transaction():
        if await db.execute(_ALONE, *about, vault_id) == "INSERT 0 0":
            return None
        kept = (vault_id, f"person/{receipt.person_id}", raw.body)
        await vault.insert(await vault.prepare_again([kept]))
    return receipt
