"""A draft, or the rules in force, over the cases of the last months: read in bulk, page by page, in two processes.

Nothing is written and nobody is told; what comes out are counts, and ids of cases.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from multiprocessing import get_context
from typing import Any
from uuid import UUID

import msgspec

from ombud.desk.calendars import versions as calendars
from ombud.desk.engine.replaying import Period, Run, Told, World, replay
from ombud.desk.engine.terms import Definition, Rule, leaves
from ombud.desk.engine.vocabulary import Vocabulary
from ombud.desk.rules import apart, in_force
from ombud.kernel.calling import call
from ombud.kernel.clock import now
from ombud.kernel.database import db

PAGE = 400  # cases
MOST_SHOWN = 300
MOST_FAULTS = 40
SECONDS = 30.0  # that a page of cases may take where words of plugins are asked
PROCESSES = 2
SMALL = 4000  # cases; fewer are not worth a second process
MONTH = timedelta(days=30.5)


class Report(msgspec.Struct):
    """What came of a replay; sums over cases, and the changed ones by id. `load`: queue → [open now, open under the
    draft]; `differs`: cases in which the rules in force are not found anew, each with what is not; `unanswered`: words
    that could not say, each with why → cases; `untried`: cases that a word held up so long that they were left."""

    cases: int = 0
    entries: int = 0
    seconds: float = 0.0
    since: str = ""
    until: str = ""
    asked: int = 0
    found_anew: int = 0
    differing: int = 0
    differs: list[dict[str, Any]] = []
    lacking: dict[str, int] = {}
    unanswered: dict[str, int] = {}
    untried: int = 0
    changed: int = 0
    times: int = 0
    same: int = 0
    dropped: int = 0
    halted: int = 0
    late: int = 0
    acted_before: int = 0
    caused: int = 0
    avoided: int = 0
    load: dict[str, list[int]] = {}
    units: dict[str, int] = {}
    shown: list[dict[str, Any]] = []

    def take(self, run: Run) -> None:
        self.cases += 1
        self.asked += run.asked
        self.found_anew += run.found_anew
        self.halted += run.halted
        self.late += run.late
        for each in run.lacking:
            self.lacking[each] = self.lacking.get(each, 0) + 1
        for each in run.unanswered:
            self._unanswered(each, 1)
        if run.missed or run.surplus:
            self.differing += 1
            if len(self.differs) < MOST_SHOWN:
                self.differs.append({"case": run.case, "missed": run.missed[:5], "surplus": run.surplus[:5]})
        if run.open:
            self._count(run.queue_was, 0)
            self._count(run.queue_would or run.queue_was, 1)
        self.same += run.same
        if run.changed:
            self._changed(run)

    def leave(self, why: str, cases: int) -> None:
        """Cases that could not be walked, and who is to blame."""
        self.untried += cases
        self._unanswered(why, cases)

    def _unanswered(self, why: str, cases: int) -> None:
        if why in self.unanswered or len(self.unanswered) < MOST_FAULTS:
            self.unanswered[why] = self.unanswered.get(why, 0) + cases

    def _count(self, queue: str, side: int) -> None:
        self.load.setdefault(queue, [0, 0])[side] += 1

    def _changed(self, run: Run) -> None:
        self.changed += 1
        self.times += len({each.trigger for each in run.added})
        self.dropped += len(run.dropped)
        self.acted_before += run.acted_before
        self.caused += len(run.caused)
        self.avoided += len(run.avoided)
        self.units[run.unit] = self.units.get(run.unit, 0) + 1
        if len(self.shown) < MOST_SHOWN:
            self.shown.append({
                "case": run.case, "late": run.late, "caused": run.caused, "avoided": run.avoided,
                "added": [_plain(each) for each in run.added[:10]],
                "dropped": [_plain(each) for each in run.dropped[:10]],
            })  # fmt: skip

    def join(self, other: "Report") -> None:
        """Adds what another process found."""
        for name in ("cases", "entries", "asked", "found_anew", "differing", "changed", "times", "same", "dropped",
                     "halted", "late", "acted_before", "caused", "avoided", "untried"):  # fmt: skip
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("lacking", "units", "unanswered"):
            setattr(self, name, dict(Counter(getattr(self, name)) + Counter(getattr(other, name))))
        for queue, (was, would) in other.load.items():
            mine = self.load.setdefault(queue, [0, 0])
            mine[0] += was
            mine[1] += would
        self.shown = (self.shown + other.shown)[:MOST_SHOWN]
        self.differs = (self.differs + other.differs)[:MOST_SHOWN]


def _plain(would: Any) -> dict[str, Any]:
    return {"at": would.at.isoformat(), "change": would.change, "matched": list(would.matched)}


@dataclass(frozen=True)
class Wanted:
    """`draft`: the rule as it would be, None to find anew what the rules in force did."""

    since: datetime
    until: datetime
    draft: Definition | None = None


class Share(msgspec.Struct):
    """What a process needs to run its part of the cases, from `low` to `high`."""

    url: str
    low: UUID
    high: UUID
    since: datetime
    until: datetime
    periods: list[Period]
    parents: dict[str, str]
    plugins: list[str] = []
    seconds: float = SECONDS
    draft: Rule | None = None


Progress = Callable[[int], Any]


async def run(wanted: Wanted, progress: Progress = lambda done: None, processes: int = PROCESSES) -> Report:
    """Runs it: many cases in processes of their own, which load the plugins whose words are used; few in this one."""
    started = asyncio.get_running_loop().time()
    versions = await in_force.held()
    periods = [Period(each.rule, each.since, each.until) for each in versions if not each.built_in]
    draft = Rule(definition=wanted.draft, version=0) if wanted.draft else None
    total = int(await db.fetchval(_COUNT, wanted.since, UUID(int=0), UUID(int=2**128 - 1)))
    used = [each.rule for each in periods] + ([draft] if draft else [])
    slugs = {in_force.slug_of(str(leaf["is"])) for rule in used for leaf in _words_of(rule)} - {""}
    whole = Share(
        db.url, UUID(int=0), UUID(int=2**128 - 1), wanted.since, wanted.until, periods, await in_force.parents(),
        sorted(slugs), SECONDS, draft,
    )  # fmt: skip
    if processes < 2 or total < SMALL:
        report = await share(whole, in_force.words(), progress, _alone(", ".join(whole.plugins)))
    else:
        report = await _apart(whole, progress, processes)
    report.seconds = round(asyncio.get_running_loop().time() - started, 2)
    report.since, report.until = in_force.text_of(wanted.since), in_force.text_of(wanted.until)
    return report


def _words_of(rule: Rule) -> list[Mapping[str, Any]]:
    actions = [{"is": each.get("do")} for each in rule.definition.actions]
    return [*leaves(rule.definition.conditions), *actions]


async def _apart(whole: Share, progress: Progress, processes: int) -> Report:
    """Each process takes cases with ids of its own range, cut where equally many lie."""
    cuts = [
        await db.fetchval(_CUT, whole.since, number / processes) for number in range(1, processes)
    ]  # fmt: skip
    edges = [whole.low, *[UUID(str(each)) for each in cuts], whole.high]
    shares = [
        msgspec.structs.replace(whole, low=low, high=high) for low, high in pairwise(edges)
    ]  # fmt: skip
    loop, report = asyncio.get_running_loop(), Report()
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        running = [loop.run_in_executor(pool, in_process, msgspec.msgpack.encode(each)) for each in shares]
        for done in asyncio.as_completed(running):
            report.join(msgspec.msgpack.decode(await done, type=Report))
            progress(report.cases)
    return report


def in_process(given: bytes) -> bytes:
    """The part of one process, with a database connection of its own."""

    async def work(mine: Share) -> Report:
        await db.open(mine.url, largest=2, name="ombud replay")
        try:
            return await share(
                mine, apart.words_of(mine.plugins), walk=_alarmed(mine.seconds) if mine.plugins else _walk
            )
        finally:
            await db.close()

    return msgspec.msgpack.encode(asyncio.run(work(msgspec.msgpack.decode(given, type=Share))))


_WHERE = """
FROM core_case c WHERE (c.closed_at IS NULL OR c.closed_at >= $1) AND c.id > $2 AND c.id <= $3
"""
_COUNT = f"SELECT count(*) {_WHERE}"
_CUT = """
SELECT percentile_disc($2::float8) WITHIN GROUP (ORDER BY c.id) FROM core_case c
WHERE c.closed_at IS NULL OR c.closed_at >= $1
"""
_CASES = f"SELECT c.id {_WHERE} ORDER BY c.id LIMIT $4"
_ENTRIES = """
SELECT e.stream, e.seq, e.at, e.kind, e.body::text AS body FROM core_ledger_entry e
WHERE e.stream = ANY($1::text[]) AND e.kind = ANY($2::text[]) ORDER BY e.stream, e.seq
"""
_OVER = """
SELECT (SELECT max(e.at) FROM core_ledger_entry e WHERE e.kind = 'desk.imported') AS imported,
    (SELECT max(e.at) FROM core_ledger_entry e WHERE e.kind = 'demo.loaded') AS demo
