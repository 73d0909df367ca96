"""Who has a case open or writes on it right now: told among those who may see the case, and kept nowhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from ombud.desk.colleagues.live import CHANNEL
from ombud.desk.writing import demand
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import Arguments, Viewer, about_me, decide

HOLDS = timedelta(seconds=30)
CASES = 20
DOINGS = ("viewing", "writing")


@dataclass(frozen=True)
class Present:
    """Somebody else on the case. `until`: when it ends unless they say so again."""

    user_id: UUID
    name: str
    writing: bool
    until: datetime


_HERE = """
WITH given AS (SELECT * FROM unnest($1::text[], $2::text[]) AS given (reference, doing)),
seen AS (SELECT c.id, given.doing FROM given JOIN core_case c ON c.reference = given.reference WHERE {rows}),
before AS (SELECT case_id, doing FROM core_presence WHERE session_id = $3 AND until > $5),
gone AS (DELETE FROM core_presence WHERE session_id = $3 AND case_id NOT IN (SELECT id FROM seen) RETURNING case_id),
swept AS (DELETE FROM core_presence WHERE id IN (
    SELECT id FROM core_presence WHERE until < $5 AND session_id <> $3 LIMIT 100 FOR UPDATE SKIP LOCKED)),
put AS (INSERT INTO core_presence (id, case_id, user_id, session_id, doing, until)
    SELECT gen_random_uuid(), seen.id, $4, $3, seen.doing, $6 FROM seen
    ON CONFLICT (case_id, session_id) DO UPDATE SET doing = excluded.doing, until = excluded.until
    RETURNING case_id, doing),
changed AS (SELECT case_id FROM gone UNION SELECT put.case_id FROM put
    LEFT JOIN before ON before.case_id = put.case_id WHERE before.doing IS DISTINCT FROM put.doing)
SELECT count(pg_notify('{channel}', concat_ws(' ', 'p', case_id, $7::text, ''))) FROM changed
"""


async def here(viewer: Viewer, session_id: str, doings: Mapping[str, str]) -> None:
    """Says which cases a browser shows now (reference → viewing or writing), in one statement; what it showed before
    and shows no more ends at once. Others are told only of what changed."""
    demand(viewer, "case.read")
    wanted = {name: doing for name, doing in list(doings.items())[:CASES] if doing in DOINGS and "\0" not in name}
    arguments = Arguments(
        list(wanted), list(wanted.values()), session_id, viewer.user_id, now(), now() + HOLDS, viewer.actor
    )
    rows = decide(viewer, "case.read", "case").where("c", arguments)
    try:
        await db.fetchval(_HERE.format(rows=rows, channel=CHANNEL), *arguments.values)
    except asyncpg.ForeignKeyViolationError:
        return  # the session ended, or the case went, in this very moment


async def others(viewer: Viewer, case_id: UUID) -> list[Present]:
    """Who else is on the case; nobody for somebody one of its aspects is about, whom it could tell something."""
    arguments = Arguments(case_id, viewer.user_id, now())
    rows = decide(viewer, "case.read", "case").where("c", arguments)
    found = await db.fetch(
        "SELECT p.user_id, coalesce(nullif(u.display_name, ''), u.name) AS name, "
        "bool_or(p.doing = 'writing') AS writing, max(p.until) AS until "
        "FROM core_presence p JOIN core_case c ON c.id = p.case_id JOIN core_user u ON u.id = p.user_id AND u.active "
        f"WHERE p.case_id = $1 AND p.user_id <> $2 AND p.until > $3 AND {rows} AND NOT {about_me('c.id', '$2')} "
        "GROUP BY p.user_id, u.display_name, u.name ORDER BY bool_or(p.doing = 'writing') DESC, 2 LIMIT 20",
        *arguments.values,
    )
    return [Present(**dict(row)) for row in found]


async def sweep() -> None:
    """Deletes what has ended; for the schedule, so that nothing stays where nobody works."""
    await db.execute("DELETE FROM core_presence WHERE until <= $1", now())
