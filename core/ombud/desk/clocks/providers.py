"""What plugins want clocked: asked outside transactions, each alone. One that fails makes the case poorer by its own
clocks and delays nobody's. What is the law of other places is not asked, so its clocks run nowhere else."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from msgspec import structs

from ombud.desk import units
from ombud.desk.calendars.arithmetic import Calendar
from ombud.desk.clocks.planning import Wanted
from ombud.desk.clocks.reckoning import Terms
from ombud.desk.engine.folding import fold
from ombud.desk.plugin_writes import kinds_begin
from ombud.desk.settings.groups import values_known
from ombud.desk.words import is_code
from ombud.kernel import faults
from ombud.kernel.calling import Outcome, call
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running
from ombud_plugin_api import CaseFacts, Deadline, Deadlines, holds
from ombud_plugin_api.deadlines import MET_BY

SECONDS = 2.0
MOST = 40
LONGEST_DAYS, LONGEST_WORKING = 3650, 60 * 60 * 24 * 366
LONGEST_LABEL = 80


class Rubbish(ValueError):
    """A provider's answer is not what the contract promises; the text says where."""


def providers() -> list[tuple[str, Deadlines]]:
    found = [(slug, each) for slug, loaded in running.loaded.items() for each in loaded.deadlines]
    return sorted(found, key=lambda pair: pair[1].key)


Wish = tuple[list[Wanted], set[str]]
"""The clocks that the running plugins want, and the slugs of those whose every provider answered: one whose law is not
of the unit's country wants none."""


async def wanted_by_plugins(case_id: UUID, unit_id: UUID, calendar: Calendar) -> Wish:
    """For one case, with the settings as they are now."""
    return (await wanted_of_all({case_id: unit_id}, {unit_id: calendar}, 0))[case_id]


async def wanted_of_all(
    units_of: Mapping[UUID, UUID], calendars: Mapping[UUID, Calendar], settled: int
) -> dict[UUID, Wish]:
    """For several cases, by their units; what units and settings say is remembered under the settled number."""
    if not providers():
        return {case_id: ([], set()) for case_id in units_of}
    told = await _told_of(list(units_of))
    parents = await units.parents_known(settled)
    grounds = {unit_id: await _ground(unit_id, settled) for unit_id in dict.fromkeys(units_of.values())}
    found = {}
    for case_id, unit_id in units_of.items():
        facts = fold(told[case_id], parents=parents)
        found[case_id] = await _asked_of(facts, told[case_id], calendars[unit_id], grounds[unit_id])
    return found


@dataclass(frozen=True)
class _Ground:
    """What providers are told of a unit; `values`: each plugin's settings there."""

    country: str
    values: Mapping[str, Mapping[str, Any]]


async def _ground(unit_id: UUID, settled: int) -> _Ground:
    country = await units.country_known(unit_id, settled)
    slugs = {slug: None for slug, _ in providers()}
    return _Ground(country, {slug: await values_known(slug, unit_id, settled) for slug in slugs})


async def _asked_of(facts: CaseFacts, entries: Sequence["_Told"], calendar: Calendar, ground: _Ground) -> Wish:
    wanted: list[Wanted] = []
    asked, failed = set[str](), set[str]()
    for slug, provider in providers():
        asked.add(slug)
        values = deepcopy(ground.values.get(slug, {}))  # what one provider does to them is nobody else's affair
        if not holds(provider.places, ground.country, values):
            continue
        place = f"deadlines {provider.key}"
        known = structs.replace(facts, recorded=recorded(slug, entries))
        outcome: Outcome[Any] = await call(slug, provider.due, known, calendar, values, limit=SECONDS, place=place)
        if outcome.fault is not None:
            failed.add(slug)
            continue
        try:
            wanted += checked(slug, outcome.result, facts)
        except Rubbish as problem:
            failed.add(slug)
            await faults.record(slug, "error", place, str(problem))
    return wanted, asked - failed


async def facts_of(case_id: UUID) -> CaseFacts:
    """As the case's ledger tells it."""
    return fold((await _told_of([case_id]))[case_id], parents=await units.parents_known(0))


