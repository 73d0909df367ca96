"""What Piccolo's columns cannot say of notices: whose they are, one of each, and what is counted often."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T05:47:10:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards of notices"

TABLES = ("core_notice", "core_notice_choice", "core_notice_digest", "core_contact_choice")
REFERENCES = [
    ("core_notice", "user_id", "core_user", "CASCADE"),
    ("core_notice", "case_id", "core_case", "CASCADE"),
    ("core_notice", "message_id", "core_message", "CASCADE"),
    ("core_notice_choice", "user_id", "core_user", "CASCADE"),
    ("core_notice_digest", "user_id", "core_user", "CASCADE"),
    ("core_contact_choice", "person_id", "core_person", "CASCADE"),
    ("core_contact_choice", "recorded_by", "core_user", "SET NULL"),
]
INDEXES = [
    "CREATE UNIQUE INDEX core_notice_once ON core_notice (user_id, event, kind)",
    "CREATE INDEX core_notice_list ON core_notice (user_id, at DESC, id DESC)",
    "CREATE INDEX core_notice_new ON core_notice (user_id) WHERE seen_at IS NULL",
    "CREATE UNIQUE INDEX core_notice_choice_once ON core_notice_choice (user_id, kind)",
    "CREATE UNIQUE INDEX core_notice_digest_once ON core_notice_digest (user_id, day)",
    "CREATE UNIQUE INDEX core_contact_choice_once ON core_contact_choice (person_id, kind)",
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
    await db.execute(
        "ALTER TABLE core_notice_choice ADD CONSTRAINT core_notice_choice_way_ok "
        "CHECK (way IN ('page', 'digest', 'none'))"
    )


async def _unguard() -> None:
    await db.execute("ALTER TABLE core_notice_choice DROP CONSTRAINT core_notice_choice_way_ok")
    for statement in INDEXES:
        await db.execute(f"DROP INDEX {statement.split('INDEX ')[1].split(' ON ')[0]}")
    for table, column, _, _ in reversed(REFERENCES):
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_ref")
        await db.execute(f"DROP INDEX {table}_{column}")
