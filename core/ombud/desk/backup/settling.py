"""What a desk does once when its database was put back: nobody stays signed in, nothing leaves a second time, and the
ledger says that it was restored."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ombud.desk.outgoing import moving, states
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.health import BAD, GOOD, Check, Finding
from ombud.kernel.ids import new_id
from ombud.trust.ledger import NewEntry, append

WHY = "The desk was put back from a backup; this may have left after the backup was made."
REMEDY = (
    "Give it the newest copy of the erasure journal: ombud privacy replay --journal FILE. "
    "If none is left anywhere, say so: ombud privacy replay --no-journal."
)


async def restored(manifest: Mapping[str, Any], journal: str) -> int:
    """In one transaction, once for a restored database; returns how many messages were held. A call that comes again
    for the same backup, after an interruption, changes nothing."""
    async with db.transaction():
        known = await db.fetchval("SELECT id FROM core_restoration WHERE forgotten_at IS NULL AND backup_id = $1",
                                  manifest["id"])  # fmt: skip
        if known is not None:
            await db.execute("UPDATE core_restoration SET journal = $2 WHERE id = $1", known, journal)
            return 0
        made, moment = new_id(), now()
        await db.execute(
            "INSERT INTO core_restoration (id, backup_id, backup_at, restored_at, journal, orders, again) "
            "VALUES ($1, $2, $3, $4, $5, 0, 0)",
            made, manifest["id"], datetime.fromisoformat(manifest["made_at"]), moment, journal,
        )  # fmt: skip
        body = {
            "backup": manifest["id"], "made_at": manifest["made_at"], "ombud": manifest["ombud"], "journal": journal,
            "checkpoint": manifest["database"]["checkpoint"],
        }  # fmt: skip
        await append(actor="system", entries=[NewEntry(f"restoration/{made}", "desk.restored", body)])
        # Those that ended, and doors that were closed, after the backup would stand open again.
        await db.execute("DELETE FROM core_session")
        await db.execute("DELETE FROM core_reset WHERE used_at IS NULL")
        await db.execute("DELETE FROM core_presence")
        await db.execute("DELETE FROM core_claim")
        return await _held()


async def _held() -> int:
    """What was about to leave is in doubt now: a person says of each whether it arrived."""
    rows = await db.fetch(
        "SELECT id FROM core_outgoing WHERE state = ANY($1) ORDER BY id", [*states.READY, states.SENDING]
    )
    for each in rows:
        row = await moving.locked(each["id"])
        assert row is not None
        if row["state"] != states.SENDING:
            await moving.move("system", row, states.TAKE, codes={"reason": "restored"}, sending_at=now())
            row = await moving.locked(each["id"])
            assert row is not None
        await moving.move("system", row, states.DOUBT, said=WHY, detail=WHY, codes={"reason": "restored"})
    return len(rows)


async def standing() -> Finding:
    """Whether this desk may hold people who were erased."""
    row = await db.fetchrow("SELECT * FROM core_restoration ORDER BY restored_at DESC, id DESC LIMIT 1")
    if row is None:
        return Finding(GOOD, "This database was never put back from a backup.")
    facts = (
        ("Backup of", f"{row['backup_at']:%Y-%m-%d %H:%M} UTC"),
        ("Put back", f"{row['restored_at']:%Y-%m-%d %H:%M} UTC"),
        ("Erasures done again", str(row["again"])),
    )
    if row["forgotten_at"] is not None:
        return Finding(
            GOOD, "The desk was put back from a backup and has forgotten again whom it had erased.", "", facts
        )
    if row["journal"] == "none":
        said = "The desk was put back from a backup WITHOUT the erasure journal: people who were erased may be back."
        return Finding(BAD, said, REMEDY, facts)
    said = "The desk was put back from a backup, and not all erasures were done again: people who were erased are back."
    return Finding(BAD, said, "Run ombud privacy replay; it says what it waits for.", facts)


CHECKS = (
    Check("privacy.restored", "Restored backup", "Desk", "A backup brings back who was erased since.", standing),
)  # fmt: skip
