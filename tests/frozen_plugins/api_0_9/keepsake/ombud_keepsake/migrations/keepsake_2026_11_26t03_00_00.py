"""The table of notes."""

from ombud_plugin_api import CoreRef
from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.columns import Integer, Text, Timestamptz

ID = "2026-11-26T03:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "notes"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="keepsake", description=DESCRIPTION)
    manager.add_table("Note", tablename="keepsake_note")
    common = {"null": False, "primary_key": False, "unique": False, "index": False}
    for name, kind, params in (
        ("id", Text, {"default": "", "primary_key": True}),
        ("case_id", CoreRef, {"default": None, "null": True, "to": "case"}),
        ("reference", Text, {"default": ""}),
        ("text", Text, {"default": ""}),
        ("written_at", Timestamptz, {"default": None, "null": True}),
    ):
        manager.add_column(
            table_class_name="Note", tablename="keepsake_note", column_name=name, column_class=kind,
            column_class_name=kind.__name__, params={**common, **params},
        )
    manager.add_table("Heard", tablename="keepsake_heard")
    for name, kind, params in (
        ("event", Text, {"default": "", "primary_key": True}),
        ("case_id", CoreRef, {"default": None, "null": True, "to": "case"}),
        ("days", Integer, {"default": 0}),
    ):
        manager.add_column(
            table_class_name="Heard", tablename="keepsake_heard", column_name=name, column_class=kind,
            column_class_name=kind.__name__, params={**common, **params},
        )
    return manager
