"""The form's first tables: drafts, their files, and the answers for a second "Send"."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T16:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Drafts, files of drafts, answers"

FORWARDS = (
    "CREATE TABLE webform_draft (id text PRIMARY KEY, body jsonb NOT NULL, sent_at timestamptz, "
    "updated_at timestamptz NOT NULL)",
    "CREATE INDEX webform_draft_sent_at ON webform_draft (sent_at) WHERE sent_at IS NOT NULL",
    "CREATE INDEX webform_draft_updated_at ON webform_draft (updated_at)",
    "CREATE TABLE webform_file (id uuid PRIMARY KEY, draft text NOT NULL, name text NOT NULL, "
    "content_type text NOT NULL, size bigint NOT NULL, sha256 text NOT NULL, added_at timestamptz NOT NULL)",
    "CREATE INDEX webform_file_draft ON webform_file (draft)",
    "CREATE TABLE webform_sent (id text PRIMARY KEY, case_id uuid, token text NOT NULL, sent_at timestamptz NOT NULL)",
    "CREATE INDEX webform_sent_sent_at ON webform_sent (sent_at)",
)
BACKWARDS = ("DROP TABLE webform_sent", "DROP TABLE webform_file", "DROP TABLE webform_draft")


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="webform", description=DESCRIPTION)

    async def make() -> None:
        for statement in FORWARDS:
            await Table.raw(statement)

    async def unmake() -> None:
        for statement in BACKWARDS:
            await Table.raw(statement)

    manager.add_raw(make)
    manager.add_raw_backwards(unmake)
    return manager
