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
from ombud.kernel.database import Database, db

Statement = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Recorded:
    """`main`: the read that takes longest; `reads`: all of them; `statements`: as the product counts them."""

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
        with _listening() as heard, db.counting() as count:
            answer = await client.get(path)
        timed = [
            (took, statement) for took, statement in heard if statement[0].lstrip()[:4].upper() in {"SELE", "WITH"}
        ]
    reads = [statement for _, statement in timed]
    main = max(timed, key=lambda each: each[0])[1] if timed else ("SELECT 1", ())
    return Recorded(answer.status_code, len(answer.content), count.statements, reads, main)


@contextmanager
def _listening() -> Iterator[list[tuple[float, Statement]]]:
    heard: list[tuple[float, Statement]] = []
    names = ("fetch", "fetchrow", "fetchval", "execute")
    usual = {name: getattr(Database, name) for name in names}

    def hearing(ask: Any) -> Any:
        async def asked(self: Database, sql: str, *arguments: Any) -> Any:
            start = time.perf_counter()
            answer = await ask(self, sql, *arguments)
            heard.append((time.perf_counter() - start, (sql, arguments)))
            return answer

        return asked

    for name in names:
        setattr(Database, name, hearing(usual[name]))
    try:
        yield heard
    finally:
        for name in names:
            setattr(Database, name, usual[name])
