"""Which statements a page of the product runs, seen from inside the same desk."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from ombud.app import create_app
from ombud.config import load
from ombud.kernel.database import Database, Steady, db

LOOKS = 9  # of a page, because a machine with other work makes any statement the slowest once

Statement = tuple[str, tuple[Any, ...], bool]  # the last: planned once, whatever its arguments are


@dataclass(frozen=True)
class Recorded:
    """`main`: the read that takes longest, by the shortest of its times; `reads`: all of them; `statements`: as the
    product counts them."""

    status: int
    size: int
    statements: int
    reads: list[Statement]
    main: Statement


async def record(data: Path, url: str, path: str, cookie: str) -> Recorded:
    """Draws the page once in this process, on the database of the served desk."""
    app = create_app(load(data=data, environ={"OMBUD_DATABASE_URL": url}))
    transport = httpx.ASGITransport(app=app)
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:  # type: ignore[attr-defined]
        client.cookies.set("ombud_session", cookie)
        await client.get(path)
        with db.counting() as count:
            answer = await client.get(path)
        times = [await _heard(client, path) for _ in range(LOOKS)]
    reads = [statement for _, statement in times[-1]]
    took = [min(times[look][place][0] for look in range(LOOKS)) for place in range(len(reads))]
    main = reads[took.index(max(took))] if reads else ("SELECT 1", (), False)
    return Recorded(answer.status_code, len(answer.content), count.statements, reads, main)


async def _heard(client: httpx.AsyncClient, path: str) -> list[tuple[float, Statement]]:
    """The page's reads with the time each took."""
    with _listening() as heard:
        await client.get(path)
    return [each for each in heard if each[1][0].lstrip()[:4].upper() in {"SELE", "WITH"}]


@contextmanager
def _listening() -> Iterator[list[tuple[float, Statement]]]:
    heard: list[tuple[float, Statement]] = []
    usual = [(room, name, getattr(room, name)) for room, names in _DOORS.items() for name in names]

    def hearing(ask: Any) -> Any:
        async def asked(self: Any, sql: str, *arguments: Any) -> Any:
            start = time.perf_counter()
            answer = await ask(self, sql, *arguments)
            heard.append((time.perf_counter() - start, (sql, arguments, isinstance(self, Steady))))
            return answer

        return asked

    for room, name, ask in usual:
        setattr(room, name, hearing(ask))
    try:
        yield heard
    finally:
        for room, name, ask in usual:
            setattr(room, name, ask)


_DOORS: dict[type, tuple[str, ...]] = {
    Database: ("fetch", "fetchrow", "fetchval", "execute"),
    Steady: ("fetch", "fetchrow"),
}
