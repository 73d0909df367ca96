"""Escalation ladders set up: versions that never change, so that a running escalation keeps the steps it began with."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.administration.authority import SET_UP, demand_in, demand_whole_desk
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotFound
from ombud.desk.routing.laddering import Content, Step, checked, coded, read_content
from ombud.desk.writing import check_version, demand, update
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.speech import sentence
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import Viewer

KEY = re.compile(r"[a-z][a-z0-9-]{1,39}\Z")
EVERYWHERE = "This ladder counts in every unit"


@dataclass(frozen=True)
class LadderShown:
    """`current`: the number of the version that new escalations follow; `running`: how many run on any version."""

    id: UUID
    key: str
    name: str
    unit_id: UUID | None
    unit: str
    active: bool
    current: int
    version: int
    content: Content
    running: int


@dataclass(frozen=True)
class VersionShown:
    number: int
    content: Content
    at: datetime
    by: str


_LADDERS = """
SELECT l.id, l.key, l.name, l.unit_id, coalesce(u.name, '') AS unit, l.active, l.current, l.version, v.content,
    (SELECT count(*) FROM core_escalation e WHERE e.ladder_id = l.id AND e.state = 'running') AS running
FROM core_ladder l JOIN core_ladder_version v ON v.ladder_id = l.id AND v.number = l.current
LEFT JOIN core_unit u ON u.id = l.unit_id
"""


def _shown(row: Record) -> LadderShown:
    return LadderShown(**{**dict(row), "content": read_content(row["content"])})


async def all_ladders() -> list[LadderShown]:
    return [_shown(row) for row in await db.fetch(f"{_LADDERS} ORDER BY lower(l.name), l.key")]


async def ladder(ladder_id: UUID) -> LadderShown:
    row = await db.fetchrow(f"{_LADDERS} WHERE l.id = $1", ladder_id)
    if row is None:
        raise NotFound("There is no such ladder. The list of escalations shows all there are.")
    return _shown(row)


async def by_key(key: str) -> LadderShown:
    row = await db.fetchrow(f"{_LADDERS} WHERE l.key = $1 AND l.active", key)
    if row is None:
        raise NotFound(sentence("There is no ladder %(r)s in use.", r=f"{key!r}"))
    return _shown(row)


_FOR = """
WITH RECURSIVE up AS (SELECT id, parent_id FROM core_unit WHERE id = $1
    UNION SELECT u.id, u.parent_id FROM core_unit u JOIN up ON u.id = up.parent_id)