def recorded(slug: str, entries: Sequence["_Told"]) -> dict[str, dict[str, Any]]:
    """What the plugin wrote down in the case, the newest of each kind; never what others did."""
    return {each.kind: dict(each.body) for each in entries if each.kind.startswith(f"{kinds_begin(slug)}.")}


_TOLD = """
SELECT stream, seq, at, kind, body FROM core_ledger_entry WHERE stream = ANY($1) ORDER BY stream, seq
"""


async def _told_of(case_ids: Sequence[UUID]) -> dict[UUID, list["_Told"]]:
    found: dict[str, list[_Told]] = {f"case/{each}": [] for each in case_ids}
    for row in await db.fetch(_TOLD, list(found)):
        found[row["stream"]].append(_Told(row))
    return dict(zip(case_ids, found.values(), strict=True))


class _Told:
    """A row as the fold reads it."""

    __slots__ = ("at", "body", "kind", "seq", "stream")

    def __init__(self, row: Any) -> None:
        self.stream, self.seq, self.at, self.kind, self.body = (
            row["stream"], row["seq"], row["at"], row["kind"], row["body"]
        )  # fmt: skip


def checked(slug: str, given: Any, facts: CaseFacts) -> list[Wanted]:
    """What a provider gave, as wanted clocks. Raises Rubbish."""
    if not isinstance(given, list | tuple) or not all(isinstance(each, Deadline) for each in given):
        raise Rubbish(f"it gave {type(given).__name__}, not a list of deadlines")
    if len(given) > MOST:
        raise Rubbish(f"it gave {len(given)} deadlines for one case; {MOST} are the most")
    wanted = [_wanted(slug, each, facts) for each in given]
    if len({(each.key, each.aspect) for each in wanted}) != len(wanted):
        raise Rubbish("it gave one clock twice for the case or an aspect")
    return wanted


def _wanted(slug: str, given: Deadline, facts: CaseFacts) -> Wanted:
    if not is_code(given.clock) or not given.clock or (given.policy and not is_code(given.policy)):
        raise Rubbish(f"{given.clock!r:.40} or its policy {given.policy!r:.40} is no code")
    if given.met_by not in MET_BY:
        raise Rubbish(f"{given.clock} is met by none of {', '.join(MET_BY)}")
    if given.aspect and given.aspect not in {each.id for each in facts.aspects}:
        raise Rubbish(f"{given.clock} is of an aspect that the case does not have")
    starts_at = given.starts_at or facts.received_at
    if starts_at.tzinfo is None:
        raise Rubbish(f"{given.clock} starts at a moment without a zone")
    policy = f"{slug}.{given.clock}" + (f"/{given.policy}" if given.policy else "")
    label = " ".join(str(given.label).split())[:LONGEST_LABEL] or given.clock
    return Wanted(
        f"{slug}.{given.clock}", given.aspect, label, policy, _terms(given), starts_at,
        repeats=given.starts_at is not None,
    )  # fmt: skip


def _terms(given: Deadline) -> Terms:
    if sum(each is not None for each in (given.working, given.days, given.until)) != 1:
        raise Rubbish(f"{given.clock} does not say how long in exactly one way: working, days or until")
    seconds = int(given.working.total_seconds()) if given.working is not None else 0
    if given.working is not None and not 0 < seconds <= LONGEST_WORKING:
        raise Rubbish(f"{given.clock} has {seconds} seconds of working time")
    if given.days is not None and not 0 <= given.days <= LONGEST_DAYS:
        raise Rubbish(f"{given.clock} has {given.days} days")
    if given.until is not None and given.until.tzinfo is None:
        raise Rubbish(f"{given.clock} ends at a moment without a zone")
    warn = tuple(sorted({each for each in given.warn_at if isinstance(each, int) and 0 < each < 100}))
    return Terms(
        working=seconds, days=given.days, business=given.business, until=given.until, regulatory=given.regulatory,
        met_by=given.met_by, warn=warn,
    )  # fmt: skip
