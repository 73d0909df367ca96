"""Macros: a text to begin with and changes of the case, looked at first and then made together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ombud.desk import cases
from ombud.desk.case_shown import CasePageView
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotAllowed, NotFound
from ombud.desk.outgoing import writing
from ombud.desk.outgoing.templates import RIGHT, versions
from ombud.desk.outgoing.writing import Ready, Written
from ombud.desk.words import PRIORITIES, label
from ombud.desk.writing import check_version
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.speech import joined, sentence, word
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud.trust.policy import Viewer

STREAM = "setting/templates"
OWNERS = {"": "Leave as it is", "me": "Whoever uses it", "nobody": "Nobody"}


@dataclass(frozen=True)
class Macro:
    """`changes`: priority, queue (id), owner (me, nobody), close (bool); only those that are set."""

    id: UUID
    name: str
    unit_id: UUID | None
    template_key: str
    changes: Mapping[str, Any]
    retired: bool
    version: int


def _of(row: Any) -> Macro:
    return Macro(
        row["id"], row["name"], row["unit_id"], row["template_key"], row["changes"], row["retired_at"] is not None,
        row["version"],
    )  # fmt: skip


async def everyone() -> list[Macro]:
    """Every macro, those out of use last."""
    rows = await db.fetch("SELECT * FROM core_macro ORDER BY retired_at NULLS FIRST, lower(name), id")
    return [_of(row) for row in rows]


_UP = """
WITH RECURSIVE up AS (SELECT id, parent_id FROM core_unit WHERE id = $1
    UNION ALL SELECT u.id, u.parent_id FROM core_unit u JOIN up ON u.id = up.parent_id)
