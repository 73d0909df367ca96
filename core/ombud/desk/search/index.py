"""Keeps the search index up to date: every committed change is noted by a trigger, and taken up here within a second.

One process at a time writes to the index (an advisory lock), so that an older reading never overwrites a newer one. A
record that cannot be indexed waits and is tried again; it is counted as not searchable and holds up no other.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from ombud.desk.search import rows as search_rows
from ombud.desk.search.rows import KINDS, Row
from ombud.kernel import faults
from ombud.kernel.database import NotOpen, db
from ombud.kernel.giving_way import way

WRITING = 0x6F6D_6275_6401  # the lock of whoever writes to the index
BUILDING = 0x6F6D_6275_6402  # the lock of whoever builds it anew
AT_ONCE = 200
COUNTED = 1000
EVERY = 0.5  # seconds between two looks at what is due
TABLES = {"a": "core_search_a", "b": "core_search_b"}

log = logging.getLogger("ombud.search")


@dataclass(frozen=True)
class Standing:
    """How the index stands. `behind`: committed changes that are not searchable yet, counted to a thousand; `built`:
    False while a desk that is older than its index waits for the first one; `done` of `total` records while it is
    built anew; `live`: which of the two tables is in use."""

    behind: int
    built: bool
    building_since: datetime | None
    done: int
    total: int
    live: str = "a"


async def standing() -> Standing:
    """One statement."""
    row = await db.fetchrow(
        "SELECT built_at IS NOT NULL AS built, building_since, done, total, live, (SELECT count(*) FROM (SELECT 1 "
        f"FROM core_search_due WHERE NOT taken LIMIT {COUNTED}) waiting) AS behind FROM core_search_state WHERE id = 1"
    )
    assert row is not None
    return Standing(row["behind"], row["built"], row["building_since"], row["done"], row["total"], row["live"])


async def up_to_date(at_most: int = AT_ONCE) -> Standing:
    """The standing after what is due was taken up here, at most so many changes: whoever searches right after a change
    finds it, also where the work process is away. One statement when nothing is due."""
    found = await standing()
    if not found.behind or db.in_transaction() or not await catch_up(at_most):
        return found
    return await standing()


async def catch_up(at_most: int = AT_ONCE) -> int:
    """Takes up the oldest changes; returns how many. 0 where nothing is due or somebody else is at it."""
    try:
        return await _take_up(at_most)
    except (OSError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError, asyncpg.InterfaceError):
        raise
    except Exception as problem:
        log.warning("changes could not be indexed together, so one at a time: %s", faults.told(problem))
        return await _one_by_one(at_most)


async def _take_up(at_most: int) -> int:
    async with db.transaction():
        if not await db.fetchval("SELECT pg_try_advisory_xact_lock($1)", WRITING):
            return 0
        due = await _due(at_most)
        if due:
            await _index(due)
        return len(due)


async def _due(at_most: int) -> list[Any]:
    return await db.fetch(
        "SELECT id, kind, subject FROM core_search_due WHERE NOT taken AND (not_before IS NULL OR not_before <= now()) "
        "ORDER BY id LIMIT $1",
        at_most,
    )


async def _index(due: Sequence[Any]) -> None:
    """Writes what the records hold now, and settles the notes; under the lock."""
    state = await db.fetchrow(
        "SELECT live, building_since IS NOT NULL AS building, "
        "CASE WHEN building_since IS NOT NULL THEN pg_try_advisory_xact_lock($1) ELSE FALSE END AS abandoned "
        "FROM core_search_state WHERE id = 1",
        BUILDING,
    )
    assert state is not None
    wanted: dict[str, set[UUID]] = defaultdict(set)
    for each in due:
        wanted[each["kind"]].add(each["subject"])
    for kind in KINDS:
        if wanted[kind]:
            await _write(TABLES[state["live"]], wanted[kind], await search_rows.of_subjects(kind, list(wanted[kind])))
    if state["building"] and not state["abandoned"]:
        await db.execute("UPDATE core_search_due SET taken = TRUE WHERE id = ANY($1)", [each["id"] for each in due])
        return
    await db.execute("DELETE FROM core_search_due WHERE id = ANY($1) OR taken", [each["id"] for each in due])
    if state["building"]:  # whoever built it is gone
        await db.execute("UPDATE core_search_state SET building_since = NULL WHERE id = 1")


async def _write(table: str, subjects: set[UUID], rows: Sequence[Row]) -> None:
    await db.execute(f"DELETE FROM {table} WHERE id = ANY($1)", list(subjects - {row.id for row in rows}))
    await db.execute(
        f"""
        INSERT INTO {table} AS known (id, kind, case_id, at, words)
        SELECT id, kind, case_id, at, words::tsvector
        FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[], $5::text[])
            AS new(id, kind, case_id, at, words)
        ON CONFLICT (id) DO UPDATE SET case_id = excluded.case_id, at = excluded.at, words = excluded.words
        WHERE (known.case_id, known.at, known.words) IS DISTINCT FROM (excluded.case_id, excluded.at, excluded.words)
        """,
        *([getattr(row, name) for row in rows] for name in ("id", "kind", "case_id", "at", "words")),
    )


async def _one_by_one(at_most: int) -> int:
    """After a failure: each record alone, so that one that cannot be indexed holds up no other."""
    done = 0
    for each in await _due(at_most):
        try:
            async with db.transaction():
                if not await db.fetchval("SELECT pg_try_advisory_xact_lock($1)", WRITING):
                    return done
                await _index([each])
            done += 1
        except Exception as problem:
            await db.execute(
                "UPDATE core_search_due SET tries = tries + 1, error = $2, "
                "not_before = now() + make_interval(secs => least(3600, 2 ^ least(tries, 12))) WHERE id = $1",
                each["id"],
                faults.told(problem)[:500],
            )
            log.error("%s %s cannot be indexed yet: %s", each["kind"], each["subject"], faults.told(problem))
    return done


async def forget(case_ids: Sequence[UUID], person_ids: Sequence[UUID], *, removed: bool = False) -> None:
    """Deletes what the index holds of these cases, with their messages, and of these people, in the caller's
    transaction, which must hold until the records are blanked or removed. `removed`: the records go in this
    transaction, so their triggers need not note it. Call it wherever a person or a case is erased."""
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock($1)", WRITING)
        rows = await db.fetch(
            "SELECT id FROM core_message WHERE case_id = ANY($1) OR person_id = ANY($2)",
            list(case_ids),
            list(person_ids),
        )
        subjects = [*case_ids, *person_ids, *(row["id"] for row in rows)]
        for table in TABLES.values():
            await db.execute(f"DELETE FROM {table} WHERE id = ANY($1) OR case_id = ANY($2)", subjects, list(case_ids))
        if removed:
            await db.execute("SET LOCAL ombud.unsearched = 'on'")
            await db.execute("DELETE FROM core_search_due WHERE subject = ANY($1)", subjects)


async def keep() -> None:
    """Runs in the work process until cancelled; a database that is away is waited for."""
    while True:
        try:
            await way().pause()
            taken = await catch_up()
            await asyncio.sleep(0 if taken >= AT_ONCE else EVERY)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, NotOpen) as problem:
            log.warning("the search index waits for the database: %s", faults.told(problem))
            await asyncio.sleep(2)
        except Exception:
            log.exception("the search index stumbled; it goes on")
            await asyncio.sleep(5)
