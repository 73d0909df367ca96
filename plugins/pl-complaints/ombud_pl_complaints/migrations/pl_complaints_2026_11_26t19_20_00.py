"""What stands beside a case."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-26T19:20:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Extensions, and complaints that count as upheld"

FORWARDS = (
    "CREATE TABLE pl_complaints_case (id uuid PRIMARY KEY, case_id uuid, reference text NOT NULL DEFAULT '', "
    "told_on date, until date, cause text NOT NULL DEFAULT '', circumstances text NOT NULL DEFAULT '', "
    "told_by text NOT NULL DEFAULT '', deemed_at timestamptz, answered_on date, answered_how text NOT NULL DEFAULT '')",
    "CREATE UNIQUE INDEX pl_complaints_case_one ON pl_complaints_case (case_id)",
)
BACKWARDS = ("DROP TABLE pl_complaints_case",)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="pl-complaints", description=DESCRIPTION)

    async def make() -> None:
        for statement in FORWARDS:
            await Table.raw(statement)

    async def unmake() -> None:
        for statement in BACKWARDS:
            await Table.raw(statement)

    manager.add_raw(make)
    manager.add_raw_backwards(unmake)
    return manager
