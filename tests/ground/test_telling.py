"""Notices that a process sends once its facts are committed."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from ombud.kernel.database import db
from ombud.kernel.notices import Notices

CHANNEL = "ombud_test"


@pytest.fixture
async def heard(database_url: str) -> AsyncIterator["asyncio.Queue[str]"]:
    """What another connection hears, in order."""
    payloads: asyncio.Queue[str] = asyncio.Queue()
    await db.open(database_url)
    ears = await asyncpg.connect(database_url)
    await ears.add_listener(CHANNEL, lambda connection, pid, channel, payload: payloads.put_nowait(str(payload)))
    yield payloads
    await ears.close()
    await db.close()


async def next_of(heard: "asyncio.Queue[str]") -> str:
    return await asyncio.wait_for(heard.get(), 10)


async def test_notices_are_told_after_the_commit_each_once_and_in_order(heard: "asyncio.Queue[str]") -> None:
    async with db.transaction():
        for each in ("a", "b", "a"):
            db.tell(CHANNEL, each)
        async with db.transaction():  # joins the one around it
            db.tell(CHANNEL, "c")
        await db.execute("SELECT pg_notify($1, 'by another statement')", CHANNEL)
    assert [await next_of(heard) for _ in range(4)] == ["by another statement", "a", "b", "c"]


async def test_notices_of_what_was_rolled_back_are_never_told(heard: "asyncio.Queue[str]") -> None:
    async def fact_that_fails() -> None:
        async with db.transaction():
            db.tell(CHANNEL, "never")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fact_that_fails()
    db.tell(CHANNEL, "afterwards")
    assert await next_of(heard) == "afterwards"


async def test_a_process_that_ends_tells_first_what_it_has_to_tell(heard: "asyncio.Queue[str]") -> None:
    db.tell(CHANNEL, "the last word")
    await db.close()
    assert await next_of(heard) == "the last word"


async def test_notices_that_cannot_be_sent_keep_the_next_ones_from_nothing(
    heard: "asyncio.Queue[str]", caplog: pytest.LogCaptureFixture
) -> None:
    db.tell(CHANNEL, "too long " * 1000)  # PostgreSQL takes 8,000 bytes
    while "could not be told" not in caplog.text:
        await asyncio.sleep(0.01)
    db.tell(CHANNEL, "short")
    assert await next_of(heard) == "short"


async def test_a_listener_that_is_stopped_as_a_notice_comes_ends(database_url: str) -> None:
    listening = asyncio.Event()

    async def heard() -> None:
        listening.set()

    notices = Notices(database_url)
    notices.on(CHANNEL, heard)
    notices.start()
    await asyncio.wait_for(listening.wait(), 10)
    await asyncio.sleep(0.1)  # it waits for the first notice now
    notices._put(None, 0, CHANNEL, "")
    await asyncio.wait_for(notices.stop(), 10)
