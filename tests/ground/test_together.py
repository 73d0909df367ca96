"""Those who ask the same at the same moment are answered in one go, and none of them pays for another."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from ombud.kernel.database import db
from ombud.kernel.together import MOST, Together

ADD = "INSERT INTO heap (id, said) VALUES ($1, $2) RETURNING id, pg_current_xact_id()::text AS transaction"


class Server:
    """Notes what was asked together, and answers when it is let go."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.open = asyncio.Event()

    async def __call__(self, words: Sequence[str]) -> list[str]:
        self.asked.append(list(words))
        await self.open.wait()
        if "bad" in words:
            raise ValueError("a bad one among them")
        return [f"add {each}" for each in words]


async def asked(together: Together[str, str], *words: str) -> list["asyncio.Task[Any]"]:
    tasks = [asyncio.create_task(together.ask(word)) for word in words]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_what_comes_while_others_are_under_way_goes_together_after_them() -> None:
    serve = Server()
    together = Together(serve)
    first = [*await asked(together, "a"), *await asked(together, "b")]
    assert serve.asked == [["a"], ["b"]], "nobody waits where a go is free"
    later = await asked(together, "c", "d")
    assert serve.asked == [["a"], ["b"]]
    serve.open.set()
    assert await asyncio.gather(*first, *later) == ["add a", "add b", "add c", "add d"]
    assert serve.asked == [["a"], ["b"], ["c", "d"]]


async def test_one_that_fails_in_company_fails_alone() -> None:
    serve = Server()
    together = Together(serve)
    first = [*await asked(together, "a"), *await asked(together, "z")]
    others = await asked(together, "b", "bad", "c")
    serve.open.set()
    answers = await asyncio.gather(*first, *others, return_exceptions=True)
    assert [str(each) for each in answers] == ["add a", "add z", "add b", "a bad one among them", "add c"]
    assert serve.asked == [["a"], ["z"], ["b", "bad", "c"], ["b"], ["bad"], ["c"]]
    assert await together.ask("d") == "add d", "the way is free again"


async def test_who_no_longer_waits_holds_up_nobody_and_a_crowd_goes_in_parts() -> None:
    serve = Server()
    together = Together(serve)
    for word in "ab":
        await asked(together, word)
    gone, *others = await asked(together, *(str(place) for place in range(MOST + 1)))
    gone.cancel()
    serve.open.set()
    assert await asyncio.gather(*others) == [f"add {place}" for place in range(1, MOST + 1)]
    assert [len(each) for each in serve.asked] == [1, 1, MOST, 1]


@pytest.fixture
async def heap(desk: Any) -> None:
    await db.execute("CREATE TABLE heap (id int PRIMARY KEY, said text)")


async def _add(rows: Sequence[tuple[int, str]]) -> list[Any]:
    return await db.fetchmany(ADD, rows)


async def test_those_that_go_together_share_one_commit(heap: None) -> None:
    together = Together(_add)
    rows = await asyncio.gather(*(together.ask((place, "x")) for place in range(8)))
    assert [row["id"] for row in rows] == list(range(8))
    assert len({row["transaction"] for row in rows}) < 8
    with db.counting() as count:
        await together.ask((8, "x"))
    assert count.statements == 1


async def test_a_row_that_is_refused_takes_none_of_its_company_along(heap: None) -> None:
    together = Together(_add)
    asks = (together.ask((place, "x")) for place in (1, 2, 3, 2, 4))
    answers = await asyncio.gather(*asks, return_exceptions=True)
    assert [type(each).__name__ for each in answers].count("UniqueViolationError") == 1
    assert [row["id"] for row in await db.fetch("SELECT id FROM heap ORDER BY id")] == [1, 2, 3, 4]


async def test_in_a_transaction_it_belongs_to_that(heap: None) -> None:
    together = Together(_add)

    async def breaks_off() -> None:
        async with db.transaction():
            await together.ask((1, "x"))
            raise LookupError

    with pytest.raises(LookupError):
        await breaks_off()
    assert await db.fetchval("SELECT count(*) FROM heap") == 0


async def test_who_asks_again_in_the_moment_that_all_others_are_done_is_served() -> None:
    """None of the goes has noticed yet that it is at its end."""
    gates = [asyncio.Event(), asyncio.Event()]
    served: list[str] = []

    async def serve(words: Sequence[str]) -> list[str]:
        served.extend(words)
        if len(served) <= len(gates):
            await gates[len(served) - 1].wait()
        return list(words)

    together: Together[str, str] = Together(serve)

    async def twice(word: str) -> str:
        await together.ask(word)
        return await together.ask(f"{word} again")

    first = asyncio.create_task(twice("a"))
    await asyncio.sleep(0.01)  # a go of its own for each
    both = [first, *await asked(together, "b")]
    assert served == ["a", "b"]
    for gate in gates:
        gate.set()
    assert await asyncio.wait_for(asyncio.gather(*both), 10) == ["a again", "b"]
