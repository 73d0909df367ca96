"""What Piccolo cannot say of the search index: the words, their indexes, the view of the live table, and the triggers
that note each change in its own transaction, whoever makes it.

The two tables belong to the role the desk runs as, so that it can build the one that is not live and empty the other.
A loader that builds the whole index afterwards says `SET LOCAL ombud.unsearched = 'on'` and leaves no notes.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-25T23:14:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "words, guards and triggers of the search index"

TABLES = ("core_search_a", "core_search_b")

# Table, kind of what is indexed anew, the column that names it, and which changes matter.
NEW = [
    ("core_case", "case", "id"),
    ("core_aspect", "case", "case_id"),
    ("core_party", "case", "case_id"),
    ("core_message", "message", "id"),
    ("core_attachment", "message", "message_id"),
    ("core_person", "person", "id"),
]
CHANGED = [
    ("core_case", "case", "id", ("reference", "title", "fields", "received_at")),
    ("core_aspect", "case", "case_id", ("title", "text")),
    ("core_party", "case", "case_id", ("role", "person_id")),
    ("core_message", "message", "id", ("case_id", "subject", "body", "said_at")),
    ("core_attachment", "message", "message_id", ("name", "message_id")),
    ("core_person", "person", "id", ("name", "email", "phone", "postcode", "address")),
]
GONE = [
    ("core_aspect", "case", "case_id"),
    ("core_party", "case", "case_id"),
    ("core_attachment", "message", "message_id"),
]
OWNERS = ("core_case", "core_message", "core_person")  # of a row of the index

FUNCTIONS = """
CREATE FUNCTION core_search_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('ombud.unsearched', true) = 'on' THEN
        RETURN NULL;
    END IF;
    EXECUTE format('INSERT INTO core_search_due (kind, subject, at) SELECT DISTINCT %L, %I, now() FROM fresh '
        'WHERE %I IS NOT NULL', TG_ARGV[0], TG_ARGV[1], TG_ARGV[1]);
    RETURN NULL;
END $$;

CREATE FUNCTION core_search_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE subject uuid;
BEGIN
    IF current_setting('ombud.unsearched', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        EXECUTE format('SELECT ($1).%I', TG_ARGV[1]) INTO subject USING OLD;
    ELSE
        EXECUTE format('SELECT ($1).%I', TG_ARGV[1]) INTO subject USING NEW;
    END IF;
    IF subject IS NOT NULL THEN
        INSERT INTO core_search_due (kind, subject, at) VALUES (TG_ARGV[0], subject, now());
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION core_search_renamed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('ombud.unsearched', true) IS DISTINCT FROM 'on' THEN
        INSERT INTO core_search_due (kind, subject, at)
        SELECT DISTINCT 'case', p.case_id, now() FROM core_party p WHERE p.person_id = NEW.id;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION core_search_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM core_search_a WHERE id = OLD.id;
    DELETE FROM core_search_b WHERE id = OLD.id;
    IF current_setting('ombud.unsearched', true) IS DISTINCT FROM 'on' THEN
        INSERT INTO core_search_due (kind, subject, at) VALUES (TG_ARGV[0], OLD.id, now());
    END IF;
    RETURN NULL;
END $$;
"""

VIEW = """
CREATE VIEW core_search AS
SELECT id, kind, case_id, at, words FROM core_search_a WHERE (SELECT live FROM core_search_state WHERE id = 1) = 'a'
UNION ALL
SELECT id, kind, case_id, at, words FROM core_search_b WHERE (SELECT live FROM core_search_state WHERE id = 1) = 'b'
"""

# Both tables go to the role of the running desk; without a superuser the migrating role is that role.
GRANT = """
DO $$ BEGIN
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        GRANT USAGE, CREATE ON SCHEMA public TO ombud_app;
        ALTER TABLE core_search_a OWNER TO ombud_app;
        ALTER TABLE core_search_b OWNER TO ombud_app;
    END IF;
END $$
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_forwards)
    manager.add_raw_backwards(_backwards)
    return manager


