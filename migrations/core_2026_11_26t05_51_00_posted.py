"""A letter is posted after it was sent, or withdrawn before it is; the state of its delivery says so."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T05:51:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "deliveries that are posted or withdrawn"

BEFORE = "delivery IN ('', 'delivered', 'delayed', 'bounced')"
AFTER = "delivery IN ('', 'posted', 'delivered', 'delayed', 'bounced', 'withdrawn')"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_widen)
    manager.add_raw_backwards(_narrow)
    return manager


async def _widen() -> None:
    await db.execute("ALTER TABLE core_outgoing DROP CONSTRAINT core_outgoing_delivery_ok")
    await db.execute(f"ALTER TABLE core_outgoing ADD CONSTRAINT core_outgoing_delivery_ok CHECK ({AFTER})")


async def _narrow() -> None:
    await db.execute("UPDATE core_outgoing SET delivery = '' WHERE delivery IN ('posted', 'withdrawn')")
    await db.execute("ALTER TABLE core_outgoing DROP CONSTRAINT core_outgoing_delivery_ok")
    await db.execute(f"ALTER TABLE core_outgoing ADD CONSTRAINT core_outgoing_delivery_ok CHECK ({BEFORE})")
