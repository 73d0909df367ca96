"""What Piccolo's columns cannot say of secret settings, and the index by which the history of settings is paged."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-25T23:07:35:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards and indexes of settings"

FORWARDS = """
ALTER TABLE core_setting_secret ALTER COLUMN id DROP DEFAULT;
ALTER TABLE core_setting_secret ADD CONSTRAINT core_setting_secret_unit_id_ref
    FOREIGN KEY (unit_id) REFERENCES core_unit (id) ON DELETE CASCADE;
CREATE INDEX core_setting_secret_unit_id ON core_setting_secret (unit_id);
CREATE UNIQUE INDEX core_setting_secret_once ON core_setting_secret (key, unit_id, field) NULLS NOT DISTINCT;
CREATE INDEX core_ledger_entry_settings ON core_ledger_entry (id DESC) WHERE kind = 'setting.changed';
"""
BACKWARDS = """
DROP INDEX core_ledger_entry_settings, core_setting_secret_once, core_setting_secret_unit_id;
ALTER TABLE core_setting_secret DROP CONSTRAINT core_setting_secret_unit_id_ref;
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_forwards)
    manager.add_raw_backwards(_backwards)
    return manager


async def _forwards() -> None:
    await db.execute(FORWARDS)


async def _backwards() -> None:
    await db.execute(BACKWARDS)
