"""Settings of a plugin that sets deadlines, tried before they are saved: its clocks of the last months under the draft.

The cases are walked page by page from their ledger entries; the plugin is asked for its deadlines in a thread, under a
limit, for a page of cases at once. Its secrets take no part: a trial keeps none, and deadlines need none.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.desk import promises, trials
from ombud.desk.calendars import versions as calendars
from ombud.desk.calendars.arithmetic import Calendar
from ombud.desk.clocks import kept, trying_promises
from ombud.desk.clocks.planning import BY_ITSELF, Wanted
from ombud.desk.clocks.providers import Rubbish, checked, providers
from ombud.desk.clocks.reckoning import reckon
from ombud.desk.clocks.trying import Compared, Tried
from ombud.desk.clocks.walking import Walk, Walked
from ombud.desk.engine.folding import chain_of
from ombud.desk.engine.replaying import Told
from ombud.desk.past import entries_of, robots_in
from ombud.desk.plugin_writes import kinds_begin
from ombud.desk.rules import in_force
from ombud.desk.settings.changes import Standing, stored
from ombud.desk.settings.form import Asked
from ombud.desk.settings.groups import Group, key_of_plugin
from ombud.desk.units import country_of
from ombud.kernel.calling import call
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running
from ombud.kernel.setting_values import holding
from ombud.trust.policy import Viewer
from ombud_plugin_api import CaseFacts, Deadlines, holds

KIND = "deadlines"
PAGE = 200  # cases
SECONDS = 30.0  # that a page of cases may take
MOST_FAULTS = 20


class TriedSettings(Tried):
    """Beside what every trial of clocks tells. `began`: clocks that only the draft starts; `dropped`: those that only
    history has; `unanswered`: why the plugin could not say → cases."""

    began: int = 0
    dropped: int = 0
    unanswered: dict[str, int] = {}


def tries(group: Group) -> bool:
    """Whether these settings can be tried so: the promises, or of a plugin that sets deadlines and is on."""
    return group.key == promises.KEY or any(each == group.slug for each, _ in providers())


def _named(standing: Standing) -> tuple[str, str]:
    """Kind of trial, and what it is about."""
    group, place = standing.group, str(standing.place.id or "")
    return (KIND, f"{group.slug}/{place}") if group.slug else (trying_promises.KIND, place)


async def ask(viewer: Viewer, standing: Standing, asked: Asked, months: int) -> None:
    """Asks for a trial of what a form of settings says, in its place."""
    own = {**(standing.own.values if standing.own else {}), **stored(standing, asked)}
    own = {name: value for name, value in own.items() if name not in asked.unset}
    await trials.ask(viewer, *_named(standing), {"values": own}, months)


async def latest(standing: Standing) -> trials.Trial | None:
    return await trials.latest(*_named(standing))


async def run(about: str, definition: Mapping[str, Any], since: datetime) -> TriedSettings:
    """The trial itself; see `trials`."""
    slug, _, place = about.partition("/")
    return await try_settings(slug, UUID(place) if place else None, definition["values"], since)


@dataclass
class _World:
    """What is the same for all cases."""

    slug: str
    providers: Sequence[Deadlines]
    parents: Mapping[str, str]
    calendars: Mapping[str, Calendar]
    values: Mapping[str, Mapping[str, Any]]
    countries: Mapping[str, str]
    until: datetime
    faults: dict[str, str] = field(default_factory=dict)

    def walk(self, entries: Sequence[Told], robots: frozenset[str]) -> list[Walked] | str:
        """A text where the plugin's answer is not what it promised."""
        try:
            return Walk(self.slug, self._wanted, self.calendars, self.parents, self.until, robots).go(entries)
        except Rubbish as problem:
            return str(problem)

    def _wanted(self, facts: CaseFacts) -> list[Wanted]:
        calendar, values = self.calendars[facts.unit], self.values.get(facts.unit, {})
        country = self.countries.get(facts.unit, "")
        found: list[Wanted] = []
        for each in (one for one in self.providers if holds(one.places, country, values)):
            found += checked(self.slug, each.due(facts, calendar, values), facts)
        return [each for each in found if each.terms.met_by != BY_ITSELF]  # somebody else's time cannot be missed


