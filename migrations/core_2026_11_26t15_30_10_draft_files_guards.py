"""Files of drafts: ids made by the program, and a draft that goes leaves them to the sweep, which forgets their bytes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T15:30:10:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards of files of drafts"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_guard)
    manager.add_raw_backwards(_unguard)
    return manager


async def _guard() -> None:
    await db.execute("ALTER TABLE core_draft_file ALTER COLUMN id DROP DEFAULT")
    await db.execute(
        "ALTER TABLE core_draft_file ADD CONSTRAINT core_draft_file_draft_id_ref FOREIGN KEY (draft_id) "
        "REFERENCES core_draft (id) ON DELETE SET NULL"
    )
    await db.execute("CREATE INDEX core_draft_file_draft_id ON core_draft_file (draft_id)")
    await db.execute(
        "ALTER TABLE core_draft_file ADD CONSTRAINT core_draft_file_vault_id_ref FOREIGN KEY (vault_id) "
        "REFERENCES core_vault (id) ON DELETE CASCADE"
    )
    await db.execute("CREATE INDEX core_draft_file_vault_id ON core_draft_file (vault_id)")


async def _unguard() -> None:
    await db.execute("DELETE FROM core_vault WHERE id IN (SELECT vault_id FROM core_draft_file)")
    for column in ("vault_id", "draft_id"):
        await db.execute(f"ALTER TABLE core_draft_file DROP CONSTRAINT core_draft_file_{column}_ref")
        await db.execute(f"DROP INDEX core_draft_file_{column}")
