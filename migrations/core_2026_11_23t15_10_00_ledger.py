"""What Piccolo cannot say about the ledger: it only grows, its order is that of bytes, and its owner is nobody.

Where the migration runs as a superuser (the embedded server), the ledger's tables go to the role `ombud_ledger`, which
cannot log in, and the role `ombud_app` may read and append but owns no right to drop or disable a trigger. The process
then connects as a member of `ombud_app`. On a server where the migrating role is no superuser, the tables stay its own;
let an administrator migrate and give the application another role.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-23T15:10:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards of ledger and vault"

FORWARDS = """
ALTER TABLE core_ledger_entry ALTER COLUMN stream TYPE text COLLATE "C";
ALTER TABLE core_stream ALTER COLUMN stream TYPE text COLLATE "C";
ALTER TABLE core_checkpoint_entry ALTER COLUMN stream TYPE text COLLATE "C";
ALTER TABLE core_sealed ALTER COLUMN stream TYPE text COLLATE "C", ALTER COLUMN field TYPE text COLLATE "C";
ALTER TABLE core_key ALTER COLUMN subject TYPE text COLLATE "C";
ALTER TABLE core_stream SET (fillfactor = 70);
ALTER TABLE core_vault ALTER COLUMN ciphertext SET STORAGE EXTERNAL;
ALTER TABLE core_sealed ALTER COLUMN ciphertext SET STORAGE EXTERNAL;

CREATE UNIQUE INDEX core_ledger_entry_place ON core_ledger_entry (stream, seq);
CREATE UNIQUE INDEX core_checkpoint_entry_place ON core_checkpoint_entry (stream, seq);
CREATE UNIQUE INDEX core_checkpoint_entry_leaf ON core_checkpoint_entry (checkpoint, index);
CREATE UNIQUE INDEX core_sealed_place ON core_sealed (stream, seq, field);
CREATE INDEX core_sealed_subject ON core_sealed (subject);
CREATE INDEX core_vault_subject ON core_vault (subject);

ALTER TABLE core_ledger_entry
    ADD CONSTRAINT core_ledger_entry_seq_ok CHECK (seq >= 1),
    ADD CONSTRAINT core_ledger_entry_stream_ok CHECK (stream ~ '^[a-z][a-z_-]*/[!-~]+$'),
    ADD CONSTRAINT core_ledger_entry_actor_ok CHECK (actor ~ '^(system|(user|plugin|person|token)/[!-~]+)$'),
    ADD CONSTRAINT core_ledger_entry_kind_ok CHECK (kind ~ '^[a-z][a-z0-9_]*([.][a-z][a-z0-9_]*)+$'),
    ADD CONSTRAINT core_ledger_entry_shape_ok CHECK (jsonb_typeof(body) = 'object' AND jsonb_typeof(sealed) = 'object'),
    ADD CONSTRAINT core_ledger_entry_hash_ok CHECK (octet_length(hash) = 32 AND octet_length(prev) = 32);
ALTER TABLE core_stream
    ADD CONSTRAINT core_stream_seq_ok CHECK (seq >= 0),
    ADD CONSTRAINT core_stream_hash_ok CHECK (octet_length(hash) = 32);
ALTER TABLE core_checkpoint
    ADD CONSTRAINT core_checkpoint_n_ok CHECK (n >= 1 AND size >= 1),
    ADD CONSTRAINT core_checkpoint_hash_ok
        CHECK (octet_length(hash) = 32 AND octet_length(prev) = 32 AND octet_length(root) = 32);
ALTER TABLE core_checkpoint_entry
    ADD CONSTRAINT core_checkpoint_entry_index_ok CHECK (index >= 0);
ALTER TABLE core_key
    ADD CONSTRAINT core_key_state_ok CHECK ((destroyed_at IS NULL) = (wrapped IS NOT NULL));

CREATE FUNCTION core_ledger_refuses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% refuses %: the ledger only grows', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER core_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON core_ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION core_ledger_refuses();
CREATE TRIGGER core_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON core_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION core_ledger_refuses();
CREATE TRIGGER core_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON core_checkpoint_entry
    FOR EACH STATEMENT EXECUTE FUNCTION core_ledger_refuses();
