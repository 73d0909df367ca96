"""What Piccolo's columns cannot say of case files: whose they are, one mark of privilege each, and their states."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T17:01:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards of case files"

TABLES = ("core_case_file", "core_privileged")
REFERENCES = [
    ("core_case_file", "case_id", "core_case", "CASCADE"),
    ("core_case_file", "made_by", "core_user", "SET NULL"),
    ("core_privileged", "case_id", "core_case", "CASCADE"),
    ("core_privileged", "message_id", "core_message", "CASCADE"),
    ("core_privileged", "attachment_id", "core_attachment", "CASCADE"),
    ("core_privileged", "marked_by", "core_user", "SET NULL"),
]
CHECKS = [
    ("core_case_file", "state", "state IN ('waiting', 'ready', 'failed')"),
    ("core_case_file", "ready", "state <> 'ready' OR (made_at IS NOT NULL AND manifest_sha256 ~ '^[0-9a-f]{64}$')"),
    ("core_privileged", "one", "(message_id IS NULL) <> (attachment_id IS NULL)"),
    ("core_privileged", "reason", "reason <> ''"),
]
INDEXES = [
    "CREATE UNIQUE INDEX core_privileged_message_once ON core_privileged (message_id) WHERE message_id IS NOT NULL",
    "CREATE UNIQUE INDEX core_privileged_file_once ON core_privileged (attachment_id) WHERE attachment_id IS NOT NULL",
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
    for table in TABLES:
        await db.execute(f"ALTER TABLE {table} ALTER COLUMN id SET DEFAULT gen_random_uuid()")
