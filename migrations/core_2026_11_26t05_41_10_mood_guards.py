"""What Piccolo's columns cannot say of moods: which there are, one finding of a scorer about a message, and that what
people said of a case before today is theirs."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T05:41:10:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards of moods"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_guard)
    manager.add_raw_backwards(_unguard)
    return manager


async def _guard() -> None:
    await db.execute("UPDATE core_case SET mood_by = 'person' WHERE mood <> ''")
    await db.execute(
        "ALTER TABLE core_case ADD CONSTRAINT core_case_mood_by_known CHECK (mood_by IN ('', 'suggested', 'person'))"
    )
    await db.execute(
        "CREATE UNIQUE INDEX core_finding_mood_once ON core_finding (message_id, provider, (value->>'scorer')) "
        "WHERE kind = 'mood' AND message_id IS NOT NULL"
    )


async def _unguard() -> None:
    await db.execute("DROP INDEX core_finding_mood_once")
    await db.execute("ALTER TABLE core_case DROP CONSTRAINT core_case_mood_by_known")
