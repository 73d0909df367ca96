"""A calendar tried before it is saved: the clocks of the last months, reckoned as if it had held from their start.

Nothing is changed and nobody is told. Each clock is a fold of its events; only the calendar in them is another.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import Record

from ombud.desk import trials
from ombud.desk.administration.authority import SET_UP, demand_in
from ombud.desk.calendars import setup
from ombud.desk.calendars.arithmetic import Calendar
from ombud.desk.calendars.versions import (
    Content,
    Kept,
    exceptions_json,
    exceptions_of,
    holidays_of,
    week_json,
    week_of,
)
from ombud.desk.clocks import kept
from ombud.desk.clocks.reckoning import Happened, reckon
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust.policy import Viewer

KIND = "calendar"
PAGE = 200  # clocks
MOST_SHOWN = 200


class Tried(msgspec.Struct):
    """What came of it. `late`: missed as it was, and under the draft; `units`: the same by unit; `lacking`: clocks
    whose terms or calendar are not there any more; `shown`: those that differ, breaches first."""

    clocks: int = 0
    cases: int = 0
    moved: int = 0
    caused: int = 0
    avoided: int = 0
    late: list[int] = msgspec.field(default_factory=lambda: [0, 0])
    units: dict[str, list[int]] = {}
    lacking: int = 0
    shown: list[dict[str, Any]] = []

    def take(self, row: Mapping[str, Any], told: "Compared") -> None:
        self.clocks += 1
        sums = self.units.setdefault(str(row["unit_id"]), [0, 0])
        for side, late in enumerate((told.late_was, told.late_would)):
            self.late[side] += late
            sums[side] += late
        self.caused += told.caused
        self.avoided += told.avoided
        if told.due_was != told.due_would:
            self.moved += 1
            self._show(row, told)

    def _show(self, row: Mapping[str, Any], told: "Compared") -> None:
        breach = told.caused or told.avoided
        if len(self.shown) >= MOST_SHOWN:
            quiet = next((each for each in reversed(self.shown) if not each["caused"] and not each["avoided"]), None)
            if not breach or quiet is None:
                return
            self.shown.remove(quiet)
        line = {
            "case": str(row["case_id"]), "label": row["label"], "aspect": str(row["aspect_id"] or ""),
            "was": told.due_was.isoformat() if told.due_was else "",
            "would": told.due_would.isoformat() if told.due_would else "",
            "caused": told.caused, "avoided": told.avoided,
        }  # fmt: skip
        self.shown.insert(0 if breach else len(self.shown), line)


@dataclass(frozen=True)
class Compared:
    """One clock as it was and as it would have been; `due`: None while a pause holds it."""

    due_was: datetime | None
    due_would: datetime | None
    late_was: bool
    late_would: bool

    @property
    def caused(self) -> bool:
        return self.late_would and not self.late_was

    @property
    def avoided(self) -> bool:
        return self.late_was and not self.late_would


def compared(events: Sequence[Happened], draft: Calendar, at: datetime) -> Compared:
    """The same events under another calendar. Pure."""
    other = [replace_calendar(each, draft) for each in events]
    was, would = reckon(events, at), reckon(other, at)
    counts = was.state != "stopped"
    return Compared(was.due_at, would.due_at, counts and was.late, counts and would.late)


def replace_calendar(event: Happened, draft: Calendar) -> Happened:
    return event if event.calendar is None else event._replace(calendar=draft)


async def ask(viewer: Viewer, unit_id: UUID, content: Content, months: int) -> None:
    """Asks for a trial, run in the work process. Raises Invalid for what no calendar can be made of."""
    demand_in(viewer, SET_UP, unit_id)
    setup.check(content)
    await trials.ask(viewer, KIND, str(unit_id), _stored(content), months)


def _stored(content: Content) -> dict[str, Any]:
    return {
        "zone": content.zone, "country": content.country, "part": content.part, "week": week_json(content.week),
        "exceptions": exceptions_json(content.exceptions),
    }  # fmt: skip


def content_of(stored: Mapping[str, Any]) -> Content:
    """A draft as a trial keeps it."""
    return Content(
        stored["zone"], stored["country"], stored["part"], week_of(stored["week"]), exceptions_of(stored["exceptions"])
    )


async def latest(unit_id: UUID) -> trials.Trial | None:
    return await trials.latest(KIND, str(unit_id))


async def run(about: str, definition: Mapping[str, Any], since: datetime) -> Tried:
    return await try_calendar(UUID(about), content_of(definition), since)


# The unit, and those below it that have no nearer calendar of their own.
_GOING_BY_IT = """
WITH RECURSIVE down AS (
    SELECT id FROM core_unit WHERE id = $1
    UNION SELECT u.id FROM core_unit u JOIN down ON u.parent_id = down.id
    WHERE NOT EXISTS (SELECT 1 FROM core_calendar c WHERE c.unit_id = u.id)
)
SELECT id FROM down
"""
_CLOCKS = """
SELECT k.id, k.case_id, k.aspect_id, k.label, k.events, c.unit_id FROM core_clock k JOIN core_case c ON c.id = k.case_id
WHERE c.unit_id = ANY($1) AND k.id > $2 AND (k.ended_at IS NULL OR k.ended_at >= $3) ORDER BY k.id LIMIT $4
"""


async def try_calendar(unit_id: UUID, content: Content, since: datetime) -> Tried:
    """Every clock that ran at some time since then, in the unit and those below that would go by the calendar."""
    units = [row["id"] for row in await db.fetch(_GOING_BY_IT, unit_id)]
    draft, at, last = _calendar(content, since), now(), UUID(int=0)
    tried, cases = Tried(), set[UUID]()
    while rows := await db.fetch(_CLOCKS, units, last, since, PAGE):
        last = rows[-1]["id"]
        for row in rows:
            cases.add(row["case_id"])
            await _one(tried, row, draft, at)
        await asyncio.sleep(0)
    tried.cases = len(cases)
    return tried


async def _one(tried: Tried, row: Record, draft: Calendar, at: datetime) -> None:
    try:
        events = await kept.happened(row["events"])
    except LookupError:
        tried.lacking += 1
        return
    tried.take(row, compared(events, draft, at))


def _calendar(content: Content, since: datetime) -> Calendar:
    """As a version of it would be, with the holidays of the years that are looked at."""
    first, last = since.year - 2, now().year + 4
    free = holidays_of(content.country, content.part, first, last)
    return replace(Kept(new_id(), None, 0, content, free, last).calendar, key="draft")
