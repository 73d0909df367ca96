"""Mailboxes, positions, what was sent, tokens."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-26T06:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Mailboxes, positions, what was sent, tokens"

FORWARDS = (
    "CREATE TABLE email_mailbox (id uuid PRIMARY KEY, address text NOT NULL UNIQUE, unit text NOT NULL, "
    "chosen jsonb NOT NULL, secrets uuid, active boolean NOT NULL, created_at timestamptz NOT NULL)",
    "CREATE TABLE email_position (id uuid PRIMARY KEY, account text NOT NULL, folder text NOT NULL, "
    "uidvalidity bigint NOT NULL, last_uid bigint NOT NULL, recent jsonb NOT NULL, skipped jsonb NOT NULL, "
    "taken integer NOT NULL, mail_at timestamptz, looked_at timestamptz, how text NOT NULL, problem text NOT NULL, "
    "UNIQUE (account, folder))",
    "CREATE TABLE email_sent (key text PRIMARY KEY, thread_id text NOT NULL, account text NOT NULL, "
    "unit text NOT NULL, state text NOT NULL, remote_id text NOT NULL, at timestamptz NOT NULL)",
    "CREATE INDEX email_sent_at ON email_sent (at)",
    "CREATE TABLE email_token (login text PRIMARY KEY, kept_file uuid, at timestamptz NOT NULL)",
)
BACKWARDS = ("DROP TABLE email_token", "DROP TABLE email_sent", "DROP TABLE email_position", "DROP TABLE email_mailbox")


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="email", description=DESCRIPTION)

    async def make() -> None:
        for statement in FORWARDS:
            await Table.raw(statement)

    async def unmake() -> None:
        for statement in BACKWARDS:
            await Table.raw(statement)

    manager.add_raw(make)
    manager.add_raw_backwards(unmake)
    return manager
