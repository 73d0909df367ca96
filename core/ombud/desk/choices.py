"""What a form lets people choose from: units they may work in, case types, queues."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ombud.desk.shown import Named
from ombud.kernel.database import db
from ombud.trust.policy import Viewer


@dataclass(frozen=True)
class UnitChoice:
    """A unit with what a form needs of it."""

    id: UUID
    key: str
    name: str
    time_zone: str
    currency: str


@dataclass(frozen=True)
class CaseTypeChoice:
    """A case type; `schema` is that of its own fields."""

    key: str
    label: str
    schema: dict[str, Any]


async def units_for(viewer: Viewer, permission: str, *, in_use: bool = False) -> list[UnitChoice]:
    """The units in which the viewer holds the permission, the oldest first; `in_use` leaves out those out of use."""
    rows = await db.fetch(
        "SELECT id, key, name, time_zone, currency FROM core_unit WHERE active OR NOT $1 ORDER BY created_at, id",
        in_use,
    )
    return [UnitChoice(**dict(row)) for row in rows if viewer.may_in(permission, row["id"])]


async def case_types() -> list[CaseTypeChoice]:
    rows = await db.fetch("SELECT key, label, fields FROM core_case_type WHERE active ORDER BY label, key")
    return [CaseTypeChoice(row["key"], row["label"], dict(row["fields"] or {})) for row in rows]


async def active_queues() -> list[Named]:
    rows = await db.fetch("SELECT id, name, key FROM core_queue WHERE active ORDER BY position, key")
    return [Named(row["id"], row["name"], row["key"]) for row in rows]
