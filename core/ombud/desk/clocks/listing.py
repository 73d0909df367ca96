"""Clocks as a viewer may see them: those of the case and of the aspects in their view, each with its reading."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.desk.clocks import kept
from ombud.desk.clocks.planning import source_of
from ombud.desk.clocks.reckoning import Happened, Reading, reckon
from ombud.desk.shown import ClockShown
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import Arguments, Viewer, decide

ENDING_SOON = 75
"""From which share of its time on a clock is shown as ending soon."""


@dataclass(frozen=True)
class ClockRead:
    """One clock at this moment. `aspect`: the id of its aspect, None for the case's own; `events`: what it is reckoned
    from, with who did it left to the history."""

    id: UUID
    key: str
    label: str
    aspect_id: UUID | None
    version: int
    policy: str
    policy_version: int
    warned: int
    breached_at: datetime | None
    reading: Reading
    events: tuple[Happened, ...]

    @property
    def source(self) -> str:
        return source_of(self.key)

    @property
    def open(self) -> bool:
        return self.reading.state in {"running", "paused"}

    @property
    def shown(self) -> ClockShown | None:
        """As every other clock is drawn; None while it is held."""
        reading = self.reading
        if reading.due_at is None:
            return None
        return ClockShown(_state(reading), reading.due_at, reading.share, 0, 0)


def _state(reading: Reading) -> str:
    if reading.late and reading.state != "stopped":
        return "late"
    if reading.state == "running":
        return "soon" if reading.share >= ENDING_SOON else "running"
    return "met"


_CLOCKS = """
SELECT k.* FROM core_clock k JOIN core_case c ON c.id = k.case_id LEFT JOIN core_aspect a ON a.id = k.aspect_id
WHERE k.case_id = {case} AND {cases} AND (k.aspect_id IS NULL OR {aspects}) AND {which}
ORDER BY k.state IN ('met', 'stopped'), k.due_at NULLS LAST, a.position NULLS FIRST, k.key, k.id LIMIT 200
"""


async def clocks_of(viewer: Viewer, case_id: UUID, aspect_id: UUID | None = None) -> Sequence[ClockRead]:
    """All clocks of a case in the viewer's view, or those of one aspect: what ends first comes first. One statement,
    more where a policy or calendar was not read before."""
    arguments = Arguments()
    sql = _CLOCKS.format(
        case=arguments.add(case_id), cases=decide(viewer, "case.read", "case").where("c", arguments),
        aspects=decide(viewer, "case.read", "aspect").where("a", arguments),
        which=f"k.aspect_id = {arguments.add(aspect_id)}" if aspect_id else "TRUE",
    )  # fmt: skip
    at = now()
    return [await _read(row, at) for row in await db.fetch(sql, *arguments.values)]


async def _read(row: Any, at: datetime) -> ClockRead:
    events = await kept.happened(row["events"])
    return ClockRead(
        row["id"], row["key"], row["label"], row["aspect_id"], row["version"], row["policy"], row["policy_version"],
        row["warned"], row["breached_at"], reckon(events, at), tuple(events),
    )  # fmt: skip
