"""How far an administrator reaches: the units they administer and all below, and nobody above their own rights.

Whoever holds the right in every topmost unit administers the whole desk, and may give any role: somebody has to be able
to appoint the first compliance officer, and the ledger says who did.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ombud.desk.errors import Invalid, NotAllowed
from ombud.kernel.database import db
from ombud.speech import sentence
from ombud.trust.policy import Arguments, Viewer

MANAGE, SET_UP = "user.manage", "setting.manage"


@dataclass(frozen=True)
class UnitName:
    """A unit in a list of choices; `path` names it with all above it."""

    id: UUID
    parent_id: UUID | None
    key: str
    name: str
    path: str
    depth: int
    active: bool


_TREE = """
WITH RECURSIVE tree AS (
    SELECT u.id, u.parent_id, u.key, u.name, u.active, u.name AS path, 0 AS depth,
        ARRAY[lower(u.name), u.id::text] AS place
    FROM core_unit u WHERE u.parent_id IS NULL
    UNION ALL
    SELECT u.id, u.parent_id, u.key, u.name, u.active, tree.path || ' › ' || u.name, tree.depth + 1,
        tree.place || ARRAY[lower(u.name), u.id::text]
    FROM core_unit u JOIN tree ON u.parent_id = tree.id
)
SELECT id, parent_id, key, name, path, depth, active FROM tree ORDER BY place
"""


async def unit_tree() -> list[UnitName]:
    """All units, each after the one above it, by name."""
    return [UnitName(**dict(row)) for row in await db.fetch(_TREE)]


async def whole_desk(viewer: Viewer, permission: str) -> bool:
    """Whether the viewer holds the permission in every topmost unit."""
    if viewer.system:
        return True
    tops = await db.fetch("SELECT id FROM core_unit WHERE parent_id IS NULL")
    return bool(tops) and all(viewer.may_in(permission, row["id"]) for row in tops)


async def demand_whole_desk(viewer: Viewer, permission: str, what: str) -> None:
    """`what` begins the sentence, such as `Roles count everywhere`."""
    if not await whole_desk(viewer, permission):
        raise NotAllowed(
            sentence("%(what)s, so only an administrator of the whole desk changes this. Ask one of them.", what=what)
        )


def demand_in(viewer: Viewer, permission: str, unit_id: UUID) -> None:
    if not viewer.may_in(permission, unit_id):
        raise NotAllowed("You do not administer this unit. Ask an administrator of it, or of the whole desk.")


async def demand_may_give(viewer: Viewer, role: str, unit_id: UUID) -> None:
    """Refuses to give or take a role in a unit outside one's reach, or one that allows more than one may oneself."""
    demand_in(viewer, MANAGE, unit_id)
    if await whole_desk(viewer, MANAGE):
        return
    permissions = await db.fetchval("SELECT permissions FROM core_role WHERE key = $1", role)
    if permissions is None:
        raise Invalid("Choose a role of the list.", "role")
    if beyond(viewer, permissions, unit_id):
        raise NotAllowed(
            "This role allows things you may not do yourself in this unit. Ask an administrator of the whole desk."
        )


def beyond(viewer: Viewer, permissions: Collection[str], unit_id: UUID) -> list[str]:
    """Those of the permissions that the viewer lacks in the unit."""
    return sorted(each for each in permissions if not viewer.may_in(each, unit_id))


async def demand_over(viewer: Viewer, user_id: UUID) -> None:
    """Refuses to act on the account of somebody who works elsewhere too, or may do more: a password or an address set
    for them would open their rights to whoever set it."""
    if viewer.user_id == user_id or await whole_desk(viewer, MANAGE):
        return
    rows = await db.fetch(
        "SELECT held.unit_id, r.permissions FROM core_user_role held JOIN core_role r ON r.key = held.role "
        "WHERE held.user_id = $1",
        user_id,
    )
    if not all(viewer.may_in(MANAGE, row["unit_id"]) for row in rows):
        raise NotAllowed(
            "This person also works in units you do not administer. Ask an administrator of the whole desk."
        )
    if any(beyond(viewer, row["permissions"], row["unit_id"]) for row in rows):
        raise NotAllowed("This person may do more than you. Ask an administrator of the whole desk.")


def in_reach(viewer: Viewer, everywhere: bool, user: str, arguments: Arguments) -> str:
    """SQL that is true for the users an administrator sees: who holds a role in a unit of theirs, and themselves."""
    if everywhere:
        return "TRUE"
    units = arguments.add(list(viewer.units(MANAGE)))
    me = arguments.add(viewer.user_id)
    return (
        f"({user}.id = {me}::uuid OR EXISTS (SELECT 1 FROM core_user_role mine "
        f"WHERE mine.user_id = {user}.id AND mine.unit_id = ANY({units}::uuid[])))"
    )


def codes(values: dict[str, Any]) -> dict[str, Any]:
    """Values as a ledger entry's body holds them: nothing but text, numbers, truth, lists and dicts."""
    return {
        key: value if isinstance(value, bool | int | list | dict) else str(value or "") for key, value in values.items()
    }
