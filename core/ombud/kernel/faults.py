"""What providers did wrong, and the rest they get after doing it repeatedly."""

import hashlib
import logging
import traceback
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any

import asyncpg

from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id

FAULTS_BEFORE_REST = 5  # within five minutes

# A rest lasts 60 s and doubles, to at most an hour, while the one before ended less than 30 minutes ago.
# Faults of before the last rest do not count again, nor do permanent ones: they lie in the input.
RECORD = f"""
WITH said AS (
    INSERT INTO core_fault (id, slug, at, kind, place, error, trace) VALUES ($1, $2, $3, $4, $5, $6, $7)
), recent AS (
    SELECT count(*) + 1 AS faults FROM core_fault
    WHERE slug = $2 AND at > $3::timestamptz - interval '5 minutes' AND kind <> 'permanent'
        AND at > coalesce((SELECT until FROM core_rest WHERE slug = $2), '-infinity')
)
INSERT INTO core_rest AS old (slug, until, level)
SELECT $2, $3::timestamptz + interval '60 seconds', 0 FROM recent
WHERE recent.faults >= {FAULTS_BEFORE_REST} AND $4 <> 'permanent'
ON CONFLICT (slug) DO UPDATE SET (until, level) = (
    SELECT $3::timestamptz + interval '60 seconds' * least(power(2, next.level), 60), next.level
    FROM (SELECT CASE WHEN old.until > $3::timestamptz - interval '30 minutes'
                      THEN least(old.level + 1, 6) ELSE 0 END AS level) AS next
)
RETURNING until
"""


async def record(slug: str, kind: str, place: str, error: str, trace: str = "") -> datetime | None:
    """Writes a fault; returns until when the provider rests now, or None if it may go on. Outside transactions."""
    rests: datetime | None = await db.fetchval(RECORD, new_id(), slug, now(), kind, place, error[:4000], trace)
    return rests


async def resting() -> dict[str, datetime]:
    """The providers that rest at this moment, and until when."""
    rows = await db.fetch("SELECT slug, until FROM core_rest WHERE until > $1", now())
    return {row["slug"]: row["until"] for row in rows}


async def wake(slug: str) -> None:
    """Ends a provider's rest, when an administrator mended its cause; other processes notice within seconds."""
    await db.execute("DELETE FROM core_rest WHERE slug = $1", slug)


@dataclass(frozen=True)
class FaultRecord:
    """Equal faults together: how often in the window, and when last."""

    slug: str
    kind: str
    place: str
    error: str
    count: int
    last: datetime


async def recent_faults(slug: str | None = None, *, days: int = 7, limit: int = 50) -> list[FaultRecord]:
    """For the plugin page; the last seen first."""
    rows = await db.fetch(
        """
        SELECT slug, kind, place, (array_agg(error ORDER BY at DESC))[1] AS error, count(*) AS count, max(at) AS last
        FROM core_fault
        WHERE at > $1::timestamptz - make_interval(days => $2) AND ($3::text IS NULL OR slug = $3)
        GROUP BY slug, kind, place, trace ORDER BY last DESC LIMIT $4
        """,
        now(),
        days,
        slug,
        limit,
    )
    return [FaultRecord(**dict(row)) for row in rows]


def told(error: BaseException) -> str:
    """The error in words that may be stored: PostgreSQL's own hold the values of a row, so only names stay of them."""
    kind = type(error).__name__
    if isinstance(error, asyncpg.PostgresError):
        names = (getattr(error, "table_name", None), getattr(error, "constraint_name", None))
        return f"{kind}: {' '.join(each for each in names if each) or 'refused by the database'}"
    return f"{kind}: {error}"


def log_failure(log: logging.Logger, place: str, number: str, error: BaseException) -> None:
    """One line and the stack, without the values of rows that PostgreSQL would tell."""
    stack = "".join(traceback.format_tb(error.__traceback__))
    log.error("%s failed, number %s: %s\n%s", place, number, told(error), stack)


def trace_hash(error: BaseException) -> str:
    """The same for the same place in the code, whatever the values were."""
    frames = [f"{frame.filename}:{frame.name}:{frame.lineno}" for frame in _frames(error.__traceback__)]
    return hashlib.sha256("\n".join([type(error).__qualname__, *frames]).encode()).hexdigest()[:16]


def _frames(trace: TracebackType | None) -> list[Any]:
    return list(traceback.extract_tb(trace)) if trace else []
