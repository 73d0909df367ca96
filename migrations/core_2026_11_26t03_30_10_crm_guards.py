"""What Piccolo's columns cannot say of customer systems: references, one of each, and that erasing a person takes what
customer systems told of them along, whichever way the person is erased."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T03:30:10:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards and indexes of customer systems"

REFERENCES = [
    ("core_crm_snapshot", "person_id", "core_person", "CASCADE"),
    ("core_crm_snapshot", "unit_id", "core_unit", "CASCADE"),
    ("core_crm_link", "person_id", "core_person", "CASCADE"),
    ("core_crm_link", "unit_id", "core_unit", "CASCADE"),
    ("core_crm_record", "case_id", "core_case", "CASCADE"),
]

INDEXES = [
    "CREATE UNIQUE INDEX core_crm_snapshot_once ON core_crm_snapshot (person_id, unit_id, crm)",
    "CREATE UNIQUE INDEX core_crm_link_once ON core_crm_link (person_id, unit_id, crm) WHERE ended_at IS NULL",
    "CREATE UNIQUE INDEX core_crm_record_once ON core_crm_record (case_id, crm)",
]

ERASED = """
CREATE FUNCTION core_crm_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM core_crm_snapshot WHERE person_id = NEW.id;
    DELETE FROM core_crm_link WHERE person_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER core_crm_erased AFTER UPDATE OF erased_at ON core_person FOR EACH ROW
    WHEN (NEW.erased_at IS NOT NULL) EXECUTE FUNCTION core_crm_erased();
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_guard)
    manager.add_raw_backwards(_unguard)
    return manager


async def _guard() -> None:
    for table in ("core_crm_snapshot", "core_crm_link", "core_crm_record"):  # ids are made by the program
        await db.execute(f"ALTER TABLE {table} ALTER COLUMN id DROP DEFAULT")
    for table, column, target, on_delete in REFERENCES:
        await db.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_ref FOREIGN KEY ({column}) "
            f"REFERENCES {target} (id) ON DELETE {on_delete}"
        )
        await db.execute(f"CREATE INDEX {table}_{column} ON {table} ({column})")
    for statement in INDEXES:
        await db.execute(statement)
    await db.execute(ERASED)


async def _unguard() -> None:
    await db.execute("DROP TRIGGER core_crm_erased ON core_person; DROP FUNCTION core_crm_erased()")
    for statement in INDEXES:
        await db.execute(f"DROP INDEX {statement.split('INDEX ')[1].split(' ON ')[0]}")
    for table, column, _, _ in reversed(REFERENCES):
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_ref")
        await db.execute(f"DROP INDEX {table}_{column}")
