"""What Piccolo's columns cannot say of returns: whose they are, one of each, and that nothing frozen ever changes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T15:41:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards of returns"

TABLES = ("core_return", "core_return_figure", "core_return_case")
REFERENCES = [
    ("core_return", "unit_id", "core_unit", "RESTRICT"),
    ("core_return", "amends", "core_return", "RESTRICT"),
    ("core_return", "created_by", "core_user", "SET NULL"),
    ("core_return", "frozen_by", "core_user", "SET NULL"),
    ("core_return", "signed_by", "core_user", "SET NULL"),
    ("core_return", "filed_by", "core_user", "SET NULL"),
    ("core_return_figure", "return_id", "core_return", "CASCADE"),
    ("core_return_case", "return_id", "core_return", "CASCADE"),
]
INDEXES = [
    "CREATE UNIQUE INDEX core_return_once ON core_return (provider, unit_id, period_first, period_last, number) "
    "WHERE state <> 'discarded'",
    "CREATE UNIQUE INDEX core_return_figure_once ON core_return_figure (return_id, number)",
    "CREATE UNIQUE INDEX core_return_case_once ON core_return_case (return_id, case_id)",
]
CHECKS = [
    ("core_return", "state", "state IN ('draft', 'frozen', 'signed', 'filed', 'discarded')"),
    ("core_return", "period", "period_last >= period_first"),
    ("core_return", "number", "number >= 1"),
    ("core_return", "frozen", "state IN ('draft', 'discarded') OR (digest <> '' AND frozen_at IS NOT NULL)"),
    ("core_return", "signed", "state IN ('draft', 'frozen', 'discarded') OR (signed_at IS NOT NULL AND signed_name <> '')"),
    ("core_return", "filed", "state <> 'filed' OR (filed_on IS NOT NULL AND filed_reference <> '')"),
]
# Ids of people may be emptied when their account goes; their names, days and figures stay.
FUNCTIONS = [
    """CREATE FUNCTION core_return_stands() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.digest <> '' AND (NEW.digest, NEW.layout, NEW.entered, NEW.taxonomy, NEW.unit_id, NEW.period_first,
            NEW.period_last, NEW.number, NEW.frozen_at) IS DISTINCT FROM (OLD.digest, OLD.layout, OLD.entered,
            OLD.taxonomy, OLD.unit_id, OLD.period_first, OLD.period_last, OLD.number, OLD.frozen_at) THEN
            RAISE EXCEPTION 'a frozen return never changes; amend it';
        END IF;
        IF OLD.state = 'filed' AND (NEW.state, NEW.signed_name, NEW.signed_at, NEW.filed_on, NEW.filed_reference)
            IS DISTINCT FROM (OLD.state, OLD.signed_name, OLD.signed_at, OLD.filed_on, OLD.filed_reference) THEN
            RAISE EXCEPTION 'a filed return never changes; amend it';
        END IF;
        RETURN NEW;
    END $$""",
    """CREATE FUNCTION core_return_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'what was frozen with a return never changes';
    END $$""",
    # Only the demonstration firm takes its filed returns with it.
    """CREATE FUNCTION core_return_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.state <> 'draft' AND NOT EXISTS (SELECT 1 FROM core_demo_item WHERE kind = 'unit') THEN
            RAISE EXCEPTION 'a return that was frozen is never deleted';
        END IF;
        RETURN OLD;
    END $$""",
    """CREATE FUNCTION core_return_part_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF pg_trigger_depth() < 2 THEN
            RAISE EXCEPTION 'what was frozen with a return goes with nothing but the return';
        END IF;
        RETURN OLD;
    END $$""",
]
TRIGGERS = [
    ("core_return", "stands", "BEFORE UPDATE", "core_return_stands"),
    ("core_return", "stays", "BEFORE DELETE", "core_return_stays"),
    ("core_return_figure", "kept", "BEFORE UPDATE", "core_return_kept"),
    ("core_return_case", "kept", "BEFORE UPDATE", "core_return_kept"),
    ("core_return_figure", "stays", "BEFORE DELETE", "core_return_part_stays"),
    ("core_return_case", "stays", "BEFORE DELETE", "core_return_part_stays"),
]


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
    for statement in [*INDEXES, *FUNCTIONS]:
        await db.execute(statement)
    for table, name, law in CHECKS:
        await db.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_{name}_ok CHECK ({law})")
    for table, name, when, function in TRIGGERS:
        await db.execute(f"CREATE TRIGGER {table}_{name} {when} ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()")


async def _unguard() -> None:
    for table, name, _, _ in TRIGGERS:
        await db.execute(f"DROP TRIGGER {table}_{name} ON {table}")
    for statement in FUNCTIONS:
        await db.execute(f"DROP FUNCTION {statement.split('FUNCTION ')[1].split('(')[0]}()")
    for table, name, _ in CHECKS:
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{name}_ok")
    for statement in INDEXES:
        await db.execute(f"DROP INDEX {statement.split('INDEX ')[1].split(' ON ')[0]}")
    for table, column, _, _ in reversed(REFERENCES):
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_ref")
        await db.execute(f"DROP INDEX {table}_{column}")
