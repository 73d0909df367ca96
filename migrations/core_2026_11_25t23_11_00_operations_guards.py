"""What Piccolo cannot say about the jobs and ledger pages: the state `given_up`, its index, and one over times."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-25T23:11:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Work can be given up; entries are found by time"

# Block ranges cost next to nothing to keep and serve a ledger that mostly grows in the order of time.
FORWARDS = """
ALTER TABLE core_delivery DROP CONSTRAINT core_delivery_state_known;
ALTER TABLE core_delivery ADD CONSTRAINT core_delivery_state_known
    CHECK (state IN ('waiting', 'running', 'done', 'parked', 'given_up'));
CREATE INDEX core_delivery_given_up ON core_delivery (finished_at) WHERE state = 'given_up';
ALTER TABLE core_worker ADD CONSTRAINT core_worker_role_known CHECK (role IN ('work', 'web'));
CREATE INDEX core_ledger_entry_at ON core_ledger_entry USING brin (at) WITH (autosummarize = on);
"""

BACKWARDS = """
DROP INDEX core_ledger_entry_at, core_delivery_given_up;
ALTER TABLE core_worker DROP CONSTRAINT core_worker_role_known;
UPDATE core_delivery SET state = 'parked' WHERE state = 'given_up';
ALTER TABLE core_delivery DROP CONSTRAINT core_delivery_state_known;
ALTER TABLE core_delivery ADD CONSTRAINT core_delivery_state_known
    CHECK (state IN ('waiting', 'running', 'done', 'parked'));
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
