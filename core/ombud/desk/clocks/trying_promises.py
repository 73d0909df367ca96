"""What a unit promises, tried before it is saved: clocks of full answers and first words of the last months, as if the
promise had held from their start. A case type with a term of its own keeps it, and so does a date that somebody set."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import structs

from ombud.desk import promises, trials
from ombud.desk.clocks import kept
from ombud.desk.clocks.reckoning import Happened, reckon
from ombud.desk.clocks.trying import PAGE, Compared, Tried
from ombud.desk.engine.folding import chain_of
from ombud.desk.promises import Promises
from ombud.desk.rules import in_force
from ombud.kernel.clock import now
from ombud.kernel.database import db

KIND = "promises"
_CLOCKS = """
SELECT k.id, k.case_id, k.aspect_id, k.key, k.label, k.events, c.unit_id,
    coalesce(t.answer_within_days, 0) AS own_days
FROM core_clock k JOIN core_case c ON c.id = k.case_id LEFT JOIN core_case_type t ON t.key = c.case_type
WHERE k.key IN ('answer', 'acknowledge') AND c.unit_id = ANY($1) AND k.id > $2
    AND (k.ended_at IS NULL OR k.ended_at >= $3) ORDER BY k.id LIMIT $4
"""


async def run(about: str, definition: Mapping[str, Any], since: datetime) -> Tried:
    """The trial itself; see `trials`. `about`: the id of the place, empty for the whole desk."""
    parents = await in_force.parents()
    place = UUID(about) if about else None
    units = [unit for unit in parents if place is None or about in chain_of(unit, parents)]
    drafts = {
        UUID(unit): promises.resolved(await trials.layers(promises.KEY, unit, place, definition["values"]))
        for unit in units
    }
    tried, cases, at, last = Tried(), set[UUID](), now(), UUID(int=0)
    while rows := await db.fetch(_CLOCKS, list(drafts), last, since, PAGE):
        last = rows[-1]["id"]
        for row in rows:
            cases.add(row["case_id"])
            await _one(tried, row, drafts[row["unit_id"]], at)
        await asyncio.sleep(0)
    tried.cases = len(cases)
    return tried


async def _one(tried: Tried, row: Any, draft: Promises, at: datetime) -> None:
    try:
        events = await kept.happened(row["events"])
    except LookupError:
        tried.lacking += 1
        return
    promised = draft.acknowledge_within_days if row["key"] == "acknowledge" else draft.answer_within_days
    keeps = row["key"] == "answer" and row["own_days"]
    tried.take(row, compared(events, None if keeps else promised, at))


def compared(events: Sequence[Happened], days: int | None, at: datetime) -> Compared:
    """The same events under another promise; None: the clock keeps its own. Pure."""
    other = [_promised(each, days) for each in events]
    was, would = reckon(events, at), reckon(other, at)
    counts = was.state != "stopped"
    return Compared(was.due_at, would.due_at, counts and was.late, counts and would.late)


def _promised(event: Happened, days: int | None) -> Happened:
    """Terms in days were promised so; a fixed moment was set by somebody."""
    if days is None or event.terms is None or event.terms.days is None:
        return event
    return event._replace(terms=structs.replace(event.terms, days=days))
