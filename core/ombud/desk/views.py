"""Saved views: filters of the queue page under a name, somebody's own or shared with a unit and all below it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.case_list import CaseFilters
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotAllowed, NotFound, NotNow
from ombud.desk.shown import Named
from ombud.desk.writing import check_version, demand, update
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.speech import sentence
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud.trust.policy import Arguments, Viewer

MOST = 100
SHARE = "view.share"


@dataclass(frozen=True)
class View:
    """A saved view in the viewer's sight. `unit`: whom it is shared with, None for one's own."""

    id: UUID
    name: str
    filters: CaseFilters
    unit: Named | None
    owner_id: UUID
    version: int

    @property
    def code(self) -> str:
        """Its name in the address of the queue page."""
        return f"view-{self.id}"


def in_sight(viewer: Viewer, arguments: Arguments) -> str:
    """SQL over `v`: one's own views, and those shared with a unit in or above one's own."""
    me, units = arguments.add(viewer.user_id), arguments.add(list(viewer.units("case.read")))
    return (
        f"(v.deleted_at IS NULL AND ((v.unit_id IS NULL AND v.owner_id = {me}::uuid) OR v.unit_id IN (WITH RECURSIVE "
        f"up AS (SELECT id, parent_id FROM core_unit WHERE id = ANY({units}::uuid[]) UNION SELECT u.id, u.parent_id "
        "FROM core_unit u JOIN up ON u.id = up.parent_id) SELECT id FROM up)))"
    )


COLUMNS = (
    "v.id, v.name, v.filters, v.unit_id, v.owner_id, v.version, "
    "(SELECT name FROM core_unit WHERE id = v.unit_id) AS unit_name"
)


def view_of(row: Mapping[str, Any]) -> View:
    """A row of COLUMNS, also out of jsonb; a filter that means nothing any more is left out."""
    try:
        filters = CaseFilters.of(row["filters"])
    except Invalid:
        filters = CaseFilters()
    unit = Named(UUID(str(row["unit_id"])), row["unit_name"]) if row["unit_id"] else None
    owner = UUID(str(row["owner_id"]))
    return View(UUID(str(row["id"])), row["name"], filters, unit, owner, row["version"])


async def mine(viewer: Viewer) -> list[View]:
    """All views in the viewer's sight, their own first; one statement."""
    arguments = Arguments()
    rows = await db.fetch(
        f"SELECT {COLUMNS} FROM core_view v WHERE {in_sight(viewer, arguments)} "
        f"ORDER BY v.unit_id IS NOT NULL, v.position, v.created_at, v.id LIMIT {2 * MOST}",
        *arguments.values,
    )
    return [view_of(row) for row in rows]


async def find(viewer: Viewer, view_id: UUID) -> View:
    """Raises NotFound, with one text for missing and hidden."""
    arguments = Arguments(view_id)
    row = await db.fetchrow(
        f"SELECT {COLUMNS} FROM core_view v WHERE v.id = $1 AND {in_sight(viewer, arguments)}", *arguments.values
    )
    if row is None:
        raise _no_view()
    return view_of(row)


def _no_view() -> NotFound:
    return NotFound("There is no such view for you. It may have been deleted; choose another one beside the list.")


def may_change(viewer: Viewer, view: View) -> bool:
    """One's own views; a shared one where one may share with that unit."""
    return viewer.may_in(SHARE, view.unit.id) if view.unit else view.owner_id == viewer.user_id


async def save(viewer: Viewer, name: str, filters: CaseFilters, unit_id: UUID | None = None) -> UUID:
    """Keeps the filters under a name; with a unit, for everybody of it."""
    demand(viewer, "case.read")
    name = clean_text(name, "name", longest=80, required=True)
    _may_share(viewer, unit_id)
    async with db.transaction():
        many = await db.fetchval(
            "SELECT count(*) FROM core_view WHERE deleted_at IS NULL AND (CASE WHEN $1::uuid IS NULL THEN "
            "unit_id IS NULL AND owner_id = $2 ELSE unit_id = $1 END)",
            unit_id,
            viewer.user_id,
        )
        if many >= MOST:
            raise NotNow(
                sentence(
                    "There are %(most)s views already. Delete one that nobody needs, then save this one.", most=MOST
                )
            )
        identity = new_id()
        await db.execute(
            "INSERT INTO core_view (id, owner_id, unit_id, name, filters, position, created_at, version) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, 1)",
            identity, viewer.user_id, unit_id, name, filters.told(), many + 1, now(),
        )  # fmt: skip
        if unit_id is not None:
            await _tell(viewer, identity, "view.shared", unit_id, name, filters)
        return identity


