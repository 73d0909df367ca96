"""Figures about decisions on what came in, defined once: how many, how many were overturned, and how often a sample
found one wrong. Of teams and rules, never of a person."""

import math
from dataclasses import dataclass, fields
from datetime import date
from typing import Any
from uuid import UUID

from ombud.desk.errors import Invalid
from ombud.desk.inbox import decisions
from ombud.desk.shown import Named
from ombud.desk.writing import demand
from ombud.kernel.database import db
from ombud.speech import joined, sentence
from ombud.trust.policy import Arguments, Viewer

REVIEW = "inbox.review"
_Z = 1.959964  # 95 % of a normal distribution lie within so many standard deviations
DECISIONS = (decisions.COMPLAINT, decisions.JOINED, decisions.NOT_COMPLAINT)


@dataclass(frozen=True)
class DecisionFilters:
    """Empty means any. `by`: `person` or `rule`; days in the unit's zone, both included."""

    decision: str = ""
    reason: str = ""
    by: str = ""
    unit: str = ""
    since: date | None = None
    until: date | None = None

    def told(self) -> dict[str, str]:
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: str(value) for name, value in given.items() if value}

    @classmethod
    def of(cls, told: dict[str, str]) -> "DecisionFilters":
        """Raises Invalid for what means nothing."""
        given: dict[str, Any] = {each.name: told[each.name].strip() for each in fields(cls) if told.get(each.name)}
        for name in ("since", "until"):
            if name in given:
                given[name] = _day(given[name], name)
        filters = cls(**given)
        allowed = {
            "decision": ("", *DECISIONS), "by": ("", "person", "rule"),
            "reason": ("", *decisions.REASONS, *decisions.BY_RULE),
        }  # fmt: skip
        for name, codes in allowed.items():
            if getattr(filters, name) not in codes:
                raise Invalid(
                    sentence("%(name)s is one of %(codes)s.", name=name, codes=joined(filter(None, codes))), name
                )
        if len(filters.unit) > 200 or not filters.unit.isprintable():
            raise Invalid("This is no unit.", "unit")
        return filters


def _day(text: str, name: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Invalid("This is not a date. Write it like 2026-11-23.", name) from None
    if not 1990 <= day.year <= 3000:
        raise Invalid("This date is too far away.", name)
    return day


@dataclass(frozen=True)
class Rate:
    """A share found in a sample, with the interval in which the true one lies in 19 of 20 samples (Wilson)."""

    wrong: int
    looked_at: int
    low: float
    high: float

    @property
    def share(self) -> float:
        return self.wrong / self.looked_at


def rate(wrong: int, looked_at: int) -> Rate | None:
    """Pure; None where nobody looked. Wilson, Probable inference, 1927."""
    if looked_at <= 0:
        return None
    share, square = wrong / looked_at, _Z * _Z
    whole = 1 + square / looked_at
    centre = (share + square / (2 * looked_at)) / whole
    half = _Z * math.sqrt(share * (1 - share) / looked_at + square / (4 * looked_at * looked_at)) / whole
    return Rate(wrong, looked_at, max(0.0, centre - half), min(1.0, centre + half))


@dataclass(frozen=True)
class Line:
    """Decisions of one group. A decision counts on the day it was made, also where it was overturned later."""

    decision: str
    reason: str
    unit: Named | None
    month: date | None
    count: int
    overturned: int
    rate: Rate | None


@dataclass(frozen=True)
class Report:
    by_reason: tuple[Line, ...]
    by_unit: tuple[Line, ...]
    by_month: tuple[Line, ...]
    all: Line


_REPORT = """
WITH told AS (
    SELECT t.decision, t.reason, t.unit_id, date_trunc('month', t.at AT TIME ZONE u.time_zone)::date AS month,
        EXISTS (SELECT 1 FROM core_triage later WHERE later.message_id = t.message_id AND later.version > t.version
            AND later.decision <> t.decision) AS overturned,
        EXISTS (SELECT 1 FROM core_triage_review r WHERE r.triage_id = t.id AND r.verdict <> '') AS looked_at,
        EXISTS (SELECT 1 FROM core_triage_review r WHERE r.triage_id = t.id AND r.verdict = 'overturned') AS wrong
    FROM core_triage t JOIN core_unit u ON u.id = t.unit_id WHERE {wanted})
SELECT grouping(t.decision, t.unit_id, t.month) AS grouped, t.decision, t.reason, t.unit_id, t.month, count(*) AS n,
    count(*) FILTER (WHERE t.overturned) AS overturned, count(*) FILTER (WHERE t.looked_at) AS looked_at,
    count(*) FILTER (WHERE t.wrong) AS wrong, (SELECT u.name FROM core_unit u WHERE u.id = t.unit_id) AS unit
FROM told t GROUP BY GROUPING SETS ((t.decision, t.reason), (t.unit_id), (t.month), ())
ORDER BY 1, n DESC, t.month DESC
"""
_BY_REASON, _BY_UNIT, _BY_MONTH = 0b011, 0b101, 0b110


async def report(viewer: Viewer, filters: DecisionFilters) -> Report:
    """One statement."""
    demand(viewer, REVIEW)
    arguments = Arguments()
    rows = await db.fetch(_REPORT.format(wanted=conditions(viewer, filters, arguments)), *arguments.values)
    lines = [(row["grouped"], _line(row)) for row in rows]
    whole = next((line for grouped, line in lines if grouped == 0b111), Line("", "", None, None, 0, 0, None))
    months = [line for grouped, line in lines if grouped == _BY_MONTH]
    return Report(
        by_reason=tuple(line for grouped, line in lines if grouped == _BY_REASON),
        by_unit=tuple(line for grouped, line in lines if grouped == _BY_UNIT),
        by_month=tuple(sorted(months, key=lambda line: str(line.month), reverse=True)), all=whole,
    )  # fmt: skip


def _line(row: Any) -> Line:
    return Line(
        row["decision"] or "", row["reason"] or "", Named(row["unit_id"], row["unit"]) if row["unit_id"] else None,
        row["month"], row["n"], row["overturned"], rate(row["wrong"], row["looked_at"]),
    )  # fmt: skip


def conditions(viewer: Viewer, filters: DecisionFilters, arguments: Arguments) -> str:
    """SQL over `t` and its unit `u`: decisions in the units that the viewer may review, then the filters."""
    units: list[UUID] = list(viewer.units(REVIEW))
    parts = [f"t.decision <> 'undone' AND t.unit_id = ANY({arguments.add(units)}::uuid[])"]
    if filters.decision:
        parts.append(f"t.decision = {arguments.add(filters.decision)}")
    if filters.reason:
        parts.append(f"t.reason = {arguments.add(filters.reason)}")
    if filters.by:
        parts.append("t.rule <> ''" if filters.by == "rule" else "t.rule = ''")
    if filters.unit:
        parts.append(
            f"t.unit_id IN (WITH RECURSIVE below AS (SELECT id FROM core_unit WHERE key = {arguments.add(filters.unit)}"
            " UNION SELECT d.id FROM core_unit d JOIN below ON d.parent_id = below.id) SELECT id FROM below)"
        )
    if filters.since:
        parts.append(f"(t.at AT TIME ZONE u.time_zone)::date >= {arguments.add(filters.since)}")
    if filters.until:
        parts.append(f"(t.at AT TIME ZONE u.time_zone)::date <= {arguments.add(filters.until)}")
    return " AND ".join(parts)
