"""What Piccolo's columns cannot say of redress and payments: references, states, one key each, one payment of a line at
a time, what is looked for often, and that erasing a person takes along where they were to be paid."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T13:05:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards and indexes of redress and payments"

TABLES = (
    "core_rate", "core_rate_value", "core_redress_limit", "core_calculation", "core_redress_request",
    "core_payment_batch", "core_payment",
)  # fmt: skip
REFERENCES = [
    ("core_rate", "created_by", "core_user", "SET NULL"),
    ("core_rate_value", "rate_id", "core_rate", "RESTRICT"),
    ("core_rate_value", "recorded_by", "core_user", "SET NULL"),
    ("core_rate_value", "withdrawn_by", "core_user", "SET NULL"),
    ("core_redress_limit", "unit_id", "core_unit", "CASCADE"),
    ("core_redress_limit", "user_id", "core_user", "CASCADE"),
    ("core_redress_limit", "set_by", "core_user", "SET NULL"),
    ("core_redress_limit", "ended_by", "core_user", "SET NULL"),
    ("core_calculation", "case_id", "core_case", "CASCADE"),
    ("core_calculation", "aspect_id", "core_aspect", "CASCADE"),
    ("core_calculation", "created_by", "core_user", "RESTRICT"),
    ("core_redress", "calculation_id", "core_calculation", "NO ACTION"),
    ("core_redress", "approved_by", "core_user", "RESTRICT"),
    ("core_redress_request", "case_id", "core_case", "CASCADE"),
    ("core_redress_request", "aspect_id", "core_aspect", "CASCADE"),
    ("core_redress_request", "calculation_id", "core_calculation", "NO ACTION"),
    ("core_redress_request", "requested_by", "core_user", "RESTRICT"),
    ("core_redress_request", "decided_by", "core_user", "RESTRICT"),
    ("core_redress_request", "line_id", "core_redress", "CASCADE"),
    ("core_payment_batch", "unit_id", "core_unit", "CASCADE"),
    ("core_payment_batch", "created_by", "core_user", "RESTRICT"),
    ("core_payment_batch", "downloaded_by", "core_user", "RESTRICT"),
    ("core_payment", "case_id", "core_case", "CASCADE"),
    ("core_payment", "aspect_id", "core_aspect", "CASCADE"),
    ("core_payment", "line_id", "core_redress", "CASCADE"),
    ("core_payment", "person_id", "core_person", "RESTRICT"),
    ("core_payment", "payee_vault_id", "core_vault", "SET NULL"),
    ("core_payment", "batch_id", "core_payment_batch", "NO ACTION"),
    ("core_payment", "created_by", "core_user", "RESTRICT"),
]
STATES = "intended handing handed_over paid failed unsure cancelled"
CHECKS = [
    ("core_rate_value", "percent", "percent >= 0 AND percent <= 1000"),
    ("core_redress_limit", "whose", "(role <> '') <> (user_id IS NOT NULL)"),
    ("core_redress_limit", "amount", "amount >= 0 AND currency <> ''"),
    ("core_redress_request", "kind", "kind IN ('money', 'goods', 'waiver')"),
    ("core_redress_request", "amount", "amount > 0 AND currency <> ''"),
    ("core_redress_request", "state", "state IN ('waiting', 'approved', 'refused', 'withdrawn')"),
    ("core_redress_request", "line", "(state = 'approved') = (line_id IS NOT NULL)"),
    ("core_payment", "state", f"state = ANY(string_to_array('{STATES}', ' '))"),
    ("core_payment", "way", "way IN ('file', 'webhook', 'hand')"),
    ("core_payment", "amount", "amount > 0 AND currency <> ''"),
    ("core_payment", "paid", "(state = 'paid') = (value_date IS NOT NULL)"),
    ("core_payment_batch", "state", "state IN ('ready', 'handed_over', 'dissolved')"),
    ("core_aspect", "disputed", "(amount_in_dispute IS NULL) = (disputed_currency = '')"),
]
INDEXES = [
    "CREATE UNIQUE INDEX core_rate_value_day ON core_rate_value (rate_id, valid_from) WHERE withdrawn_at IS NULL",
    "CREATE UNIQUE INDEX core_redress_limit_one ON core_redress_limit (unit_id, role, coalesce(user_id, "
    "'00000000-0000-0000-0000-000000000000'), currency) WHERE ended_at IS NULL",
    "CREATE INDEX core_redress_request_waiting ON core_redress_request (requested_at, id) WHERE state = 'waiting'",
    "CREATE UNIQUE INDEX core_payment_key ON core_payment (key)",
    "CREATE UNIQUE INDEX core_payment_one ON core_payment (line_id) WHERE state <> 'cancelled'",
    "CREATE INDEX core_payment_open ON core_payment (state, changed_at) WHERE state IN ('intended', 'handing', "
    "'handed_over', 'unsure')",
    "CREATE INDEX core_payment_state ON core_payment (state, created_at, id)",
]
# What a line can be, before and after a claim that is waived.
KINDS = [
    ("kind", "kind IN ('money', 'goods', 'apology', 'correction')",
     "kind IN ('money', 'goods', 'waiver', 'apology', 'correction')"),
    ("money", "kind <> 'money' OR (amount IS NOT NULL AND currency <> '')",
     "kind NOT IN ('money', 'waiver') OR (amount IS NOT NULL AND currency <> '')"),
]  # fmt: skip

ERASED = """
CREATE FUNCTION core_payment_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE core_payment SET payee_hint = '', detail = '', remote = '', version = version + 1,
        state = CASE WHEN state = 'intended' THEN 'cancelled' ELSE state END
    WHERE person_id = NEW.id;
    UPDATE core_redress_request SET note = '', reason = '' WHERE case_id IN (
        SELECT case_id FROM core_party WHERE person_id = NEW.id AND role = 'complainant');
    RETURN NULL;
END $$;
CREATE TRIGGER core_payment_erased AFTER UPDATE OF erased_at ON core_person FOR EACH ROW
    WHEN (NEW.erased_at IS NOT NULL) EXECUTE FUNCTION core_payment_erased();
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
    for name, _, after in KINDS:
        await _replace(name, after)
    for table, name, condition in CHECKS:
        await db.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_{name}_ok CHECK ({condition})")
    for statement in INDEXES:
        await db.execute(statement)
    await db.execute(ERASED)


async def _replace(name: str, condition: str) -> None:
    await db.execute(f"ALTER TABLE core_redress DROP CONSTRAINT core_redress_{name}_ok")
    await db.execute(f"ALTER TABLE core_redress ADD CONSTRAINT core_redress_{name}_ok CHECK ({condition})")


async def _unguard() -> None:
    await db.execute("DROP TRIGGER core_payment_erased ON core_person; DROP FUNCTION core_payment_erased()")
    for statement in INDEXES:
        await db.execute(f"DROP INDEX {statement.split('INDEX ')[1].split(' ON ')[0]}")
    for table, name, _ in CHECKS:
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{name}_ok")
    await db.execute("UPDATE core_redress SET kind = 'goods' WHERE kind = 'waiver'")
    for name, before, _ in KINDS:
        await _replace(name, before)
    for table, column, _, _ in reversed(REFERENCES):
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_ref")
        await db.execute(f"DROP INDEX {table}_{column}")
