"""Long reads that are planned once for a connection."""

from typing import Any

import pytest

from ombud.kernel.database import NotOpen, Steady, db

OF_TWO = "SELECT p.id, p.name FROM core_person p JOIN core_unit u ON u.id = $1 WHERE p.name = $2"
PLANNED = "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement = $1"


async def test_a_steady_read_is_planned_once_whatever_its_arguments_are(desk: Any) -> None:
    unit = await db.fetchval("SELECT id FROM core_unit LIMIT 1")
    for place in range(4):
        assert await db.steady.fetch(OF_TWO, unit, f"Nobody {place}") == []
    (row,) = await db.steady.fetch(PLANNED, OF_TWO)
    assert (row["generic_plans"], row["custom_plans"]) == (4, 0)


async def test_inside_a_transaction_a_steady_read_sees_what_is_not_committed(desk: Any) -> None:
    named = "SELECT count(*) AS named FROM core_unit WHERE name = 'Renamed'"
    async with db.transaction():
        await db.execute("UPDATE core_unit SET name = 'Renamed' WHERE id = (SELECT id FROM core_unit LIMIT 1)")
        (inside,) = await db.steady.fetch(named)
        async with db.outside():
            (outside,) = await db.steady.fetch(named)
    assert (inside["named"], outside["named"]) == (1, 0)


async def test_each_steady_read_counts_as_a_statement(desk: Any) -> None:
    with db.counting() as count:
        await db.steady.fetch("SELECT 1")
        await db.steady.fetchrow("SELECT 1")
    assert count.statements == 2


async def test_a_steady_read_of_a_closed_database_says_what_to_do() -> None:
    with pytest.raises(NotOpen, match=r"db\.open"):
        await Steady(db).fetch("SELECT 1")
