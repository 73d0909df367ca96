"""Cases of the past as trials walk them: their ledger entries in bulk, codes only."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from ombud.desk.engine.folding import STEPS
from ombud.desk.engine.replaying import Told
from ombud.kernel.database import db

_ENTRIES = """
SELECT e.stream, e.seq, e.at, e.kind, e.body::text AS body FROM core_ledger_entry e
WHERE e.stream = ANY($1::text[]) AND (e.kind = ANY($2::text[]) OR ($3 <> '' AND starts_with(e.kind, $3)))
ORDER BY e.stream, e.seq
"""
_ROBOTS = "SELECT id::text AS id FROM core_outgoing WHERE case_id = ANY($1) AND robot"
_decode = msgspec.json.Decoder(dict[str, Any]).decode


async def entries_of(cases: Sequence[UUID], also: str = "") -> dict[str, list[Told]]:
    """By case, in order: what the facts are folded from, and the kinds that begin with `also`."""
    found: dict[str, list[Told]] = {}
    for row in await db.fetch(_ENTRIES, [f"case/{each}" for each in cases], list(STEPS), also):
        told = Told(row["stream"], row["seq"], row["at"], row["kind"], _decode(row["body"]))
        found.setdefault(row["stream"].partition("/")[2], []).append(told)
    return found


async def robots_in(cases: Sequence[UUID]) -> frozenset[str]:
    """Ids of messages that no person wrote."""
    return frozenset(row["id"] for row in await db.fetch(_ROBOTS, list(cases)))
