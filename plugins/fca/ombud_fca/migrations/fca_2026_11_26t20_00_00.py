"""The market, by half year and product group."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-26T20:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "The market, by half year and product group"

FORWARDS = (
    "CREATE TABLE fca_market (id uuid PRIMARY KEY, first date NOT NULL, last date NOT NULL, "
    "product_group text NOT NULL DEFAULT '', opened bigint NOT NULL DEFAULT 0, closed bigint NOT NULL DEFAULT 0, "
    "upheld numeric(5, 2), shares jsonb NOT NULL DEFAULT '[]', file_name text NOT NULL DEFAULT '', "
    "loaded_by text NOT NULL DEFAULT '', loaded_at timestamptz NOT NULL)",
    "CREATE UNIQUE INDEX fca_market_place ON fca_market (first, last, product_group)",
)
BACKWARDS = ("DROP TABLE fca_market",)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="fca", description=DESCRIPTION)

    async def make() -> None:
        for statement in FORWARDS:
            await Table.raw(statement)

    async def unmake() -> None:
        for statement in BACKWARDS:
            await Table.raw(statement)

    manager.add_raw(make)
    manager.add_raw_backwards(unmake)
    return manager
