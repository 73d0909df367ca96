"""The bare limits: a Litestar handler that runs a page's statements and fills one template of the same size, and one
that writes as many rows as an intake with one executemany, into a table with as many indexes as ours have, or with its
primary key alone. Nothing else: no session, no policy, no ledger."""

import itertools
import os
import pickle
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import uvicorn
from jinja2 import Environment
from litestar import Litestar, Request, Response, get, post

Statement = tuple[str, tuple[Any, ...], bool]

TEMPLATE = """<!doctype html><title>bare</title>
{% for row in rows %}<div>{% for value in row %}<span>{{ value }}</span>{% endfor %}{{ filler }}</div>{% endfor %}"""


@dataclass(frozen=True)
class Plan:
    """What the bare server does: for each page its statements and the size of its answer in bytes; for an intake how
    many rows of how many bytes, in a table with how many indexes, its primary key among them."""

    url: str
    pages: dict[str, tuple[list[Statement], int]]
    rows: int
    row_bytes: int
    indexes: int


TABLE = "CREATE TABLE IF NOT EXISTS {} (id uuid PRIMARY KEY, case_id uuid NOT NULL, at timestamptz NOT NULL, body text)"
INDEXED, PLAIN = "bench_indexed", "bench_plain"
FURTHER = ("case_id", "at, id", "case_id, at", "id, at", "at, case_id", "case_id, id")


def create_app() -> Litestar:
    plan: Plan = pickle.loads(Path(os.environ["BENCH_PLAN"]).read_bytes())
    template = Environment(autoescape=True).from_string(TEMPLATE)
    pool: list[asyncpg.Pool] = []  # and one whose statements are planned once, as the product's are
    fillers: dict[str, str] = {}

    @asynccontextmanager
    async def life(app: Litestar) -> AsyncIterator[None]:
        for settings in ({}, {"plan_cache_mode": "force_generic_plan"}):
            pool.append(
                await asyncpg.create_pool(
                    plan.url, min_size=2, max_size=10, max_cacheable_statement_size=0, server_settings=settings
                )
            )
        for table in (INDEXED, PLAIN):
            await pool[0].execute(TABLE.format(table))
        for place, columns in enumerate(FURTHER[: plan.indexes - 1]):
            await pool[0].execute(f"CREATE INDEX IF NOT EXISTS {INDEXED}_{place} ON {INDEXED} ({columns})")
        yield
        for each in pool:
            await each.close()

    @get("/page/{name:str}")
    async def page(name: str) -> Response[str]:
        statements, size = plan.pages[name]
        rows: list[Any] = []
        for planned_once, group in itertools.groupby(statements, key=lambda each: each[2]):
            async with pool[planned_once].acquire() as connection:
                for sql, arguments, _ in group:
                    rows += await connection.fetch(sql, *arguments)
        if name not in fillers:
            short = size - len(template.render(rows=rows, filler=""))
            fillers[name] = "x" * max(0, short // max(1, len(rows)))
        return Response(template.render(rows=rows, filler=fillers[name]), media_type="text/html; charset=utf-8")

    @post("/intake/{table:str}")
    async def intake(request: Request[Any, Any, Any], table: str) -> dict[str, str]:
        said = await request.json()
        case, moment, text = uuid4(), datetime.now(UTC), str(said["matters"][0]["text"])
        body = (text * (plan.row_bytes // len(text) + 1))[: plan.row_bytes]
        async with pool[0].acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL synchronous_commit = on")
            await connection.executemany(
                f"INSERT INTO {INDEXED if table == INDEXED else PLAIN} (id, case_id, at, body) VALUES ($1, $2, $3, $4)",
                [(uuid4(), case, moment, body) for _ in range(plan.rows)],
            )
        return {"reference": str(case)}

    return Litestar([page, intake], lifespan=[life], openapi_config=None)


if __name__ == "__main__":
    uvicorn.run(
        create_app(), host="127.0.0.1", port=int(os.environ["BENCH_PORT"]), log_level="warning", access_log=False
    )
