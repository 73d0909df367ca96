"""One stream of news per browser: what was committed reaches the pages that are open, as ids, filtered by the policy.

One listener a process hears the database; the hub hands on to the browsers of this process. Nothing is remembered here:
who may have missed something (a new connection, a gap, a slow reader) is told to look again.
"""

import asyncio
import contextlib
import logging
from itertools import count
from typing import Any

from litestar.types import Receive, Scope, Send

from ombud import speech
from ombud.desk.colleagues.live import News, read_news, told
from ombud.kernel import leaving
from ombud.trust import sessions
from ombud.trust.policy import Viewer
from ombud.trust.viewers import viewer_of_user

log = logging.getLogger("ombud.live")

GATHERS = 0.15  # seconds in which news is put together
BEATS = 15.0  # seconds of silence after which a line is sent, so that a dead connection is noticed
CHECKS = 20.0  # seconds after which sessions are looked at without a notice: they also end by lying idle
WAITING = 200  # events for one browser; a browser that reads slower is cut and looks again
OF_ONE_SESSION = 16
MANY = 500  # news in one moment; beyond that everybody looks again

_numbers = count()
HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
LOOK = b"event: look\ndata: {}\n\n"
ENDED = b"event: ended\ndata: {}\n\n"


class Line:
    """The stream of one browser."""

    def __init__(self, session_id: str, viewer: Viewer) -> None:
        self.session_id = session_id
        self.viewer = viewer
        self.number = next(_numbers)
        self.over = asyncio.Event()
        self.last = b""
        self._events: asyncio.Queue[bytes] = asyncio.Queue(WAITING)

    def put(self, event: bytes) -> None:
        if self.over.is_set():
            return
        try:
            self._events.put_nowait(event)
        except asyncio.QueueFull:
            self.end()

    def end(self, last: bytes = b"") -> None:
        """Ends the stream, with a last event where the browser shall not simply come again."""
        self.last = last
        self.over.set()

    async def next(self) -> bytes:
        """What to send now; a comment when nothing has happened for a while."""
        try:
            async with asyncio.timeout(BEATS):
                first = await self._events.get()
        except TimeoutError:
            return b": still here\n\n"
        return b"".join([first, *(self._events.get_nowait() for _ in range(self._events.qsize()))])


class Hub:
    """The lines of this process, and what is to be told to them."""

    def __init__(self) -> None:
        self.lines: set[Line] = set()
        self._idle_minutes = sessions.IDLE_MINUTES
        self._news: list[News] = []
        self._look = False
        self._rights = False
        self._sessions = False
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, idle_minutes: int) -> None:
        """When the process's event loop runs."""
        self._idle_minutes = idle_minutes
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name="ombud live")
        leaving.on_leaving(self.leave)

    async def stop(self) -> None:
        self.leave()
        leaving.forget(self.leave)
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def leave(self) -> None:
        """The process stops: browsers come again by themselves, and find another one."""
        for line in list(self.lines):
            line.end()

    async def hear(self, payloads: list[str] | None) -> None:
        """What the database said; None after a gap."""
        news = read_news(payloads) if payloads is not None else None
        if news is None or len(self._news) + len(news) > MANY:
            self._news, self._look = [], True
        else:
            self._news += news
        self._wake.set()

    async def access_changed(self, tables: list[str] | None) -> None:
        """Somebody signed out (`core_session`), or roles, people or units changed; None after a gap."""
        self._sessions = True
        self._rights = self._rights or tables is None or any(each != "core_session" for each in tables)
        self._wake.set()

    def open(self, session_id: str, viewer: Viewer) -> Line:
        """A new line; the oldest of a session with too many ends."""
        line = Line(session_id, viewer)
        same = sorted((each for each in self.lines if each.session_id == session_id), key=lambda each: each.number)
        for each in same[: max(0, len(same) - OF_ONE_SESSION + 1)]:
            each.end(ENDED)
        self.lines.add(line)
        log.debug("a stream begins; %s are open", len(self.lines))
        return line

    def close(self, line: Line) -> None:
        self.lines.discard(line)
        log.debug("a stream ended; %s are open", len(self.lines))

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CHECKS):
                    await self._wake.wait()
            self._sessions = self._sessions or not self._wake.is_set()
            await asyncio.sleep(GATHERS)
            self._wake.clear()
            try:
                await self._tell()
            except Exception as problem:
                log.warning("news could not be told (%s); the pages look again", problem or type(problem).__name__)
                self._look = True
                await asyncio.sleep(1)
                self._wake.set()

    async def _tell(self) -> None:
        """Rights first, so that nobody is told what they may not know any more."""
        rights, self._rights = self._rights, False
        ended, self._sessions = self._sessions, False
        if (rights or ended) and self.lines:
            await self._end_what_is_over()
        if rights and self.lines:
            await self._read_rights()
        news, self._news = self._news, []
        look, self._look = self._look, False
        if look:
            for line in self.lines:
                line.put(LOOK)
        elif news and self.lines:
            await self._hand_on(list(dict.fromkeys(news)))

    async def _end_what_is_over(self) -> None:
        """One statement for all the sessions that listen here."""
        lines = list(self.lines)
        holding = await sessions.holding(list({line.session_id for line in lines}), self._idle_minutes)
        for line in lines:
            if line.session_id not in holding:
                line.end(ENDED)

    async def _read_rights(self) -> None:
        lines = [line for line in self.lines if not line.over.is_set()]
        users = {line.viewer.user_id for line in lines}
        viewers = {user_id: await viewer_of_user(user_id) for user_id in users if user_id is not None}
        for line in lines:
            viewer = viewers.get(line.viewer.user_id) if line.viewer.user_id else None
            if viewer is None:
                line.end(ENDED)
            elif viewer != line.viewer:
                line.viewer = viewer
                line.put(LOOK)

    async def _hand_on(self, news: list[News]) -> None:
        """One answer for all the lines of a person, whatever their number."""
        of_user: dict[Any, list[Line]] = {}
        for line in self.lines:
            of_user.setdefault(line.viewer.user_id, []).append(line)
        groups = list(of_user.values())
        for lines, pieces in zip(groups, await told([group[0].viewer for group in groups], news), strict=True):
            for piece in pieces:
                event = b"data: " + speech.encoded(piece.body()) + b"\n\n"
                for line in lines:
                    line.put(event)


hub = Hub()


class Stream:
    """The answer to a browser that asks for news; it lasts until one of both sides ends it."""

    def __init__(self, session_id: str, viewer: Viewer, hub_of_process: Hub = hub) -> None:
        self._line = hub_of_process.open(session_id, viewer)
        self._hub = hub_of_process

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
        tasks = [asyncio.create_task(each) for each in (self._write(send), _gone(receive), self._line.over.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.close(self._line)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(TimeoutError, OSError):  # somebody who does not read does not get a farewell either
            await asyncio.wait_for(_send(send, self._line.last, more=False), 0.5)

    async def _write(self, send: Send) -> None:
        await _send(send, b"retry: 2000\n\n" + LOOK)
        while True:
            await _send(send, await self._line.next())


async def _send(send: Send, body: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
