"""A claim on one matter of a case: it ends with the matter, and there is one for each."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T15:25:10:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards of claims on one matter of a case"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_guard)
    manager.add_raw_backwards(_unguard)
    return manager


async def _guard() -> None:
    await db.execute(
        "ALTER TABLE core_claim ADD CONSTRAINT core_claim_aspect_id_ref FOREIGN KEY (aspect_id) "
        "REFERENCES core_aspect (id) ON DELETE CASCADE"
    )
    await db.execute("CREATE INDEX core_claim_aspect_id ON core_claim (aspect_id)")
    await db.execute("DROP INDEX core_claim_once")
    await db.execute("CREATE UNIQUE INDEX core_claim_once ON core_claim (case_id, aspect_id) NULLS NOT DISTINCT")


async def _unguard() -> None:
    await db.execute("DELETE FROM core_claim WHERE aspect_id IS NOT NULL")
    await db.execute("DROP INDEX core_claim_once")
    await db.execute("CREATE UNIQUE INDEX core_claim_once ON core_claim (case_id)")
    await db.execute("DROP INDEX core_claim_aspect_id")
    await db.execute("ALTER TABLE core_claim DROP CONSTRAINT core_claim_aspect_id_ref")
