"""What Piccolo's columns cannot say of second factors and reset links: whose they are, and what they may be."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-25T23:07:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards of second factors and reset links"

TABLES = ("core_second_factor", "core_recovery_code", "core_reset")


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_guard)
    manager.add_raw_backwards(_unguard)
    return manager


async def _guard() -> None:
    for table in TABLES:
        await db.execute(f"ALTER TABLE {table} ALTER COLUMN id DROP DEFAULT")
        await db.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_user_id_ref FOREIGN KEY (user_id) "
            "REFERENCES core_user (id) ON DELETE CASCADE"
        )
    await db.execute("CREATE INDEX core_recovery_code_user_id ON core_recovery_code (user_id)")
    await db.execute("CREATE INDEX core_reset_user_id ON core_reset (user_id)")
    await db.execute(
        "ALTER TABLE core_reset ADD CONSTRAINT core_reset_purpose_ok CHECK (purpose IN ('reset', 'invite'))"
    )
    await db.execute("UPDATE core_session SET proved_at = created_at")


async def _unguard() -> None:
    await db.execute("ALTER TABLE core_reset DROP CONSTRAINT core_reset_purpose_ok")
    await db.execute("DROP INDEX core_reset_user_id; DROP INDEX core_recovery_code_user_id")
    for table in TABLES:
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_user_id_ref")
