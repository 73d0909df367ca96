"""Which files go into a bundle: what the person sent, what was sent to them, and what else lies under their key."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from ombud.desk.privacy import bundle
from ombud.kernel.database import db
from ombud.trust import vault

if TYPE_CHECKING:
    from ombud.desk.privacy.collecting import Gathered


async def add(found: "Gathered", people: Sequence[UUID], cases: Sequence[UUID], hidden: set[UUID]) -> None:
    """Files that the person sent or was sent, and the bytes of what they sent; those of others are named, not handed
    out, since nothing can take names out of a picture."""
    rows = await db.fetch(
        "SELECT f.id, f.name, f.vault_id, f.case_id, f.message_id, m.person_id, m.direction FROM core_attachment f "
        "LEFT JOIN core_message m ON m.id = f.message_id "
        "WHERE f.case_id = ANY($2) OR m.case_id = ANY($2) OR m.person_id = ANY($1) ORDER BY f.created_at, f.id",
        list(people), list(cases),
    )  # fmt: skip
    for row in rows:
        theirs = row["person_id"] in people or (row["direction"] == "out" and row["person_id"] is None)
        if not theirs or row["message_id"] in hidden or row["id"] in hidden:
            found.left_out.append(
                (f"files/{row['id']}", "a file of somebody else: look at it before you hand it out", 1)
            )
            continue
        await _file(found, f"files/{row['id']}-{bundle.safe_name(row['name'])}", row["vault_id"])
    raws = await db.fetch(
        "SELECT r.id, r.vault_id FROM core_raw r JOIN core_vault v ON v.id = r.vault_id WHERE v.subject = ANY($1) "
        "ORDER BY r.received_at, r.id",
        [f"person/{each}" for each in people],
    )
    for row in raws:
        await _file(found, f"received/{row['id']}", row["vault_id"])
    papers = await db.fetch(
        "SELECT f.id, f.name, f.vault_id FROM core_privacy_file f JOIN core_privacy_request q ON q.id = f.request_id "
        "WHERE q.person_id = ANY($1) ORDER BY f.created_at, f.id",
        list(people),
    )
    for row in papers:
        await _file(found, f"requests/{row['id']}-{bundle.safe_name(row['name'])}", row["vault_id"])
    await _kept(found, people)


async def _kept(found: "Gathered", people: Sequence[UUID]) -> None:
    """Whatever else lies in the vault under the person's key, such as the account that redress goes to."""
    rows = await db.fetch(
        "SELECT v.id FROM core_vault v WHERE v.subject = ANY($1) "
        "AND NOT EXISTS (SELECT 1 FROM core_attachment f WHERE f.vault_id = v.id) "
        "AND NOT EXISTS (SELECT 1 FROM core_raw r WHERE r.vault_id = v.id) "
        "AND NOT EXISTS (SELECT 1 FROM core_case_file c WHERE c.vault_id = v.id) "
        "AND NOT EXISTS (SELECT 1 FROM core_privacy_collection c WHERE c.bundle_id = v.id) ORDER BY v.created_at, v.id",
        [f"person/{each}" for each in people],
    )
    for row in rows:
        await _file(found, f"kept/{row['id']}", row["id"])


async def _file(found: "Gathered", name: str, vault_id: UUID) -> None:
    try:
        found.files.append((name, await vault.load(vault_id)))
    except (vault.NotStored, vault.Destroyed):
        found.left_out.append((name, "destroyed before", 1))
