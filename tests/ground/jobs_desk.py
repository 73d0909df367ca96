"""A small desk for the tests of processes: `python -m jobs_desk --data DIR` supervises it. Not a test."""

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg

from ombud.config import Config, load
from ombud.kernel.calling import call
from ombud.kernel.database import db
from ombud.kernel.outbox import JobContext, register_job, subscribe
from ombud.kernel.processes import SOCKETS_VARIABLE
from ombud.kernel.supervisor import CannotServe, Programs, supervise


async def note(payload: dict, context: JobContext) -> None:
    await db.execute(
        "INSERT INTO noted (name, pid, attempt) VALUES ($1, $2, $3)", payload["name"], os.getpid(), context.attempt
    )


async def deadly(payload: dict, context: JobContext) -> None:
    await note(payload, context)
    os.kill(os.getpid(), signal.SIGKILL)


async def freeze(payload: dict, context: JobContext) -> None:
    await note(payload, context)
    if context.attempt == 1:
        time.sleep(60)


def sleep_in_thread() -> None:
    time.sleep(60)


async def hold_thread(payload: dict, context: JobContext) -> None:
    await note(payload, context)
    if context.attempt == 1:
        await call("sleepy", sleep_in_thread, limit=0.5)
        await asyncio.sleep(60)


async def long_import(payload: dict, context: JobContext) -> None:
    for number in range(context.state.get("done", 0), payload["total"]):
        async with db.transaction():
            await note({"name": f"row {number}"}, context)
            await context.save({"done": number + 1})
        await context.progress(number + 1, payload["total"], "rows")
        await asyncio.sleep(0.02)


async def idle(payload: dict, context: JobContext) -> None:
    await note(payload, context)
    await asyncio.sleep(60)


@asynccontextmanager
async def set_up_work(config: Config) -> AsyncIterator[None]:
    for handler in (note, deadly, freeze, hold_thread, long_import, idle):
        register_job(handler.__name__, handler)
    subscribe("noter", ["case.*"], lambda event, context: note({"name": event["kind"]}, context))
    yield


async def _answer(send, text: str) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": text.encode()})


async def web(scope, receive, send) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await db.open(load().database.url)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await db.close()
        await send({"type": "lifespan.shutdown.complete"})
        return
    path = scope["path"]
    if path == "/freeze":
        await call("icy", _stand_still, limit=30)
    if path == "/apart":
        await _answer(send, os.environ.get(SOCKETS_VARIABLE, ""))
        return
    if path == "/slow":
        await asyncio.sleep(1.5)
    if path == "/count":
        await _answer(send, str(await db.fetchval("SELECT count(*) FROM noted")))
        return
    await _answer(send, str(os.getpid()))


async def _stand_still() -> None:
    time.sleep(60)


def create_app():
    return web


def broken_app():
    raise RuntimeError("this app never starts")


async def _migrate(url: str) -> None:
    from ombud.kernel.migrations import migrate

    await migrate(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS noted (name text, pid int, attempt int, at timestamptz DEFAULT now())"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--role", default="all")
    parser.add_argument("--app", default="jobs_desk:create_app")
    parser.add_argument("--pages", default="", help="the app that runs plugins' pages in processes of their own")
    parser.add_argument("--web", default="1", help="how many processes answer browsers")
    asked = parser.parse_args()
    try:
        supervise(
            load(data=asked.data, environ={**os.environ, "OMBUD_SERVER_WEB_PROCESSES": asked.web}),
            {asked.role},
            programs=Programs(web=asked.app, work="jobs_desk:set_up_work", pages=asked.pages),
            migrate=lambda url: asyncio.run(_migrate(url)),
        )
    except CannotServe as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
