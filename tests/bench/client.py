"""Clients as light as can be: one kept connection each, one request after the other, times in seconds."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httptools

Request = tuple[str, str, dict[str, str], bytes]  # method, path, headers, body


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection; httptools parses the answers."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answered: asyncio.Future[int] | None = None
        self.headers: list[tuple[str, str]] = []
        self.body = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode().lower(), value.decode("latin-1")))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(self._parser.get_status_code())

    def connection_lost(self, problem: Exception | None) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(ConnectionError("the server closed the connection"))

    async def send(self, request: Request, host: str) -> int:
        """The status of the answer; its headers and body stay here until the next request."""
        method, path, headers, body = request
        lines = [f"{method} {path} HTTP/1.1", f"host: {host}", *(f"{name}: {value}" for name, value in headers.items())]
        if body or method == "POST":
            lines.append(f"content-length: {len(body)}")
        self.headers, self.body = [], bytearray()
        self._parser = httptools.HttpResponseParser(self)
        self._answered = asyncio.get_running_loop().create_future()
        assert self._transport is not None
        self._transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        return await self._answered


@dataclass
class Run:
    """Times of the answers in seconds, in order, and how long all of it took."""

    took: float = 0.0
    times: list[float] = field(default_factory=list)

    def percentile(self, part: float) -> float:
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(part * len(ordered)))]

    @property
    def per_second(self) -> float:
        return len(self.times) / self.took


async def run(address: str, clients: int, seconds: float, make: Callable[[], Request], wanted: int) -> Run:
    """Closed loop: each client sends its next request when it has its answer. Fails at the first other status."""
    host, _, port = address.removeprefix("http://").partition(":")
    done, until = Run(), time.perf_counter() + seconds

    async def one() -> None:
        _, connection = await asyncio.get_running_loop().create_connection(Connection, host, int(port))
        while time.perf_counter() < until:
            request, start = make(), time.perf_counter()
            status = await connection.send(request, f"{host}:{port}")
            done.times.append(time.perf_counter() - start)
            if status != wanted:
                said = bytes(connection.body[:1500]).decode(errors="replace")
                raise AssertionError(f"{request[0]} {request[1]}: {status}, not {wanted}\n{said}")
        assert connection._transport is not None
        connection._transport.close()

    start = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(clients)))
    done.took = time.perf_counter() - start
    return done
