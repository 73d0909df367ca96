"""What Piccolo's columns cannot say of message ids: whose they are, one of each, and that they are looked up."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T05:20:10:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards of message ids"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_guard)
    manager.add_raw_backwards(_unguard)
    return manager


async def _guard() -> None:
    await db.execute("ALTER TABLE core_thread_id ALTER COLUMN id DROP DEFAULT")
    await db.execute(
        "ALTER TABLE core_thread_id ADD CONSTRAINT core_thread_id_message_id_ref FOREIGN KEY (message_id) "
        "REFERENCES core_message (id) ON DELETE CASCADE"
    )
    await db.execute("CREATE INDEX core_thread_id_message_id ON core_thread_id (message_id)")
    await db.execute("CREATE UNIQUE INDEX core_thread_id_once ON core_thread_id (value, message_id)")


async def _unguard() -> None:
    await db.execute("DROP INDEX core_thread_id_once")
    await db.execute("ALTER TABLE core_thread_id DROP CONSTRAINT core_thread_id_message_id_ref")
    await db.execute("DROP INDEX core_thread_id_message_id")
