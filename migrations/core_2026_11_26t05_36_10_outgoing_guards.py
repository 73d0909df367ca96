"""What Piccolo's columns cannot say of outgoing messages: references, states, one key each, what is looked for often, and
that erasing a person takes along to whom we wrote and stops what has not left yet."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T05:36:10:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards and indexes of outgoing messages"

TABLES = ("core_outgoing", "core_message_template", "core_macro")
REFERENCES = [
    ("core_outgoing", "id", "core_message", "CASCADE"),
    ("core_outgoing", "case_id", "core_case", "CASCADE"),
    ("core_outgoing", "unit_id", "core_unit", "RESTRICT"),
    ("core_outgoing", "person_id", "core_person", "RESTRICT"),
    ("core_outgoing", "template_id", "core_message_template", "SET NULL"),
    ("core_outgoing", "created_by", "core_user", "RESTRICT"),
    ("core_outgoing", "approved_by", "core_user", "RESTRICT"),
    ("core_message_template", "unit_id", "core_unit", "CASCADE"),
    ("core_message_template", "created_by", "core_user", "SET NULL"),
    ("core_macro", "unit_id", "core_unit", "CASCADE"),
    ("core_macro", "created_by", "core_user", "SET NULL"),
    ("core_draft", "edited_by", "core_user", "SET NULL"),
]
STATES = "waiting_approval held scheduled intended sending sent unsure failed cancelled"
CHECKS = [
    ("core_outgoing", "state", f"state = ANY(string_to_array('{STATES}', ' '))"),
    ("core_outgoing", "delivery", "delivery IN ('', 'delivered', 'delayed', 'bounced')"),
    ("core_outgoing", "due", "state NOT IN ('held', 'scheduled', 'intended') OR leave_at IS NOT NULL"),
    ("core_outgoing", "gone", "(state = 'sent') = (sent_at IS NOT NULL)"),
]
INDEXES = [
    "CREATE UNIQUE INDEX core_outgoing_key ON core_outgoing (key)",
    "CREATE INDEX core_outgoing_due ON core_outgoing (leave_at) WHERE state IN ('held', 'scheduled', 'intended')",
    "CREATE INDEX core_outgoing_open ON core_outgoing (sending_at) WHERE state IN ('sending', 'unsure')",
    "CREATE INDEX core_outgoing_state ON core_outgoing (state, created_at, id)",
    "CREATE INDEX core_outgoing_thread ON core_outgoing (thread_id)",
    "CREATE UNIQUE INDEX core_message_template_version ON core_message_template (key, number)",
    "CREATE INDEX core_draft_shared ON core_draft (case_id) WHERE shared",
]

ERASED = """
CREATE FUNCTION core_outgoing_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE core_outgoing SET recipient = '{}', detail = '', delivery_text = '', version = version + 1,
        state = CASE WHEN state IN ('waiting_approval', 'held', 'scheduled', 'intended') THEN 'cancelled' ELSE state END
    WHERE person_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER core_outgoing_erased AFTER UPDATE OF erased_at ON core_person FOR EACH ROW
    WHEN (NEW.erased_at IS NOT NULL) EXECUTE FUNCTION core_outgoing_erased();
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
        if column != "id":
            await db.execute(f"CREATE INDEX {table}_{column} ON {table} ({column})")
    for table, name, condition in CHECKS:
        await db.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_{name}_ok CHECK ({condition})")
    for statement in INDEXES:
        await db.execute(statement)
    await db.execute(ERASED)


async def _unguard() -> None:
    await db.execute("DROP TRIGGER core_outgoing_erased ON core_person; DROP FUNCTION core_outgoing_erased()")
    for statement in INDEXES:
        await db.execute(f"DROP INDEX {statement.split('INDEX ')[1].split(' ON ')[0]}")
    for table, name, _ in CHECKS:
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{name}_ok")
    for table, column, _, _ in reversed(REFERENCES):
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_ref")
        if column != "id":
            await db.execute(f"DROP INDEX {table}_{column}")
