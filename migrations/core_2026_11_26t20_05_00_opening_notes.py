"""The statement that opens a case notes by itself, for the search and the counters of queues, what it writes: six
triggers fewer run for each complaint."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db
from ombud.migrations.core_2026_11_25t23_14_00_search_index import NEW

ID = "2026-11-26T20:05:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "a case that is opened is noted by who opens it"

UNLESS_NOTED = "WHEN (current_setting('ombud.opening', true) IS DISTINCT FROM 'on')"
SEARCHED = """
DROP TRIGGER core_search_new ON {table};
CREATE TRIGGER core_search_new AFTER INSERT ON {table} REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT {when} EXECUTE FUNCTION core_search_new_{column}('{kind}')
"""
COUNTED = """
DROP TRIGGER core_count_case ON core_case;
CREATE TRIGGER core_count_case AFTER INSERT OR UPDATE OR DELETE ON core_case
    FOR EACH ROW {when} EXECUTE FUNCTION core_count_case()
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_forwards)
    manager.add_raw_backwards(_backwards)
    return manager


async def _forwards() -> None:
    await _triggers(UNLESS_NOTED)


async def _backwards() -> None:
    await _triggers("")


async def _triggers(when: str) -> None:
    for table, kind, column in NEW:
        await db.execute(SEARCHED.format(table=table, kind=kind, column=column, when=when))
    await db.execute(COUNTED.format(when=when))
