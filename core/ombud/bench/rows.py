"""Rows waiting for COPY, by table."""

from collections import defaultdict
from typing import Any

# In an order in which references hold.
COLUMNS: dict[str, tuple[str, ...]] = {
    "core_key": ("subject", "wrapped", "master_id", "created_at"),
    "core_person": (
        "id", "kind", "name", "email", "phone", "postcode", "address", "language", "created_at", "version",
    ),
    "core_case": (
        "id", "reference", "unit_id", "case_type", "title", "status", "priority", "severity", "owner_id", "queue_id",
        "channel", "language", "confidential", "received_at", "received_on", "opened_at", "due_at", "changed_at",
        "closed_at", "fields", "aspects_total", "aspects_closed", "mood", "last_word_at", "last_word_channel",
        "clocked", "version",
    ),
    "core_party": ("id", "case_id", "person_id", "role", "authority", "created_at"),
    "core_vault": ("id", "subject", "wrapped", "nonce", "ciphertext", "size", "created_at"),
    "core_raw": (
        "id", "channel", "key", "principal", "fingerprint", "content_type", "vault_id", "received_at", "status",
        "reason", "case_id", "message_id",
    ),
    "core_intake_step": ("id", "raw_id", "step", "state", "attempts", "error", "at"),
    "core_message": (
        "id", "case_id", "person_id", "author_id", "raw_id", "channel", "direction", "subject", "body", "said_at",
        "recorded_at", "key", "decision", "decision_reason", "decided_by", "decided_at",
    ),
    "core_aspect": (
        "id", "case_id", "position", "title", "text", "category", "status", "priority", "severity", "owner_id",
        "queue_id", "outcome", "reason", "cause", "due_at", "decided_at", "decided_by", "version",
    ),
    "core_message_aspect": ("id", "message_id", "aspect_id"),
    "core_redress": ("id", "case_id", "aspect_id", "kind", "amount", "currency", "note", "created_at", "created_by"),
    "core_link": ("id", "case_id", "person_id", "purpose", "created_at", "expires_at", "revoked_by"),
    "core_stream": ("stream", "seq", "hash"),
    "core_ledger_entry": ("stream", "seq", "at", "actor", "cause", "kind", "body", "sealed", "prev", "hash"),
    "core_sealed": ("stream", "seq", "field", "subject", "wrapped", "nonce", "ciphertext"),
}  # fmt: skip


class Rows:
    def __init__(self) -> None:
        self.tables: dict[str, list[tuple[Any, ...]]] = defaultdict(list)

    def add(self, table: str, *values: Any) -> None:
        """One row, its values in the order of COLUMNS."""
        self.tables[table].append(values)

    async def copy(self, connection: Any) -> None:
        """Sends everything on an asyncpg connection, table by table."""
        for table, columns in COLUMNS.items():
            if self.tables[table]:
                await connection.copy_records_to_table(table, records=self.tables[table], columns=columns)
