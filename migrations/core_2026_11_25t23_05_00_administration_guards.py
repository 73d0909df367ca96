"""What Piccolo's columns cannot say of the administration: references, uniqueness, allowed values, a way to phones."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-25T23:05:30:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards of the administration"

REFERENCES = [
    ("core_taxonomy_term", "unit_id", "core_unit", "CASCADE"),
    ("core_taxonomy_term", "parent_id", "core_taxonomy_term", "CASCADE"),
    ("core_taxonomy_term", "maps_to", "core_taxonomy_term", "SET NULL"),
]
CHECKS = [
    ("core_taxonomy_term", "kind", "kind IN ('category', 'cause')"),
    ("core_taxonomy_term", "span", "valid_to IS NULL OR valid_from IS NULL OR valid_to >= valid_from"),
    ("core_taxonomy_term", "itself", "parent_id IS DISTINCT FROM id AND maps_to IS DISTINCT FROM id"),
]
FORWARDS = """
ALTER TABLE core_taxonomy_term ALTER COLUMN id DROP DEFAULT;
CREATE UNIQUE INDEX core_taxonomy_term_once ON core_taxonomy_term (kind, code);
CREATE INDEX core_person_phone ON core_person (regexp_replace(phone, '[^0-9]', '', 'g')) WHERE phone <> '';
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_guard)
    manager.add_raw_backwards(_unguard)
    return manager


async def _guard() -> None:
    await db.execute(FORWARDS)
    for table, column, target, on_delete in REFERENCES:
        await db.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_ref FOREIGN KEY ({column}) "
            f"REFERENCES {target} (id) ON DELETE {on_delete}"
        )
        await db.execute(f"CREATE INDEX {table}_{column} ON {table} ({column})")
    for table, name, rule in CHECKS:
        await db.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_{name}_ok CHECK ({rule})")


async def _unguard() -> None:
    for table, name, _ in CHECKS:
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{name}_ok")
    for table, column, _, _ in reversed(REFERENCES):
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_ref")
        await db.execute(f"DROP INDEX {table}_{column}")
    await db.execute("DROP INDEX core_taxonomy_term_once; DROP INDEX core_person_phone")
