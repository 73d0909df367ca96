"""The role the running desk connects as: everything it needs, and no right over the ledger's guards.

A superuser, or whoever owns a table, can drop its triggers. So the owner of the database migrates core, and web and
work connect as `ombud_app`, which owns only what plugins make.
"""

from urllib.parse import urlsplit

from ombud.kernel.database import db

ROLE = "ombud_app"

# Not the ledger's tables: their rights were given one by one by the migration, and TRIGGER is not among them.
_GRANT = """
DO $$
DECLARE place record;
BEGIN
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO ombud_app', current_database());
    GRANT USAGE, CREATE ON SCHEMA public TO ombud_app;
    FOR place IN SELECT c.oid::regclass AS name, c.relname, c.relkind FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'S') AND n.nspname NOT IN ('information_schema')
        AND n.nspname !~ '^pg_' AND c.relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)
    LOOP
        IF place.relkind = 'S' THEN
            EXECUTE format('GRANT USAGE, SELECT, UPDATE ON SEQUENCE %s TO ombud_app', place.name);
        ELSIF place.relname ~ '^core_' OR place.relname = 'migration' OR place.name::text LIKE 'ombud_queue.%' THEN
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE, REFERENCES ON %s TO ombud_app', place.name);
        ELSE
            EXECUTE format('ALTER TABLE %s OWNER TO ombud_app', place.name);  -- a plugin's, made by an earlier Ombud
        END IF;
    END LOOP;
    IF current_setting('server_version_num')::int >= 170000 THEN  -- for ANALYZE after a load
        FOR place IN SELECT c.oid::regclass AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind = 'r' AND n.nspname = 'public' AND c.relname ~ '^core_'
                AND pg_has_role(c.relowner, 'MEMBER')
        LOOP
            EXECUTE format('GRANT MAINTAIN ON %s TO ombud_app', place.name);
        END LOOP;
    END IF;
    IF to_regnamespace('ombud_queue') IS NOT NULL THEN
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
        return [f"The role {row['name']} is a superuser and could lift the ledger's guards: connect as {ROLE}."]
    if row["owned"]:
        return [
            f"The role {row['name']} owns {', '.join(row['owned'])} and could lift the ledger's guards: let an "
            f"administrator of the database migrate, and connect as a member of {ROLE}."
        ]
    return []
