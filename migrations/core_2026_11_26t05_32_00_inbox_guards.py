"""What Piccolo's columns cannot say of the inbox: references, allowed values, the orders in which it is read, and that
erasing a person takes what they wrote along."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T05:32:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards and indexes of the inbox"

TABLES = (
    "core_thread_answer", "core_message_copy", "core_triage", "core_triage_sample", "core_triage_review",
)  # fmt: skip

REFERENCES = [
    ("core_message", "unit_id", "core_unit", "RESTRICT"),
    ("core_message", "queue_id", "core_queue", "SET NULL"),
    ("core_message", "possible_case_id", "core_case", "SET NULL"),
    ("core_message", "read_by", "core_user", "SET NULL"),
    ("core_thread_answer", "message_id", "core_message", "CASCADE"),
    ("core_message_copy", "message_id", "core_message", "CASCADE"),
    ("core_message_copy", "raw_id", "core_raw", "CASCADE"),
    ("core_triage", "message_id", "core_message", "CASCADE"),
    ("core_triage", "unit_id", "core_unit", "CASCADE"),
    ("core_triage", "case_id", "core_case", "SET NULL"),
    ("core_triage_sample", "user_id", "core_user", "CASCADE"),
    ("core_triage_review", "sample_id", "core_triage_sample", "CASCADE"),
    ("core_triage_review", "triage_id", "core_triage", "CASCADE"),
]

CHECKS = [
    ("core_message", "mood", "mood IN ('', 'calm', 'tense', 'upset', 'angry')"),
    ("core_message", "held", "held IN ('', 'flood')"),
    ("core_message", "matched_by", "matched_by IN ('', 'thread', 'token', 'reference', 'person')"),
    ("core_triage", "decision", "decision IN ('complaint', 'joined', 'not_complaint', 'undone')"),
    ("core_triage_review", "verdict", "verdict IN ('', 'confirmed', 'overturned')"),
]

INDEXES = [
    "CREATE INDEX core_message_waits ON core_message (said_at, id) WHERE waits",
    "CREATE INDEX core_message_came_in ON core_message (said_at DESC, id DESC) "
    "WHERE direction = 'in' AND unit_id IS NOT NULL",
    "CREATE INDEX core_message_sender ON core_message (lower(sender_address), said_at) WHERE sender_address <> ''",
    "CREATE INDEX core_message_account ON core_message (lower(account)) WHERE account <> ''",
    "CREATE INDEX core_raw_message_id ON core_raw (message_id) WHERE message_id IS NOT NULL",
    "CREATE UNIQUE INDEX core_message_copy_once ON core_message_copy (raw_id)",
    "CREATE INDEX core_thread_answer_value ON core_thread_answer (value)",
    "CREATE UNIQUE INDEX core_triage_once ON core_triage (message_id, version)",
    "CREATE INDEX core_triage_at ON core_triage (at, id)",
    "CREATE UNIQUE INDEX core_triage_review_once ON core_triage_review (sample_id, triage_id)",
]

# Words that somebody wrote go with the person, whichever way the person is erased.
ERASED = """
CREATE FUNCTION core_inbox_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE core_triage SET words = '', wording = ''
        WHERE message_id IN (SELECT id FROM core_message WHERE person_id = NEW.id);
    UPDATE core_message SET sender_name = '', sender_address = '', quoted = '', html = '', marks = '[]',
        subject = '', body = '' WHERE person_id = NEW.id AND direction = 'in';
    RETURN NULL;
END $$;
CREATE TRIGGER core_inbox_erased AFTER UPDATE OF erased_at ON core_person FOR EACH ROW
    WHEN (NEW.erased_at IS NOT NULL) EXECUTE FUNCTION core_inbox_erased();
"""


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
    for table, name, rule in CHECKS:
        await db.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_{name}_ok CHECK ({rule})")
    for statement in INDEXES:
        await db.execute(statement)
    await db.execute(ERASED)


async def _unguard() -> None:
    await db.execute("DROP TRIGGER core_inbox_erased ON core_person; DROP FUNCTION core_inbox_erased()")
    for statement in INDEXES:
        await db.execute(f"DROP INDEX {statement.split('INDEX ')[1].split(' ON ')[0]}")
    for table, name, _ in CHECKS:
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{name}_ok")
    for table, column, _, _ in reversed(REFERENCES):
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_ref")
        await db.execute(f"DROP INDEX {table}_{column}")