CREATE TRIGGER core_only_grows BEFORE DELETE OR TRUNCATE ON core_stream
    FOR EACH STATEMENT EXECUTE FUNCTION core_ledger_refuses();
CREATE TRIGGER core_never_back BEFORE UPDATE ON core_stream
    FOR EACH ROW WHEN (NEW.seq < OLD.seq OR NEW.stream <> OLD.stream) EXECUTE FUNCTION core_ledger_refuses();
CREATE TRIGGER core_only_blanked BEFORE DELETE OR TRUNCATE ON core_key
    FOR EACH STATEMENT EXECUTE FUNCTION core_ledger_refuses();
CREATE TRIGGER core_stays_destroyed BEFORE UPDATE ON core_key
    FOR EACH ROW WHEN (OLD.destroyed_at IS NOT NULL) EXECUTE FUNCTION core_ledger_refuses();
"""

# Fires also where a session sets `session_replication_role = replica`, which skips ordinary triggers.
ALWAYS = {
    "core_ledger_entry": ["core_only_grows"],
    "core_checkpoint": ["core_only_grows"],
    "core_checkpoint_entry": ["core_only_grows"],
    "core_stream": ["core_only_grows", "core_never_back"],
    "core_key": ["core_only_blanked", "core_stays_destroyed"],
}

OWNER = """
DO $$
DECLARE name text;
BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        RETURN;
    END IF;
    FOREACH name IN ARRAY ARRAY['ombud_ledger', 'ombud_app'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- roles are shared by all databases of a server; another desk made it
        END;
    END LOOP;
    FOREACH name IN ARRAY ARRAY['core_ledger_entry', 'core_checkpoint', 'core_checkpoint_entry', 'core_stream', 'core_key'] LOOP
        EXECUTE format('ALTER TABLE %I OWNER TO ombud_ledger', name);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO ombud_app', name);
    END LOOP;
    ALTER FUNCTION core_ledger_refuses() OWNER TO ombud_ledger;
    GRANT UPDATE ON core_stream, core_key TO ombud_app;
    GRANT SELECT, INSERT, UPDATE, DELETE ON core_vault, core_sealed TO ombud_app;
    GRANT USAGE ON SEQUENCE core_ledger_entry_id_seq, core_checkpoint_entry_id_seq, core_sealed_id_seq TO ombud_app;
END $$;
"""

BACKWARDS = """
DROP TRIGGER core_stays_destroyed ON core_key;
DROP TRIGGER core_only_blanked ON core_key;
DROP TRIGGER core_never_back ON core_stream;
DROP TRIGGER core_only_grows ON core_stream;
DROP TRIGGER core_only_grows ON core_checkpoint_entry;
DROP TRIGGER core_only_grows ON core_checkpoint;
DROP TRIGGER core_only_grows ON core_ledger_entry;
DROP FUNCTION core_ledger_refuses();
ALTER TABLE core_key DROP CONSTRAINT core_key_state_ok;
ALTER TABLE core_checkpoint_entry DROP CONSTRAINT core_checkpoint_entry_index_ok;
ALTER TABLE core_checkpoint DROP CONSTRAINT core_checkpoint_n_ok, DROP CONSTRAINT core_checkpoint_hash_ok;
ALTER TABLE core_stream DROP CONSTRAINT core_stream_seq_ok, DROP CONSTRAINT core_stream_hash_ok;
ALTER TABLE core_ledger_entry DROP CONSTRAINT core_ledger_entry_seq_ok, DROP CONSTRAINT core_ledger_entry_stream_ok,
    DROP CONSTRAINT core_ledger_entry_actor_ok, DROP CONSTRAINT core_ledger_entry_kind_ok,
    DROP CONSTRAINT core_ledger_entry_shape_ok, DROP CONSTRAINT core_ledger_entry_hash_ok;
DROP INDEX core_vault_subject, core_sealed_subject, core_sealed_place, core_checkpoint_entry_leaf,
    core_checkpoint_entry_place, core_ledger_entry_place;
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_guard)
    manager.add_raw_backwards(_unguard)
    return manager


async def _guard() -> None:
    await db.execute(FORWARDS)
    for table, triggers in ALWAYS.items():
        for trigger in triggers:
            await db.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")
    await db.execute(OWNER)


async def _unguard() -> None:
    await db.execute(BACKWARDS)
