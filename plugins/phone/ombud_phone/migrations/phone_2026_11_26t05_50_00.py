"""Calls, requests of telephony systems, recordings."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-26T05:50:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Calls, requests, recordings"

FORWARDS = (
    "CREATE TABLE phone_call (id uuid PRIMARY KEY, agent uuid NOT NULL, agent_name text NOT NULL DEFAULT '', "
    "channel text NOT NULL DEFAULT 'phone', state text NOT NULL DEFAULT 'draft', number text NOT NULL DEFAULT '', "
    "system_call text NOT NULL DEFAULT '', unit text NOT NULL DEFAULT '', body jsonb NOT NULL DEFAULT '{{}}', "
    "case_id uuid, reference text NOT NULL DEFAULT '', started_at timestamptz NOT NULL, "
    "updated_at timestamptz NOT NULL)",
    "CREATE INDEX phone_call_agent ON phone_call (agent, updated_at)",
    "CREATE INDEX phone_call_number ON phone_call (number) WHERE number <> ''",
    "CREATE INDEX phone_call_system_call ON phone_call (system_call) WHERE system_call <> ''",
    "CREATE TABLE phone_hook (id text PRIMARY KEY, unit text NOT NULL, url text NOT NULL DEFAULT '', "
    "headers jsonb NOT NULL DEFAULT '{{}}', file_id uuid, state text NOT NULL DEFAULT 'waiting', "
    "reason text NOT NULL DEFAULT '', received_at timestamptz NOT NULL)",
    "CREATE INDEX phone_hook_waiting ON phone_hook (unit) WHERE state = 'waiting'",
    "CREATE TABLE phone_recording (id uuid PRIMARY KEY, unit text NOT NULL DEFAULT '', "
    "system_call text NOT NULL DEFAULT '', number text NOT NULL DEFAULT '', case_id uuid, "
    "reference text NOT NULL DEFAULT '', state text NOT NULL DEFAULT 'announced', basis text NOT NULL DEFAULT '', "
    "file_id uuid, content_type text NOT NULL DEFAULT '', size bigint NOT NULL DEFAULT 0, "
    "seconds integer NOT NULL DEFAULT 0, pauses jsonb NOT NULL DEFAULT '[]', started_at timestamptz NOT NULL, "
    "kept_at timestamptz, keep_until timestamptz, dropped_at timestamptz)",
    "CREATE UNIQUE INDEX phone_recording_call ON phone_recording (unit, system_call) WHERE system_call <> ''",
    "CREATE INDEX phone_recording_keep_until ON phone_recording (keep_until) WHERE file_id IS NOT NULL",
)
BACKWARDS = ("DROP TABLE phone_recording", "DROP TABLE phone_hook", "DROP TABLE phone_call")


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="phone", description=DESCRIPTION)

    async def make() -> None:
        for statement in FORWARDS:
            await Table.raw(statement)

    async def unmake() -> None:
        for statement in BACKWARDS:
            await Table.raw(statement)

    manager.add_raw(make)
    manager.add_raw_backwards(unmake)
    return manager
