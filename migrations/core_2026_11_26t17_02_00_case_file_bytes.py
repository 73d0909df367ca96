"""The bytes of a case file go with its row, whoever deletes it."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T17:02:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "bytes of case files"

FUNCTION = """
CREATE FUNCTION core_case_file_bytes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM core_vault WHERE id = OLD.vault_id;
    RETURN NULL;
END $$
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_guard)
    manager.add_raw_backwards(_unguard)
    return manager


async def _guard() -> None:
    await db.execute(FUNCTION)
    await db.execute(
        "CREATE TRIGGER core_case_file_bytes AFTER DELETE ON core_case_file "
        "FOR EACH ROW EXECUTE FUNCTION core_case_file_bytes()"
    )


async def _unguard() -> None:
    await db.execute("DROP TRIGGER core_case_file_bytes ON core_case_file")
    await db.execute("DROP FUNCTION core_case_file_bytes")