SELECT l.key, l.name FROM core_ladder l WHERE l.active AND (l.unit_id IS NULL OR l.unit_id IN (SELECT id FROM up))
ORDER BY lower(l.name), l.key
"""


async def ladders_for(unit_id: UUID) -> list[tuple[str, str]]:
    """Those that a case of this unit can climb: key and name."""
    return [(row["key"], row["name"]) for row in await db.fetch(_FOR, unit_id)]


async def versions(ladder_id: UUID) -> list[VersionShown]:
    rows = await db.fetch(
        "SELECT v.number, v.content, v.created_at, coalesce(nullif(u.display_name, ''), u.name, 'Ombud') AS by "
        "FROM core_ladder_version v LEFT JOIN core_user u ON u.id = v.created_by WHERE v.ladder_id = $1 "
        "ORDER BY v.number DESC LIMIT 100",
        ladder_id,
    )
    return [VersionShown(row["number"], read_content(row["content"]), row["created_at"], row["by"]) for row in rows]


async def _may(viewer: Viewer, unit_id: UUID | None) -> None:
    demand(viewer, SET_UP)
    if unit_id is None:
        await demand_whole_desk(viewer, SET_UP, EVERYWHERE)
    else:
        demand_in(viewer, SET_UP, unit_id)


async def add(viewer: Viewer, key: str, name: str, unit_id: UUID | None, content: Content) -> UUID:
    await _may(viewer, unit_id)
    if not KEY.match(key):
        raise Invalid("A key is two to forty small letters, digits and hyphens, and begins with a letter.", "key")
    name = clean_text(name, "name", longest=100, required=True)
    await _check(content)
    identity = new_id()
    async with db.transaction():
        tag = await db.execute(
            "INSERT INTO core_ladder (id, key, name, unit_id, active, current, version) "
            "VALUES ($1, $2, $3, $4, TRUE, 1, 1) ON CONFLICT (key) DO NOTHING",
            identity, key, name, unit_id,
        )  # fmt: skip
        if tag == "INSERT 0 0":
            raise Invalid("There is a ladder with this key already. Take another one.", "key")
        await _put_version(viewer, identity, 1, content)
        body = {"key": key, "unit": str(unit_id or ""), "number": 1, "content": coded(content)}
        await append(actor=viewer.actor, entries=[NewEntry(f"ladder/{identity}", "ladder.added", body)])
    return identity


async def _put_version(viewer: Viewer, ladder_id: UUID, number: int, content: Content) -> None:
    await db.execute(
        "INSERT INTO core_ladder_version (id, ladder_id, number, content, created_at, created_by) "
        "VALUES ($1, $2, $3, $4, $5, $6)",
        new_id(), ladder_id, number, coded(content), now(), viewer.user_id,
    )  # fmt: skip


async def change(viewer: Viewer, ladder_id: UUID, name: str, active: bool, content: Content, version: int) -> None:
    """Another wording is another version, for what starts from now on; what runs keeps its own. Out of use nothing
    starts it; what runs goes on."""
    wanted_name = clean_text(name, "name", longest=100, required=True)
    await _check(content)
    async with db.transaction():
        row = await _locked(viewer, ladder_id)
        before = await db.fetchval(
            "SELECT content FROM core_ladder_version WHERE ladder_id = $1 AND number = $2", ladder_id, row["current"]
        )
        given = {"name": wanted_name, "active": active, "content": coded(content)}
        stands: Mapping[str, Any] = {**dict(row), "content": before}
        check_version("This ladder", stands, version, given)
        changed = sorted(name for name, value in given.items() if stands[name] != value)
        if not changed:
            return
        number = row["current"]
        if "content" in changed:
            number = int(
                await db.fetchval("SELECT max(number) FROM core_ladder_version WHERE ladder_id = $1", ladder_id)
            ) + 1  # fmt: skip
            await _put_version(viewer, ladder_id, number, content)
        await update("core_ladder", ladder_id, {"name": wanted_name, "active": active, "current": number})
        body = {"key": row["key"], "fields": changed, "number": number, "active": active}
        body |= {"content": coded(content)} if "content" in changed else {}
        await append(actor=viewer.actor, entries=[NewEntry(f"ladder/{ladder_id}", "ladder.changed", body)])


async def go_back(viewer: Viewer, ladder_id: UUID, number: int, version: int) -> None:
    """An earlier wording holds again, as a new version."""
    row = await db.fetchrow(
        "SELECT v.content, l.name, l.active FROM core_ladder_version v JOIN core_ladder l ON l.id = v.ladder_id "
        "WHERE v.ladder_id = $1 AND v.number = $2",
        ladder_id, number,
    )  # fmt: skip
    if row is None:
        raise NotFound("There is no such version of this ladder.")
    await change(viewer, ladder_id, row["name"], row["active"], read_content(row["content"]), version)


async def _locked(viewer: Viewer, ladder_id: UUID) -> Record:
    row = await db.fetchrow("SELECT * FROM core_ladder WHERE id = $1 FOR UPDATE", ladder_id)
    if row is None:
        raise NotFound("There is no such ladder. The list of escalations shows all there are.")
    await _may(viewer, row["unit_id"])
    return row


async def _check(content: Content) -> None:
    checked(content)
    for number, step in enumerate(content.steps, 1):
        if step.to in _EXISTS and not await _exists(step):
            raise Invalid("What this step names is not there any more. Choose again.", f"s{number}.target")


_EXISTS = {
    "queue": "SELECT EXISTS (SELECT 1 FROM core_queue WHERE key = $1 AND active)",
    "role": "SELECT EXISTS (SELECT 1 FROM core_role WHERE key = $1)",
    "user": "SELECT EXISTS (SELECT 1 FROM core_user WHERE id::text = $1 AND active)",
}


async def _exists(step: Step) -> bool:
    return bool(await db.fetchval(_EXISTS[step.to], step.target))
