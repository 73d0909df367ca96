from ombud_plugin_api import CoreRef
from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.columns import Text

ID = "2026-11-23T15:40:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "notes"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dummy", description=DESCRIPTION)
    manager.add_table("Note", tablename="dummy_note")
    manager.add_column(
        table_class_name="Note", tablename="dummy_note", column_name="event", column_class=Text,
        column_class_name="Text", params={"default": "", "null": False, "primary_key": True, "unique": False, "index": False},
    )  # fmt: skip
    manager.add_column(
        table_class_name="Note", tablename="dummy_note", column_name="case_id", column_class=CoreRef,
        column_class_name="CoreRef",
        params={"default": None, "null": True, "primary_key": False, "unique": False, "index": False, "to": "case"},
    )  # fmt: skip
    return manager
