"""Correcting what is kept of a person for a request, with what stood there before; and telling those who got the data.

Core's own record of the person is corrected here. Systems outside hear of it: each customer system and everybody else
who got the data is a line that somebody settles before the request can be granted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.desk import people
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotFound, NotNow
from ombud.desk.privacy.reach import demand_reach
from ombud.desk.privacy.requests import HANDLE, note, open_row, people_of
from ombud.desk.words import label
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.lifecycle import running
from ombud.trust.policy import Viewer

DETAILS = ("name", "email", "phone", "postcode", "address", "language")
STATES = ("told", "not_needed")


@dataclass(frozen=True)
class Record:
    """One of the records that are the person, as it stands."""

    id: UUID
    version: int
    details: Mapping[str, str]


async def records(row: Mapping[str, Any]) -> list[Record]:
    """For the page of a request that the caller may see."""
    columns = ", ".join(DETAILS)
    rows = await db.fetch(
        f"SELECT id, version, {columns} FROM core_person WHERE id = ANY($1) AND erased_at IS NULL ORDER BY id",
        people_of(row),
    )
    return [Record(each["id"], each["version"], {name: each[name] for name in DETAILS}) for each in rows]


async def correct(
    viewer: Viewer, request_id: UUID, person_id: UUID, values: Mapping[str, str], version: int | None
) -> None:
    """Writes the right details into one record and keeps those before; finds who must hear of it."""
    wanted = {name: str(value) for name, value in values.items() if name in DETAILS}
    async with db.transaction():
        row = await open_row(viewer, request_id, version)
        if row["does"] != "correct":
            raise NotNow("This request asks for something else than a correction.")
        if person_id not in people_of(row):
            raise NotFound("Say first that this record is the person who asks.")
        await demand_reach(viewer, HANDLE, people_of(row))
        before = next((each for each in await records(row) if each.id == person_id), None)
        if before is None:
            raise NotFound("This record was erased.")
        await people.change(viewer, person_id, wanted, before.version, HANDLE)
        after = next(each for each in await records(row) if each.id == person_id)
        changes = {name: [before.details[name], after.details[name]] for name in DETAILS
                   if before.details[name] != after.details[name]}  # fmt: skip
        if not changes:
            raise Invalid("Nothing is different. Change what is wrong.", "name")
        await db.execute(
            "INSERT INTO core_privacy_correction (id, request_id, person_id, changes, at, by) "
            "VALUES ($1, $2, $3, $4, $5, $6)",
            new_id(), request_id, person_id, changes, now(), viewer.user_id,
        )  # fmt: skip
        await note(viewer.actor, row, "privacy.corrected", {"person": str(person_id), "fields": sorted(changes)})
        await _find(request_id, people_of(row))
        await db.execute("UPDATE core_privacy_request SET version = version + 1 WHERE id = $1", request_id)


async def corrections(request_id: UUID) -> list[Mapping[str, Any]]:
    """What was corrected, in order: changes, at, by."""
    rows = await db.fetch(
        "SELECT c.changes, c.at, coalesce(nullif(u.display_name, ''), u.name, '') AS by FROM core_privacy_correction c "
        "LEFT JOIN core_user u ON u.id = c.by WHERE c.request_id = $1 ORDER BY c.at, c.id",
        request_id,
    )
    return [dict(row) for row in rows]


@dataclass(frozen=True)
class Told:
    """Somebody who got the data. `state`: open, told, not_needed."""

    id: UUID
    kind: str
    who: str
    state: str
    how: str
    told_at: datetime | None
    by: str


async def told(request_id: UUID) -> list[Told]:
    rows = await db.fetch(
        "SELECT t.id, t.kind, t.who, t.state, t.how, t.told_at, coalesce(nullif(u.display_name, ''), u.name, '') AS by "
        "FROM core_privacy_told t LEFT JOIN core_user u ON u.id = t.told_by WHERE t.request_id = $1 "
        "ORDER BY t.created_at, t.id",
        request_id,
    )
    return [Told(**dict(row)) for row in rows]


async def find_recipients(viewer: Viewer, request_id: UUID, version: int | None) -> int:
    """Lists who got the data as far as the desk knows; gives how many were new."""
    async with db.transaction():
        row = await open_row(viewer, request_id, version)
        if not people_of(row):
            raise NotNow("Say first which person of the desk asks.")
        return await _find(request_id, people_of(row))


async def _find(request_id: UUID, persons: Sequence[UUID]) -> int:
    known = {(each.kind, each.who) for each in await told(request_id)}
    fresh = [each for each in await _recipients(persons) if each not in known]
    for kind, who in fresh:
        await _add(request_id, kind, who)
    return len(fresh)


_GOT = """
SELECT 'crm' AS kind, l.crm AS who FROM core_crm_link l WHERE l.person_id = ANY($1) AND l.record <> ''
    AND l.ended_at IS NULL
