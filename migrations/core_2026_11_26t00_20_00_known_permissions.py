"""Which of core's permissions this desk has met, so that one that comes with a new version reaches its usual roles once,
and one that an administrator took from everybody stays away."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T00:20:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "permissions the desk has met"

FORWARDS = "CREATE TABLE core_known_permission (key text PRIMARY KEY)"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_forwards)
    manager.add_raw_backwards(_backwards)
    return manager


async def _forwards() -> None:
    await db.execute(FORWARDS)


async def _backwards() -> None:
    await db.execute("DROP TABLE core_known_permission")
