"""What Piccolo's columns cannot say of the desk: references, uniqueness, allowed values, indexes, kept counters."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-23T15:05:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards and indexes of the desk"

REFERENCES = [
    ("core_unit", "parent_id", "core_unit", "RESTRICT"),
    ("core_user_role", "user_id", "core_user", "CASCADE"),
    ("core_user_role", "unit_id", "core_unit", "CASCADE"),
    ("core_session", "user_id", "core_user", "CASCADE"),
    ("core_token", "user_id", "core_user", "CASCADE"),
    ("core_link", "case_id", "core_case", "CASCADE"),
    ("core_link", "person_id", "core_person", "CASCADE"),
    ("core_queue", "unit_id", "core_unit", "RESTRICT"),
    ("core_case", "unit_id", "core_unit", "RESTRICT"),
    ("core_case", "owner_id", "core_user", "RESTRICT"),
    ("core_case", "queue_id", "core_queue", "RESTRICT"),
    ("core_aspect", "case_id", "core_case", "CASCADE"),
    ("core_aspect", "owner_id", "core_user", "RESTRICT"),
    ("core_aspect", "queue_id", "core_queue", "RESTRICT"),
    ("core_aspect", "concerns_user_id", "core_user", "RESTRICT"),
    ("core_aspect", "decided_by", "core_user", "RESTRICT"),
    ("core_redress", "case_id", "core_case", "CASCADE"),
    ("core_redress", "aspect_id", "core_aspect", "CASCADE"),
    ("core_redress", "reverses", "core_redress", "CASCADE"),
    ("core_party", "case_id", "core_case", "CASCADE"),
    ("core_party", "person_id", "core_person", "RESTRICT"),
    ("core_raw", "case_id", "core_case", "SET NULL"),
    ("core_intake_step", "raw_id", "core_raw", "CASCADE"),
    ("core_message", "case_id", "core_case", "CASCADE"),
    ("core_message", "person_id", "core_person", "RESTRICT"),
    ("core_message", "author_id", "core_user", "RESTRICT"),
    ("core_message_aspect", "message_id", "core_message", "CASCADE"),
    ("core_message_aspect", "aspect_id", "core_aspect", "CASCADE"),
    ("core_attachment", "case_id", "core_case", "CASCADE"),
    ("core_attachment", "message_id", "core_message", "CASCADE"),
    ("core_finding", "case_id", "core_case", "CASCADE"),
    ("core_finding", "message_id", "core_message", "CASCADE"),
    ("core_finding", "aspect_id", "core_aspect", "CASCADE"),
    ("core_support_needs", "case_id", "core_case", "CASCADE"),
    ("core_support_needs", "person_id", "core_person", "RESTRICT"),
    ("core_draft", "user_id", "core_user", "CASCADE"),
    ("core_draft", "case_id", "core_case", "CASCADE"),
    ("core_setting", "unit_id", "core_unit", "CASCADE"),
]

CHECKS = [
    ("core_unit", "kind", "kind IN ('entity', 'brand', 'team')"),
    ("core_person", "kind", "kind IN ('person', 'organisation')"),
    ("core_case", "status", "status IN ('new', 'in_progress', 'resolved', 'closed')"),
    ("core_case", "priority", "priority IN ('low', 'normal', 'high', 'urgent')"),
    ("core_case", "severity", "severity BETWEEN 1 AND 4"),
    ("core_case", "mood", "mood IN ('', 'calm', 'tense', 'upset', 'angry')"),
    ("core_case", "closed", "(status = 'closed') = (closed_at IS NOT NULL)"),
    ("core_aspect", "status", "status IN ('open', 'closed')"),
    ("core_aspect", "priority", "priority IN ('low', 'normal', 'high', 'urgent')"),
    ("core_aspect", "severity", "severity BETWEEN 1 AND 4"),
    ("core_aspect", "decided", "status = 'open' OR (outcome <> '' AND reason <> '')"),
    ("core_aspect", "staff", "concerns_user_id IS NULL OR owner_id IS DISTINCT FROM concerns_user_id"),
    ("core_redress", "kind", "kind IN ('money', 'goods', 'apology', 'correction')"),
    ("core_redress", "money", "kind <> 'money' OR (amount IS NOT NULL AND currency <> '')"),
    ("core_raw", "status", "status IN ('stored', 'done', 'faulted')"),
    ("core_intake_step", "state", "state IN ('waiting', 'done', 'faulted')"),
    ("core_message", "direction", "direction IN ('in', 'out', 'note')"),
    ("core_message", "decision", "decision IN ('', 'complaint', 'not_complaint')"),
    ("core_finding", "state", "state IN ('suggested', 'accepted', 'rejected')"),
]

INDEXES = [
    "CREATE UNIQUE INDEX core_setting_once ON core_setting (key, unit_id) NULLS NOT DISTINCT",
    "CREATE UNIQUE INDEX core_user_role_once ON core_user_role (user_id, role, unit_id)",
    "CREATE UNIQUE INDEX core_raw_once ON core_raw (channel, principal, key)",
    "CREATE INDEX core_raw_waiting ON core_raw (received_at) WHERE status <> 'done'",
    "CREATE UNIQUE INDEX core_intake_step_once ON core_intake_step (raw_id, step)",
    "CREATE UNIQUE INDEX core_message_key ON core_message (case_id, key) WHERE key <> ''",
    "CREATE INDEX core_message_timeline ON core_message (case_id, said_at, id)",
    "CREATE INDEX core_message_inbox ON core_message (triage_due_at) WHERE decision = '' AND direction = 'in'",
    "CREATE UNIQUE INDEX core_message_aspect_once ON core_message_aspect (message_id, aspect_id)",
    "CREATE INDEX core_message_aspect_aspect ON core_message_aspect (aspect_id)",
    "CREATE UNIQUE INDEX core_aspect_place ON core_aspect (case_id, position)",
    "CREATE UNIQUE INDEX core_redress_reversed_once ON core_redress (reverses) WHERE reverses IS NOT NULL",
    "CREATE UNIQUE INDEX core_party_once ON core_party (case_id, person_id, role)",
    "CREATE UNIQUE INDEX core_draft_once ON core_draft (user_id, case_id, purpose)",
    "CREATE UNIQUE INDEX core_support_needs_once ON core_support_needs (case_id, person_id)",
    "CREATE INDEX core_person_email ON core_person (lower(email)) WHERE email <> ''",
    "CREATE INDEX core_case_queue ON core_case (queue_id, due_at, id) WHERE status <> 'closed'",
    "CREATE INDEX core_case_owner ON core_case (owner_id, due_at, id) WHERE status <> 'closed'",
    "CREATE INDEX core_case_due ON core_case (due_at, id) WHERE status <> 'closed'",
    "CREATE INDEX core_case_opened ON core_case (opened_at DESC, id DESC)",
    "CREATE INDEX core_case_confidential ON core_case (unit_id) WHERE confidential",
    "CREATE INDEX core_aspect_staff ON core_aspect (concerns_user_id, case_id) WHERE concerns_user_id IS NOT NULL",
    "CREATE INDEX core_session_expiry ON core_session (expires_at)",
    "CREATE INDEX core_link_case ON core_link (case_id, person_id)",
    "CREATE INDEX core_queue_count_at ON core_queue_count (at)",
]

SEQUENCE = "CREATE SEQUENCE core_case_number"

# A change of a case leaves signed rows instead of touching one hot counter row, so that intake never queues for it.
COUNTING = """
CREATE FUNCTION core_count_case() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        IF TG_OP = 'UPDATE' AND (OLD.queue_id, OLD.unit_id, OLD.status, OLD.confidential, OLD.owner_id IS NULL)
                IS NOT DISTINCT FROM (NEW.queue_id, NEW.unit_id, NEW.status, NEW.confidential, NEW.owner_id IS NULL) THEN
            RETURN NULL;
        END IF;
        INSERT INTO core_queue_count (id, queue_id, unit_id, status, confidential, owned, delta, at)
        VALUES (gen_random_uuid(), OLD.queue_id, OLD.unit_id, OLD.status, OLD.confidential,
                OLD.owner_id IS NOT NULL, -1, now());
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO core_queue_count (id, queue_id, unit_id, status, confidential, owned, delta, at)
        VALUES (gen_random_uuid(), NEW.queue_id, NEW.unit_id, NEW.status, NEW.confidential,
                NEW.owner_id IS NOT NULL, 1, now());
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER core_count_case AFTER INSERT OR UPDATE OR DELETE ON core_case
    FOR EACH ROW EXECUTE FUNCTION core_count_case();