def _may_share(viewer: Viewer, unit_id: UUID | None) -> None:
    if unit_id is not None and not viewer.may_in(SHARE, unit_id):
        raise Invalid("You may not share views with this unit. Keep it for yourself, or ask a team leader.", "unit")


async def _tell(
    viewer: Viewer, view_id: UUID, kind: str, unit_id: UUID | None, name: str, filters: CaseFilters
) -> None:
    """What is shared concerns others, so the ledger holds it; words are sealed."""
    told = filters.told()
    subject = f"user/{viewer.user_id}"
    sealed = {"name": Sealed(subject, name)}
    if "text" in told:
        sealed["text"] = Sealed(subject, told.pop("text"))
    told.pop("reference", None)
    body = {"unit": str(unit_id or ""), "filters": told}
    await append(actor=viewer.actor, entries=[NewEntry(f"view/{view_id}", kind, body, sealed)])


async def _lock(viewer: Viewer, view_id: UUID, *, deleted: bool = False) -> Record:
    row = await db.fetchrow("SELECT * FROM core_view WHERE id = $1 FOR UPDATE", view_id)
    if row is None or (row["deleted_at"] is not None) != deleted:
        raise _no_view()
    if row["unit_id"] is None and row["owner_id"] != viewer.user_id:
        raise _no_view()
    if row["unit_id"] is not None and not viewer.may_in(SHARE, row["unit_id"]):
        await find(viewer, view_id)
        raise NotAllowed("This view is shared. Whoever may share views with its unit can change it; save your own one.")
    return row


async def change(
    viewer: Viewer, view_id: UUID, name: str, unit_id: UUID | None, version: int, filters: CaseFilters | None = None
) -> None:
    """A new name, new filters, or another unit to share it with (None: for its owner alone)."""
    name = clean_text(name, "name", longest=80, required=True)
    async with db.transaction():
        row = await _lock(viewer, view_id)
        check_version("This view", row, version, {"name": name})
        if unit_id != row["unit_id"]:
            _may_share(viewer, unit_id)
        if unit_id is None and row["owner_id"] != viewer.user_id:
            raise Invalid("Somebody else made this view. Save one of your own instead.", "unit")
        kept = filters or CaseFilters.of(row["filters"])
        await update("core_view", view_id, {"name": name, "unit_id": unit_id, "filters": kept.told()})
        if unit_id is not None or row["unit_id"] is not None:
            kind = "view.changed" if row["unit_id"] is not None else "view.shared"
            await _tell(viewer, view_id, kind, unit_id, name, kept)


async def delete(viewer: Viewer, view_id: UUID) -> None:
    """Takes it out of everybody's list; for a day it can be put back."""
    async with db.transaction():
        row = await _lock(viewer, view_id)
        await update("core_view", view_id, {"deleted_at": now()})
        if row["unit_id"] is not None:
            await _tell(viewer, view_id, "view.removed", row["unit_id"], row["name"], CaseFilters.of(row["filters"]))


async def restore(viewer: Viewer, view_id: UUID) -> None:
    """Puts a deleted view back."""
    async with db.transaction():
        row = await _lock(viewer, view_id, deleted=True)
        await update("core_view", view_id, {"deleted_at": None})
        if row["unit_id"] is not None:
            await _tell(viewer, view_id, "view.shared", row["unit_id"], row["name"], CaseFilters.of(row["filters"]))


async def move_up(viewer: Viewer, view_id: UUID) -> None:
    """One place up among one's own views, or among those of the same unit."""
    async with db.transaction():
        row = await _lock(viewer, view_id)
        rows = await db.fetch(
            "SELECT id FROM core_view WHERE deleted_at IS NULL AND unit_id IS NOT DISTINCT FROM $1 "
            "AND (unit_id IS NOT NULL OR owner_id = $2) ORDER BY position, created_at, id FOR UPDATE",
            row["unit_id"],
            viewer.user_id,
        )
        order = [each["id"] for each in rows]
        at = order.index(view_id)
        if at:
            order[at - 1], order[at] = order[at], order[at - 1]
        await db.execute(
            "UPDATE core_view v SET position = new.place FROM unnest($1::uuid[]) WITH ORDINALITY AS new(id, place) "
            "WHERE v.id = new.id",
            order,
        )
