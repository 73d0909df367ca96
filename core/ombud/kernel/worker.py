"""The work process: one event loop, one database pool, the relay, the broker's threads and the schedule."""

import asyncio
import contextlib
import importlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import cast
from uuid import UUID

import asyncpg
import dramatiq
from dramatiq.broker import Broker

from ombud.config import Config
from ombud.kernel import schedule, starting
from ombud.kernel.broker import ACTOR, make_broker, message_for
from ombud.kernel.database import db
from ombud.kernel.delivery import Runner
from ombud.kernel.heartbeat import beat_task, pulse
from ombud.kernel.ids import new_id
from ombud.kernel.relay import Relay
from ombud.kernel.requeue import QUEUE

YIELDS = 5  # steps of niceness: whoever waits for an answer goes before what is done after it
GRACE = 5.0  # seconds a running job gets to end by itself when the process must stop
DATABASE_AWAY = 60.0  # seconds a start waits for the database

SettingUp = Callable[[Config], AbstractAsyncContextManager[None]]

log = logging.getLogger(__name__)


def run_work(
    config: Config,
    url: str,
    *,
    roles: Collection[str] = ("work", "schedule"),
    setting_up: str = "",
    worker: UUID | None = None,
) -> None:
    """Works until SIGTERM or SIGINT. `setting_up` names a `module:function` that takes the config and gives an async
    context manager, entered once the database is open: there the handlers register and the plugins load."""
    asyncio.run(_work(config, url, set(roles), setting_up, worker or new_id()))


async def _work(config: Config, url: str, roles: set[str], setting_up: str, worker: UUID) -> None:
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        await _open_database(config, url)
        stack.push_async_callback(db.close)
        beat_task()
        if setting_up:
            await stack.enter_async_context(named(setting_up)(config))
        if "schedule" in roles:
            schedule.register_core()
            await stack.enter_async_context(_until_left(schedule.run_schedule(), stop))
        if "work" in roles:
            await stack.enter_async_context(_deliveries(config, worker, stop))
        os.nice(YIELDS)
        starting.begun()
        pulse().say_ready()
        log.info("ready: %s", ", ".join(sorted(roles)))
        await stop.wait()
        log.info("stopping")


async def _open_database(config: Config, url: str) -> None:
    """The supervisor may be restarting the database at this moment."""
    until = asyncio.get_running_loop().time() + DATABASE_AWAY
    largest = max(config.database.pool_max, config.jobs.threads + 4)
    while True:
        try:
            await db.open(url, smallest=config.database.pool_min, largest=largest, name="ombud work")
            return
        except (OSError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError) as error:
            if asyncio.get_running_loop().time() > until:
                raise
            log.warning("waiting for the database: %s", error)
            await asyncio.sleep(0.3)


def named(path: str) -> SettingUp:
    module, _, name = path.partition(":")
    return cast(SettingUp, getattr(importlib.import_module(module), name))


@asynccontextmanager
async def _until_left(body: "asyncio._CoroutineLike[None]", stop: asyncio.Event) -> AsyncIterator[None]:
    """Runs beside the block. If it ends by itself, so does the process: the supervisor starts it afresh."""
    task = asyncio.create_task(body)
    task.add_done_callback(lambda _: stop.set())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def _deliveries(config: Config, worker: UUID, stop: asyncio.Event) -> AsyncIterator[None]:
    runner = Runner(worker)
    broker = make_broker(config, db.url, worker)
    relay = Relay(config, runner, lambda deliveries: _hand_over(broker, deliveries))
    await relay.beat()
    consumers = _consume(broker, runner, config.jobs.threads)
    try:
        async with _until_left(relay.run(), stop):
            yield
            runner.stopping = True
        await _finish(runner, consumers)
        await relay.close()
    finally:
        broker.close()


def _hand_over(broker: Broker, deliveries: list[UUID]) -> None:
    broker.enqueue(message_for(*deliveries))


def _consume(broker: Broker, runner: Runner, threads: int) -> dramatiq.Worker:
    """Each of the broker's threads waits for one message, whose deliveries run on our loop with our pool."""
    loop = asyncio.get_running_loop()

    def deliver(*deliveries: str) -> None:
        asyncio.run_coroutine_threadsafe(runner.run_together([UUID(each) for each in deliveries]), loop).result()

    dramatiq.actor(broker=broker, queue_name=QUEUE, actor_name=ACTOR)(deliver)
    worker = dramatiq.Worker(broker, queues={QUEUE}, worker_threads=threads, worker_timeout=500)
    worker.start()
    return worker


async def _finish(runner: Runner, consumers: dramatiq.Worker) -> None:
    """Running jobs may end, then they are put back for another worker; nothing new is begun."""
    runner.stopping = True
    closing = asyncio.ensure_future(asyncio.to_thread(consumers.stop, 15_000))
    done, _ = await asyncio.wait({closing}, timeout=GRACE)
    if not done:
        runner.interrupt()
        await closing
