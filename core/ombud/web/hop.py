"""One request handed over to another process of this desk by its private socket, and its answer as it comes.

Each request has a connection of its own: an open one that is used again may be closed from the other side just then.
What comes while the other process is replaced waits in the queue of the socket. Written by hand, because the clients
that were tried spend five times as much on a request, and the form's share of that is a tenth.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import httptools

ANSWERING = 30.0  # seconds from the last byte sent to the first that comes back; the process itself gives a page less
BETWEEN = 30.0  # seconds until the next bytes are taken or come
CHUNK = 65_536

Headers = list[tuple[bytes, bytes]]
NextPart = Callable[[], Awaitable[tuple[bytes, bool]]]
"""The next part of a body, and whether more follow."""


class UnansweredError(Exception):
    """The other process is not there, or took the request and gave no whole answer."""


class CallerGoneError(Exception):
    """Who asked left before the request was whole."""


@dataclass(frozen=True)
class Asked:
    """A request; `body` is None where it brings none, `sized`: its headers tell its length."""

    method: bytes
    target: bytes
    headers: Headers
    body: NextPart | None = None
    sized: bool = True


class Answer:
    """Status and headers of an answer that has begun; `chunks` are read once, then the connection ends."""

    def __init__(self, connection: "_Connection") -> None:
        self._connection = connection
        self.status = connection.status
        self.headers = connection.headers

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self._connection.rest():
            yield chunk

    def close(self) -> None:
        self._connection.close()


async def connected(socket: str, seconds: float) -> "_Connection":
    """Tries as long as that while nobody listens; raises UnansweredError."""
    until = asyncio.get_running_loop().time() + seconds
    while True:
        try:
            return _Connection(*await asyncio.open_unix_connection(socket))
        except OSError as problem:
            if asyncio.get_running_loop().time() > until:
                raise UnansweredError(f"nobody listens: {problem}") from problem
            await asyncio.sleep(0.1)


class _Connection:
    """Sends the request and reads the answer at once: one that is refused is answered before all of it was sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._parser = httptools.HttpResponseParser(self)
        self._begun = self._done = self._headless = False
        self._parts: list[bytes] = []
        self.status = 0
        self.headers: Headers = []

    async def ask(self, asked: Asked) -> Answer:
        """The answer once its headers are there; raises UnansweredError, CallerGoneError."""
        self._headless = asked.method == b"HEAD"
        try:
            self._writer.write(_head(asked))
            if asked.body is not None and await self._send_part(asked.body, asked.sized):
                await self._begun_while(self._send(asked.body, asked.sized))
            async with asyncio.timeout(ANSWERING):
                await self._until_begun()
        except (OSError, httptools.HttpParserError) as problem:  # a TimeoutError is an OSError
            self.close()
            raise UnansweredError(f"{type(problem).__name__}: {problem}") from problem
        except BaseException:
            self.close()
            raise
        return Answer(self)

    async def _begun_while(self, send: Coroutine[Any, Any, None]) -> None:
        """Until all is sent, or the answer begins before that."""
        tasks = asyncio.ensure_future(send), asyncio.ensure_future(self._until_begun())
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, body: NextPart, sized: bool) -> None:
        """A connection that the other side closed says so where the answer is read, which may be there already."""
        more = True
        while more:
            more = await self._send_part(body, sized)
            try:
                async with asyncio.timeout(BETWEEN):
                    await self._writer.drain()
            except OSError:
                return

    async def _send_part(self, body: NextPart, sized: bool) -> bool:
        part, more = await body()
        if sized:
            self._writer.write(part)
        else:
            self._writer.write((b"%x\r\n%s\r\n" % (len(part), part) if part else b"") + (b"" if more else b"0\r\n\r\n"))
        return more

    async def _until_begun(self) -> None:
        while not self._begun:
            await self._read()

    async def rest(self) -> AsyncIterator[bytes]:
        try:
            while True:
                parts, self._parts = self._parts, []
                for part in parts:
                    yield part
                if self._done or self._headless:
                    return
                async with asyncio.timeout(BETWEEN):
                    await self._read()
        except (OSError, httptools.HttpParserError) as problem:
            raise UnansweredError(f"cut off: {type(problem).__name__}: {problem}") from problem
        finally:
            self.close()

    async def _read(self) -> None:
        data = await self._reader.read(CHUNK)
        if not data:
            raise UnansweredError("the connection ended before the answer did")
        self._parser.feed_data(data)

    def close(self) -> None:
        self._writer.close()

    # --- what the parser calls ---

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status < 200:  # "go on", and no answer yet
            self.headers = []
        else:
            self._begun = True

    def on_body(self, part: bytes) -> None:
        self._parts.append(part)

    def on_message_complete(self) -> None:
        self._done = self._begun


def _head(asked: Asked) -> bytes:
    lines = [b"%s %s HTTP/1.1" % (asked.method, asked.target), *(b"%s: %s" % each for each in asked.headers)]
    if asked.body is not None and not asked.sized:
        lines.append(b"transfer-encoding: chunked")
    return b"\r\n".join(lines) + b"\r\n\r\n"
