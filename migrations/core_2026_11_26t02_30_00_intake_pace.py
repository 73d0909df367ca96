"""A lighter way in: notes for the search index by statements that are planned once; news of the ledger told by the
process after its commit (`kernel/telling.py`), since a notice inside makes commits queue; and no index that another one
begins with."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db
from ombud.migrations.core_2026_11_25t23_14_00_search_index import FUNCTIONS, NEW
from ombud.migrations.core_2026_11_25t23_47_00_live import NEWS

ID = "2026-11-26T02:30:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "a lighter way in"

# PL/pgSQL keeps the plan of a statement that stands in it, and plans one that is put together each time it runs.
NOTES = """
CREATE FUNCTION core_search_new_{column}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('ombud.unsearched', true) IS DISTINCT FROM 'on' THEN
        INSERT INTO core_search_due (kind, subject, at)
        SELECT DISTINCT TG_ARGV[0], {column}, now() FROM fresh WHERE {column} IS NOT NULL;
    END IF;
    RETURN NULL;
END $$
"""
TRIGGER = """
DROP TRIGGER core_search_new ON {table};
CREATE TRIGGER core_search_new AFTER INSERT ON {table} REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION {function}
"""
NO_NEWS = "DROP TRIGGER core_tell_news ON core_ledger_entry; DROP FUNCTION core_tell_news()"
COLUMNS = ("id", "case_id", "message_id")
COVERED = [  # by the index named behind them
    ("core_aspect_case_id", "core_aspect (case_id)"),  # core_aspect_place
    ("core_intake_step_raw_id", "core_intake_step (raw_id)"),  # core_intake_step_once
    ("core_link_case_id", "core_link (case_id)"),  # core_link_case
    ("core_message_case_id", "core_message (case_id)"),  # core_message_timeline
    ("core_message_aspect_message_id", "core_message_aspect (message_id)"),  # core_message_aspect_once
    ("core_message_aspect_aspect", "core_message_aspect (aspect_id)"),  # core_message_aspect_aspect_id, its twin
    ("core_party_case_id", "core_party (case_id)"),  # core_party_once
]


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_forwards)
    manager.add_raw_backwards(_backwards)
    return manager


async def _forwards() -> None:
    for column in COLUMNS:
        await db.execute(NOTES.format(column=column))
    for table, kind, column in NEW:
        await db.execute(TRIGGER.format(table=table, function=f"core_search_new_{column}('{kind}')"))
    await db.execute("DROP FUNCTION core_search_new()")
    await db.execute(NO_NEWS)
    await db.execute(f"DROP INDEX {', '.join(name for name, _ in COVERED)}")


async def _backwards() -> None:
    for name, place in COVERED:
        await db.execute(f"CREATE INDEX {name} ON {place}")
    await db.execute(FUNCTIONS.split("CREATE FUNCTION core_search_changed")[0])
    for table, kind, column in NEW:
        await db.execute(TRIGGER.format(table=table, function=f"core_search_new('{kind}', '{column}')"))
    for column in COLUMNS:
        await db.execute(f"DROP FUNCTION core_search_new_{column}()")
    await db.execute(NEWS.split("CREATE FUNCTION core_tell_rights")[0])
