"""What Piccolo's columns cannot say of routing: whose it is, one of each, and what is looked up often."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T14:10:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards of routing"

TABLES = ("core_skill", "core_absence", "core_given", "core_ladder", "core_ladder_version", "core_escalation")
REFERENCES = [
    ("core_staff_profile", "user_id", "core_user", "CASCADE"),
    ("core_staff_profile", "leader_id", "core_user", "SET NULL"),
    ("core_absence", "user_id", "core_user", "CASCADE"),
    ("core_absence", "stand_in_id", "core_user", "SET NULL"),
    ("core_absence", "created_by", "core_user", "SET NULL"),
    ("core_given", "user_id", "core_user", "CASCADE"),
    ("core_given", "unit_id", "core_unit", "CASCADE"),
    ("core_given", "case_id", "core_case", "CASCADE"),
    ("core_ladder", "unit_id", "core_unit", "RESTRICT"),
    ("core_ladder_version", "ladder_id", "core_ladder", "CASCADE"),
    ("core_ladder_version", "created_by", "core_user", "SET NULL"),
    ("core_escalation", "ladder_id", "core_ladder", "CASCADE"),
    ("core_escalation", "case_id", "core_case", "CASCADE"),
    ("core_escalation", "aspect_id", "core_aspect", "CASCADE"),
]
INDEXES = [
    "CREATE UNIQUE INDEX core_ladder_version_once ON core_ladder_version (ladder_id, number)",
    "CREATE UNIQUE INDEX core_escalation_once ON core_escalation (ladder_id, case_id, "
    "coalesce(aspect_id, '00000000-0000-0000-0000-000000000000'::uuid)) WHERE state = 'running'",
    "CREATE INDEX core_escalation_due ON core_escalation (next_at) WHERE state = 'running'",
    "CREATE INDEX core_given_at ON core_given (at)",
    "CREATE INDEX core_absence_days ON core_absence (ends_on) WHERE cancelled_at IS NULL",
    "CREATE INDEX core_aspect_waits ON core_aspect (queue_id) WHERE status = 'open' AND queue_id IS NOT NULL",
    "CREATE INDEX core_aspect_held ON core_aspect (owner_id) WHERE status = 'open' AND owner_id IS NOT NULL",
]
CHECKS = [
    ("core_staff_profile", "capacity", "capacity IS NULL OR capacity BETWEEN 0 AND 1000"),
    ("core_staff_profile", "leader", "leader_id IS DISTINCT FROM user_id"),
    ("core_absence", "days", "ends_on >= starts_on"),
    ("core_absence", "stand_in", "stand_in_id IS DISTINCT FROM user_id"),
    ("core_escalation", "state", "state IN ('running', 'ended')"),
    ("core_escalation", "level", "level >= 0"),
]


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_guard)
    manager.add_raw_backwards(_unguard)
    return manager


async def _guard() -> None:
    for table in TABLES:  # ids are made by the program
        await db.execute(f"ALTER TABLE {table} ALTER COLUMN id DROP DEFAULT")
    for table, column, target, on_delete in REFERENCES:
        await db.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_ref FOREIGN KEY ({column}) "
            f"REFERENCES {target} (id) ON DELETE {on_delete}"
        )
        if (table, column) != ("core_staff_profile", "user_id"):  # the key of its table
            await db.execute(f"CREATE INDEX {table}_{column} ON {table} ({column})")
    for statement in INDEXES:
        await db.execute(statement)
    for table, name, law in CHECKS:
        await db.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_{name}_ok CHECK ({law})")
    # From now on a matter says only which queue of its own it waits in; until now none could.
    await db.execute("UPDATE core_aspect SET queue_id = NULL WHERE queue_id IS NOT NULL AND status = 'open'")


async def _unguard() -> None:
    for table, name, _ in CHECKS:
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{name}_ok")
    for statement in INDEXES:
        await db.execute(f"DROP INDEX {statement.split('INDEX ')[1].split(' ON ')[0]}")
    for table, column, _, _ in reversed(REFERENCES):
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_ref")
        if (table, column) != ("core_staff_profile", "user_id"):
            await db.execute(f"DROP INDEX {table}_{column}")
