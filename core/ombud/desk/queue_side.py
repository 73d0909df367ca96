"""What stands beside and above a list of cases: queues with kept counts, saved views, and what filters choose from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ombud.desk import views
from ombud.desk.queues import APART, QueueLine, apart
from ombud.desk.views import View
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import Arguments, Viewer, decide


@dataclass(frozen=True)
class QueueSide:
    """`units`, `case_types`, `people`: code and name of what a list can be narrowed to."""

    lines: list[QueueLine]
    views: list[View]
    units: list[tuple[str, str]]
    case_types: list[tuple[str, str]]
    people: list[tuple[str, str]]


_SIDE = """
WITH counted AS (
    SELECT queue_id, sum(waiting)::bigint AS waiting, sum(unowned)::bigint AS unowned FROM (
        SELECT queue_id, sum(delta)::bigint AS waiting, (sum(delta) FILTER (WHERE NOT owned))::bigint AS unowned
        FROM core_queue_count n WHERE status <> 'closed' AND {counts} GROUP BY queue_id UNION ALL {apart}) both_kinds
    GROUP BY queue_id),
queues AS (
    SELECT q.id, q.key, q.name, coalesce(n.waiting, 0) AS waiting, coalesce(n.unowned, 0) AS unowned, q.position
    FROM core_queue q LEFT JOIN counted n ON n.queue_id = q.id WHERE q.active),
seen AS (
    SELECT {columns}, v.position, v.created_at FROM core_view v WHERE {views} LIMIT 200),
staff AS (
    SELECT DISTINCT w.id, coalesce(nullif(w.display_name, ''), w.name) AS name FROM core_user w
    JOIN core_user_role r ON r.user_id = w.id WHERE w.active AND ({whole} OR r.unit_id = ANY({units}::uuid[]))
    ORDER BY 2 LIMIT 200)
SELECT
    (SELECT coalesce(jsonb_agg(q ORDER BY q.position, q.key), '[]') FROM queues q) AS queues,
    (SELECT coalesce(jsonb_agg(s ORDER BY s.unit_id IS NOT NULL, s.unit_name, s.position, s.created_at), '[]')
        FROM seen s) AS views,
    (SELECT coalesce(jsonb_agg(jsonb_build_array(u.key, u.name) ORDER BY u.created_at, u.id), '[]') FROM core_unit u
        WHERE {whole} OR u.id = ANY({units}::uuid[])) AS units,
    (SELECT coalesce(jsonb_agg(jsonb_build_array(t.key, t.label) ORDER BY t.label), '[]') FROM core_case_type t
        WHERE t.active) AS case_types,
    (SELECT coalesce(jsonb_agg(jsonb_build_array(p.id, p.name) ORDER BY p.name), '[]') FROM staff p) AS people
"""


async def queue_side(viewer: Viewer) -> QueueSide:
    """Everything in one statement, whatever the number of cases."""
    arguments = Arguments()
    sql = _SIDE.format(
        counts=decide(viewer, "case.read", "count").where("n", arguments),
        apart=APART.format(seen=apart(viewer, arguments)), columns=views.COLUMNS,
        views=views.in_sight(viewer, arguments), whole=arguments.add(viewer.system) + "::boolean",
        units=arguments.add(list(viewer.units("case.read"))),
    )  # fmt: skip
    row = await db.fetchrow(sql, *arguments.values)
    assert row is not None
    return QueueSide(
        [_line(each) for each in row["queues"]],
        [views.view_of(each) for each in row["views"]],
        *(_pairs(row[name]) for name in ("units", "case_types", "people")),
    )


def _line(row: Mapping[str, Any]) -> QueueLine:
    return QueueLine(UUID(row["id"]), row["key"], row["name"], row["waiting"], row["unowned"], now())


def _pairs(found: list[list[str]]) -> list[tuple[str, str]]:
    return [(str(code), name) for code, name in found]
