"""What Piccolo's columns cannot say of the record of views and of emergency access: whose they are, how they are found,
what an end and a review must hold, and that open pages hear at once when an access begins or ends."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T18:41:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards of the record of views and of emergency access"

TABLES = ("core_viewing", "core_emergency")
REFERENCES = [
    ("core_viewing", "case_id", "core_case", "CASCADE"),
    ("core_viewing", "user_id", "core_user", "CASCADE"),
    ("core_emergency", "case_id", "core_case", "CASCADE"),
    ("core_emergency", "user_id", "core_user", "CASCADE"),
    ("core_emergency", "ended_by", "core_user", "SET NULL"),
    ("core_emergency", "reviewed_by", "core_user", "SET NULL"),
]
CHECKS = [
    ("core_viewing", "times", "times > 0 AND last_at >= first_at"),
    ("core_viewing", "part", "part <> ''"),
    ("core_emergency", "until", "until > opened_at AND until <= opened_at + interval '8 hours'"),
    ("core_emergency", "reason", "reason <> ''"),
    ("core_emergency", "review", "(reviewed_at IS NULL) = (justified IS NULL)"),
    ("core_emergency", "another", "reviewed_by IS NULL OR reviewed_by <> user_id"),
]
INDEXES = {
    "core_viewing_of_case": "core_viewing (case_id, first_at DESC, id DESC)",
    "core_viewing_of_user": "core_viewing (user_id, first_at DESC, id DESC)",
    "core_viewing_line": "core_viewing (case_id, actor, part, last_at)",
    "core_viewing_age": "core_viewing (last_at)",
    "core_emergency_case": "core_emergency (case_id)",
    "core_emergency_user": "core_emergency (user_id, until) WHERE ended_at IS NULL",
    "core_emergency_list": "core_emergency (opened_at DESC, id DESC)",
    "core_emergency_waits": "core_emergency (opened_at) WHERE reviewed_at IS NULL",
}
TELLS = (
    "CREATE TRIGGER core_tell_rights AFTER INSERT OR UPDATE OF ended_at OR DELETE ON core_emergency "
    "FOR EACH STATEMENT EXECUTE FUNCTION core_tell_rights()"
)


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
    for name, on in INDEXES.items():
        await db.execute(f"CREATE INDEX {name} ON {on}")
    for table, name, law in CHECKS:
        await db.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_{name}_ok CHECK ({law})")
    await db.execute(TELLS)


async def _unguard() -> None:
    await db.execute("DROP TRIGGER core_tell_rights ON core_emergency")
    for table, name, _ in CHECKS:
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{name}_ok")
    for name in INDEXES:
        await db.execute(f"DROP INDEX {name}")
    for table, column, _, _ in reversed(REFERENCES):
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_ref")
    for table in TABLES:
        await db.execute(f"ALTER TABLE {table} ALTER COLUMN id SET DEFAULT gen_random_uuid()")
