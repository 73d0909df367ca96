"""Less to write for each complaint: references that are mostly empty are indexed where they are not, and what is new is
noted for the search once a transaction."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db
from ombud.migrations.core_2026_11_26t02_30_00_intake_pace import NOTES

ID = "2026-11-26T05:25:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "less to write for each complaint"

# The check of a reference, when what it points to goes, looks for one value and so finds it in the smaller index.
SELDOM = [
    ("core_case", "owner_id"),
    ("core_aspect", "owner_id"),
    ("core_aspect", "decided_by"),
    ("core_message", "author_id"),
    ("core_raw", "case_id"),
]
COVERED = ("core_aspect", "concerns_user_id")  # by core_aspect_staff

# Whoever indexes a case reads all of it after the commit, so one note is enough for all that comes with a new one, in
# whichever order it is written. The setting goes with the transaction, and with the savepoint that its note goes with.
NOTED = """
CREATE OR REPLACE FUNCTION core_search_new_{column}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('ombud.unsearched', true) IS DISTINCT FROM 'on' THEN
        INSERT INTO core_search_due (kind, subject, at) SELECT {distinct} TG_ARGV[0], {column}, now() FROM fresh
        WHERE {column} IS NOT NULL AND {column}::text IS DISTINCT FROM current_setting('ombud.noted', true);
        IF FOUND AND TG_ARGV[0] = 'case' THEN
            PERFORM set_config('ombud.noted', {column}::text, true) FROM fresh WHERE {column} IS NOT NULL LIMIT 1;
        END IF;
    END IF;
    RETURN NULL;
END $$
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_forwards)
    manager.add_raw_backwards(_backwards)
    return manager


async def _forwards() -> None:
    for table, column in SELDOM:
        await db.execute(f"DROP INDEX {table}_{column}")
        await db.execute(f"CREATE INDEX {table}_{column} ON {table} ({column}) WHERE {column} IS NOT NULL")
    await db.execute(f"DROP INDEX {'_'.join(COVERED)}")
    await db.execute(NOTED.format(column="id", distinct=""))
    await db.execute(NOTED.format(column="case_id", distinct="DISTINCT"))


async def _backwards() -> None:
    for column in ("id", "case_id"):
        await db.execute(NOTES.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION").format(column=column))
    for table, column in [*SELDOM, COVERED]:
        await db.execute(f"DROP INDEX IF EXISTS {table}_{column}")
        await db.execute(f"CREATE INDEX {table}_{column} ON {table} ({column})")
