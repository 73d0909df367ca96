"""What carries a delivery's id to a worker. The delivery itself stays in PostgreSQL, so a broker may lose messages."""

from uuid import UUID

import dramatiq
from dramatiq.broker import Broker, MessageProxy
from dramatiq_postgres import PostgresBroker
from dramatiq_postgres.broker import CLAIM_BATCH_MAX, PostgresConsumer
from dramatiq_postgres.utils import raise_connection_error
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from ombud.config import Config
from ombud.kernel.requeue import QUEUE, SCHEMA

ACTOR = "deliver"


class UnknownBroker(ValueError):
    """The setting names a broker this version does not know."""


class _Consumer(PostgresConsumer):  # type: ignore[misc]
    """Forgets an earlier wake-up before it looks for messages. The original forgets it after it looked, and so sleeps
    half a second over a message that came between (1.4.0)."""

    @raise_connection_error  # type: ignore[untyped-decorator]
    def __next__(self) -> MessageProxy | None:
        self.broker.maybe_heartbeat(self.get_consume_conn())
        self.broker.maybe_maintenance(self.get_consume_conn())
        self.wakeup.clear()
        room = min(self.prefetch - len(self.in_processing), CLAIM_BATCH_MAX)
        if not self.buffer and room > 0:
            self.claim(room)
        if self.buffer:
            message = self.buffer.pop(0)
            self.in_processing.add(message.message_id)
            return MessageProxy(message)
        self.wakeup.wait(self.timeout_s)
        return None


class _Broker(PostgresBroker):  # type: ignore[misc]
    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 30_000) -> _Consumer:
        return _Consumer(broker=self, queue_name=queue_name, prefetch=prefetch, timeout=timeout)


def make_broker(config: Config, url: str, worker: UUID) -> Broker:
    """The broker of `jobs.broker`; `worker` is its identity, by which the supervisor finds what a killed one held."""
    if config.jobs.broker != "postgres":
        raise UnknownBroker(
            f'[jobs] broker = "{config.jobs.broker}" is not known; this version carries jobs by "postgres"'
        )
    broker: Broker = _Broker(
        pool=_pool(url, config.jobs.threads),
        results=False,
        schema=SCHEMA,
        middleware=[],
        heartbeat_interval=float(config.jobs.heartbeat_seconds),
        heartbeat_ttl=float(config.jobs.ttl_seconds),
        maintenance_interval=float(config.jobs.maintenance_seconds),
    )
    broker.worker_id = str(worker)  # type: ignore[attr-defined]
    return broker


def _pool(url: str, threads: int) -> "ConnectionPool[Connection[TupleRow]]":
    """Commits without waiting for the disk: what a crash forgets, the relay hands over again."""
    return ConnectionPool(
        url,
        kwargs={"application_name": "ombud broker", "options": "-c synchronous_commit=off"},
        min_size=1,
        max_size=threads + 6,
        open=True,
        timeout=5,
        reconnect_timeout=0.5,
        check=ConnectionPool.check_connection,
    )


def message_for(*deliveries: UUID) -> "dramatiq.Message[None]":
    """The message has the id of its first delivery, so handing it over twice leaves one message."""
    ids = tuple(map(str, deliveries))
    return dramatiq.Message(queue_name=QUEUE, actor_name=ACTOR, args=ids, kwargs={}, options={}, message_id=ids[0])
