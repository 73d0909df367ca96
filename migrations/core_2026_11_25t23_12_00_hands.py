"""What Piccolo's columns cannot say of views and bulk changes: references, allowed values, indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-25T23:12:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards and indexes of views and bulk changes"

REFERENCES = [
    ("core_view", "owner_id", "core_user", "CASCADE"),
    ("core_view", "unit_id", "core_unit", "CASCADE"),
    ("core_bulk", "user_id", "core_user", "CASCADE"),
    ("core_bulk_row", "case_id", "core_case", "CASCADE"),
]

CHECKS = [
    ("core_view", "name", "name <> ''"),
    ("core_bulk", "state", "state IN ('choosing', 'planned', 'running', 'done', 'undoing', 'undone')"),
    ("core_bulk_row", "state", "state IN ('chosen', 'ready', 'cannot', 'done', 'refused', 'undone', 'stayed')"),
]

INDEXES = [
    "CREATE UNIQUE INDEX core_bulk_row_once ON core_bulk_row (bulk_id, case_id)",
    "CREATE INDEX core_bulk_row_place ON core_bulk_row (bulk_id, place)",
    "CREATE INDEX core_bulk_latest ON core_bulk (user_id, ran_at DESC)",
    "CREATE INDEX core_bulk_going ON core_bulk (touched_at) WHERE state IN ('running', 'undoing')",
]


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_guard)
    manager.add_raw_backwards(_unguard)
    return manager


async def _guard() -> None:
    for table in ("core_view", "core_bulk", "core_bulk_row"):  # ids are made by the program
        await db.execute(f"ALTER TABLE {table} ALTER COLUMN id DROP DEFAULT")
    for table, column, target, on_delete in REFERENCES:
        await db.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_ref FOREIGN KEY ({column}) "
            f"REFERENCES {target} (id) ON DELETE {on_delete}"
        )
        await db.execute(f"CREATE INDEX {table}_{column} ON {table} ({column})")
    await db.execute(
        "ALTER TABLE core_bulk_row ADD CONSTRAINT core_bulk_row_bulk_id_ref FOREIGN KEY (bulk_id) "
        "REFERENCES core_bulk (id) ON DELETE CASCADE"
    )
    for table, name, rule in CHECKS:
        await db.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_{name}_ok CHECK ({rule})")
    for statement in INDEXES:
        await db.execute(statement)


async def _unguard() -> None:
    for statement in INDEXES:
        await db.execute(f"DROP INDEX {statement.split('INDEX ')[1].split(' ON ')[0]}")
    for table, name, _ in CHECKS:
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{name}_ok")
    await db.execute("ALTER TABLE core_bulk_row DROP CONSTRAINT core_bulk_row_bulk_id_ref")
    for table, column, _, _ in reversed(REFERENCES):
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_ref")
        await db.execute(f"DROP INDEX {table}_{column}")
