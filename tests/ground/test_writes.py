"""Several writes as one statement: all of them or none."""

from typing import Any

import pytest

from ombud.kernel.database import db
from ombud.kernel.writes import Writes

ADD = "INSERT INTO heap (id, said) SELECT $1, $2 WHERE {gate}"
OPEN = "UPDATE door SET passed = true WHERE id = $1 AND NOT passed RETURNING id"


@pytest.fixture
async def heap(desk: Any) -> None:
    await db.execute(
        "CREATE TABLE heap (id int PRIMARY KEY, said text); CREATE TABLE door (id int PRIMARY KEY, passed boolean); "
        "INSERT INTO door VALUES (1, false)"
    )


async def rows() -> list[tuple[int, str]]:
    return [tuple(row) for row in await db.fetch("SELECT id, said FROM heap ORDER BY id")]


async def test_they_cost_one_statement_and_each_has_its_own_arguments(heap: None) -> None:
    writes = Writes()
    for place in range(12):
        writes.add([ADD], place, f"{place}")
    writes.add([ADD, "UPDATE door SET passed = ($2 = 'share') WHERE {gate}"], 12, "share")
    with db.counting() as count:
        assert await writes.send()
    assert count.statements == 1
    assert await rows() == [(place, f"{place}") for place in range(12)] + [(12, "share")]
    assert await db.fetchval("SELECT passed FROM door")


async def test_behind_a_gate_they_are_written_once_and_told_once(heap: None) -> None:
    told: list[str] = []
    for attempt in (1, 2):
        writes = Writes(OPEN, 1)
        writes.add([ADD], attempt, "through the gate")
        writes.then(lambda: told.append("written"))
        assert await writes.send() is (attempt == 1)
    assert await rows() == [(1, "through the gate")]
    assert told == ["written"]


async def test_one_that_fails_takes_all_along(heap: None) -> None:
    writes = Writes(OPEN, 1)
    writes.add([ADD], 1, "first")
    writes.add([ADD], 1, "the same again")
    with pytest.raises(Exception, match="heap_pkey"):
        await writes.send()
    assert await rows() == []
    assert not await db.fetchval("SELECT passed FROM door")


SEVERAL = "UPDATE door SET passed = true WHERE id = ANY($1) AND NOT passed RETURNING id"


async def test_a_gate_for_several_lets_all_of_them_through_or_none(heap: None) -> None:
    await db.execute("INSERT INTO door VALUES (2, false), (3, true)")

    async def sent(*doors: int) -> bool:
        writes = Writes(SEVERAL, list(doors), several=len(doors))
        writes.add([ADD], doors[0], "through")
        return await writes.send()

    with pytest.raises(Exception, match="1 of them were open"):
        await sent(1, 3)
    assert await rows() == []
    assert not await db.fetchval("SELECT passed FROM door WHERE id = 1"), "nothing of it was written"
    assert await sent(1, 2)
    assert await sent(1, 2) is False
    assert await rows() == [(1, "through")]
