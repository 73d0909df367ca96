"""Which cases are at the end of their period, and what holds some of them back. What is asked walks an index from the
oldest on, and stops at a bound, so that neither a page nor a run grows with the desk."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from ombud.desk.redress.payments import states as payment_states
from ombud.desk.retention.periods import closed_before, last_day
from ombud.desk.retention.rules import Ground, Rule
from ombud.kernel.database import db
from ombud.trust.policy import SYSTEM, Arguments, Viewer, about_me, decide

RIGHT = "privacy.erase"
COUNTED = 1000  # of one unit and type; more are told as at least so many
SIZE = 50
OLDEST = datetime(1900, 1, 1, tzinfo=UTC)
NOBODY = UUID(int=0)
_PARTIES = "(SELECT y.person_id FROM core_party y WHERE y.case_id = c.id)"
_WITH_MERGED = "(h.case_id = c.id OR h.case_id IN (SELECT m.id FROM core_case m WHERE m.merged_into = c.id))"
_UNPAID = ", ".join(
    f"'{each}'" for each in payment_states.STATES if each not in (payment_states.PAID, payment_states.CANCELLED)
)
# Why a case stays though its period is over: code, what is true then of `c`.
HELD: dict[str, str] = {
    "hold": "EXISTS (SELECT 1 FROM core_privacy_hold h WHERE h.lifted_at IS NULL "
            f"AND ({_WITH_MERGED} OR h.person_id IN {_PARTIES}))",
    "open": "c.status <> 'closed'",
    "request": "EXISTS (SELECT 1 FROM core_privacy_request q JOIN core_party y ON y.case_id = c.id "
               "WHERE q.state = 'open' AND (q.person_id = y.person_id OR q.also ? y.person_id::text))",
    "redress": "(EXISTS (SELECT 1 FROM core_redress_request q WHERE q.case_id = c.id AND q.state = 'waiting') "
               f"OR EXISTS (SELECT 1 FROM core_payment p WHERE p.case_id = c.id AND p.state IN ({_UNPAID})))",
    "promise": "EXISTS (SELECT 1 FROM core_task t JOIN core_aspect a ON a.id = t.aspect_id "
               "WHERE a.case_id = c.id AND t.done_at IS NULL AND t.dropped_at IS NULL)",
    "message": "EXISTS (SELECT 1 FROM core_outgoing o WHERE o.case_id = c.id "
               "AND o.state NOT IN ('sent', 'failed', 'cancelled'))",
    "time": "EXISTS (SELECT 1 FROM core_clock k WHERE k.case_id = c.id AND k.state = 'running' AND k.due_at > now())",
    "shared": "EXISTS (SELECT 1 FROM core_message m JOIN core_shared_message s ON s.message_id = m.id "
              "JOIN core_case o ON o.id = s.case_id "
              "WHERE m.case_id = c.id AND s.case_id <> c.id AND o.destroyed_at IS NULL)",
}  # fmt: skip
_CASES = ", ".join(f"CASE WHEN {sql} THEN '{code}' END" for code, sql in HELD.items())
REASONS = f"array_remove(ARRAY[{_CASES}], NULL)"
ENDED_AT = "coalesce(c.closed_at, c.last_word_at)"
_DUE = (
    "c.unit_id = g.unit_id AND c.case_type = g.case_type AND c.merged_into IS NULL AND c.destroyed_at IS NULL "
    f"AND {ENDED_AT} < g.before AND (NOT g.by_word OR c.last_word_at < g.before)"
)
_GROUNDS = "unnest({0}::uuid[], {1}::text[], {2}::uuid[], {3}::timestamptz[], {4}::boolean[])"


@dataclass(frozen=True)
class Due:
    """The cases of one unit and type whose period ended before a moment, under a rule."""

    unit_id: UUID
    case_type: str
    rule_id: UUID
    before: datetime
    by_word: bool


@dataclass(frozen=True)
class CaseDue:
    """One case at the end of its period. `reasons`: codes of what holds it back; `until`: the last day of the
    period."""

    id: UUID
    reference: str
    title: str
    unit_id: UUID
    case_type: str
    closed_at: datetime | None
    ended_at: datetime
    until: date
    rule_id: UUID
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class RuleCount:
    """How many cases are due under a rule, and how many of them are held back; `more`: at least so many."""

    rule_id: UUID
    due: int
    held: int
    more: bool


def plan(grounds: Iterable[Ground], day: date) -> list[Due]:
    """What is over when `day` begins. Pure."""
    return [
        Due(each.unit_id, each.case_type, each.rule.id,
            closed_before(day, each.rule.amount, each.rule.span, each.zone), each.rule.counts_from == "last_word")
        for each in grounds if each.rule is not None
    ]  # fmt: skip


def _columns(plan_: Sequence[Due]) -> list[list[Any]]:
    names = ("unit_id", "case_type", "rule_id", "before", "by_word")
    return [[getattr(each, name) for each in plan_] for name in names]


def _given(plan_: Sequence[Due], arguments: Arguments) -> str:
    places = [arguments.add(each) for each in _columns(plan_)]
    return f"{_GROUNDS.format(*places)} AS g (unit_id, case_type, rule_id, before, by_word)"


def _in_view(viewer: Viewer, arguments: Arguments) -> str:
    """What the viewer may see of it; nobody sees a case that has an aspect about them."""
    if viewer.system:
        return "TRUE"
    rows = decide(viewer, RIGHT, "case").where("c", arguments)
    return f"{rows} AND NOT {about_me('c.id', arguments.add(viewer.user_id))}"


async def page(
    viewer: Viewer, plan_: Sequence[Due], rules: Mapping[UUID, Rule], zones: Mapping[UUID, str],
    after: tuple[datetime, UUID] | None = None, size: int = SIZE,
) -> tuple[list[CaseDue], tuple[datetime, UUID] | None]:  # fmt: skip
    """Cases in the order in which they ended, and from where the next page goes on; one statement."""
    rows = await _rows(viewer, plan_, after, size + 1)
    found = [
        CaseDue(
            row["id"], row["reference"], row["title"], row["unit_id"], row["case_type"], row["closed_at"],
            row["ended_at"], _until(row, rules[row["rule_id"]], zones[row["unit_id"]]), row["rule_id"],
            tuple(row["reasons"]),
        )
        for row in rows[:size]
    ]  # fmt: skip
    return found, (found[-1].ended_at, found[-1].id) if len(rows) > size else None


def _until(row: Mapping[str, Any], rule: Rule, zone: str) -> date:
    begins = row["ended_at"] if rule.counts_from == "closed" else max(row["ended_at"], row["last_word_at"])
    return last_day(begins.astimezone(ZoneInfo(zone)).date(), rule.amount, rule.span)


async def _rows(
    viewer: Viewer, plan_: Sequence[Due], after: tuple[datetime, UUID] | None, limit: int
) -> list[Mapping[str, Any]]:
    if not plan_:
        return []
    arguments = Arguments()
    given = _given(plan_, arguments)
    at, identity = (arguments.add(each) for each in after or (OLDEST, NOBODY))
    many = arguments.add(limit)
    rows = await db.fetch(
        f"SELECT g.rule_id, d.* FROM {given} CROSS JOIN LATERAL (SELECT c.id, c.reference, c.title, c.unit_id, "
        f"c.case_type, c.closed_at, c.last_word_at, {ENDED_AT} AS ended_at, {REASONS} AS reasons FROM core_case c "
        f"WHERE {_DUE} AND ({ENDED_AT}, c.id) > ({at}::timestamptz, {identity}::uuid) "
        f"AND {_in_view(viewer, arguments)} ORDER BY {ENDED_AT}, c.id LIMIT {many}) d "
        f"ORDER BY d.ended_at, d.id LIMIT {many}",
        *arguments.values,
    )
    return [dict(row) for row in rows]


async def batch(plan_: Sequence[Due], after: tuple[datetime, UUID] | None, size: int) -> list[Mapping[str, Any]]:
    """The next cases for a run: id, rule_id, ended_at, reasons. For core's own run, which asks nobody's rights."""
    return await _rows(SYSTEM, plan_, after, size)


async def counts(viewer: Viewer, plan_: Sequence[Due]) -> dict[UUID, RuleCount]:
    """By rule, counted to a bound; one statement."""
    if not plan_:
        return {}
    arguments = Arguments()
    given = _given(plan_, arguments)
    many = arguments.add(COUNTED)
    rows = await db.fetch(
        f"SELECT g.rule_id, sum(d.due)::int AS due, sum(d.held)::int AS held, bool_or(d.due >= {many}) AS more "
        f"FROM {given} CROSS JOIN LATERAL (SELECT count(*) AS due, "
        "count(*) FILTER (WHERE found.reasons <> '{}') AS held FROM ("
        f"SELECT {REASONS} AS reasons FROM core_case c WHERE {_DUE} AND {_in_view(viewer, arguments)} "
        f"ORDER BY {ENDED_AT}, c.id LIMIT {many}) found) d GROUP BY g.rule_id",
        *arguments.values,
    )
    return {row["rule_id"]: RuleCount(row["rule_id"], row["due"], row["held"], row["more"]) for row in rows}


async def any_free(plan_: Sequence[Due]) -> bool:
    """Whether a case is due and nothing holds it back."""
    if not plan_:
        return False
    arguments = Arguments()
    given = _given(plan_, arguments)
    return bool(
        await db.fetchval(
            f"SELECT EXISTS (SELECT 1 FROM {given} CROSS JOIN LATERAL (SELECT 1 FROM core_case c WHERE {_DUE} "
            f"AND {REASONS} = '{{}}' LIMIT 1) d)",
            *arguments.values,
        )
    )


async def without_rule(grounds: Sequence[Ground]) -> list[Ground]:
    """Units and types with closed cases that no rule speaks of: these are kept. One statement."""
    bare = [each for each in grounds if each.rule is None]
    rows = await db.fetch(
        "SELECT g.unit_id, g.case_type FROM unnest($1::uuid[], $2::text[]) AS g (unit_id, case_type) "
        "WHERE EXISTS (SELECT 1 FROM core_case c WHERE c.unit_id = g.unit_id AND c.case_type = g.case_type "
        "AND c.merged_into IS NULL AND c.destroyed_at IS NULL AND c.status = 'closed')",
        [each.unit_id for each in bare], [each.case_type for each in bare],
    )  # fmt: skip
    left = {(row["unit_id"], row["case_type"]) for row in rows}
    return [each for each in bare if (each.unit_id, each.case_type) in left]
