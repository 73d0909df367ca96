"""The coded facts of the cases that concern a period, from one statement: one moment of the desk."""

import asyncio
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from ombud.desk.calendars import versions
from ombud.desk.calendars.arithmetic import Calendar
from ombud.desk.words import is_code
from ombud.kernel.database import db
from ombud.trust.checkpoints import batches
from ombud_plugin_api.returns import ReturnAspect, ReturnCase, ReturnPeriod

MOST_DAYS = 99

_CASES = """
WITH RECURSIVE below AS (
    SELECT id FROM core_unit WHERE id = $1 UNION SELECT u.id FROM core_unit u JOIN below ON u.parent_id = below.id
), concerned AS (
    SELECT c.id, c.received_on, (c.closed_at AT TIME ZONE u.time_zone)::date AS closed_on, c.case_type, c.channel,
        c.fields, u.time_zone
    FROM core_case c JOIN core_unit u ON u.id = c.unit_id
    WHERE c.unit_id IN (SELECT id FROM below) AND c.merged_into IS NULL AND c.received_on <= $3
        AND (c.closed_at IS NULL OR (c.closed_at AT TIME ZONE u.time_zone)::date >= $2)
), lines AS (
    SELECT r.aspect_id, r.currency, sum(CASE WHEN r.reverses IS NULL THEN r.amount ELSE -abs(r.amount) END)::text AS sum
    FROM core_redress r JOIN concerned c ON c.id = r.case_id WHERE r.amount IS NOT NULL GROUP BY r.aspect_id, r.currency
), given AS (
    SELECT aspect_id, jsonb_object_agg(currency, sum) AS redress FROM lines GROUP BY aspect_id
), matters AS (
    SELECT a.case_id, jsonb_agg(jsonb_build_object('id', a.id, 'position', a.position, 'category', a.category,
        'cause', a.cause, 'outcome', a.outcome, 'decided_on', (a.decided_at AT TIME ZONE c.time_zone)::date,
        'redress', g.redress) ORDER BY a.position, a.id) AS aspects
    FROM core_aspect a JOIN concerned c ON c.id = a.case_id LEFT JOIN given g ON g.aspect_id = a.id GROUP BY a.case_id
), needs AS (
    SELECT s.case_id, bool_or(s.in_vulnerable_circumstances) AS vulnerable,
        bool_or(s.complains_of_our_response) AS ignored
    FROM core_support_needs s JOIN concerned c ON c.id = s.case_id GROUP BY s.case_id
)
SELECT c.*, coalesce(m.aspects, '[]') AS aspects, coalesce(n.vulnerable, FALSE) AS vulnerable,
    coalesce(n.ignored, FALSE) AS ignored
FROM concerned c LEFT JOIN matters m ON m.case_id = c.id LEFT JOIN needs n ON n.case_id = c.id ORDER BY c.id
"""


async def cases(unit_id: UUID, period: ReturnPeriod) -> list[ReturnCase]:
    """Received by the end of the period and still open when it began, in the entity and below. Merged ones count in
    the case that holds them."""
    calendar = await versions.current(unit_id)
    types = await db.fetch("SELECT key, fields FROM core_case_type")
    lists = {row["key"]: {name for name, rule in row["fields"].items() if "allowed" in rule} for row in types}
    found: list[ReturnCase] = []
    async with db.transaction():
        async for rows in batches(_CASES, unit_id, period.first, period.last):
            found += [_case(row, calendar, lists.get(row["case_type"], set())) for row in rows]
            await asyncio.sleep(0)  # a firm may have tens of thousands: other readers of this process go on
    return found


def _case(row: Any, calendar: Calendar, lists: set[str]) -> ReturnCase:
    closed: date | None = row["closed_on"]
    return ReturnCase(
        id=str(row["id"]), received_on=row["received_on"], closed_on=closed, case_type=row["case_type"],
        channel=row["channel"], aspects=tuple(_aspect(each) for each in row["aspects"]),
        business_days=None if closed is None else business_days(calendar, row["received_on"], closed),
        fields={name: value for name, value in (row["fields"] or {}).items() if _coded(value, name in lists)},
        vulnerable=row["vulnerable"], vulnerability_ignored=row["ignored"],
    )  # fmt: skip


def _aspect(each: dict[str, Any]) -> ReturnAspect:
    decided = each["decided_on"]
    return ReturnAspect(
        id=each["id"], position=each["position"], category=each["category"] or "", cause=each["cause"] or "",
        outcome=each["outcome"] or "", decided_on=date.fromisoformat(decided) if decided else None,
        redress={currency: Decimal(amount) for currency, amount in sorted((each["redress"] or {}).items())},
    )  # fmt: skip


def _coded(value: Any, chosen: bool) -> bool:
    """What a frozen return may keep of a case type's own fields: never anybody's words, only what was chosen from a
    list."""
    return isinstance(value, bool | int) or (chosen and isinstance(value, str) and is_code(value))


def business_days(calendar: Calendar, first: date, last: date) -> int:
    """Business days after the first day, up to the last; at most 99."""
    day, count = first, 0
    while day < last and count < MOST_DAYS:
        day += timedelta(days=1)
        count += bool(calendar.hours_of(day))
    return count
