"""What Piccolo's columns cannot say of rules: that what held never changes, and what is looked for often."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T10:05:10:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards of rules"

WITH_IDS = ("core_rule_version", "core_rule_timer", "core_rule_replay")
REFERENCES = [
    ("core_rule_version", "rule", "core_rule", "key", "CASCADE"),
    ("core_rule_version", "made_by", "core_user", "id", "SET NULL"),
    ("core_rule_timer", "case_id", "core_case", "id", "CASCADE"),
    ("core_rule_timer", "rule", "core_rule", "key", "CASCADE"),
    ("core_rule_replay", "asked_by", "core_user", "id", "SET NULL"),
]
INDEXES = [
    "CREATE UNIQUE INDEX core_rule_version_number ON core_rule_version (rule, number)",
    "CREATE UNIQUE INDEX core_rule_timer_once ON core_rule_timer (case_id, rule, number, anchor)",
    "CREATE INDEX core_rule_timer_due ON core_rule_timer (due_at) WHERE fired_at IS NULL",
    "CREATE INDEX core_rule_replay_latest ON core_rule_replay (rule, asked_at DESC)",
    "CREATE INDEX core_ledger_entry_rules ON core_ledger_entry ((body->>'rule'), at DESC) "
    "WHERE kind IN ('rule.applied', 'rule.shadowed', 'rule.halted')",
]
CHECKS = [
    ("core_rule_version", "number_ok", "number >= 1"),
    ("core_rule_version", "dates_ok", "valid_to IS NULL OR (valid_from IS NOT NULL AND valid_to >= valid_from)"),
    ("core_rule_version", "shadow_ok", "shadow_to IS NULL OR (shadow_from IS NOT NULL AND shadow_to >= shadow_from)"),
    ("core_rule_replay", "state_ok", "state IN ('waiting', 'running', 'done', 'failed')"),
]
_FIXED = """
CREATE FUNCTION core_rule_version_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.valid_from IS NOT NULL OR OLD.shadow_from IS NOT NULL) AND NEW.definition IS DISTINCT FROM OLD.definition
    THEN RAISE EXCEPTION 'version % of the rule % held already; make a new one', OLD.number, OLD.rule;
    END IF;
    RETURN NEW;
END $$
"""
_TRIGGER = """
CREATE TRIGGER core_rule_version_fixed BEFORE UPDATE ON core_rule_version
FOR EACH ROW EXECUTE FUNCTION core_rule_version_fixed()
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)
    manager.add_raw(_guard)
    manager.add_raw_backwards(_unguard)
    return manager


async def _guard() -> None:
    for table in WITH_IDS:  # ids are made by the program
        await db.execute(f"ALTER TABLE {table} ALTER COLUMN id DROP DEFAULT")
    for table, column, target, key, on_delete in REFERENCES:
        await db.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_ref FOREIGN KEY ({column}) "
            f"REFERENCES {target} ({key}) ON DELETE {on_delete}"
        )
        await db.execute(f"CREATE INDEX {table}_{column} ON {table} ({column})")
    for statement in INDEXES:
        await db.execute(statement)
    for table, name, rule in CHECKS:
        await db.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_{name} CHECK ({rule})")
    await db.execute(_FIXED)
    await db.execute(_TRIGGER)


async def _unguard() -> None:
    await db.execute("DROP TRIGGER core_rule_version_fixed ON core_rule_version")
    await db.execute("DROP FUNCTION core_rule_version_fixed()")
    for table, name, _ in CHECKS:
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{name}")
    for statement in INDEXES:
        await db.execute(f"DROP INDEX {statement.split('INDEX ')[1].split(' ON ')[0]}")
    for table, column, _, _, _ in reversed(REFERENCES):
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_ref")
        await db.execute(f"DROP INDEX {table}_{column}")
