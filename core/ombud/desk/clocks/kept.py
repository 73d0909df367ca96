"""Clocks in their tables: policies by number, events as JSON, and the row that follows from a reading."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from ombud import speech
from ombud.desk.calendars.arithmetic import Calendar
from ombud.desk.calendars.versions import version
from ombud.desk.clocks.reckoning import Happened, Reading, Terms, reckon
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id

_known: dict[tuple[Any, str, int], Terms] = {}
_MOST_REMEMBERED = 2000

Event = dict[str, Any]


_numbers: dict[tuple[Any, str, str], int] = {}
# A row never changes, so it may be remembered once it is committed: not where this very transaction wrote it.
_NUMBER = """
SELECT number, xmin::text::bigint = coalesce(mod(pg_current_xact_id_if_assigned()::text::numeric, 4294967296), 0) AS own
FROM core_clock_policy WHERE key = $1 AND digest = $2
"""


async def number_of(policy: str, terms: Terms) -> int:
    """The number under which these terms are kept for a policy; others get the next one. In a transaction."""
    written = speech.encoded(terms)
    digest = hashlib.sha256(written).hexdigest()
    place = (db.engine.pool, policy, digest)
    if (known := _numbers.get(place)) is not None:
        return known
    found = await db.fetchrow(_NUMBER, policy, digest)
    if found is not None:
        if not found["own"]:
            if len(_numbers) >= _MOST_REMEMBERED:
                _numbers.clear()
            _numbers[place] = int(found["number"])
        return int(found["number"])
    await db.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"clock policy {policy}")
    await db.execute(
        "INSERT INTO core_clock_policy (id, key, number, digest, terms, made_at) SELECT $1, $2, "
        "coalesce((SELECT max(number) FROM core_clock_policy WHERE key = $2), 0) + 1, $3, $4, $5 "
        "ON CONFLICT (key, digest) DO NOTHING",
        new_id(), policy, digest, msgspec.json.decode(written), now(),
    )  # fmt: skip
    made = await db.fetchrow(_NUMBER, policy, digest)
    assert made is not None
    return int(made["number"])


async def terms_of(policy: str, number: int) -> Terms:
    """Raises LookupError."""
    place = (db.engine.pool, policy, number)
    known = _known.get(place)
    if known is None:
        found = await db.fetchval("SELECT terms FROM core_clock_policy WHERE key = $1 AND number = $2", policy, number)
        if found is None:
            raise LookupError(f"policy {policy} has no version {number}")
        if len(_known) >= _MOST_REMEMBERED:
            _known.clear()
        known = _known[place] = msgspec.convert(found, Terms, strict=False)
    return known


def event(
    kind: str, at: datetime, *, reason: str = "", due_at: datetime | None = None, policy: str = "", number: int = 0,
    calendar: Calendar | None = None,
) -> Event:  # fmt: skip
    """One event as the row keeps it; `started` and `migrated` name policy and calendar."""
    made: Event = {"kind": kind, "at": at.isoformat()}
    made |= {"reason": reason} if reason else {}
    made |= {"due_at": due_at.isoformat()} if due_at else {}
    if calendar is not None:
        made |= {"policy": policy, "policy_version": number, "calendar": calendar.key,
                 "calendar_version": calendar.version}  # fmt: skip
    return made


async def happened(events: Sequence[Mapping[str, Any]]) -> list[Happened]:
    """With the terms and calendars that the events name."""
    return [await _happened(each) for each in events]


async def _happened(each: Mapping[str, Any]) -> Happened:
    at, due_at = datetime.fromisoformat(each["at"]), each.get("due_at")
    terms = await terms_of(each["policy"], each["policy_version"]) if "policy" in each else None
    calendar = await version(UUID(each["calendar"]), each["calendar_version"]) if "calendar" in each else None
    return Happened(
        each["kind"], at, each.get("reason", ""), datetime.fromisoformat(due_at) if due_at else None, terms, calendar
    )


async def read(events: Sequence[Mapping[str, Any]], at: datetime | None = None) -> Reading:
    return reckon(await happened(events), at or now())


def columns(reading: Reading, warned: int) -> dict[str, Any]:
    """What the row says of a reading; `warn_at` is the next warning that was not given yet."""
    coming = [moment for step, moment in reading.warnings() if step > warned]
    running = reading.state == "running"
    return {
        "state": reading.state, "due_at": reading.due_at, "ended_at": reading.ended_at,
        "regulatory": reading.terms.regulatory, "warn_at": min(coming) if coming and running else None,
    }  # fmt: skip
