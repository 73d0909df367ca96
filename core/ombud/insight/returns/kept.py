"""Returns as a reader sees them: the list, one with its figures, and the cases behind a figure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from ombud.desk.errors import NotFound
from ombud.insight.returns import facts, providers
from ombud.insight.returns.figures import Collected, Figure, written
from ombud.kernel.database import db
from ombud.trust.policy import Arguments, Viewer, decide
from ombud_plugin_api.returns import ReturnCase, ReturnPeriod

READ, PREPARE, SIGN = "return.read", "return.prepare", "return.sign"


@dataclass(frozen=True)
class Head:
    """One version of a return; names instead of ids."""

    id: UUID
    provider: str
    regulator: str
    label: str
    unit_id: UUID
    unit: str
    period_first: date
    period_last: date
    period_label: str
    due_on: date | None
    taxonomy: str
    number: int
    amends: UUID | None
    amended_by: UUID | None
    state: str
    entered: Mapping[str, str]
    layout: Mapping[str, Any]
    digest: str
    created_at: datetime
    created_by: str
    frozen_at: datetime | None
    frozen_by: str
    frozen_by_id: UUID | None
    signed_at: datetime | None
    signed_name: str
    filed_on: date | None
    filed_by: str
    filed_reference: str
    version: int

    @property
    def period(self) -> ReturnPeriod:
        return ReturnPeriod(first=self.period_first, last=self.period_last, label=self.period_label, due=self.due_on)

    @property
    def is_draft(self) -> bool:
        return self.state == "draft"


def _name(column: str) -> str:
    return f"(SELECT coalesce(nullif(w.display_name, ''), w.name) FROM core_user w WHERE w.id = r.{column})"


_HEADS = f"""
SELECT r.id, r.provider, r.regulator, r.label, r.unit_id, u.name AS unit, r.period_first, r.period_last, r.period_label,
    r.due_on, r.taxonomy, r.number, r.amends, (SELECT n.id FROM core_return n WHERE n.amends = r.id
    AND n.state <> 'discarded' LIMIT 1) AS amended_by, r.state, r.entered, r.layout, r.digest, r.created_at,
    coalesce({_name("created_by")}, 'Ombud') AS created_by, r.frozen_at,
    coalesce({_name("frozen_by")}, '') AS frozen_by, r.frozen_by AS frozen_by_id,
    r.signed_at, r.signed_name, r.filed_on, coalesce({_name("filed_by")}, '') AS filed_by, r.filed_reference, r.version
FROM core_return r JOIN core_unit u ON u.id = r.unit_id
"""


async def listed(viewer: Viewer) -> list[Head]:
    """Newest period first; those thrown away are not shown."""
    arguments = Arguments()
    seen = decide(viewer, READ, "return").where("r", arguments)
    rows = await db.fetch(
        f"{_HEADS} WHERE {seen} AND r.state <> 'discarded' ORDER BY r.period_last DESC, r.label, u.name, r.number DESC "
        "LIMIT 500",
        *arguments.values,
    )
    return [Head(**dict(row)) for row in rows]


async def head(viewer: Viewer, return_id: UUID) -> Head:
    """Raises NotFound, also for what this viewer may not see."""
    arguments = Arguments(return_id)
    seen = decide(viewer, READ, "return").where("r", arguments)
    row = await db.fetchrow(f"{_HEADS} WHERE r.id = $1 AND {seen}", *arguments.values)
    if row is None:
        raise NotFound("There is no such return. The list shows those there are.")
    return Head(**dict(row))


async def now_collected(head: Head) -> tuple[Collected, list[ReturnCase]]:
    """The figures as the desk stands. Outside transactions; raises NotNow where the plugin fails."""
    known = providers.provider(head.provider)
    layout = await providers.layout(known, head.taxonomy, head.unit_id)
    cases = await facts.cases(head.unit_id, head.period)
    return await providers.collected(known, layout, cases, head.period, dict(head.entered)), cases


async def frozen(head: Head) -> Collected:
    """The figures as they were frozen."""
    rows = await db.fetch("SELECT * FROM core_return_figure WHERE return_id = $1 ORDER BY place", head.id)
    figures = [
        Figure(
            row["number"], row["label"], row["definition"], row["definition_version"], row["unit"], row["value"],
            row["official"], row["section"], row["row_code"], row["column_number"], False,
            [(case, aspect, adds) for case, aspect, adds in row["evidence"]],
        )
        for row in rows
    ]  # fmt: skip
    return Collected(figures, [], {}, list(head.layout.get("unverified", ())), dict(head.layout))


async def frozen_cases(return_id: UUID) -> dict[str, ReturnCase]:
    rows = await db.fetch("SELECT case_id, facts FROM core_return_case WHERE return_id = $1", return_id)
    return {str(row["case_id"]): msgspec.convert(row["facts"], ReturnCase, strict=False) for row in rows}


async def figures_of(head: Head) -> Collected:
    """Frozen where the return is, else as the desk stands."""
    return (await now_collected(head))[0] if head.is_draft else await frozen(head)


@dataclass(frozen=True)
class Opened:
    """A figure with the cases behind it: `cases` those the reader may see, `hidden` how many others there are."""

    figure: Figure
    value: str | None
    cases: list[dict[str, Any]]
    hidden: int


_SEEN = """
SELECT c.id, c.reference, c.received_on, c.status, a.id AS aspect_id FROM unnest($1::uuid[], $2::uuid[])
    AS given (case_id, aspect_id) JOIN core_case c ON c.id = given.case_id
LEFT JOIN core_aspect a ON a.id = coalesce(given.aspect_id, (SELECT main.id FROM core_aspect main
    WHERE main.case_id = c.id ORDER BY main.position, main.id LIMIT 1))
WHERE {case} AND (a.id IS NULL OR {aspect})
ORDER BY c.received_on, c.reference
"""


async def opened(viewer: Viewer, figure: Figure) -> Opened:
    """Whose case it is decides the policy; an aspect about the reader stays hidden here too."""
    given = [(UUID(case), UUID(aspect) if aspect else None, adds) for case, aspect, adds in figure.evidence]
    rows = await seen(viewer, [(case, aspect) for case, aspect, _ in given])
    adds = {case: told for case, _, told in given}
    shown = [{**row, "adds": adds[row["id"]]} for row in rows]
    return Opened(figure, written(figure.value), shown, len(given) - len(shown))


async def seen(viewer: Viewer, given: list[tuple[UUID, UUID | None]]) -> list[dict[str, Any]]:
    """Those of the cases (with their main aspect) that the viewer may read."""
    if not given:
        return []
    arguments = Arguments([case for case, _ in given], [aspect for _, aspect in given])
    sql = _SEEN.format(
        case=decide(viewer, "case.read", "case").where("c", arguments),
        aspect=decide(viewer, "case.read", "aspect").where("a", arguments),
    )
    return [dict(row) for row in await db.fetch(sql, *arguments.values)]
