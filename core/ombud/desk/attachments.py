"""Files that come with messages: looked at by content, bounded in size, encrypted in the vault."""

import hashlib
import re
from collections.abc import Sequence
from uuid import UUID

from ombud.desk.errors import Invalid
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.process import settings
from ombud.trust import vault
from ombud_plugin_api.facts import Document

# What the first bytes say; what they do not say is kept as text or as bytes nobody opens in the browser.
_SIGNATURES = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"PK\x03\x04", "application/zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
)
_PROGRAMS = (b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe")
_OFFICE = {".docx", ".xlsx", ".pptx", ".odt", ".ods"}
SAFE_INLINE = frozenset({"image/png", "image/jpeg", "image/gif", "text/plain"})


def checked(documents: Sequence[Document]) -> tuple[Document, ...]:
    """The documents with tidy names and the type their bytes have; refuses too many, too large, empty and programs."""
    limits = settings().limits
    if len(documents) > limits.attachments:
        raise Invalid(
            f"These are too many files: at most {limits.attachments}. Send the rest as a message.", "documents"
        )
    return tuple(_checked(each, limits.attachment_mb) for each in documents)


def _checked(document: Document, largest_mb: int) -> Document:
    name = tidy_name(document.name)
    if not document.data:
        raise Invalid(f"The file {name} is empty. Choose it again, or leave it out.", "documents")
    if len(document.data) > largest_mb * 1_000_000:
        raise Invalid(f"The file {name} is larger than {largest_mb} MB. Send a smaller copy.", "documents")
    if document.data.startswith(_PROGRAMS):
        raise Invalid(f"The file {name} is a program. Send a picture, a PDF or a text instead.", "documents")
    return Document(name=name, content_type=content_type(document.data, name), data=document.data)


def tidy_name(name: str) -> str:
    """A file name without folders and control characters, at most 120 characters."""
    last = re.split(r"[/\\]", name)[-1]
    plain = re.sub(r"[\x00-\x1f\x7f\"<>|:*?\u202a-\u202e\u2066-\u2069\ud800-\udfff]", "", last).strip(". ")
    return plain[-120:] or "file"


def content_type(data: bytes, name: str) -> str:
    """The type the bytes show; the sender's word does not count."""
    for start, kind in _SIGNATURES:
        if data.startswith(start):
            return _office(name) if kind == "application/zip" else kind
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return "application/octet-stream"
    return "application/octet-stream" if "\0" in text else "text/plain"


def _office(name: str) -> str:
    return "application/x-office" if any(name.lower().endswith(each) for each in _OFFICE) else "application/zip"


async def store(
    documents: Sequence[Document], *, case_id: UUID, message_id: UUID | None, person_id: UUID
) -> list[UUID]:
    """Encrypts checked documents under the person's key and ties them to case and message; two statements."""
    if not documents:
        return []
    rows = await vault.prepare_many([(f"person/{person_id}", each.data) for each in documents])
    await vault.insert(rows)
    identities = [new_id() for _ in documents]
    await db.execute(
        "INSERT INTO core_attachment (id, case_id, message_id, name, content_type, size, sha256, vault_id, created_at) "
        "SELECT a.id, $1, $2, a.name, a.content_type, a.size, a.sha256, a.vault_id, $3 FROM unnest($4::uuid[], "
        "$5::text[], $6::text[], $7::bigint[], $8::text[], $9::uuid[]) "
        "AS a(id, name, content_type, size, sha256, vault_id)",
        case_id, message_id, now(), identities, [each.name for each in documents],
        [each.content_type for each in documents], [len(each.data) for each in documents],
        [hashlib.sha256(each.data).hexdigest() for each in documents], [row.id for row in rows],
    )  # fmt: skip
    return identities
