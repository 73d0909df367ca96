"""Which master key wraps what is new, so that one statement can check it and store: intake then needs no transaction
around its look at the key file. A rotation changes it under the same lock as ever (`trust/keys.py`)."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-25T23:20:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "the current master key by name"

# The function is volatile and plpgsql: what it reads after it waited for the lock is not the statement's old snapshot.
FORWARDS = """
CREATE TABLE core_master (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    current text NOT NULL
);
COMMENT ON COLUMN core_master.current IS 'a name that gives nothing of the key away';
CREATE FUNCTION core_wraps_with(lock_id bigint, master text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(lock_id);
    RETURN EXISTS (SELECT 1 FROM core_master WHERE current = master);
END $$;
DO $$ BEGIN
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        GRANT SELECT, INSERT, UPDATE ON core_master TO ombud_app;
    END IF;
END $$;
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_forwards)
    manager.add_raw_backwards(_backwards)
    return manager


async def _forwards() -> None:
    await db.execute(FORWARDS)


async def _backwards() -> None:
    await db.execute("DROP FUNCTION core_wraps_with(bigint, text); DROP TABLE core_master")
