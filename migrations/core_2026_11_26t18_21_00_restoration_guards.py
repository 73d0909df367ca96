"""What Piccolo's columns cannot say of restorations."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T18:21:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards of restorations"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_guard)
    manager.add_raw_backwards(_unguard)
    return manager


async def _guard() -> None:
    await db.execute("ALTER TABLE core_restoration ALTER COLUMN id DROP DEFAULT")
    await db.execute(
        "ALTER TABLE core_restoration ADD CONSTRAINT core_restoration_journal_ok "
        "CHECK (journal IN ('given', 'own', 'none', 'waived'))"
    )


async def _unguard() -> None:
    await db.execute("ALTER TABLE core_restoration DROP CONSTRAINT core_restoration_journal_ok")
    await db.execute("ALTER TABLE core_restoration ALTER COLUMN id SET DEFAULT gen_random_uuid()")
