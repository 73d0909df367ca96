"""Those who ask the same at the same moment, answered in one go.

Under load a commit then waits for the disk on behalf of several, and a round trip carries several too; who has nobody
beside him is served at once, as he would have been alone.
"""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from ombud.kernel.counting import count_statements
from ombud.kernel.database import db

MOST = 32  # that go together
UNDER_WAY = 2  # goes at a time: one is thought about while the other is in the database

Asked = TypeVar("Asked")
Told = TypeVar("Told")


class Together(Generic[Asked, Told]):
    """`serve` answers several in their order, in a transaction of its own. Who comes while all goes are under
    way is served by the next. Who asks within a transaction is served alone, in that."""

    def __init__(self, serve: Callable[[Sequence[Asked]], Awaitable[Sequence[Told]]]) -> None:
        self._serve = serve
        self._waiting: list[tuple[Asked, asyncio.Future[Told]]] = []
        self._under_way = 0
        self._goes: set[asyncio.Task[None]] = set()  # the loop itself would let go of them

    async def ask(self, asked: Asked) -> Told:
        """What fails in company is asked once more alone, so that nobody pays for another."""
        if db.in_transaction():
            (told,) = await self._serve([asked])
            return told
        count_statements()
        answer: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answer))
        if self._under_way < UNDER_WAY:
            self._under_way += 1
            # In a context of its own: no transaction of who happens to come first, nor what is counted for him.
            task = asyncio.create_task(self._go(), name="ombud together", context=contextvars.Context())
            self._goes.add(task)
            task.add_done_callback(self._goes.discard)
        return await answer

    async def _go(self) -> None:
        try:
            while self._waiting:
                these, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                await self._answer(these)
        finally:  # at once: who was answered may ask again before anybody hears that this task is done
            self._under_way -= 1

    async def _answer(self, these: Sequence[tuple[Asked, "asyncio.Future[Told]"]]) -> None:
        try:
            told = await self._serve([asked for asked, _ in these])
        except BaseException as problem:
            if len(these) > 1 and isinstance(problem, Exception):
                for each in these:
                    await self._answer([each])
                return
            for _, answer in these:
                if not answer.done():
                    answer.set_exception(problem)
            if not isinstance(problem, Exception):
                raise
            return
        for words, (_, answer) in zip(told, these, strict=True):
            if not answer.done():
                answer.set_result(words)
