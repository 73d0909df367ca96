"""What keeps open pages fresh: references of presence and claims, drafts without a case, and news told at commit."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-25T23:47:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "live pages"

REFERENCES = [
    ("core_presence", "case_id", "core_case"),
    ("core_presence", "user_id", "core_user"),
    ("core_presence", "session_id", "core_session"),
    ("core_claim", "case_id", "core_case"),
    ("core_claim", "user_id", "core_user"),
]

PLACES = """
ALTER TABLE core_presence ALTER COLUMN id DROP DEFAULT;
ALTER TABLE core_claim ALTER COLUMN id DROP DEFAULT;
ALTER TABLE core_presence SET UNLOGGED;
ALTER TABLE core_presence ADD CONSTRAINT core_presence_doing_ok CHECK (doing IN ('viewing', 'writing'));
CREATE UNIQUE INDEX core_presence_once ON core_presence (case_id, session_id);
CREATE INDEX core_presence_until ON core_presence (until);
CREATE UNIQUE INDEX core_claim_once ON core_claim (case_id);
DROP INDEX core_draft_once;
CREATE UNIQUE INDEX core_draft_once ON core_draft (user_id, case_id, purpose) NULLS NOT DISTINCT;
UPDATE core_draft d SET purpose = 'message:' || coalesce((SELECT y.person_id::text FROM core_party y
    WHERE y.case_id = d.case_id AND y.role = 'complainant' ORDER BY y.created_at, y.id LIMIT 1), '')
WHERE d.purpose = 'message';
"""

# One notice an entry, ids and codes only; a large piece of work says once that much has changed.
NEWS = """
CREATE FUNCTION core_tell_news() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM written WHERE stream LIKE 'case/%') > 20 THEN
        PERFORM pg_notify('ombud_live', '*');
    ELSE
        PERFORM pg_notify('ombud_live', concat_ws(' ', 'e', substring(stream FROM 6), seq, kind, actor))
        FROM written WHERE stream LIKE 'case/%' ORDER BY seq;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER core_tell_news AFTER INSERT ON core_ledger_entry REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION core_tell_news();
CREATE FUNCTION core_tell_rights() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('ombud_rights', TG_TABLE_NAME);
    RETURN NULL;
END $$;
CREATE TRIGGER core_tell_rights AFTER DELETE ON core_session FOR EACH STATEMENT EXECUTE FUNCTION core_tell_rights();
CREATE TRIGGER core_tell_rights AFTER UPDATE OF active, name, display_name ON core_user
    FOR EACH STATEMENT EXECUTE FUNCTION core_tell_rights();
CREATE TRIGGER core_tell_rights AFTER INSERT OR UPDATE OR DELETE ON core_user_role
    FOR EACH STATEMENT EXECUTE FUNCTION core_tell_rights();
CREATE TRIGGER core_tell_rights AFTER UPDATE OR DELETE ON core_role
    FOR EACH STATEMENT EXECUTE FUNCTION core_tell_rights();
CREATE TRIGGER core_tell_rights AFTER INSERT OR UPDATE OF parent_id OR DELETE ON core_unit
    FOR EACH STATEMENT EXECUTE FUNCTION core_tell_rights();
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_forwards)
    manager.add_raw_backwards(_backwards)
    return manager


async def _forwards() -> None:
    for table, column, target in REFERENCES:
        await db.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_ref FOREIGN KEY ({column}) "
            f"REFERENCES {target} (id) ON DELETE CASCADE"
        )
        await db.execute(f"CREATE INDEX {table}_{column} ON {table} ({column})")
    await db.execute(PLACES)
    await db.execute(NEWS)


async def _backwards() -> None:
    for table in ("core_session", "core_user", "core_user_role", "core_role", "core_unit"):
        await db.execute(f"DROP TRIGGER core_tell_rights ON {table}")
    await db.execute(
        "DROP TRIGGER core_tell_news ON core_ledger_entry; DROP FUNCTION core_tell_news(); "
        "DROP FUNCTION core_tell_rights(); DELETE FROM core_draft WHERE case_id IS NULL; DROP INDEX core_draft_once; "
        "CREATE UNIQUE INDEX core_draft_once ON core_draft (user_id, case_id, purpose)"
    )