"""


@dataclass
class _Over:
    """Until when what happened is of another desk, or made up."""

    imported: datetime | None = None
    demo: datetime | None = None
    made_up: set[str] = field(default_factory=set)

    def of(self, case_id: str) -> datetime | None:
        moments = [each for each in (self.imported, self.demo if case_id in self.made_up else None) if each]
        return max(moments, default=None)


async def share(
    mine: Share, words: Vocabulary, progress: Progress = lambda done: None, walk: "Walk | None" = None
) -> Report:
    """One part of the cases, page by page."""
    world = World(mine.periods, words, mine.parents, await _calendars(), mine.since, mine.until, mine.draft)
    report, kinds, last = Report(), list(world.kinds()), mine.low
    over = await _over()
    while ids := [row["id"] for row in await db.fetch(_CASES, mine.since, last, mine.high, PAGE)]:
        last = ids[-1]
        rows = await db.fetch(_ENTRIES, [f"case/{each}" for each in ids], kinds)
        report.entries += len(rows)
        done = await (walk or _walk)(world, rows, over)
        if isinstance(done, str):
            report.leave(done, len({row["stream"] for row in rows}))
        else:
            for run in done:
                report.take(run)
        progress(report.cases)
        await asyncio.sleep(0)
    return report


Walk = Callable[[World, Sequence[Any], _Over], Awaitable["list[Run] | str"]]
"""Walks a page of cases; a text says why it could not be walked."""


async def _walk(world: World, rows: Sequence[Any], over: _Over) -> "list[Run] | str":
    return _page(world, rows, over)


def _alarmed(seconds: float) -> Walk:
    """In a process of its own, where an alarm ends what takes too long."""

    async def walk(world: World, rows: Sequence[Any], over: _Over) -> "list[Run] | str":
        try:
            with apart.within(seconds):
                return _page(world, rows, over)
        except apart.TooSlow:
            return f"words of plugins took longer than {seconds:g} seconds over a page of cases"

    return walk


def _alone(slugs: str) -> Walk:
    """In this process: where plugins' words are asked, in a thread, under a limit, with a fault recorded."""
    if not slugs:
        return _walk

    async def walk(world: World, rows: Sequence[Any], over: _Over) -> "list[Run] | str":
        outcome = await call(slugs.partition(",")[0], _page, world, rows, over, limit=SECONDS, place="replay")
        return outcome.value if outcome.fault is None else f"{slugs}: {outcome.fault.message}"

    return walk