async def try_settings(slug: str, place: UUID | None, own: Mapping[str, Any], since: datetime) -> TriedSettings:
    """Every case of the units below the place that was open at some time since then."""
    loaded = running.loaded.get(slug)
    tried = TriedSettings()
    if loaded is None or loaded.setting_schema is None:
        return tried
    parents = await in_force.parents()
    units = [unit for unit in parents if place is None or str(place) in chain_of(unit, parents)]
    values = {
        unit: holding(loaded.setting_schema, await trials.layers(key_of_plugin(slug), unit, place, own))
        for unit in units
    }
    countries = {unit: await country_of(UUID(unit)) for unit in units}
    held = {unit: await calendars.current(UUID(unit)) for unit in units}
    world = _World(slug, [each for name, each in providers() if name == slug], parents, held, values, countries, now())
    last = UUID(int=0)
    while rows := await db.fetch(_CASES, [UUID(each) for each in units], last, since, PAGE):
        last = rows[-1]["id"]
        await _page(tried, world, rows, since)
        await asyncio.sleep(0)
    return tried


_CASES = """
SELECT c.id, c.unit_id FROM core_case c WHERE c.unit_id = ANY($1) AND c.id > $2
    AND (c.closed_at IS NULL OR c.closed_at >= $3) AND c.merged_into IS NULL ORDER BY c.id LIMIT $4
"""
_CLOCKS = """
SELECT k.case_id, k.key, k.label, k.aspect_id, k.started_at, k.state, k.events FROM core_clock k
WHERE k.case_id = ANY($1) AND starts_with(k.key, $2)
"""


async def _page(tried: TriedSettings, world: _World, cases: Sequence[Any], since: datetime) -> None:
    ids = [row["id"] for row in cases]
    units = {row["id"]: row["unit_id"] for row in cases}
    entries, robots = await entries_of(ids, f"{kinds_begin(world.slug)}."), await robots_in(ids)
    was: dict[UUID, list[Any]] = {}
    for row in await db.fetch(_CLOCKS, ids, f"{world.slug}."):
        was.setdefault(row["case_id"], []).append(row)
    outcome: Any = await call(world.slug, _walked, world, entries, robots, limit=SECONDS, place="try deadlines")
    if outcome.fault is not None:
        _leave(tried, outcome.fault.message, len(ids))
        return
    for case_id, would in outcome.value.items():
        if isinstance(would, str):
            _leave(tried, would, 1)
        else:
            identity = UUID(case_id)
            clocks = await _both(was.get(identity, []), would, world.until, tried)
            _take(tried, identity, units[identity], clocks, since)


def _walked(
    world: _World, entries: Mapping[str, Sequence[Told]], robots: frozenset[str]
) -> dict[str, list[Walked] | str]:
    return {case_id: world.walk(each, robots) for case_id, each in entries.items()}


def _leave(tried: TriedSettings, why: str, cases: int) -> None:
    if why in tried.unanswered or len(tried.unanswered) < MOST_FAULTS:
        tried.unanswered[why] = tried.unanswered.get(why, 0) + cases


@dataclass(frozen=True)
class _One:
    """One clock on both sides; `was` or `would` is absent where only one has it. `ended_at`: None while it runs."""

    row: Mapping[str, Any]
    told: Compared
    was: bool
    would: bool
    ended_at: datetime | None


async def _both(rows: Sequence[Any], would: Sequence[Walked], at: datetime, tried: TriedSettings) -> list[_One]:
    """Clocks of the same name, matter and beginning are the same."""
    left = {(each.key, each.aspect, each.started_at): each for each in would}
    found = []
    for row in rows:
        other = left.pop((row["key"], str(row["aspect_id"] or ""), row["started_at"]), None)
        try:
            reading = reckon(await kept.happened(row["events"]), at)
        except LookupError:
            tried.lacking += 1
            continue
        if reading.terms.met_by == BY_ITSELF:
            continue
        late = reading.state != "stopped" and reading.late
        due, late_would = _read(other, at)
        ended = reading.ended_at
        found.append(_One(row, Compared(reading.due_at, due, late, late_would), True, other is not None, ended))
    for each in left.values():
        due, late_would = _read(each, at)
        row = {"label": each.label, "aspect_id": each.aspect}
        found.append(_One(row, Compared(None, due, False, late_would), False, True, each.read(at).ended_at))
    return found


def _read(clock: Walked | None, at: datetime) -> tuple[datetime | None, bool]:
    if clock is None:
        return None, False
    reading = clock.read(at)
    return reading.due_at, reading.state != "stopped" and reading.late


def _take(tried: TriedSettings, case_id: UUID, unit_id: UUID, clocks: Sequence[_One], since: datetime) -> None:
    counted = [each for each in clocks if each.ended_at is None or each.ended_at >= since]
    tried.cases += bool(counted)
    for each in counted:
        tried.began += not each.was
        tried.dropped += not each.would
        row = {
            "case_id": case_id, "unit_id": unit_id, "label": each.row["label"], "aspect_id": each.row["aspect_id"],
        }  # fmt: skip
        tried.take(row, each.told)


__all__ = ["KIND", "TriedSettings", "ask", "latest", "run", "tries", "try_settings"]
