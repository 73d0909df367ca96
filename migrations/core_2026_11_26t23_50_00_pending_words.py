"""A search reads the words that PostgreSQL has not yet sorted into the index one by one: there are never many of them.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T23:50:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "few words wait to be sorted into the index of the search"

INDEXES = [f"core_search_{table}_{kind}" for table in "ab" for kind in ("case", "message", "person")]


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_forwards)
    manager.add_raw_backwards(_backwards)
    return manager


async def _forwards() -> None:
    for index in INDEXES:
        await db.execute(f"ALTER INDEX {index} SET (gin_pending_list_limit = 64)")
        await db.execute(f"SELECT gin_clean_pending_list('{index}')")


async def _backwards() -> None:
    for index in INDEXES:
        await db.execute(f"ALTER INDEX {index} RESET (gin_pending_list_limit)")
