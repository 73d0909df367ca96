"""The role the running desk connects as: everything it needs, and no right over the ledger's guards.

A superuser, or whoever owns a table, can drop its triggers. So the owner of the database migrates core, and web and
work connect as `ombud_app`, which owns only what plugins make.
"""

from urllib.parse import urlsplit

from ombud.kernel.database import db
from ombud.speech import joined, sentence

ROLE = "ombud_app"

# Not the ledger's tables: their rights were given one by one by the migration, and TRIGGER is not among them.
# Only what is lacking is given, by one process at a time: a grant writes its table's row in the catalogue anew, which
# makes every session plan its statements again, and fails where another does the same.
_GRANT = """
DO $$
DECLARE place record;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('ombud application role'));
    IF NOT has_database_privilege('ombud_app', current_database(), 'CONNECT')
            OR NOT has_database_privilege('ombud_app', current_database(), 'TEMPORARY') THEN
        EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO ombud_app', current_database());
    END IF;
    IF NOT has_schema_privilege('ombud_app', 'public', 'CREATE') THEN
        GRANT USAGE, CREATE ON SCHEMA public TO ombud_app;
    END IF;
    FOR place IN SELECT c.oid::regclass AS name, c.relname, c.relkind, NOT (core OR c.relkind = 'S') AS plugins,
            lacking
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        CROSS JOIN LATERAL (SELECT c.relname ~ '^core_' OR c.relname = 'migration' OR n.nspname = 'ombud_queue' AS core
        ) whose
        CROSS JOIN LATERAL (SELECT string_agg(each, ', ') AS lacking FROM unnest(
            CASE WHEN c.relkind = 'S' THEN ARRAY['USAGE', 'SELECT', 'UPDATE']
            WHEN core THEN ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'REFERENCES'] END) each
            WHERE NOT CASE WHEN c.relkind = 'S' THEN has_sequence_privilege('ombud_app', c.oid, each)
                ELSE has_table_privilege('ombud_app', c.oid, each) END) needed
        WHERE c.relkind IN ('r', 'p', 'v', 'S') AND n.nspname <> 'information_schema'
        AND n.nspname !~ '^pg_' AND c.relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)
    LOOP
        IF place.plugins THEN
            EXECUTE format('ALTER TABLE %s OWNER TO ombud_app', place.name);  -- made by an earlier Ombud
        ELSIF place.lacking IS NOT NULL THEN
            EXECUTE format('GRANT %s ON %s %s TO ombud_app', place.lacking,
                CASE place.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, place.name);
        END IF;
    END LOOP;
    IF current_setting('server_version_num')::int >= 170000 THEN  -- for ANALYZE after a load
        FOR place IN SELECT c.oid::regclass AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind = 'r' AND n.nspname = 'public' AND c.relname ~ '^core_'
                AND pg_has_role(c.relowner, 'MEMBER') AND NOT has_table_privilege('ombud_app', c.oid, 'MAINTAIN')
        LOOP
            EXECUTE format('GRANT MAINTAIN ON %s TO ombud_app', place.name);
        END LOOP;
    END IF;
    IF to_regnamespace('ombud_queue') IS NOT NULL AND NOT has_schema_privilege('ombud_app', 'ombud_queue', 'USAGE') THEN
        GRANT USAGE ON SCHEMA ombud_queue TO ombud_app;
    END IF;
    IF NOT (SELECT rolcanlogin FROM pg_roles WHERE rolname = 'ombud_app') THEN
        ALTER ROLE ombud_app LOGIN;
    END IF;
END $$
"""


async def grant() -> bool:
    """After each migration, by the role that migrated; False where that role is no superuser and so stays the owner."""
    if not await db.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        return False
    async with db.transaction():
        await db.execute(_GRANT)
    return True


def url_for_application(owner_url: str) -> str:
    """The owner's address with the application's role; a password does not travel along."""
    parts = urlsplit(owner_url)
    place = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{ROLE}@{place}").geturl()


async def weaknesses() -> list[str]:
    """What lets this process lift the ledger's guards, for `ombud check`; empty where nothing does."""
    row = await db.fetchrow(
        """SELECT current_user AS name, rolsuper AS super,
            (SELECT array_agg(c.relname::text ORDER BY c.relname) FROM pg_class c
             WHERE c.relname = ANY($1) AND pg_has_role(current_user, c.relowner, 'MEMBER')) AS owned
        FROM pg_roles WHERE rolname = current_user""",
        ["core_ledger_entry", "core_checkpoint", "core_checkpoint_entry", "core_stream", "core_key"],
    )
    assert row is not None
    if row["super"]:
        return [
            sentence(
                "The role %(name)s is a superuser and could lift the ledger's guards: connect as %(role)s.",
                name=row["name"], role=ROLE,
            )
        ]  # fmt: skip
    if row["owned"]:
        return [
            sentence(
                "The role %(name)s owns %(tables)s and could lift the ledger's guards: let an administrator of the "
                "database migrate, and connect as a member of %(role)s.",
                name=row["name"], tables=joined(row["owned"]), role=ROLE,
            )
        ]  # fmt: skip
    return []
