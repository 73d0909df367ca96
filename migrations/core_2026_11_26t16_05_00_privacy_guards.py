"""What Piccolo's columns cannot say of requests about personal data: whose they are, one of each, and their states."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T16:05:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards of privacy"

TABLES = (
    "core_privacy_request", "core_privacy_term", "core_privacy_collection", "core_privacy_hold", "core_privacy_mark",
    "core_privacy_erasure",
)  # fmt: skip
REFERENCES = [
    ("core_privacy_request", "unit_id", "core_unit", "RESTRICT"),
    ("core_privacy_request", "person_id", "core_person", "SET NULL"),
    ("core_privacy_request", "identity_by", "core_user", "SET NULL"),
    ("core_privacy_request", "agent_seen_by", "core_user", "SET NULL"),
    ("core_privacy_request", "answered_by", "core_user", "SET NULL"),
    ("core_privacy_request", "created_by", "core_user", "SET NULL"),
    ("core_privacy_term", "corrected_by", "core_user", "SET NULL"),
    ("core_privacy_collection", "request_id", "core_privacy_request", "CASCADE"),
    ("core_privacy_collection", "asked_by", "core_user", "SET NULL"),
    ("core_privacy_hold", "case_id", "core_case", "CASCADE"),
    ("core_privacy_hold", "person_id", "core_person", "CASCADE"),
    ("core_privacy_hold", "placed_by", "core_user", "SET NULL"),
    ("core_privacy_hold", "lifted_by", "core_user", "SET NULL"),
    ("core_privacy_mark", "person_id", "core_person", "CASCADE"),
    ("core_privacy_mark", "request_id", "core_privacy_request", "SET NULL"),
    ("core_privacy_mark", "ended_by", "core_user", "SET NULL"),
    ("core_privacy_erasure", "request_id", "core_privacy_request", "SET NULL"),
]
INDEXES = [
    "CREATE UNIQUE INDEX core_privacy_request_key ON core_privacy_request (key) WHERE key <> ''",
    "CREATE INDEX core_privacy_request_due ON core_privacy_request (due_at) WHERE state = 'open'",
    "CREATE UNIQUE INDEX core_privacy_mark_once ON core_privacy_mark (person_id, kind) WHERE ended_at IS NULL",
    "CREATE UNIQUE INDEX core_privacy_collection_once ON core_privacy_collection (request_id) "
    "WHERE state = 'waiting'",
    "CREATE UNIQUE INDEX core_privacy_erasure_once ON core_privacy_erasure (request_id) WHERE state <> 'done'",
]
CHECKS = [
    ("core_privacy_request", "state", "state IN ('open', 'answered', 'withdrawn')"),
    ("core_privacy_request", "outcome", "outcome IN ('', 'granted', 'partly', 'refused')"),
    ("core_privacy_request", "decided", "(state = 'answered') = (outcome <> '') AND "
                                        "(state = 'answered') = (answered_at IS NOT NULL)"),
    ("core_privacy_request", "identity", "identity IN ('', 'asked', 'confirmed', 'failed', 'not_needed')"),
    ("core_privacy_request", "extended", "(extended_at IS NULL) = (extended_because = '')"),
    ("core_privacy_term", "amount", "amount BETWEEN 1 AND 3650"),
    ("core_privacy_term", "unit", "unit IN ('months', 'days', 'business_days')"),
    ("core_privacy_collection", "state", "state IN ('waiting', 'missing', 'complete', 'gone')"),
    ("core_privacy_erasure", "state", "state IN ('waiting', 'stopped', 'done')"),
    ("core_privacy_hold", "one", "(case_id IS NULL) <> (person_id IS NULL)"),
    ("core_privacy_hold", "lifted", "(lifted_at IS NULL) = (lifted_because = '')"),
    ("core_privacy_mark", "kind", "kind IN ('restrict', 'object', 'opt_out', 'limit')"),
]  # fmt: skip


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_guard)
    manager.add_raw_backwards(_unguard)
    return manager


async def _guard() -> None:
    for table in TABLES:  # ids are made by the program
        await db.execute(f"ALTER TABLE {table} ALTER COLUMN id DROP DEFAULT")
    for table, column, target, on_delete in REFERENCES:
        await db.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_ref FOREIGN KEY ({column}) "
            f"REFERENCES {target} (id) ON DELETE {on_delete}"
        )
        await db.execute(f"CREATE INDEX {table}_{column} ON {table} ({column})")
    for statement in INDEXES:
        await db.execute(statement)
    for table, name, law in CHECKS:
        await db.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_{name}_ok CHECK ({law})")


async def _unguard() -> None:
    for table, name, _ in CHECKS:
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{name}_ok")
    for statement in INDEXES:
        await db.execute(f"DROP INDEX {statement.split('INDEX ')[1].split(' ON ')[0]}")
    for table, column, _, _ in reversed(REFERENCES):
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_ref")
        await db.execute(f"DROP INDEX {table}_{column}")