_decode = msgspec.json.Decoder(dict[str, Any]).decode


def _page(world: World, rows: Sequence[Any], over: _Over) -> list[Run]:
    runs: list[Run] = []
    entries: list[Told] = []
    for row in rows:
        if entries and entries[0].stream != row["stream"]:
            runs.append(_one(world, entries, over))
            entries = []
        entries.append(Told(row["stream"], row["seq"], row["at"], row["kind"], _decode(row["body"])))
    return [*runs, _one(world, entries, over)] if entries else runs


def _one(world: World, entries: Sequence[Told], over: _Over) -> Run:
    return replay(world, entries, over.of(entries[0].stream.partition("/")[2]))


async def _over() -> _Over:
    row = await db.fetchrow(_OVER)
    assert row is not None
    made_up: set[str] = set()
    if row["demo"]:
        rows = await db.fetch("SELECT item_id::text AS id FROM core_demo_item WHERE kind = 'case'")
        made_up = {each["id"] for each in rows}
    return _Over(row["imported"], row["demo"], made_up)


async def _calendars() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for row in await db.fetch("SELECT id FROM core_unit"):
        found[str(row["id"])] = await calendars.current(row["id"])
    return found


def months_back(months: int, until: datetime | None = None) -> Wanted:
    """The last months up to now."""
    end = until or now()
    return Wanted(end - months * MONTH, end)
