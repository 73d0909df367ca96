"""Evidence that a message asked for which did not go is asked for no more."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T15:20:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "evidence asked for in messages"

STATES = "state IN ('asked', 'received', 'not_coming'{more})"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_wider)
    manager.add_raw_backwards(_narrower)
    return manager


async def _wider() -> None:
    await _checked(", 'withdrawn'")


async def _narrower() -> None:
    await db.execute(
        "UPDATE core_evidence SET state = 'not_coming', why_not = 'The message that asked for it did not go.' "
        "WHERE state = 'withdrawn'"
    )
    await _checked("")


async def _checked(more: str) -> None:
    await db.execute("ALTER TABLE core_evidence DROP CONSTRAINT core_evidence_state_ok")
    rule = STATES.format(more=more)
    await db.execute(f"ALTER TABLE core_evidence ADD CONSTRAINT core_evidence_state_ok CHECK ({rule})")
