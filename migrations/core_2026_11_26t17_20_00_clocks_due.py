"""Clocks by their due moment: what was kept in a period reads that period alone. Those that are held have none, and the
same index finds them."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T17:20:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "clocks by their due moment"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_add)
    manager.add_raw_backwards(_take_away)
    return manager


async def _add() -> None:
    await db.execute("CREATE INDEX core_clock_due ON core_clock (due_at, id)")


async def _take_away() -> None:
    await db.execute("DROP INDEX core_clock_due")