UNION SELECT 'crm', c.crm FROM core_crm_record c JOIN core_party y ON y.case_id = c.case_id
    WHERE y.person_id = ANY($1) AND c.recorded_at IS NOT NULL
UNION SELECT 'case_file', f.profile FROM core_case_file f JOIN core_party y ON y.case_id = f.case_id
    WHERE y.person_id = ANY($1) AND f.state = 'ready'
UNION SELECT 'payment', p.way FROM core_payment p WHERE p.person_id = ANY($1)
UNION SELECT 'party', y.role FROM core_party mine JOIN core_party y ON y.case_id = mine.case_id
    WHERE mine.person_id = ANY($1) AND NOT y.person_id = ANY($1)
    AND EXISTS (SELECT 1 FROM core_outgoing o WHERE o.case_id = y.case_id AND o.person_id = y.person_id
        AND o.state = 'sent')
ORDER BY 1, 2
"""


async def _recipients(persons: Sequence[UUID]) -> list[tuple[str, str]]:
    """Customer systems that know them, bodies that got a file of their cases, whoever pays them, and other people in
    their cases who were written to."""
    labels = {each.key: each.label for loaded in running.loaded.values() for each in loaded.crms}
    labels |= {each.key: each.label for loaded in running.loaded.values() for each in loaded.case_files}
    rows = await db.fetch(_GOT, list(persons))
    return list(dict.fromkeys((row["kind"], labels.get(row["who"], label(row["who"]))) for row in rows))


async def _add(request_id: UUID, kind: str, who: str) -> None:
    await db.execute(
        "INSERT INTO core_privacy_told (id, request_id, kind, who, state, how, created_at) "
        "VALUES ($1, $2, $3, $4, 'open', '', $5)",
        new_id(), request_id, kind, who, now(),
    )  # fmt: skip


async def add_recipient(viewer: Viewer, request_id: UUID, who: str, version: int | None) -> None:
    """Somebody whom the desk cannot know of."""
    who = clean_text(who, "who", longest=300)
    if not who:
        raise Invalid("Say who got the data.", "who")
    async with db.transaction():
        await open_row(viewer, request_id, version)
        await _add(request_id, "other", who)


async def settle(viewer: Viewer, request_id: UUID, told_id: UUID, state: str, how: str, version: int | None) -> None:
    """That one of them was told, or why that is not needed."""
    how = clean_text(how, "how", longest=1000)
    if state not in STATES:
        raise Invalid("Say whether they were told.", "state")
    if not how:
        raise Invalid("Say how they were told, or why that is not needed.", "how")
    async with db.transaction():
        row = await open_row(viewer, request_id, version)
        found = await db.fetchval(
            "UPDATE core_privacy_told SET state = $3, how = $4, told_at = $5, told_by = $6 "
            "WHERE id = $1 AND request_id = $2 RETURNING kind",
            told_id, request_id, state, how, now(), viewer.user_id,
        )  # fmt: skip
        if found is None:
            raise NotFound("This line is not there any more.")
        await note(viewer.actor, row, "privacy.recipient_told", {"kind": found, "state": state}, {"how": how})
