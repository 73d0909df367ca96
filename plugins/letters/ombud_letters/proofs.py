"""Proof that a letter was posted: photographs and PDFs, kept with the letter."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID, uuid4

from ombud_letters.logos import kind_of
from ombud_letters.tables import sql
from ombud_plugin_api import Platform

LARGEST = 10_000_000


class Proof(NamedTuple):
    id: UUID
    letter: UUID
    name: str
    content_type: str
    size: int
    file_id: UUID
    added_by: str
    added_at: datetime


def proof_kind(data: bytes) -> str:
    """PDF, PNG or JPEG by its bytes; empty for anything else."""
    return "application/pdf" if b"%PDF-" in data[:1024] else kind_of(data)


def refusal(data: bytes) -> str:
    """A key of the texts' `refusals`; empty where it is fit."""
    if not data:
        return "empty"
    if len(data) > LARGEST:
        return "proof_large"
    return "" if proof_kind(data) else "proof_kind"


async def add(letter: UUID, name: str, data: bytes, platform: Platform, by: str) -> None:
    """Once for the same bytes. Each letter has a copy of its own, which goes with it."""
    digest = hashlib.sha256(data).hexdigest()
    if await sql("SELECT 1 FROM letters_proof WHERE letter = {} AND digest = {}", letter, digest):
        return
    kept = await platform.keep_file(data)
    rows = await sql(
        "INSERT INTO letters_proof (id, letter, name, content_type, size, file_id, digest, added_by, added_at) "
        "VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}) ON CONFLICT (letter, digest) DO NOTHING RETURNING id",
        uuid4(), letter, name, proof_kind(data), len(data), kept, digest, by, datetime.now(UTC),
    )  # fmt: skip
    if not rows:
        await platform.drop_file(kept)


async def of_letters(letters: Sequence[UUID]) -> dict[UUID, list[Proof]]:
    rows = await sql(
        "SELECT id, letter, name, content_type, size, file_id, added_by, added_at FROM letters_proof "
        "WHERE letter = ANY({}) ORDER BY added_at, id",
        list(letters),
    )
    found: dict[UUID, list[Proof]] = {}
    for row in rows:
        found.setdefault(row["letter"], []).append(Proof(**row))
    return found
