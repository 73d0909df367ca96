"""Documents that come with a request: looked at by content as every upload, and sealed for the request."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from ombud.desk import attachments, file_kinds
from ombud.desk.errors import Invalid, NotFound
from ombud.desk.privacy.requests import lock, stream
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust import vault
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import Viewer
from ombud_plugin_api.facts import Document

AUTHORITY, ADDED = "authority", "added"


async def keep(request_id: UUID, kind: str, documents: Sequence[Document], actor: str, by: UUID | None = None) -> None:
    """In the caller's transaction; the documents were checked. Their key is the request's, whoever asks."""
    for each in documents:
        kept = await vault.store(stream(request_id), each.data)
        await db.execute(
            "INSERT INTO core_privacy_file (id, request_id, kind, name, content_type, size, sha256, vault_id, "
            "created_at, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            new_id(), request_id, kind, each.name, each.content_type, len(each.data),
            hashlib.sha256(each.data).hexdigest(), kept, now(), by,
        )  # fmt: skip
        body = {"kind": kind, "size": len(each.data)}
        await append(actor=actor, entries=[NewEntry(stream(request_id), "privacy.file_added", body)])


async def add(viewer: Viewer, request_id: UUID, kind: str, documents: Sequence[Document]) -> None:
    """What somebody handed in at the desk or sent by post."""
    checked = attachments.checked(documents)
    if not checked:
        raise Invalid("Choose a file.", "documents")
    if kind not in {AUTHORITY, ADDED}:
        raise Invalid("Say what it is.", "kind")
    async with db.transaction():
        await lock(viewer, request_id)
        await keep(request_id, kind, checked, viewer.actor, viewer.user_id)


async def of_request(request_id: UUID) -> list[Mapping[str, Any]]:
    """For the page of a request that the caller may see."""
    rows = await db.fetch(
        "SELECT f.id, f.kind, f.name, f.content_type, f.size, f.created_at FROM core_privacy_file f "
        "WHERE f.request_id = $1 ORDER BY f.created_at, f.id",
        request_id,
    )
    return [dict(row) for row in rows]


async def taken(viewer: Viewer, request_id: UUID, file_id: UUID) -> Document:
    """One of them with its bytes; taking it is recorded."""
    async with db.transaction():
        await lock(viewer, request_id)
        row = await db.fetchrow(
            "SELECT * FROM core_privacy_file WHERE id = $1 AND request_id = $2", file_id, request_id
        )
        if row is None:
            raise NotFound("There is no such document with this request.")
        try:
            data = await vault.load(row["vault_id"])
        except (vault.NotStored, vault.Destroyed):
            raise NotFound("This document was destroyed with the person.") from None
        entry = NewEntry(stream(request_id), "privacy.file_taken", {"file": str(file_id)})
        await append(actor=viewer.actor, entries=[entry])
    return Document(name=row["name"], content_type=file_kinds.told(row["content_type"]), data=data)
