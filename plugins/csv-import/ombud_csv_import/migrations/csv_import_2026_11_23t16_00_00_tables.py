from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud_csv_import.tables import CsvImportRun

ID = "csv_import_2026-11-23T16:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "imports, their rows, saved mappings"

# Plain SQL, because the promises rest on indexes Piccolo cannot write: one row claims a key, one import a line.
TABLES = """
CREATE TABLE csv_import_run (
    id uuid PRIMARY KEY,
    file_name text NOT NULL DEFAULT '',
    fingerprint text NOT NULL DEFAULT '',
    source text NOT NULL DEFAULT '',
    unit text NOT NULL DEFAULT '',
    layout text NOT NULL DEFAULT '',
    mapping jsonb NOT NULL DEFAULT '{{}}',
    warnings jsonb NOT NULL DEFAULT '[]',
    state text NOT NULL DEFAULT 'uploaded'
        CHECK (state IN ('uploaded', 'waiting', 'running', 'finished', 'stopped', 'failed')),
    error text NOT NULL DEFAULT '',
    rows_total integer NOT NULL DEFAULT 0,
    rows_in integer NOT NULL DEFAULT 0,
    made integer NOT NULL DEFAULT 0,
    duplicates integer NOT NULL DEFAULT 0,
    rejected integer NOT NULL DEFAULT 0,
    read_to integer NOT NULL DEFAULT 0,
    started_by text NOT NULL DEFAULT '',
    file_id uuid,
    job_id uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz
);
CREATE INDEX csv_import_run_newest ON csv_import_run (created_at DESC);
CREATE INDEX csv_import_run_file ON csv_import_run (fingerprint, source);
CREATE TABLE csv_import_row (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    run uuid NOT NULL REFERENCES csv_import_run (id) ON DELETE CASCADE,
    line integer NOT NULL,
    last_line integer NOT NULL,
    key text NOT NULL DEFAULT '',
    content text NOT NULL DEFAULT '',
    outcome text NOT NULL DEFAULT 'filing' CHECK (outcome IN ('filing', 'made', 'duplicate', 'rejected')),
    reference text NOT NULL DEFAULT '',
    changed boolean NOT NULL DEFAULT FALSE,
    code text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX csv_import_row_line ON csv_import_row (run, line);
CREATE UNIQUE INDEX csv_import_row_claim ON csv_import_row (key) WHERE outcome IN ('filing', 'made');
CREATE INDEX csv_import_row_without_case ON csv_import_row (run, line) WHERE outcome IN ('duplicate', 'rejected');
CREATE TABLE csv_import_mapping (
    id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE,
    mapping jsonb NOT NULL DEFAULT '{{}}',
    saved_by text NOT NULL DEFAULT '',
    saved_at timestamptz NOT NULL DEFAULT now()
);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="csv-import", description=DESCRIPTION)

    async def make() -> None:
        for statement in TABLES.split(";\n"):
            if statement.strip():
                await CsvImportRun.raw(statement).run()

    async def drop() -> None:
        await CsvImportRun.raw("DROP TABLE csv_import_mapping, csv_import_row, csv_import_run").run()

    manager.add_raw(make)
    manager.add_raw_backwards(drop)
    return manager
