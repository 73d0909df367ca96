"""What Piccolo's columns cannot say of merged cases: references, one of each, and that a merged case is closed."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T05:46:10:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards of merged and split cases"

REFERENCES = [
    ("core_merge", "from_case", "core_case", "CASCADE"),
    ("core_merge", "into_case", "core_case", "CASCADE"),
    ("core_merge", "made_by", "core_user", "RESTRICT"),
    ("core_merge", "undone_by", "core_user", "RESTRICT"),
    ("core_merge_row", "merge_id", "core_merge", "CASCADE"),
    ("core_shared_message", "message_id", "core_message", "CASCADE"),
    ("core_shared_message", "case_id", "core_case", "CASCADE"),
    ("core_case", "merged_into", "core_case", "SET NULL"),
    ("core_message", "origin_case_id", "core_case", "SET NULL"),
    ("core_aspect", "origin_case_id", "core_case", "SET NULL"),
]
PARTIAL = {"merged_into", "origin_case_id"}  # empty in nearly every row

INDEXES = [
    "CREATE UNIQUE INDEX core_merge_once ON core_merge (from_case) WHERE kind = 'merge' AND undone_at IS NULL",
    "CREATE UNIQUE INDEX core_merge_row_once ON core_merge_row (merge_id, row_id)",
    "CREATE UNIQUE INDEX core_shared_message_once ON core_shared_message (message_id, case_id)",
]

CHECKS = [
    ("core_merge", "kind", "kind IN ('merge', 'split')"),
    ("core_merge", "apart", "from_case <> into_case"),
    ("core_case", "merged", "merged_into IS NULL OR (merged_into <> id AND status = 'closed')"),
]


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_guard)
    manager.add_raw_backwards(_unguard)
    return manager


async def _guard() -> None:
    for table in ("core_merge", "core_merge_row", "core_shared_message"):  # ids are made by the program
        await db.execute(f"ALTER TABLE {table} ALTER COLUMN id DROP DEFAULT")
    for table, column, target, on_delete in REFERENCES:
        await db.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_ref FOREIGN KEY ({column}) "
            f"REFERENCES {target} (id) ON DELETE {on_delete}"
        )
        filled = f" WHERE {column} IS NOT NULL" if column in PARTIAL else ""
        await db.execute(f"CREATE INDEX {table}_{column} ON {table} ({column}){filled}")
    for statement in INDEXES:
        await db.execute(statement)
    for table, name, rule in CHECKS:
        await db.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_{name}_ok CHECK ({rule})")


async def _unguard() -> None:
    for table, name, _ in CHECKS:
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{name}_ok")
    for statement in INDEXES:
        await db.execute(f"DROP INDEX {statement.split('INDEX ')[1].split(' ON ')[0]}")
    for table, column, _, _ in reversed(REFERENCES):
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_ref")
        await db.execute(f"DROP INDEX {table}_{column}")
