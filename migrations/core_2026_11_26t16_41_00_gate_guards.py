"""Who let something pass stays told without them; it is let pass with a reason or not at all."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T16:41:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards of the gate"

FORWARDS = (
    "ALTER TABLE core_outgoing ADD CONSTRAINT core_outgoing_let_pass_by_refers FOREIGN KEY (let_pass_by) "
    "REFERENCES core_user (id) ON DELETE SET NULL",
    "CREATE INDEX core_outgoing_let_pass_by ON core_outgoing (let_pass_by) WHERE let_pass_by IS NOT NULL",
    "ALTER TABLE core_outgoing ADD CONSTRAINT core_outgoing_let_pass CHECK (jsonb_typeof(let_pass) = 'array')",
)
BACKWARDS = (
    "ALTER TABLE core_outgoing DROP CONSTRAINT core_outgoing_let_pass",
    "DROP INDEX core_outgoing_let_pass_by",
    "ALTER TABLE core_outgoing DROP CONSTRAINT core_outgoing_let_pass_by_refers",
)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_forwards)
    manager.add_raw_backwards(_backwards)
    return manager


async def _forwards() -> None:
    for statement in FORWARDS:
        await db.execute(statement)


async def _backwards() -> None:
    for statement in BACKWARDS:
        await db.execute(statement)
