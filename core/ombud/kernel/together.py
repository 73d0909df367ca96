"""Statements of one text that are asked at the same moment, sent in one go and committed once.

Under load a commit then waits for the disk on behalf of several, and so does a round trip; with nobody beside it a
statement goes at once, as it would have gone alone.
"""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

MOST = 32  # statements that go together
UNDER_WAY = 1  # goes of one text at a time

Arguments = Sequence[Any]
Send = Callable[[str, Sequence[Arguments]], Awaitable[Sequence[Any]]]


@dataclass
class _Queue:
    waiting: list[tuple[Arguments, "asyncio.Future[Any]"]] = field(default_factory=list)
    under_way: int = 0


class Together:
    """`send` runs a statement for each of several arguments in a transaction of its own, with one row for each."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._queues: dict[str, _Queue] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, sql: str, arguments: Arguments) -> Any:
        """The statement's one row. What fails in company is asked once more alone, so that nobody pays for another."""
        queue = self._queues.setdefault(sql, _Queue())
        answer = asyncio.get_running_loop().create_future()
        queue.waiting.append((arguments, answer))
        if queue.under_way < UNDER_WAY:
            queue.under_way += 1
            task = asyncio.create_task(self._go(sql, queue), name="ombud together", context=contextvars.Context())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await answer

    async def _go(self, sql: str, queue: _Queue) -> None:
        try:
            while queue.waiting:
                these, queue.waiting = queue.waiting[:MOST], queue.waiting[MOST:]
                await self._ask_all(sql, these)
        finally:
            queue.under_way -= 1
            if not queue.under_way:
                self._queues.pop(sql, None)

    async def _ask_all(self, sql: str, these: Sequence[tuple[Arguments, "asyncio.Future[Any]"]]) -> None:
        try:
            rows = await self._send(sql, [arguments for arguments, _ in these])
        except BaseException as problem:
            if len(these) > 1 and isinstance(problem, Exception):
                for each in these:
                    await self._ask_all(sql, [each])
                return
            for _, answer in these:
                if not answer.done():
                    answer.set_exception(problem)
            if not isinstance(problem, Exception):
                raise
            return
        for row, (_, answer) in zip(rows, these, strict=True):
            if not answer.done():
                answer.set_result(row)