"""

# Ids are made by the program (UUIDv7); a default fixed at the moment of the migration would be one id for all.
ID_DEFAULTS = """
DO $$ DECLARE place record; BEGIN
    FOR place IN SELECT table_name FROM information_schema.columns WHERE table_schema = 'public'
        AND table_name LIKE 'core\\_%' AND column_name = 'id' AND data_type = 'uuid' LOOP
        EXECUTE format('ALTER TABLE %I ALTER COLUMN id DROP DEFAULT', place.table_name);
    END LOOP;
END $$
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_guard)
    manager.add_raw_backwards(_unguard)
    return manager


async def _guard() -> None:
    await db.execute(ID_DEFAULTS)
    await db.execute(SEQUENCE)
    for table, column, target, on_delete in REFERENCES:
        await db.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_ref FOREIGN KEY ({column}) "
            f"REFERENCES {target} (id) ON DELETE {on_delete}"
        )
        await db.execute(f"CREATE INDEX {table}_{column} ON {table} ({column})")
    await db.execute(
        "ALTER TABLE core_case ADD CONSTRAINT core_case_type_ref FOREIGN KEY (case_type) REFERENCES core_case_type (key)"
    )
    await db.execute(
        "ALTER TABLE core_user_role ADD CONSTRAINT core_user_role_role_ref FOREIGN KEY (role) REFERENCES core_role (key)"
    )
    for table, name, rule in CHECKS:
        await db.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_{name}_ok CHECK ({rule})")
    for statement in INDEXES:
        await db.execute(statement)
    await db.execute(COUNTING)


async def _unguard() -> None:
    await db.execute("DROP TRIGGER core_count_case ON core_case; DROP FUNCTION core_count_case()")
    for statement in INDEXES:
        await db.execute(f"DROP INDEX {statement.split('INDEX ')[1].split(' ON ')[0]}")
    for table, name, _ in CHECKS:
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{name}_ok")
    await db.execute("ALTER TABLE core_case DROP CONSTRAINT core_case_type_ref")
    await db.execute("ALTER TABLE core_user_role DROP CONSTRAINT core_user_role_role_ref")
    for table, column, _, _ in reversed(REFERENCES):
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_ref")
        await db.execute(f"DROP INDEX {table}_{column}")
    await db.execute("DROP SEQUENCE core_case_number")
