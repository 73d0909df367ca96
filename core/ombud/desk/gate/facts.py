"""What the record says of a case, as the gate compares letters with it."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from ombud.desk.deadlines import received_on
from ombud.desk.gate import days, sums
from ombud.desk.gate.findings import AspectFact, Money, Record
from ombud.desk.words import letter
from ombud.kernel.clock import now
from ombud.kernel.database import db

MESSAGES = 300
"""So many of the newest messages are read for the days and sums they speak of."""

_CASE = """
SELECT c.reference, c.received_on, u.time_zone,
    ARRAY(SELECT x.reference FROM core_case x WHERE x.merged_into = c.id
        UNION SELECT x.reference FROM core_merge m JOIN core_case x ON x.id IN (m.from_case, m.into_case)
        WHERE c.id IN (m.from_case, m.into_case) AND m.undone_at IS NULL) AS tied,
    (SELECT jsonb_agg(jsonb_build_array(m.direction, m.said_at, m.subject || E'\\n' || m.body) ORDER BY m.said_at DESC)
     FROM (SELECT m.* FROM core_message m LEFT JOIN core_outgoing o ON o.id = m.id
        WHERE m.case_id = c.id AND (o.id IS NULL OR o.state = 'sent')
        ORDER BY m.said_at DESC, m.id DESC LIMIT {messages}) m) AS said
FROM core_case c JOIN core_unit u ON u.id = c.unit_id WHERE c.id = $1
"""
_ASPECTS = """
SELECT a.id, a.title, a.text, a.reason, a.outcome, a.decided_at, a.amount_in_dispute, a.disputed_currency,
    a.concerns_user_id, coalesce((SELECT jsonb_agg(
        jsonb_build_array(r.kind, r.amount::text, r.currency, r.note, r.created_at, coalesce(k.working, '[]'::jsonb))
        ORDER BY r.created_at, r.id)
    FROM core_redress r LEFT JOIN core_calculation k ON k.id = r.calculation_id
    WHERE r.aspect_id = a.id AND r.reverses IS NULL
        AND NOT EXISTS (SELECT 1 FROM core_redress b WHERE b.reverses = r.id)), '[]'::jsonb) AS redress
FROM core_aspect a WHERE a.case_id = $1 ORDER BY a.position, a.id
"""


async def record_of(case_id: UUID, user_id: UUID | None = None) -> tuple[Record, frozenset[str]]:
    """The record, all of it, and which aspects are hidden from this member of staff; two statements."""
    case: Any = await db.fetchrow(_CASE.format(messages=MESSAGES), case_id)
    rows = await db.fetch(_ASPECTS, case_id)
    zone = ZoneInfo(case["time_zone"])
    said = list(case["said"] or ())
    texts = [text for _, _, text in said] + [each for row in rows for each in _texts(row)]
    moments = [_moment(at, zone) for _, at, _ in said]
    moments += [row["decided_at"].astimezone(zone).date() for row in rows if row["decided_at"] is not None]
    moments += [_moment(line[4], zone) for row in rows for line in row["redress"]]
    record = Record(
        reference=case["reference"], received_on=case["received_on"], today=received_on(now(), case["time_zone"]),
        aspects=tuple(_aspect(row, number) for number, row in enumerate(rows, 1)),
        incoming=frozenset(_moment(at, zone) for direction, at, _ in said if direction == "in"),
        dates=frozenset([*moments, *_days(texts)]), sums=frozenset([*_disputed(rows), *_worked(rows), *_sums(texts)]),
        references=frozenset(case["tied"]),
    )  # fmt: skip
    hidden = frozenset(str(row["id"]) for row in rows if user_id is not None and row["concerns_user_id"] == user_id)
    return record, hidden


def _moment(at: str, zone: ZoneInfo) -> date:
    return datetime.fromisoformat(at).astimezone(zone).date()


def _texts(row: Any) -> Iterable[str]:
    yield from (row["title"], row["text"], row["reason"])
    yield from (line[3] for line in row["redress"])


def _aspect(row: Any, number: int) -> AspectFact:
    granted = tuple(
        Money(sums.exact(line[1]), line[2]) for line in row["redress"] if line[0] == "money" and line[1] is not None
    )
    return AspectFact(str(row["id"]), letter(number), row["title"], row["outcome"], granted)


def _disputed(rows: Iterable[Any]) -> Iterable[Money]:
    return [
        Money(sums.exact(str(row["amount_in_dispute"])), row["disputed_currency"])
        for row in rows
        if row["amount_in_dispute"] is not None
    ]


def _worked(rows: Iterable[Any]) -> Iterable[Money]:
    """The steps of kept workings."""
    steps = [(step["amount"], line[2]) for row in rows for line in row["redress"] for step in line[5]]
    return [Money(sums.exact(amount), currency) for amount, currency in steps if sums.is_exact(amount)]


def _days(texts: Iterable[str]) -> set[date]:
    return {day for text in texts for each in days.said(text) for day in each.could_be}


def _sums(texts: Iterable[str]) -> set[Money]:
    return {each.money for text in texts for each in sums.said(text)}
