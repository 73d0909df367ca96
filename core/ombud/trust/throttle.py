"""How often something may be tried: one statement counts, across all processes."""

import hashlib
import ipaddress
import math
from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg

from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.together import Together


class Throttled(Exception):
    """Too many tries. `first` is true for the try that went over the limit, false for those after it."""

    def __init__(self, retry_after: int, first: bool = False) -> None:
        super().__init__(f"Too many attempts. Try again in {in_words(retry_after)}.")
        self.retry_after = retry_after
        self.first = first


def in_words(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds} seconds" if seconds != 1 else "1 second"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} minutes" if minutes != 1 else "1 minute"


# The window starts with the first try and is not prolonged by those that follow.
_HIT = """
INSERT INTO core_throttle AS t (key, count, since) SELECT $1, 1, $2{source}
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN t.since <= $3 THEN 1 ELSE least(t.count + 1, 1000000) END,
    since = CASE WHEN t.since <= $3 THEN $2 ELSE t.since END
RETURNING count, since
"""
# Everybody sees the count at once. That it is on the disk is not waited for: a server that loses its power may forget
# the tries of its last half second.
_HIT_ALONE = "WITH pace AS (SELECT set_config('synchronous_commit', 'off', true)) " + _HIT.format(source=" FROM pace")
_HIT_WITHIN = _HIT.format(source="")
_Hit = tuple[str, datetime, datetime]


async def hit(key: str, limit: int, window: timedelta) -> None:
    """Counts one try; raises Throttled beyond `limit` tries in the window.

    Call it outside a transaction that may roll back, which would take the count with it.
    """
    moment = now()
    row = await _hits.ask((_hashed(key), moment, moment - window))
    if row["count"] > limit:
        left = (row["since"] + window - moment).total_seconds()
        raise Throttled(max(1, math.ceil(left)), row["count"] == limit + 1)


async def _count_hits(hits: Sequence[_Hit]) -> list[asyncpg.Record]:
    return await db.fetchmany(_HIT_WITHIN if db.in_transaction() else _HIT_ALONE, hits)


_hits = Together(_count_hits)


async def give_back(key: str) -> None:
    """Takes back one try, where it turned out well."""
    await db.execute("UPDATE core_throttle SET count = count - 1 WHERE key = $1 AND count > 0", _hashed(key))


async def forget(key: str) -> None:
    """Forgets all tries of the key."""
    await db.execute("DELETE FROM core_throttle WHERE key = $1", _hashed(key))


async def sweep(older_than: timedelta = timedelta(days=1)) -> None:
    """Deletes counts nobody asks for any more; for the schedule."""
    await db.execute("DELETE FROM core_throttle WHERE since < $1", now() - older_than)


def network(address: str) -> str:
    """What counts as one asker: an IPv4 address, or the whole IPv6 /64 that one person commands."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
