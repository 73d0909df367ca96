"""Complaints at the bureau, responses, imports."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-26T19:21:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Complaints at the bureau, responses, imports"

FORWARDS = (
    "CREATE TABLE cfpb_complaint (id uuid PRIMARY KEY, complaint_id text NOT NULL UNIQUE, case_id uuid, "
    "reference text NOT NULL DEFAULT '', unit text NOT NULL DEFAULT '', product text NOT NULL DEFAULT '', "
    "sub_product text NOT NULL DEFAULT '', issue text NOT NULL DEFAULT '', sub_issue text NOT NULL DEFAULT '', "
    "tags text NOT NULL DEFAULT '', submitted_via text NOT NULL DEFAULT '', sent_on date NOT NULL, "
    "state text NOT NULL DEFAULT 'new', response text NOT NULL DEFAULT '', "
    "public_response text NOT NULL DEFAULT '', explanation text NOT NULL DEFAULT '', "
    "drafted_by text NOT NULL DEFAULT '', batch uuid, first_code text NOT NULL DEFAULT '', first_on date, "
    "handed_on date)",
    "CREATE INDEX cfpb_complaint_state ON cfpb_complaint (state, sent_on)",
    "CREATE INDEX cfpb_complaint_batch ON cfpb_complaint (batch) WHERE batch IS NOT NULL",
    "CREATE TABLE cfpb_import (id uuid PRIMARY KEY, file_name text NOT NULL DEFAULT '', file_id uuid, "
    "unit text NOT NULL DEFAULT '', state text NOT NULL DEFAULT 'waiting', rows_total integer NOT NULL DEFAULT 0, "
    "made integer NOT NULL DEFAULT 0, known integer NOT NULL DEFAULT 0, refused jsonb NOT NULL DEFAULT '[]', "
    "started_by text NOT NULL DEFAULT '', created_at timestamptz NOT NULL)",
)
BACKWARDS = ("DROP TABLE cfpb_import", "DROP TABLE cfpb_complaint")


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="cfpb", description=DESCRIPTION)

    async def make() -> None:
        for statement in FORWARDS:
            await Table.raw(statement)

    async def unmake() -> None:
        for statement in BACKWARDS:
            await Table.raw(statement)

    manager.add_raw(make)
    manager.add_raw_backwards(unmake)
    return manager
