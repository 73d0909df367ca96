"""How often what requests remember was changed (`kernel/settled.py`).

The triggers are deferred: the one row is locked while its transaction commits, not while it works, so that two
administrators never wait for each other. A transaction counts once, however many rows it changed.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T05:22:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "how often rights and settings changed"

FORWARDS = """
CREATE TABLE core_settled (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    version bigint NOT NULL
);
INSERT INTO core_settled (version) VALUES (1);
CREATE FUNCTION core_settle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('ombud.settled', true) IS DISTINCT FROM 'on' THEN
        UPDATE core_settled SET version = version + 1;
        PERFORM set_config('ombud.settled', 'on', true);
    END IF;
    RETURN NULL;
END $$;
DO $$ BEGIN
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        GRANT SELECT, UPDATE ON core_settled TO ombud_app;
    END IF;
END $$;
"""
TRIGGER = """
CREATE CONSTRAINT TRIGGER core_settle AFTER INSERT OR UPDATE OR DELETE ON {table}
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION core_settle()
"""
TABLES = ("core_unit", "core_role", "core_user_role", "core_queue", "core_case_type", "core_setting")


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_forwards)
    manager.add_raw_backwards(_backwards)
    return manager


async def _forwards() -> None:
    await db.execute(FORWARDS)
    for table in TABLES:
        await db.execute(TRIGGER.format(table=table))


async def _backwards() -> None:
    for table in TABLES:
        await db.execute(f"DROP TRIGGER core_settle ON {table}")
    await db.execute("DROP FUNCTION core_settle(); DROP TABLE core_settled")
