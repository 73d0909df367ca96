"""How far the checkpoints reach without a gap, so that a checkpoint looks at what is new and not at the whole ledger."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-23T15:31:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "how far the checkpoints reach"

FORWARDS = """
CREATE TABLE core_ledger_reach (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    low bigint NOT NULL DEFAULT 0,
    upto bigint NOT NULL DEFAULT 0,
    below bigint NOT NULL DEFAULT 0
);
COMMENT ON COLUMN core_ledger_reach.low IS 'every entry with an id up to this is in a checkpoint';
COMMENT ON COLUMN core_ledger_reach.upto IS 'becomes low once every transaction numbered below that is over';
INSERT INTO core_ledger_reach DEFAULT VALUES;
DO $$ BEGIN
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        GRANT SELECT, UPDATE ON core_ledger_reach TO ombud_app;
        GRANT SELECT ON SEQUENCE core_ledger_entry_id_seq TO ombud_app;
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
    await db.execute("DROP TABLE core_ledger_reach")
