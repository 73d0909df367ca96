"""What Piccolo's columns cannot say of evidence, tasks, protocols, pins and links: references, codes, one of each."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud.kernel.database import db

ID = "2026-11-26T12:00:10:000000"
VERSION = "1.38.0"
DESCRIPTION = "guards of what belongs to an aspect"

TABLES = (
    "core_evidence", "core_task", "core_protocol", "core_protocol_version", "core_protocol_kept", "core_step",
    "core_pin", "core_aspect_link", "core_aspect_past",
)  # fmt: skip
REFERENCES = [
    ("core_evidence", "aspect_id", "core_aspect", "CASCADE"),
    ("core_evidence", "message_id", "core_message", "SET NULL"),
    ("core_evidence", "attachment_id", "core_attachment", "SET NULL"),
    ("core_evidence", "created_by", "core_user", "RESTRICT"),
    ("core_task", "aspect_id", "core_aspect", "CASCADE"),
    ("core_task", "created_by", "core_user", "RESTRICT"),
    ("core_task", "done_by", "core_user", "RESTRICT"),
    ("core_task", "told_by", "core_user", "RESTRICT"),
    ("core_task", "dropped_by", "core_user", "RESTRICT"),
    ("core_protocol", "unit_id", "core_unit", "CASCADE"),
    ("core_protocol_version", "protocol_id", "core_protocol", "CASCADE"),
    ("core_protocol_version", "created_by", "core_user", "RESTRICT"),
    ("core_protocol_kept", "aspect_id", "core_aspect", "CASCADE"),
    ("core_protocol_kept", "protocol_version_id", "core_protocol_version", "CASCADE"),
    ("core_step", "aspect_id", "core_aspect", "CASCADE"),
    ("core_step", "done_by", "core_user", "RESTRICT"),
    ("core_pin", "aspect_id", "core_aspect", "CASCADE"),
    ("core_pin", "message_id", "core_message", "CASCADE"),
    ("core_pin", "attachment_id", "core_attachment", "CASCADE"),
    ("core_pin", "made_by", "core_user", "RESTRICT"),
    ("core_aspect_link", "aspect_id", "core_aspect", "CASCADE"),
    ("core_aspect_link", "other_id", "core_aspect", "CASCADE"),
    ("core_aspect_link", "made_by", "core_user", "RESTRICT"),
    ("core_aspect_past", "aspect_id", "core_aspect", "CASCADE"),
    ("core_aspect_past", "case_id", "core_case", "CASCADE"),
]
INDEXES = [
    "CREATE UNIQUE INDEX core_protocol_version_once ON core_protocol_version (protocol_id, number)",
    "CREATE UNIQUE INDEX core_protocol_once ON core_protocol (category, unit_id) NULLS NOT DISTINCT WHERE active",
    "CREATE UNIQUE INDEX core_protocol_kept_once ON core_protocol_kept (aspect_id)",
    "CREATE UNIQUE INDEX core_step_once ON core_step (aspect_id, step)",
    "CREATE UNIQUE INDEX core_aspect_link_once ON core_aspect_link (aspect_id, other_id, kind)",
    "CREATE UNIQUE INDEX core_aspect_past_once ON core_aspect_past (aspect_id, case_id)",
    "CREATE UNIQUE INDEX core_finding_aspect ON core_finding (message_id, provider, (value->>'classifier'), "
    "(value->>'category')) WHERE kind = 'aspect' AND message_id IS NOT NULL AND provider LIKE 'plugin/%'",
]
CHECKS = [
    ("core_evidence", "state", "state IN ('asked', 'received', 'not_coming')"),
    ("core_evidence", "hash", "sha256 ~ '^([0-9a-f]{64})?$'"),
    ("core_evidence", "relied", "NOT relied OR state = 'received'"),
    ("core_task", "ended", "NOT (done_at IS NOT NULL AND dropped_at IS NOT NULL)"),
    ("core_task", "told", "told_at IS NULL OR done_at IS NOT NULL"),
    ("core_pin", "one", "num_nonnulls(message_id, attachment_id) = 1"),
    ("core_pin", "place", "(message_id IS NULL AND start IS NULL AND finish IS NULL AND page > 0) "
     "OR (attachment_id IS NULL AND page IS NULL AND start >= 0 AND finish > start)"),
    ("core_aspect_link", "kind", "kind IN ('same_cause', 'follows_from', 'split_from')"),
    ("core_aspect_link", "apart", "aspect_id <> other_id"),
]  # fmt: skip
MERGES = "ALTER TABLE core_merge ADD CONSTRAINT core_merge_kind_ok CHECK (kind IN ({kinds}))"


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
    for statement in INDEXES:
        await db.execute(statement)
    for table, name, rule in CHECKS:
        await db.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_{name}_ok CHECK ({rule})")
    await db.execute("ALTER TABLE core_merge DROP CONSTRAINT core_merge_kind_ok")
    await db.execute(MERGES.format(kinds="'merge', 'split', 'move'"))


async def _unguard() -> None:
    await db.execute("DELETE FROM core_merge WHERE kind = 'move'")
    await db.execute("ALTER TABLE core_merge DROP CONSTRAINT core_merge_kind_ok")
    await db.execute(MERGES.format(kinds="'merge', 'split'"))
    for table, name, _ in CHECKS:
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{name}_ok")
    for statement in INDEXES:
        await db.execute(f"DROP INDEX {statement.split('INDEX ')[1].split(' ON ')[0]}")
    for table, column, _, _ in reversed(REFERENCES):
        await db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_ref")
        await db.execute(f"DROP INDEX {table}_{column}")
