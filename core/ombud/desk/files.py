"""One file of a case with its bytes, for those who may see the message it came with."""

from uuid import UUID

from ombud.desk.errors import NotFound
from ombud.desk.writing import demand
from ombud.kernel.database import db
from ombud.trust import vault, viewing
from ombud.trust.policy import Arguments, Viewer, decide
from ombud_plugin_api.facts import Document

GONE = "There is no such file that you may see. Open the case again; it may have been erased."


async def file(viewer: Viewer, attachment_id: UUID) -> Document:
    """Raises NotFound with one text for missing, hidden and erased."""
    demand(viewer, "case.read")
    arguments = Arguments(attachment_id)
    row = await db.fetchrow(
        "SELECT f.name, f.content_type, f.vault_id, f.case_id FROM core_attachment f "
        f"WHERE f.id = $1 AND {decide(viewer, 'case.read', 'attachment').where('f', arguments)}",
        *arguments.values,
    )
    if row is None:
        raise NotFound(GONE)
    if row["case_id"] is not None:
        viewing.saw(viewer, row["case_id"])
    try:
        data = await vault.load(row["vault_id"])
    except (vault.NotStored, vault.Destroyed):
        raise NotFound(GONE) from None
    return Document(name=row["name"], content_type=row["content_type"], data=data)
