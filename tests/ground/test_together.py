"""Statements of one text that are asked at the same moment go together, and none of them pays for another."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from ombud.kernel.database import db
from ombud.kernel.together import MOST, Together

ADD = "INSERT INTO heap (id, said) VALUES ($1, $2) RETURNING id, pg_current_xact_id()::text AS transaction"


class Sender:
    """Notes what was sent, and answers when it is let go."""

    def __init__(self) -> None:
        self.sent: list[list[str]] = []
        self.open = asyncio.Event()

    async def __call__(self, sql: str, arguments: Sequence[Sequence[Any]]) -> list[str]:
        self.sent.append([str(each[0]) for each in arguments])
        await self.open.wait()
        if any(each[0] == "bad" for each in arguments):
            raise ValueError("a bad one among them")
        return [f"{sql} {each[0]}" for each in arguments]


async def asked(together: Together, *words: str, sql: str = "add") -> list["asyncio.Task[Any]"]:
    tasks = [asyncio.create_task(together.ask(sql, (word,))) for word in words]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_what_comes_while_others_are_under_way_goes_together_after_them() -> None:
    send = Sender()
    together = Together(send)
    first = await asked(together, "a")
    assert send.sent == [["a"]], "nobody waits where nobody is under way"
    later = await asked(together, "b", "c")
    await asked(together, "x", sql="other")
    assert send.sent == [["a"], ["x"]], "another text has a way of its own"
    send.open.set()
    assert await asyncio.gather(*first, *later) == ["add a", "add b", "add c"]
    assert send.sent == [["a"], ["x"], ["b", "c"]]


async def test_one_that_fails_in_company_fails_alone() -> None:
    send = Sender()
    together = Together(send)
    first = await asked(together, "a")
    others = await asked(together, "b", "bad", "c")
    send.open.set()
    answers = await asyncio.gather(*first, *others, return_exceptions=True)
    assert [str(each) for each in answers] == ["add a", "add b", "a bad one among them", "add c"]
    assert send.sent == [["a"], ["b", "bad", "c"], ["b"], ["bad"], ["c"]]
    assert await together.ask("add", ("d",)) == "add d", "the way is free again"


async def test_who_no_longer_waits_holds_up_nobody_and_a_crowd_goes_in_parts() -> None:
    send = Sender()
    together = Together(send)
    await asked(together, "a")
    gone, *others = await asked(together, *(str(place) for place in range(MOST + 1)))
    gone.cancel()
    send.open.set()
    assert await asyncio.gather(*others) == [f"add {place}" for place in range(1, MOST + 1)]
    assert [len(each) for each in send.sent] == [1, MOST, 1]


@pytest.fixture
async def heap(desk: Any) -> None:
    await db.execute("CREATE TABLE heap (id int PRIMARY KEY, said text)")


async def test_those_that_go_together_share_one_commit(heap: None) -> None:
    rows = await asyncio.gather(*(db.write(ADD, place, "x") for place in range(8)))
    assert [row["id"] for row in rows] == list(range(8))
    assert len({row["transaction"] for row in rows}) < 8
    with db.counting() as count:
        await db.write(ADD, 8, "x")
    assert count.statements == 1


async def test_a_row_that_is_refused_takes_none_of_its_company_along(heap: None) -> None:
    asks = (db.write(ADD, place, "x") for place in (1, 2, 3, 2, 4))
    answers = await asyncio.gather(*asks, return_exceptions=True)
    assert [type(each).__name__ for each in answers].count("UniqueViolationError") == 1
    assert [row["id"] for row in await db.fetch("SELECT id FROM heap ORDER BY id")] == [1, 2, 3, 4]


async def test_in_a_transaction_it_belongs_to_that(heap: None) -> None:
    async def breaks_off() -> None:
        async with db.transaction():
            await db.write(ADD, 1, "x")
            raise LookupError

    with pytest.raises(LookupError):
        await breaks_off()
    assert await db.fetchval("SELECT count(*) FROM heap") == 0
