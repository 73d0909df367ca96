"""Retention as pages and the command line show it: what would go by a day, and the runs with their certificates."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from ombud.desk.errors import Invalid, NotFound
from ombud.desk.retention import due, rules
from ombud.desk.retention.certificate import digest
from ombud.desk.retention.due import RIGHT, CaseDue, RuleCount
from ombud.desk.retention.rules import Ground, Layout, Rule
from ombud.desk.writing import demand
from ombud.kernel.database import db
from ombud.trust.policy import Viewer

RUNS = 50
Place = tuple[datetime, UUID]


@dataclass(frozen=True)
class Preview:
    """What is over when `day` begins: how many by rule, one page of cases, and from where the next one goes on.
    `bare`: units and types with closed cases that no rule speaks of."""

    day: date
    laid: Layout
    rules: tuple[Rule, ...]
    counts: Mapping[UUID, RuleCount]
    cases: tuple[CaseDue, ...]
    after: Place | None
    bare: tuple[Ground, ...]

    @property
    def due(self) -> int:
        return sum(each.due for each in self.counts.values())

    @property
    def held(self) -> int:
        return sum(each.held for each in self.counts.values())

    @property
    def more(self) -> bool:
        return any(each.more for each in self.counts.values())


async def preview(
    viewer: Viewer, day: date | None = None, rule_id: UUID | None = None, after: Place | None = None
) -> Preview:
    """Of the cases in view, in six statements whatever the desk's size. `rule_id`: the list of one rule alone."""
    demand(viewer, RIGHT)
    laid, found = await rules.layout(), await rules.in_force()
    begins = day or laid.today
    if not 1990 <= begins.year <= 2200:
        raise Invalid("This day lies outside what the desk can hold.", "day")
    grounds = laid.grounds(found)
    plan = due.plan(grounds, begins)
    zones = {each.unit_id: each.zone for each in grounds}
    listed = [each for each in plan if rule_id in {None, each.rule_id}]
    cases, place = await due.page(viewer, listed, {each.id: each for each in found}, zones, after)
    bare = await due.without_rule(grounds)
    return Preview(begins, laid, tuple(found), await due.counts(viewer, plan), tuple(cases), place, tuple(bare))


@dataclass(frozen=True)
class RunShown:
    """A run. `file`: its certificate; `told`: what stands in it; both empty while it goes on. `by`: who began it."""

    id: UUID
    kind: str
    state: str
    day: date
    began_at: datetime
    ended_at: datetime | None
    by: str
    destroyed: int
    held: int
    more: bool
    sha256: str
    file: bytes = b""
    told: Mapping[str, Any] | None = None
    signature: Mapping[str, str] | None = None

    @property
    def fits(self) -> bool:
        return digest(self.file) == self.sha256


_RUNS = """
SELECT r.id, r.kind, r.state, r.day, r.began_at, r.ended_at, coalesce(nullif(u.display_name, ''), u.name, '') AS by,
    r.destroyed, r.held, r.more, r.sha256{more} FROM core_retention_run r
LEFT JOIN core_user u ON u.id = substring(r.began_by FROM '^user/([0-9a-f-]{{36}})$')::uuid
"""


async def runs(viewer: Viewer, after: Place | None = None) -> tuple[list[RunShown], Place | None]:
    """The newest first; one statement."""
    demand(viewer, RIGHT)
    where, given = ("WHERE (r.began_at, r.id) < ($1, $2)", after) if after else ("", ())
    rows = await db.fetch(
        f"{_RUNS.format(more='')} {where} ORDER BY r.began_at DESC, r.id DESC LIMIT {RUNS + 1}", *given
    )
    found = [RunShown(**dict(row)) for row in rows[:RUNS]]
    return found, (found[-1].began_at, found[-1].id) if len(rows) > RUNS else None


async def one_run(viewer: Viewer, run_id: UUID) -> RunShown:
    """With its certificate."""
    demand(viewer, RIGHT)
    row = await db.fetchrow(f"{_RUNS.format(more=', r.certificate')} WHERE r.id = $1", run_id)
    if row is None:
        raise NotFound("There is no such run. Open the list of runs.")
    values = dict(row)
    file = values.pop("certificate").encode()
    whole = msgspec.json.decode(file) if file else {}
    return RunShown(**values, file=file, told=whole.get("certificate"), signature=whole.get("signature"))
