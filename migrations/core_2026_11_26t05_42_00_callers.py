"""Indexes by which a caller is found: the last nine digits of a number, and a name."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T05:42:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "indexes for callers"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_make)
    manager.add_raw_backwards(_drop)
    return manager


async def _make() -> None:
    await db.execute(
        "CREATE INDEX core_person_caller ON core_person (right(regexp_replace(phone, '[^0-9]', '', 'g'), 9)) "
        "WHERE phone <> ''"
    )
    await db.execute("CREATE INDEX core_person_named ON core_person (lower(name)) WHERE name <> ''")


async def _drop() -> None:
    await db.execute("DROP INDEX core_person_caller; DROP INDEX core_person_named")
