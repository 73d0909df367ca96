"""What a new case stands on: its unit, what that promises, its case type and the queues, as the desk is set up now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ombud.config_table import Complaints
from ombud.desk import promises
from ombud.desk.errors import Invalid
from ombud.desk.promises import Promises
from ombud.kernel.database import db
from ombud.kernel.settled import Memory
from ombud.process import settings


@dataclass(frozen=True, slots=True)
class Ground:
    """`days`: how long the full answer may take; `fields`: the schema of the case type's own ones."""

    unit_id: UUID
    time_zone: str
    fields: Mapping[str, Any]
    days: int
    promises: Promises
    queues: tuple[Mapping[str, Any], ...]


_remembered: Memory[tuple[str, str, Complaints], Ground] = Memory(5000)

_SQL = """
WITH RECURSIVE unit AS MATERIALIZED (
    SELECT u.* FROM core_unit u
    WHERE CASE WHEN $1 = '' THEN u.parent_id IS NULL ELSE u.key = $1 AND u.active END
    ORDER BY u.created_at, u.id LIMIT 1
), up AS (
    SELECT id, parent_id, 0 AS distance FROM unit
    UNION
    SELECT above.id, above.parent_id, up.distance + 1 FROM up JOIN core_unit above ON above.id = up.parent_id
)
SELECT (SELECT id FROM unit) AS unit_id, (SELECT time_zone FROM unit) AS time_zone,
    (SELECT coalesce(jsonb_agg(s.value->'value' ORDER BY up.distance NULLS LAST), '[]')
     FROM core_setting s LEFT JOIN up ON up.id = s.unit_id
     WHERE s.key = $3 AND (s.unit_id IS NULL OR up.id IS NOT NULL)) AS promised,
    (SELECT coalesce(jsonb_agg(to_jsonb(q)), '[]') FROM core_queue q WHERE q.active) AS queues,
    (SELECT to_jsonb(t) FROM core_case_type t WHERE t.key = $2 AND t.active) AS case_type
"""


async def ground_of(unit: str, case_type: str, settled: int) -> Ground:
    """From memory, as long as the number holds under which it was read (`kernel/settled.py`); `unit` may be empty for
    the first one. Raises Invalid for a unit or case type that takes no case."""
    key = (unit, case_type, settings().complaints)
    return await _remembered.of(key, settled, lambda: _read(unit, case_type))


async def _read(unit: str, case_type: str) -> Ground:
    row = await db.fetchrow(_SQL, unit, case_type, promises.KEY)
    assert row is not None
    if row["unit_id"] is None:
        raise Invalid(f"There is no unit {unit!r}. Leave it out, or name an existing one.", "unit")
    kind = row["case_type"]
    if kind is None:
        raise Invalid(f"There is no case type {case_type!r}. Choose one of the desk's types.", "case_type")
    promised = promises.resolved(row["promised"])
    days = kind["answer_within_days"] or promised.answer_within_days
    return Ground(row["unit_id"], row["time_zone"], kind["fields"], days, promised, tuple(row["queues"]))
