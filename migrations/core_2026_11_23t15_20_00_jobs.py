"""What Piccolo cannot say about background work: partial indexes, checks, and the queue of the broker."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-23T15:20:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Guards of deliveries, faults and the schedule; the broker's schema"

BROKER_SCHEMA = "ombud_queue"

FORWARDS = """
ALTER TABLE core_delivery ADD CONSTRAINT core_delivery_state_known
    CHECK (state IN ('waiting', 'running', 'done', 'parked'));
ALTER TABLE core_delivery ADD CONSTRAINT core_delivery_subscriber_shape
    CHECK (subscriber ~ '^(core|plugin|job)/.+');
ALTER TABLE core_delivery ADD CONSTRAINT core_delivery_counts
    CHECK (attempts >= 0 AND kills >= 0);
ALTER TABLE core_delivery ADD CONSTRAINT core_delivery_runner
    CHECK ((state = 'running') = (locked_by IS NOT NULL));
CREATE UNIQUE INDEX core_delivery_once ON core_delivery (subscriber, dedupe)
    WHERE dedupe <> '' AND state IN ('waiting', 'running');
CREATE INDEX core_delivery_ready ON core_delivery (subscriber, available_at)
    WHERE state = 'waiting' AND handed_at IS NULL;
CREATE INDEX core_delivery_handed ON core_delivery (handed_at)
    WHERE state = 'waiting' AND handed_at IS NOT NULL;
CREATE INDEX core_delivery_running ON core_delivery (locked_by) WHERE state = 'running';
CREATE INDEX core_delivery_parked ON core_delivery (finished_at) WHERE state = 'parked';
CREATE INDEX core_delivery_done ON core_delivery (finished_at) WHERE state = 'done';
CREATE UNIQUE INDEX core_fired_once ON core_fired (name, fire_at);
CREATE INDEX core_fired_last ON core_fired (name, counts_from DESC);
ALTER TABLE core_fault ADD CONSTRAINT core_fault_kind_known
    CHECK (kind IN ('error', 'timeout', 'transient', 'permanent', 'misconfigured', 'killed', 'parked'));
CREATE INDEX core_fault_recent ON core_fault (slug, at DESC);
"""

BACKWARDS = f"""
DROP SCHEMA {BROKER_SCHEMA} CASCADE;
DROP INDEX core_delivery_once, core_delivery_ready, core_delivery_handed, core_delivery_running,
    core_delivery_parked, core_delivery_done, core_fired_once, core_fired_last, core_fault_recent;
ALTER TABLE core_delivery DROP CONSTRAINT core_delivery_state_known,
    DROP CONSTRAINT core_delivery_subscriber_shape, DROP CONSTRAINT core_delivery_counts,
    DROP CONSTRAINT core_delivery_runner;
ALTER TABLE core_fault DROP CONSTRAINT core_fault_kind_known;
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)

    async def guard() -> None:
        from dramatiq_postgres import generate_init_sql  # with a second driver, for the desks that are new alone

        await db.execute(FORWARDS + generate_init_sql(schema=BROKER_SCHEMA))

    async def unguard() -> None:
        await db.execute(BACKWARDS)

    manager.add_raw(guard)
    manager.add_raw_backwards(unguard)
    return manager
