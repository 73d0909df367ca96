"""Which letter a final response is, and what somebody let pass of what the gate found in it, and why."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.columns import JSONB, UUID, Text

ID = "2026-11-26T16:40:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "the gate before a final response"

COLUMNS = {
    "letter_type": (Text, {"default": "", "null": False}),
    "let_pass": (JSONB, {"default": "[]", "null": False}),
    "let_pass_why": (Text, {"default": "", "null": False}),
    "let_pass_by": (UUID, {"default": None, "null": True}),
}


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    for name, (kind, params) in COLUMNS.items():
        manager.add_column(
            table_class_name="Outgoing", tablename="core_outgoing", column_name=name, db_column_name=name,
            column_class_name=kind.__name__, column_class=kind, params=params,
        )  # fmt: skip
    return manager
