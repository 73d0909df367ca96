"""Files that come with messages: looked at by content, bounded in size, encrypted in the vault."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from uuid import UUID

from ombud.desk.errors import Invalid
from ombud.desk.file_kinds import SAFE_INLINE, content_type, refuse_blocked
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.process import settings
from ombud.speech import sentence
from ombud.trust import vault
from ombud_plugin_api.facts import Document

_UNFIT = frozenset('"<>|:*?')  # what file systems refuse
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|\Z)", re.IGNORECASE)

__all__ = ["SAFE_INLINE", "checked", "content_type", "store", "taken", "tidy_name"]


def checked(documents: Sequence[Document]) -> tuple[Document, ...]:
    """The documents with tidy names and the type their bytes have; refuses too many, too large, empty, and what
    the desk blocks."""
    limits = settings().limits
    if len(documents) > limits.attachments:
        raise Invalid(
            sentence(
                "These are too many files: at most %(attachments)s. Send the rest as a message.",
                attachments=limits.attachments,
            ),
            "documents",
        )
    return tuple(_checked(each, limits.attachment_mb) for each in documents)


def _checked(document: Document, largest_mb: int) -> Document:
    name = tidy_name(document.name)
    if not document.data:
        raise Invalid(sentence("The file %(name)s is empty. Choose it again, or leave it out.", name=name), "documents")
    if len(document.data) > largest_mb * 1_000_000:
        raise Invalid(
            sentence(
                "The file %(name)s is larger than %(largest_mb)s MB. Send a smaller copy.",
                name=name,
                largest_mb=largest_mb,
            ),
            "documents",
        )
    found = content_type(document.data, name)
    refuse_blocked(name, found, settings().limits.blocked_files)
    return Document(name=name, content_type=found, data=document.data)


def taken(documents: Sequence[Document]) -> tuple[Document, ...]:
    """The same where nobody can be asked again: what the desk refuses is replaced by a text that says so, because a
    file never stops a complaint. The message as it came still holds the bytes."""
    limits, kept, left = settings().limits, [], []
    for place, each in enumerate(documents):
        try:
            if place >= limits.attachments:
                raise Invalid("There were more files than this desk takes.", "documents")
            kept.append(_checked(each, limits.attachment_mb))
        except Invalid as refusal:
            left.append(f"{tidy_name(each.name)}: {refusal}")
    if left:
        words = "Not kept with the case; the message as it came still holds it.\n\n" + "\n".join(left) + "\n"
        kept.append(Document(name="Files that were not kept.txt", content_type="text/plain", data=words.encode()))
    return tuple(kept)


def tidy_name(name: str) -> str:
    """A file name without folders and signs that are not seen or turn the reading direction, at most 120 characters."""
    last = re.split(r"[/\\]", name)[-1]
    shown = "".join(" " if unicodedata.category(sign) == "Zs" else sign for sign in last)
    plain = "".join(sign for sign in shown if sign.isprintable() and sign not in _UNFIT).strip(". ")
    if _RESERVED.match(plain):  # Windows gives these names to devices
        plain = f"_{plain}"
    return plain[-120:].lstrip(". ") or "file"


async def store(
    documents: Sequence[Document], *, case_id: UUID | None, message_id: UUID | None, person_id: UUID
) -> list[UUID]:
    """Encrypts checked documents under the person's key and ties them to message and case; two statements."""
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
