"""What Piccolo's columns cannot say of retention: one rule for one thing, one run at a time, and how what is due is
found without looking at every case."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T18:05:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards of retention"

TABLES = ("core_retention_rule", "core_retention_run", "core_retention_item")
REFERENCES = [
    ("core_retention_rule", "unit_id", "core_unit", "CASCADE"),
    ("core_retention_rule", "changed_by", "core_user", "SET NULL"),
    ("core_retention_item", "run_id", "core_retention_run", "CASCADE"),
    ("core_retention_item", "case_id", "core_case", "CASCADE"),
]
INDEXES = [
    "CREATE UNIQUE INDEX core_retention_rule_once ON core_retention_rule "
    "(coalesce(unit_id, '00000000-0000-0000-0000-000000000000'::uuid), country, case_type) WHERE retired_at IS NULL",
    "CREATE UNIQUE INDEX core_retention_run_once ON core_retention_run (state) WHERE state = 'running'",
    "CREATE INDEX core_retention_run_newest ON core_retention_run (began_at, id)",
    "CREATE UNIQUE INDEX core_retention_item_once ON core_retention_item (run_id, case_id)",
    "CREATE INDEX core_case_retained ON core_case (unit_id, case_type, (coalesce(closed_at, last_word_at)), id) "
    "WHERE merged_into IS NULL AND destroyed_at IS NULL",
]
CHECKS = [
    ("core_retention_rule", "span", "span IN ('days', 'months', 'years')"),
    ("core_retention_rule", "amount", "amount BETWEEN 1 AND 36500"),
    ("core_retention_rule", "counts_from", "counts_from IN ('closed', 'last_word')"),
    ("core_retention_rule", "source", "source <> ''"),
    ("core_retention_run", "kind", "kind IN ('person', 'schedule', 'command')"),
    ("core_retention_run", "state", "state IN ('running', 'done') AND (state = 'done') = (ended_at IS NOT NULL)"),
    ("core_retention_item", "state", "state IN ('destroyed', 'held')"),
    ("core_case", "destroyed", "destroyed_at IS NULL OR status = 'closed'"),
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
        await db.execute(f"CREATE INDEX {table}_{column} ON {table} ({column})")
    for statement in INDEXES:
        await db.execute(statement)
    for table, name, law in CHECKS:
        await db.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_{name}_ok CHECK ({law})")


async def _unguard() -> None:
    for table, name, _ in CHECKS:
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{name}_ok")
    for statement in INDEXES:
        await db.execute(f"DROP INDEX {statement.split('INDEX ')[1].split(' ON ')[0]}")
    for table, column, _, _ in reversed(REFERENCES):
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_ref")
        await db.execute(f"DROP INDEX {table}_{column}")
