"""Terms of taxonomies are remembered like the desk's other settings: a change of one counts as a change of the desk."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db
from ombud.migrations.core_2026_11_26t05_22_00_settled import TRIGGER

ID = "2026-11-27T06:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "changed terms count as settings that changed"

TABLE = "core_taxonomy_term"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_forwards)
    manager.add_raw_backwards(_backwards)
    return manager


async def _forwards() -> None:
    await db.execute(TRIGGER.format(table=TABLE))


async def _backwards() -> None:
    await db.execute(f"DROP TRIGGER core_settle ON {TABLE}")
