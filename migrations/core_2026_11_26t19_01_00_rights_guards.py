"""What Piccolo's columns cannot say of files, corrections, signals and the told: whose they are, states, one of each."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T19:01:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards of the rights of people"

TABLES = ("core_privacy_file", "core_privacy_told", "core_privacy_correction", "core_privacy_signal")
REFERENCES = [
    ("core_privacy_request", "reviewed_by", "core_user", "SET NULL"),
    ("core_privacy_file", "request_id", "core_privacy_request", "CASCADE"),
    ("core_privacy_file", "created_by", "core_user", "SET NULL"),
    ("core_privacy_told", "request_id", "core_privacy_request", "CASCADE"),
    ("core_privacy_told", "told_by", "core_user", "SET NULL"),
    ("core_privacy_correction", "request_id", "core_privacy_request", "CASCADE"),
    ("core_privacy_correction", "person_id", "core_person", "CASCADE"),
    ("core_privacy_correction", "by", "core_user", "SET NULL"),
    ("core_privacy_signal", "person_id", "core_person", "CASCADE"),
]
INDEXES = [
    "CREATE UNIQUE INDEX core_privacy_signal_browser ON core_privacy_signal (signal, browser) WHERE person_id IS NULL",
    "CREATE UNIQUE INDEX core_privacy_signal_person ON core_privacy_signal (signal, person_id)",
    "CREATE INDEX core_privacy_signal_at ON core_privacy_signal (at)",
    "CREATE INDEX core_privacy_request_received ON core_privacy_request (received_at)",
]
CHECKS = [
    ("core_privacy_request", "agent_result", "agent_result IN ('', 'accepted', 'refused')"),
    ("core_privacy_request", "reviewed", "(reviewed_at IS NULL) = (review_result = '')"),
    ("core_privacy_request", "review_result", "review_result IN ('', 'stands', 'changed')"),
    ("core_privacy_file", "kind", "kind IN ('authority', 'added')"),
    ("core_privacy_told", "state", "state IN ('open', 'told', 'not_needed')"),
    ("core_privacy_told", "told", "(state = 'open') = (told_at IS NULL)"),
    ("core_privacy_signal", "signal", "signal IN ('gpc')"),
]


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_guard)
    manager.add_raw_backwards(_unguard)
    return manager


async def _guard() -> None:
    await db.execute("UPDATE core_privacy_request SET agent_result = 'accepted' WHERE agent_seen_at IS NOT NULL")
    for table in TABLES:  # ids are made by the program
        await db.execute(f"ALTER TABLE {table} ALTER COLUMN id DROP DEFAULT")
    for table, column, target, on_delete in REFERENCES:
        await db.execute(
            f'ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_ref FOREIGN KEY ("{column}") '
            f"REFERENCES {target} (id) ON DELETE {on_delete}"
        )
        await db.execute(f'CREATE INDEX {table}_{column} ON {table} ("{column}")')
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
