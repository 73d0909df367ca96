"""What Piccolo's columns cannot say of calendars and clocks: references, one running clock of a kind, and versions that
never change. Cases that are closed already get no clocks."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T11:05:10:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards of calendars and clocks"

REFERENCES = [
    ("core_calendar", "unit_id", "core_unit", "CASCADE"),
    ("core_calendar_version", "calendar_id", "core_calendar", "CASCADE"),
    ("core_clock", "case_id", "core_case", "CASCADE"),
    ("core_clock", "aspect_id", "core_aspect", "CASCADE"),
    ("core_clock", "calendar_id", "core_calendar", "SET NULL"),
]

INDEXES = [
    "CREATE UNIQUE INDEX core_calendar_once ON core_calendar (key)",
    "CREATE UNIQUE INDEX core_calendar_version_once ON core_calendar_version (calendar_id, number)",
    "CREATE UNIQUE INDEX core_clock_policy_once ON core_clock_policy (key, number)",
    "CREATE UNIQUE INDEX core_clock_policy_terms ON core_clock_policy (key, digest)",
    "CREATE UNIQUE INDEX core_clock_once ON core_clock (case_id, key, coalesce(aspect_id, case_id)) "
    "WHERE state IN ('running', 'paused')",
    "CREATE INDEX core_clock_late ON core_clock (due_at) WHERE state = 'running' AND breached_at IS NULL",
    "CREATE INDEX core_clock_warning ON core_clock (warn_at) WHERE state = 'running' AND warn_at IS NOT NULL",
    "CREATE INDEX core_case_clockless ON core_case (opened_at) WHERE NOT clocked",
]

CHECKS = [
    ("core_clock", "state", "state IN ('running', 'paused', 'met', 'stopped')"),
    ("core_clock", "ended", "(ended_at IS NOT NULL) = (state IN ('met', 'stopped'))"),
    ("core_clock", "due", "due_at IS NOT NULL OR state <> 'running'"),
    ("core_clock", "regulatory", "NOT regulatory OR state <> 'paused'"),
]

FROZEN = """
CREATE FUNCTION core_{table}_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'a version of {what} never changes; write another one'; END $$;
CREATE TRIGGER core_{table}_frozen BEFORE UPDATE ON core_{table} FOR EACH ROW EXECUTE FUNCTION core_{table}_frozen();
"""
VERSIONS = {"calendar_version": "a calendar", "clock_policy": "a policy"}


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_guard)
    manager.add_raw_backwards(_unguard)
    return manager


async def _guard() -> None:
    for table in ("core_calendar", "core_calendar_version", "core_clock_policy", "core_clock"):
        await db.execute(f"ALTER TABLE {table} ALTER COLUMN id DROP DEFAULT")
    for table, column, target, on_delete in REFERENCES:
        await db.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_ref FOREIGN KEY ({column}) "
            f"REFERENCES {target} (id) ON DELETE {on_delete}"
        )
        filled = f" WHERE {column} IS NOT NULL" if column in {"unit_id", "aspect_id", "calendar_id"} else ""
        await db.execute(f"CREATE INDEX {table}_{column} ON {table} ({column}){filled}")
    await db.execute("UPDATE core_case SET clocked = TRUE WHERE status = 'closed'")
    for statement in INDEXES:
        await db.execute(statement)
    for table, name, rule in CHECKS:
        await db.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_{name}_ok CHECK ({rule})")
    for table, what in VERSIONS.items():
        await db.execute(FROZEN.format(table=table, what=what))


async def _unguard() -> None:
    for table in VERSIONS:
        await db.execute(f"DROP TRIGGER core_{table}_frozen ON core_{table}; DROP FUNCTION core_{table}_frozen()")
    for table, name, _ in CHECKS:
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{name}_ok")
    for statement in INDEXES:
        await db.execute(f"DROP INDEX {statement.split('INDEX ')[1].split(' ON ')[0]}")
    for table, column, _, _ in reversed(REFERENCES):
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_ref")
        await db.execute(f"DROP INDEX {table}_{column}")
