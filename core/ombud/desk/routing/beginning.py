"""Ladders that start by themselves: cases that meet all that a ladder asks, looked for by the schedule."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from ombud.desk.calendars import versions as calendars
from ombud.desk.routing.climbing import MOST, escalate
from ombud.desk.routing.laddering import Starts, moods_from
from ombud.desk.routing.ladders import LadderShown, all_ladders
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import Arguments

_SINCE = {
    "received": "c.received_at", "due": "c.due_at",
    "last_in": "(SELECT max(m.said_at) FROM core_message m WHERE m.case_id = c.id AND m.direction = 'in')",
}  # fmt: skip
# Nobody answered since: what the customer wrote last is their own, and nothing of ours came after it.
_UNANSWERED = """
NOT EXISTS (SELECT 1 FROM core_message ours WHERE ours.case_id = c.id AND ours.direction = 'out'
    AND ours.author_id IS NOT NULL AND ours.recorded_at > {since})
"""
_FOUND = """
SELECT c.id, c.unit_id, {since} AS since FROM core_case c
WHERE c.status IN ('new', 'in_progress') AND c.merged_into IS NULL AND {conditions}
    AND NOT EXISTS (SELECT 1 FROM core_escalation e WHERE e.ladder_id = {ladder} AND e.case_id = c.id
        AND e.aspect_id IS NULL AND (e.state = 'running' OR {again}))
ORDER BY c.opened_at, c.id LIMIT {many}
"""


async def start_due() -> int:
    """Starts every ladder in use where its conditions hold; for the schedule. Once for a case, and once more where the
    customer wrote again since. Returns how many began."""
    begun = 0
    for ladder in await all_ladders():
        if ladder.active and ladder.content.starts.any():
            begun += await _start(ladder)
    return begun


async def _start(ladder: LadderShown) -> int:
    begun, starts = 0, ladder.content.starts
    for case_id, because in await _found(ladder):
        begun += await escalate(case_id, ladder.key, None, {**because, "ladder": ladder.key}) is not None
    assert starts.any()
    return begun


async def _found(ladder: LadderShown) -> list[tuple[UUID, dict[str, Any]]]:
    arguments, starts = Arguments(), ladder.content.starts
    sql = _FOUND.format(
        since=_SINCE.get(starts.of, "NULL::timestamptz"), conditions=_conditions(ladder, arguments),
        ladder=f"{arguments.add(ladder.id)}::uuid", many=arguments.add(MOST),
        again=f"e.started_at >= {_SINCE['last_in']}" if starts.of == "last_in" else "TRUE",
    )  # fmt: skip
    moment, found = now(), []
    for row in await db.fetch(sql, *arguments.values):
        if starts.of and starts.after.business:
            calendar = await calendars.current(row["unit_id"])
            if starts.after.end(row["since"], calendar) > moment:
                continue
        found.append((row["id"], _because(starts)))
    return found


def _because(starts: Starts) -> dict[str, Any]:
    """The conditions that held, as codes."""
    held: dict[str, Any] = {}
    if starts.severity:
        held["severity"] = starts.severity
    if starts.mood:
        held["mood"] = starts.mood
    if starts.support_needs:
        held["support_needs"] = True
    if starts.amount is not None:
        held |= {"amount": f"{starts.amount:f}", "currency": starts.currency}
    if starts.of:
        held |= {"of": starts.of, "minutes": starts.after.minutes, "business": starts.after.business}
    return {"matched": held}


def _conditions(ladder: LadderShown, arguments: Arguments) -> str:
    starts, parts = ladder.content.starts, ["TRUE"]
    if ladder.unit_id is not None:
        unit = arguments.add(ladder.unit_id)
        parts.append(
            f"c.unit_id IN (WITH RECURSIVE below AS (SELECT {unit}::uuid AS id UNION SELECT u.id FROM core_unit u "
            "JOIN below ON u.parent_id = below.id) SELECT id FROM below)"
        )
    if starts.severity:
        parts.append(f"c.severity >= {arguments.add(starts.severity)}")
    if starts.mood:
        parts.append(f"c.mood = ANY({arguments.add(list(moods_from(starts.mood)))}::text[])")
    if starts.support_needs:
        parts.append(
            "EXISTS (SELECT 1 FROM core_support_needs s WHERE s.case_id = c.id AND (s.in_vulnerable_circumstances "
            "OR s.complains_of_our_response OR s.adjustments <> ''))"
        )
    if starts.amount is not None:
        parts.append(_amount(starts, arguments))
    if starts.of:
        # Working time passes no faster than time, so that what is not over by the one is not by the other.
        earliest = arguments.add(now() - timedelta(minutes=starts.after.minutes))
        parts.append(f"{_SINCE[starts.of]} <= {earliest}::timestamptz")
    if starts.of == "last_in":
        parts.append(_UNANSWERED.format(since=_SINCE["last_in"]))
    return " AND ".join(parts)


def _amount(starts: Starts, arguments: Arguments) -> str:
    """What customers ask for in the open matters of a case, added up in the ladder's currency."""
    amount, currency = arguments.add(starts.amount), arguments.add(starts.currency)
    return (
        "(SELECT coalesce(sum(a.amount_in_dispute), 0) FROM core_aspect a WHERE a.case_id = c.id "
        f"AND a.status = 'open' AND a.disputed_currency = {currency}::text) >= {amount}::numeric"
    )
