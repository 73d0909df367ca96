"""Files of unsent text: kept beside the draft, encrypted for whoever the case is about, and gone with it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from ombud.desk import attachments
from ombud.desk.colleagues import drafts
from ombud.desk.errors import Invalid, NotNow
from ombud.desk.writing import subject_of
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.process import settings
from ombud.speech import sentence
from ombud.trust import vault
from ombud.trust.keys import Destroyed
from ombud.trust.policy import Viewer
from ombud_plugin_api.facts import Document


@dataclass(frozen=True)
class DraftFile:
    """A file in the box, without its bytes; `size` in bytes."""

    id: UUID
    name: str
    size: int


_MINE = (
    "SELECT f.* FROM core_draft_file f JOIN core_draft d ON d.id = f.draft_id "
    "WHERE d.user_id = $1 AND d.case_id = $2 AND d.purpose = $3 ORDER BY f.created_at, f.id"
)


async def files_of(viewer: Viewer, case_id: UUID, purpose: str) -> list[DraftFile]:
    """What the viewer put into the box of a case."""
    rows = await db.fetch(_MINE, viewer.user_id, case_id, purpose)
    return [DraftFile(row["id"], row["name"], row["size"]) for row in rows]


async def put(viewer: Viewer, case_id: UUID, purpose: str, documents: Sequence[Document]) -> None:
    """Keeps files with the viewer's draft, which is there already. Raises Invalid for what the desk does not take."""
    documents = attachments.checked(documents)
    async with db.transaction():
        draft = await db.fetchval(
            "SELECT id FROM core_draft WHERE user_id = $1 AND case_id = $2 AND purpose = $3 FOR UPDATE",
            viewer.user_id, case_id, purpose,
        )  # fmt: skip
        if draft is None:
            raise NotNow("There is no draft to keep the files with. Open the case again.")
        has = await db.fetchval("SELECT count(*) FROM core_draft_file WHERE draft_id = $1", draft)
        most = settings().limits.attachments
        if has + len(documents) > most:
            raise Invalid(
                sentence("These are too many files: at most %(most)s. Send the rest as a message.", most=most),
                "documents",
            )
        whose = await subject_of(case_id)
        rows = await vault.prepare_many([(whose, each.data) for each in documents])
        await vault.insert(rows)
        for each, row in zip(documents, rows, strict=True):
            await db.execute(
                "INSERT INTO core_draft_file (id, draft_id, name, content_type, size, sha256, vault_id, created_at) "
                "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                new_id(), draft, each.name, each.content_type, len(each.data), hashlib.sha256(each.data).hexdigest(),
                row.id, now(),
            )  # fmt: skip


async def take_out(viewer: Viewer, case_id: UUID, purpose: str, file_id: UUID) -> None:
    """Takes one of one's own files out of the box; one that is gone already is no trouble."""
    mine = {each.id for each in await files_of(viewer, case_id, purpose)}
    if file_id in mine:
        await _forget("f.id = $1", file_id)


async def documents_of(viewer: Viewer, case_id: UUID, purpose: str) -> list[Document]:
    """The files with their bytes, to be sent. Raises NotNow where one cannot be read any more."""
    rows = await db.fetch(_MINE, viewer.user_id, case_id, purpose)
    try:
        clear = await vault.load_many([row["vault_id"] for row in rows])
    except (Destroyed, vault.NotStored):
        raise NotNow("A file in the box was erased meanwhile. Take it out, then send again.") from None
    return [Document(name=row["name"], content_type=row["content_type"], data=clear[row["vault_id"]]) for row in rows]


async def drop(viewer: Viewer, case_id: UUID, purpose: str) -> None:
    """The draft and its files go, after it was sent."""
    async with db.transaction():
        draft = await db.fetchval(
            "SELECT id FROM core_draft WHERE user_id = $1 AND case_id = $2 AND purpose = $3",
            viewer.user_id, case_id, purpose,
        )  # fmt: skip
        await _forget("f.draft_id = $1", draft)
        await drafts.drop(viewer, case_id, purpose)


async def sweep() -> None:
    """Files whose draft is gone; for the schedule."""
    await _forget("f.draft_id IS NULL OR f.draft_id = $1", None)


async def _forget(which: str, value: UUID | None) -> None:
    await db.execute(
        f"WITH gone AS (DELETE FROM core_draft_file f WHERE {which} RETURNING f.vault_id) "
        "DELETE FROM core_vault WHERE id IN (SELECT vault_id FROM gone)",
        value,
    )
