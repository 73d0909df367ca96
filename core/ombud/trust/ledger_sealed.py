"""Looks whether what the ledger sealed can still be opened and is what its entries committed to."""

import hmac
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from ombud.kernel.database import db
from ombud.trust import keys
from ombud.trust.canonical import canonical, commitment
from ombud.trust.checkpoints import batches
from ombud.trust.keys import KeyTrouble
from ombud.trust.ledger import Opening, opening_of, sealed_label
from ombud.trust.vault import Damaged, seal


@dataclass(frozen=True, slots=True)
class Wrong:
    """A sealed value that is not what its entry promised; the value itself is never told."""

    stream: str
    seq: int
    what: str


_VALUES = """
SELECT s.stream, s.seq, s.field, s.subject, s.wrapped, s.nonce, s.ciphertext, e.sealed->>s.field AS promised,
    k.wrapped AS key, k.master_id, k.destroyed_at
FROM core_sealed s LEFT JOIN core_ledger_entry e USING (stream, seq) LEFT JOIN core_key k ON k.subject = s.subject
{only} ORDER BY s.stream COLLATE "C", s.seq, s.field
"""
# Values go with their keys, and with the records that a removal of demonstration data ended.
_MISSING = """
SELECT e.stream, e.seq, promised.field FROM core_ledger_entry e, jsonb_object_keys(e.sealed) AS promised (field)
WHERE e.sealed <> '{{}}' {only}
    AND NOT EXISTS (SELECT 1 FROM core_sealed s
        WHERE s.stream = e.stream AND s.seq = e.seq AND s.field = promised.field)
    AND NOT EXISTS (SELECT 1 FROM core_key k WHERE k.subject = e.stream AND k.destroyed_at IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM core_stream head JOIN core_ledger_entry last
        ON last.stream = head.stream AND last.seq = head.seq
        WHERE head.stream = e.stream AND last.kind LIKE '%.removed')
ORDER BY e.stream COLLATE "C", e.seq LIMIT 1
"""


class Count:
    """How many values were opened, and how many were erased with their keys."""

    def __init__(self) -> None:
        self.opened, self.erased = 0, 0


async def first_wrong(count: Count, streams: Sequence[str] | None = None) -> Wrong | None:
    """Opens every sealed value (of these streams alone, where given) in an open transaction, some thousand at a time.

    Returns the first that is damaged, foreign or missing. Erased values are no fault: their commitments stand.
    """
    only, given = ("", ()) if streams is None else ("WHERE s.stream = ANY($1)", (list(streams),))
    async for rows in batches(_VALUES.format(only=only), *given):
        for row in rows:
            if said := _said_of(row, count):
                return Wrong(row["stream"], row["seq"], f"the sealed value {row['field']} {said}")
    only = "" if streams is None else "AND e.stream = ANY($1)"
    missing = await db.fetchrow(_MISSING.format(only=only), *given)
    if missing is not None:
        return Wrong(missing["stream"], missing["seq"], f"the sealed value {missing['field']} is not there any more")
    return None


def _said_of(row: asyncpg.Record, count: Count) -> str:
    if row["promised"] is None:
        return "is promised by no entry"
    if row["destroyed_at"] is not None:
        count.erased += 1
        return ""
    if row["key"] is None:
        return f"cannot be opened: the key of {row['subject']} is not there"
    opening = opened(row)
    if opening is None:
        return "was altered and cannot be opened"
    if not hmac.compare_digest(commitment(opening.nonce, opening.value).hex(), row["promised"]):
        return "is not the one that the entry committed to"
    count.opened += 1
    return ""


def opened(row: asyncpg.Record) -> Opening | None:
    """The value of one row that has its key; None where the bytes were altered."""
    try:
        return opening_of(row)
    except (Damaged, KeyTrouble, ValueError):
        return None


_ONE_FIELD = _VALUES.format(
    only="JOIN unnest($1::text[], $2::bigint[]) AS place (stream, seq) USING (stream, seq) WHERE s.field = $3"
)


async def values_of(field: str, places: Sequence[tuple[str, int]]) -> AsyncIterator[tuple[str, int, Any]]:
    """One field of the entries at these (stream, seq), where it can be opened; None for one that was altered."""
    rows = await db.fetch(_ONE_FIELD, [stream for stream, _ in places], [seq for _, seq in places], field)
    for row in rows:
        if row["key"] is not None and row["destroyed_at"] is None:
            opening = opened(row)
            yield row["stream"], row["seq"], opening.value if opening else None


async def hand_over(subject: str, to: str) -> int:
    """What was sealed for one subject becomes another's, so that erasing that one takes it: two records of people
    turned out to be one person. The commitments in the chain stay as they are. In the caller's transaction; returns how
    many; raises Destroyed where `to` was erased."""
    rows = await db.fetch(_VALUES.format(only="WHERE s.subject = $1"), subject)
    openings = [opening for row in rows if row["key"] is not None and (opening := opened(row)) is not None]
    if not openings:
        return 0
    key = (await keys.sealing_keys({to}))[to]
    boxes = [
        seal(key, each.nonce + canonical(each.value), sealed_label(each.stream, each.seq, each.field, to))
        for each in openings
    ]
    await db.execute(
        """UPDATE core_sealed s SET subject = $4, wrapped = fresh.wrapped, nonce = fresh.nonce,
            ciphertext = fresh.ciphertext
        FROM unnest($1::text[], $2::bigint[], $3::text[], $5::bytea[], $6::bytea[], $7::bytea[])
            AS fresh (stream, seq, field, wrapped, nonce, ciphertext)
        WHERE s.stream = fresh.stream AND s.seq = fresh.seq AND s.field = fresh.field""",
        [each.stream for each in openings], [each.seq for each in openings], [each.field for each in openings], to,
        [box.wrapped for box in boxes], [box.nonce for box in boxes], [box.ciphertext for box in boxes],
    )  # fmt: skip
    return len(openings)
