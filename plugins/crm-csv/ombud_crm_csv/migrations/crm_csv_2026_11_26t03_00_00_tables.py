"""The first tables. Raw SQL, for indexes Piccolo cannot write: one file counts in a unit, and rows go with their file."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud_crm_csv.tables import CrmCsvFile

ID = "2026-11-26T03:00:00:000002"
VERSION = "1.38.0"
DESCRIPTION = "customer files and their rows"

TABLES = """
CREATE TABLE crm_csv_file (
    id uuid PRIMARY KEY,
    unit text NOT NULL DEFAULT '',
    name text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'taking', 'live', 'failed')),
    problem text NOT NULL DEFAULT '',
    columns jsonb NOT NULL DEFAULT '[]',
    notes jsonb NOT NULL DEFAULT '[]',
    rows_taken integer NOT NULL DEFAULT 0,
    rows_refused integer NOT NULL DEFAULT 0,
    refused jsonb NOT NULL DEFAULT '[]',
    as_of timestamptz NOT NULL,
    origin text NOT NULL DEFAULT '',
    kept_file uuid,
    uploaded_by text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    demo boolean NOT NULL DEFAULT FALSE
);
CREATE UNIQUE INDEX crm_csv_file_live ON crm_csv_file (unit) WHERE state = 'live';
CREATE TABLE crm_csv_customer (
    id uuid PRIMARY KEY,
    file uuid NOT NULL REFERENCES crm_csv_file (id) ON DELETE CASCADE,
    line integer NOT NULL,
    person uuid,
    reference text NOT NULL DEFAULT '',
    name text NOT NULL DEFAULT '',
    email text NOT NULL DEFAULT '',
    phone text NOT NULL DEFAULT '',
    postcode text NOT NULL DEFAULT '',
    name_key text NOT NULL DEFAULT '',
    cells jsonb NOT NULL DEFAULT '{{}}'
);
CREATE UNIQUE INDEX crm_csv_customer_line ON crm_csv_customer (file, line);
CREATE INDEX crm_csv_customer_reference ON crm_csv_customer (file, reference) WHERE reference <> '';
CREATE INDEX crm_csv_customer_email ON crm_csv_customer (file, email) WHERE email <> '';
CREATE INDEX crm_csv_customer_phone ON crm_csv_customer (file, phone) WHERE phone <> '';
CREATE INDEX crm_csv_customer_place ON crm_csv_customer (file, postcode, name_key) WHERE postcode <> '';
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="crm-csv", description=DESCRIPTION)

    async def make() -> None:
        for statement in TABLES.split(";\n"):
            if statement.strip():
                await CrmCsvFile.raw(statement).run()

    async def drop() -> None:
        await CrmCsvFile.raw("DROP TABLE crm_csv_customer, crm_csv_file").run()

    manager.add_raw(make)
    manager.add_raw_backwards(drop)
    return manager