SELECT m.* FROM core_macro m WHERE m.retired_at IS NULL AND (m.unit_id IS NULL OR m.unit_id IN (SELECT id FROM up))
ORDER BY lower(m.name), m.id
"""


async def in_unit(unit_id: UUID) -> list[Macro]:
    """Those that can be used in a case of this unit."""
    return [_of(row) for row in await db.fetch(_UP, unit_id)]


async def for_case(view: CasePageView, macro_id: UUID) -> Macro:
    """One that can be used in this case; raises NotFound."""
    for each in await in_unit(view.case.unit.id):
        if each.id == macro_id:
            return each
    raise NotFound("There is no such macro for this case. It may be out of use.")


@dataclass(frozen=True)
class MacroGiven:
    """What somebody typed."""

    name: str
    unit_id: UUID | None
    template_key: str
    priority: str = ""
    queue_id: UUID | None = None
    owner: str = ""
    close: bool = False


async def save(viewer: Viewer, macro_id: UUID | None, given: MacroGiven, version: int | None = None) -> UUID:
    """Makes or changes one."""
    name = clean_text(given.name, "name", longest=100, required=True)
    changes = await _changes(given)
    if given.template_key:
        await versions(given.template_key)
    elif not changes:
        raise Invalid("A macro without a text and without a change does nothing. Choose at least one.", "template")
    await _may(viewer, given.unit_id)
    async with db.transaction():
        if macro_id is None:
            macro_id = new_id()
            await db.execute(
                "INSERT INTO core_macro (id, name, unit_id, template_key, changes, created_by, created_at, version) "
                "VALUES ($1, $2, $3, $4, $5, $6, $7, 1)",
                macro_id, name, given.unit_id, given.template_key, changes, viewer.user_id, now(),
            )  # fmt: skip
            await _tell(viewer, "macro.added", macro_id, changes, name)
            return macro_id
        row = await _locked(macro_id)
        await _may(viewer, row["unit_id"])
        check_version("This macro", row, version, {"name": name})
        await db.execute(
            "UPDATE core_macro SET name = $2, unit_id = $3, template_key = $4, changes = $5, version = version + 1 "
            "WHERE id = $1",
            macro_id, name, given.unit_id, given.template_key, changes,
        )  # fmt: skip
        await _tell(viewer, "macro.changed", macro_id, changes, name)
        return macro_id


async def _changes(given: MacroGiven) -> dict[str, Any]:
    if given.priority and given.priority not in PRIORITIES:
        raise Invalid(sentence("The priority is one of %(joined)s.", joined=joined(PRIORITIES)), "priority")
    if given.owner not in OWNERS:
        raise Invalid("Choose who owns the case afterwards.", "owner")
    known = "SELECT EXISTS (SELECT 1 FROM core_queue WHERE id = $1 AND active)"
    if given.queue_id is not None and not await db.fetchval(known, given.queue_id):
        raise Invalid("There is no such queue. Choose one of the list.", "queue")
    changes: dict[str, Any] = {"priority": given.priority, "owner": given.owner, "close": given.close}
    changes["queue"] = str(given.queue_id) if given.queue_id else ""
    return {name: value for name, value in changes.items() if value}


async def retire(viewer: Viewer, macro_id: UUID, retired: bool) -> None:
    """Takes it out of use, or back into it."""
    async with db.transaction():
        row = await _locked(macro_id)
        await _may(viewer, row["unit_id"])
        if (row["retired_at"] is not None) != retired:
            await db.execute(
                "UPDATE core_macro SET retired_at = $2, version = version + 1 WHERE id = $1",
                macro_id, now() if retired else None,
            )  # fmt: skip
            await _tell(viewer, "macro.retired" if retired else "macro.restored", macro_id, {}, "")


async def _locked(macro_id: UUID) -> Any:
    row = await db.fetchrow("SELECT * FROM core_macro WHERE id = $1 FOR UPDATE", macro_id)
    if row is None:
        raise NotFound("There is no such macro.")
    return row


async def _may(viewer: Viewer, unit_id: UUID | None) -> None:
    if unit_id is not None:
        allowed = viewer.may_in(RIGHT, unit_id)
    else:
        tops = await db.fetch("SELECT id FROM core_unit WHERE parent_id IS NULL")
        allowed = bool(tops) and all(viewer.may_in(RIGHT, row["id"]) for row in tops)
    if not allowed:
        raise NotAllowed("Your roles do not allow this here. Choose a unit of yours, or ask an administrator.")


async def _tell(viewer: Viewer, kind: str, macro_id: UUID, changes: Mapping[str, Any], name: str) -> None:
    sealed = {"name": Sealed(STREAM, name)} if name else {}
    body = {"macro": str(macro_id), **changes}
    await append(actor=viewer.actor, entries=[NewEntry(STREAM, kind, body, sealed)])


def in_words(macro: Macro, queues: Mapping[str, str]) -> list[str]:
    """What it changes, a line each."""
    lines = []
    if macro.changes.get("priority"):
        lines.append(sentence("Priority: %(priority)s", priority=word(label(macro.changes["priority"])).lower()))
    if macro.changes.get("queue"):
        lines.append(
            sentence("Queue: %(more)s", more=queues.get(macro.changes["queue"], "one that is not in use any more"))
        )
    if macro.changes.get("owner"):
        lines.append("The case is yours" if macro.changes["owner"] == "me" else "Nobody owns the case")
    if macro.changes.get("close"):
        lines.append("The case is closed")
    return lines


async def apply(viewer: Viewer, case_id: UUID, macro: Macro, version: int, ready: Ready | None) -> Written | None:
    """All of it in one transaction, or nothing: the message, then the changes. `ready`: the message as it was looked
    at, None where there is none. Raises Changed where the case is another one than was looked at."""
    async with db.transaction():
        row = await db.fetchrow("SELECT version FROM core_case WHERE id = $1 FOR UPDATE", case_id)
        if row is not None:
            check_version("The case", row, version, dict(macro.changes))
        written = await writing.write_ready(viewer, case_id, ready) if ready else None
        wanted: dict[str, Any] = {}
        if macro.changes.get("priority"):
            wanted["priority"] = macro.changes["priority"]
        if macro.changes.get("queue"):
            wanted["queue_id"] = UUID(macro.changes["queue"])
        if wanted:
            await cases.change(viewer, case_id, wanted, None)
        owner = macro.changes.get("owner")
        if owner:
            await cases.assign(viewer, case_id, viewer.user_id if owner == "me" else None)
        if macro.changes.get("close"):
            await cases.close(viewer, case_id)
        return written


__all__ = [
    "OWNERS",
    "STREAM",
    "Macro",
    "MacroGiven",
    "apply",
    "everyone",
    "for_case",
    "in_unit",
    "in_words",
    "retire",
    "save",
]
