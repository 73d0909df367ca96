"""Why somebody sees a case, and why not all of it: the answer of the policy, laid out in its parts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.desk import references
from ombud.desk.shown import Named
from ombud.desk.writing import demand, no_case
from ombud.kernel.database import db
from ombud.trust import viewing
from ombud.trust.policy import OPENED, Arguments, FieldShown, Viewer, decide, fields_in

HIDDEN_CASES = "case.confidential"
NAMES = 5


@dataclass(frozen=True)
class Given:
    """A role that gives a right where the case lies: held in `unit`, which is the case's own or above it."""

    role: str
    unit: str


@dataclass(frozen=True)
class Part:
    """One field that needs a right: `given` by these roles, or kept back; then `roles` show it, and `people` who hold
    one of them there could say more."""

    field: str
    permission: str
    shown: bool
    given: tuple[Given, ...]
    roles: tuple[str, ...]
    people: tuple[str, ...]


@dataclass(frozen=True)
class Why:
    """`ways`: of the policy, by which the case is in view (`unit`, `confidential`, `owner`, `emergency`); `reads` and
    `secret`: the roles behind the right to cases and to confidential ones; `program`: a token asks, for its user."""

    reference: str
    unit: Named
    confidential: bool
    ways: tuple[str, ...]
    reads: tuple[Given, ...]
    secret: tuple[Given, ...]
    until: datetime | None
    fields: tuple[Part, ...]
    program: bool

    @property
    def masked(self) -> int:
        return sum(not each.shown for each in self.fields)


_CASE = """
SELECT c.id, c.reference, c.unit_id, u.name AS unit_name, c.confidential, {ways}
FROM core_case c JOIN core_unit u ON u.id = c.unit_id WHERE c.reference = {reference} AND {rows}
"""
_HOLDING = """
WITH RECURSIVE up AS (SELECT id, parent_id, name FROM core_unit WHERE id = $1
    UNION SELECT u.id, u.parent_id, u.name FROM core_unit u JOIN up ON u.id = up.parent_id)
SELECT p AS permission, k.label AS role, up.name AS unit, w.id AS user_id,
    coalesce(nullif(w.display_name, ''), w.name) AS name
FROM core_user_role r JOIN up ON up.id = r.unit_id JOIN core_role k ON k.key = r.role
JOIN core_user w ON w.id = r.user_id AND w.active, unnest(k.permissions) AS p
WHERE p = ANY($2) AND (w.id = $3 OR p = ANY($4)) ORDER BY lower(w.name), w.id, k.label, up.name LIMIT 2000
"""


async def why_seen(viewer: Viewer, reference: str) -> Why:
    """Three statements. Raises NotFound with one text for missing and hidden; nothing here tells of an aspect that is
    hidden from the viewer."""
    demand(viewer, OPENED)
    row, ways = await _case(viewer, reference)
    viewing.saw(viewer, row["id"])
    fields = fields_in(viewer, row["unit_id"])
    masked = sorted({each.permission for each in fields if not each.shown})
    asked = sorted({OPENED, HIDDEN_CASES, *(each.permission for each in fields)})
    held = await db.fetch(_HOLDING, row["unit_id"], asked, viewer.user_id, masked)
    showing = await db.fetch("SELECT label, permissions FROM core_role WHERE active ORDER BY label, key")
    return Why(
        row["reference"], Named(row["unit_id"], row["unit_name"]), row["confidential"], ways,
        _given(viewer, held, OPENED), _given(viewer, held, HIDDEN_CASES), viewer.emergencies.get(row["id"]),
        tuple(_part(viewer, each, held, showing) for each in fields), viewer.actor.startswith("token/"),
    )  # fmt: skip


async def _case(viewer: Viewer, reference: str) -> tuple[Any, tuple[str, ...]]:
    """The case, and which of the policy's own conditions let it into view."""
    arguments, grant = Arguments(), decide(viewer, OPENED, "case")
    conditions = grant.ways("c", arguments)
    sql = _CASE.format(
        ways=", ".join(f"coalesce({condition}, FALSE) AS way_{way}" for way, condition in conditions.items()),
        rows=grant.where("c", arguments), reference=arguments.add(references.tidy(reference) or reference),
    )  # fmt: skip
    row = await db.fetchrow(sql, *arguments.values) if "\0" not in reference and len(reference) <= 100 else None
    if row is None:
        raise no_case(reference[:100])
    return row, tuple(way for way in conditions if row[f"way_{way}"])


def _given(viewer: Viewer, held: list[Any], permission: str) -> tuple[Given, ...]:
    own = (each for each in held if each["user_id"] == viewer.user_id and each["permission"] == permission)
    return tuple(dict.fromkeys(Given(each["role"], each["unit"]) for each in own))


def _part(viewer: Viewer, field: FieldShown, held: list[Any], roles: list[Mapping[str, Any]]) -> Part:
    if field.shown:
        return Part(field.field, field.permission, True, _given(viewer, held, field.permission), (), ())
    others = (each for each in held if each["permission"] == field.permission and each["user_id"] != viewer.user_id)
    people = tuple(dict.fromkeys(str(each["name"]) for each in others))[:NAMES]
    able = tuple(each["label"] for each in roles if field.permission in each["permissions"])
    return Part(field.field, field.permission, False, (), able, people)


def emergency_until(viewer: Viewer, case_id: UUID) -> datetime | None:
    """Until when emergency access opens this case to the viewer; None where it does not."""
    return viewer.emergencies[case_id] if case_id in viewer.opened() else None