async def _forwards() -> None:
    for table in TABLES:
        await db.execute(
            f"ALTER TABLE {table} ALTER COLUMN id DROP DEFAULT, ADD COLUMN words tsvector NOT NULL, "
            f"ADD CONSTRAINT {table}_kind_ok CHECK (kind IN ('case', 'message', 'person'))"
        )
    await db.execute(
        "ALTER TABLE core_search_due ADD CONSTRAINT core_search_due_kind_ok CHECK (kind IN ('case', 'message', 'person'))"
    )
    await db.execute(
        "ALTER TABLE core_search_state ADD CONSTRAINT core_search_state_ok CHECK (id = 1 AND live IN ('a', 'b'))"
    )
    await db.execute(
        "INSERT INTO core_search_state (id, live, built_at, done, total) "
        "SELECT 1, 'a', CASE WHEN EXISTS (SELECT 1 FROM core_case) THEN NULL ELSE now() END, 0, 0"
    )
    await db.execute(FUNCTIONS)
    await db.execute(VIEW)
    await _triggers()
    await _indexes()
    await db.execute(GRANT)


async def _indexes() -> None:
    """As `ombud.desk.search.build` makes them again for the table it builds."""
    for table in TABLES:
        for kind in ("case", "message", "person"):
            await db.execute(f"CREATE INDEX {table}_{kind} ON {table} USING gin (words) WHERE kind = '{kind}'")
            await db.execute(f"CREATE INDEX {table}_{kind}_at ON {table} (at DESC, id DESC) WHERE kind = '{kind}'")
        await db.execute(f"CREATE INDEX {table}_case_id ON {table} (case_id)")


async def _triggers() -> None:
    for table, kind, column in NEW:
        await db.execute(
            f"CREATE TRIGGER core_search_new AFTER INSERT ON {table} REFERENCING NEW TABLE AS fresh "
            f"FOR EACH STATEMENT EXECUTE FUNCTION core_search_new('{kind}', '{column}')"
        )
    for table, kind, column, columns in CHANGED:
        differs = " OR ".join(f"OLD.{each} IS DISTINCT FROM NEW.{each}" for each in columns)
        await db.execute(
            f"CREATE TRIGGER core_search_changed AFTER UPDATE ON {table} FOR EACH ROW WHEN ({differs}) "
            f"EXECUTE FUNCTION core_search_changed('{kind}', '{column}')"
        )
    for table, kind, column in GONE:
        await db.execute(
            f"CREATE TRIGGER core_search_left AFTER DELETE ON {table} FOR EACH ROW "
            f"EXECUTE FUNCTION core_search_changed('{kind}', '{column}')"
        )
    for table in OWNERS:
        await db.execute(
            f"CREATE TRIGGER core_search_gone AFTER DELETE ON {table} FOR EACH ROW "
            f"EXECUTE FUNCTION core_search_gone('{table.removeprefix('core_')}')"
        )
    await db.execute(
        "CREATE TRIGGER core_search_renamed AFTER UPDATE ON core_person FOR EACH ROW "
        "WHEN (OLD.name IS DISTINCT FROM NEW.name) EXECUTE FUNCTION core_search_renamed()"
    )


async def _backwards() -> None:
    for table in dict.fromkeys(table for table, _, _ in NEW):
        for name in ("new", "changed", "left", "gone", "renamed"):
            await db.execute(f"DROP TRIGGER IF EXISTS core_search_{name} ON {table}")
    await db.execute("DROP VIEW core_search")
    for name in ("new", "changed", "renamed", "gone"):
        await db.execute(f"DROP FUNCTION core_search_{name}()")
    for table in TABLES:
        await db.execute(f"ALTER TABLE {table} DROP COLUMN words, DROP CONSTRAINT {table}_kind_ok")
        await db.execute(f"DROP INDEX {table}_case_id")
    await db.execute("ALTER TABLE core_search_due DROP CONSTRAINT core_search_due_kind_ok")
    await db.execute("ALTER TABLE core_search_state DROP CONSTRAINT core_search_state_ok")
