"""Processes that run plugins' pages say that they live, too."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T05:21:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "The roles of the processes for plugins' pages"

FORWARDS = """
ALTER TABLE core_worker DROP CONSTRAINT core_worker_role_known;
ALTER TABLE core_worker ADD CONSTRAINT core_worker_role_known CHECK (role IN ('work', 'web', 'doors', 'pages'));
"""

BACKWARDS = """
DELETE FROM core_worker WHERE role NOT IN ('work', 'web');
ALTER TABLE core_worker DROP CONSTRAINT core_worker_role_known;
ALTER TABLE core_worker ADD CONSTRAINT core_worker_role_known CHECK (role IN ('work', 'web'));
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)

    async def guard() -> None:
        await db.execute(FORWARDS)

    async def unguard() -> None:
        await db.execute(BACKWARDS)

    manager.add_raw(guard)
    manager.add_raw_backwards(unguard)
    return manager
