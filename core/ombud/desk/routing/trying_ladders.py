"""A ladder tried on the past before it is saved: who would have been reached, when, and who is today.

Both sides are walked from the ledger entries of each case: the ladder as it is now, and the draft.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from ombud.desk import trials
from ombud.desk.administration.authority import SET_UP, demand_in, demand_whole_desk
from ombud.desk.calendars import versions as calendars
from ombud.desk.engine.folding import chain_of
from ombud.desk.engine.replaying import Told
from ombud.desk.past import entries_of, robots_in
from ombud.desk.routing import ladders
from ombud.desk.routing.climbed import Climb, Climbing, Ladder
from ombud.desk.routing.laddering import STEPS as MOST_STEPS
from ombud.desk.routing.laddering import Content, checked, coded, read_content
from ombud.desk.rules import in_force
from ombud.desk.writing import demand
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import Viewer

KIND = "ladder"
PAGE = 300  # cases
MOST_SHOWN = 200


class TriedLadder(msgspec.Struct):
    """Pairs are [by the ladder as it is, by the draft]. `steps`: for each step how often it was taken; `before`: cases
    whose answer came too late and in which a step was taken before that; `truly`: how often it began in truth."""

    cases: int = 0
    truly: int = 0
    began: list[int] = msgspec.field(default_factory=lambda: [0, 0])
    steps: list[list[int]] = msgspec.field(default_factory=lambda: [[0, 0] for _ in range(MOST_STEPS)])
    ended: dict[str, list[int]] = {}
    late: int = 0
    before: list[int] = msgspec.field(default_factory=lambda: [0, 0])
    units: dict[str, list[int]] = {}
    changed: int = 0
    shown: list[dict[str, Any]] = []

    def take(self, case_id: str, unit: str, due: datetime | None, sides: Sequence[Sequence[Climb]]) -> None:
        self.cases += 1
        self.late += due is not None
        for side, climbs in enumerate(sides):
            self.began[side] += len(climbs)
            for climb in climbs:
                for place in range(len(climb.steps)):
                    self.steps[place][side] += 1
                if climb.why:
                    self.ended.setdefault(climb.why, [0, 0])[side] += 1
            if climbs:
                self.units.setdefault(unit, [0, 0])[side] += 1
            self.before[side] += due is not None and any(at < due for climb in climbs for at in climb.steps)
        was, would = ([each.isoformat() for climb in climbs for each in climb.steps] for climbs in sides)
        if was != would or len(sides[0]) != len(sides[1]):
            self.changed += 1
            if len(self.shown) < MOST_SHOWN:
                self.shown.append({"case": case_id, "was": was, "would": would})


async def ask(
    viewer: Viewer, ladder_id: UUID | None, unit_id: UUID | None, active: bool, content: Content, months: int
) -> None:
    """Asks for a trial of a ladder that is there, or of a new one. Raises as saving it would."""
    demand(viewer, SET_UP)
    if unit_id is None:
        await demand_whole_desk(viewer, SET_UP, ladders.EVERYWHERE)
    else:
        demand_in(viewer, SET_UP, unit_id)
    draft = {"content": coded(checked(content)), "unit": str(unit_id or ""), "active": active}
    await trials.ask(viewer, KIND, _about(viewer, ladder_id), draft, months)


async def latest(viewer: Viewer, ladder_id: UUID | None) -> trials.Trial | None:
    """Of a new one: what this viewer tried last."""
    return await trials.latest(KIND, _about(viewer, ladder_id))


def _about(viewer: Viewer, ladder_id: UUID | None) -> str:
    return str(ladder_id) if ladder_id else f"new/{viewer.user_id}"


async def run(about: str, definition: Mapping[str, Any], since: datetime) -> TriedLadder:
    """The trial itself; see `trials`."""
    held = None if about.startswith("new/") else await ladders.ladder(UUID(about))
    parents = await in_force.parents()
    key = held.key if held else ""
    unit = str(held.unit_id or "") if held else definition["unit"]
    mine = _below(unit, parents)
    was = Ladder(key, held.content if held else None, bool(held and held.active), mine)
    return await climb_over(was, Ladder(key, read_content(definition["content"]), definition["active"], mine), since)


def _below(unit: str, parents: Mapping[str, str]) -> Any:
    return lambda each: not unit or unit in chain_of(each, parents)


_CASES = """
SELECT c.id FROM core_case c WHERE c.id > $1 AND (c.closed_at IS NULL OR c.closed_at >= $2) AND c.merged_into IS NULL
ORDER BY c.id LIMIT $3
"""


async def climb_over(was: Ladder, would: Ladder, since: datetime) -> TriedLadder:
    """Every case that was open at some time since then."""
    rows = await db.fetch("SELECT id FROM core_unit")
    held = {str(row["id"]): await calendars.current(row["id"]) for row in rows}
    tried, last, until = TriedLadder(), UUID(int=0), now()
    while ids := [row["id"] for row in await db.fetch(_CASES, last, since, PAGE)]:
        last = ids[-1]
        entries, robots = await entries_of(ids), await robots_in(ids)
        for case_id, told_of in entries.items():
            _take(tried, case_id, told_of, [Climbing(each, held, until, robots) for each in (was, would)], since)
        await asyncio.sleep(0)
    return tried


def _take(
    tried: TriedLadder, case_id: str, entries: Sequence[Told], sides: Sequence[Climbing], since: datetime
) -> None:
    found = [
        [each for each in side.go(entries) if each.ended_at is None or each.ended_at >= since] for side in sides
    ]  # fmt: skip
    state = sides[-1].state
    due = state.due_at if state.due_at is not None and state.due_at < (state.closed_at or sides[-1].until) else None
    tried.truly += sum(
        each.kind == "case.escalated" and not each.body.get("level") and each.at >= since
        and each.body.get("ladder") == sides[-1].ladder.key
        for each in entries
    )  # fmt: skip
    tried.take(case_id, state.unit, due, found)


__all__ = ["KIND", "TriedLadder", "ask", "climb_over", "latest", "run"]
