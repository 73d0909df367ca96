"""Resolution protocols set up: named, given to a category and a unit, written in versions with the day they begin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from asyncpg import UniqueViolationError

from ombud.desk.administration.authority import SET_UP, demand_in, demand_whole_desk
from ombud.desk.administration.taxonomies import code_from
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotFound, NotNow
from ombud.desk.matters.protocols import DEMANDS
from ombud.desk.taxonomies import today
from ombud.desk.writing import check_version, demand, update
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.speech import sentence
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import Viewer

STREAM = "setting/protocols"
MOST = 40
EVERYWHERE = "This protocol holds on the whole desk"


@dataclass(frozen=True)
class ItemGiven:
    """A row of the editor: a step, or a piece of evidence. `key`: of a row that was there before, else empty."""

    label: str
    guidance: str = ""
    demand: str = "free"
    key: str = ""


@dataclass(frozen=True)
class VersionShown:
    """One version; `begins`: it is not in force yet."""

    id: UUID
    number: int
    valid_from: date
    begins: bool
    steps: Sequence[Mapping[str, Any]]
    evidence: Sequence[Mapping[str, Any]]
    by: str
    at: datetime


@dataclass(frozen=True)
class ProtocolShown:
    """A protocol with its versions, newest first; `running`: open aspects that are worked on by it."""

    id: UUID
    name: str
    category: str
    unit_id: UUID | None
    unit: str
    active: bool
    version: int
    running: int
    versions: tuple[VersionShown, ...]


_ALL = """
SELECT p.*, coalesce(u.name, '') AS unit,
    (SELECT count(*) FROM core_protocol_kept k JOIN core_protocol_version v ON v.id = k.protocol_version_id
     JOIN core_aspect a ON a.id = k.aspect_id WHERE v.protocol_id = p.id AND a.status = 'open') AS running
FROM core_protocol p LEFT JOIN core_unit u ON u.id = p.unit_id ORDER BY NOT p.active, lower(p.name), p.id
"""
_VERSIONS = """
SELECT v.*, coalesce(nullif(w.display_name, ''), w.name, 'Ombud') AS by FROM core_protocol_version v
LEFT JOIN core_user w ON w.id = v.created_by ORDER BY v.protocol_id, v.number DESC
"""


async def all_protocols(viewer: Viewer) -> tuple[ProtocolShown, ...]:
    """Those of the whole desk and of the units the viewer sets up."""
    demand(viewer, SET_UP)
    versions: dict[UUID, list[VersionShown]] = {}
    for row in await db.fetch(_VERSIONS):
        shown = VersionShown(
            row["id"], row["number"], row["valid_from"], row["valid_from"] > today(), row["steps"], row["evidence"],
            row["by"], row["created_at"],
        )  # fmt: skip
        versions.setdefault(row["protocol_id"], []).append(shown)
    return tuple(
        ProtocolShown(
            row["id"], row["name"], row["category"], row["unit_id"], row["unit"], row["active"], row["version"],
            row["running"], tuple(versions.get(row["id"], ())),
        )
        for row in await db.fetch(_ALL)
        if row["unit_id"] is None or viewer.may_in(SET_UP, row["unit_id"])
    )  # fmt: skip


async def protocol(viewer: Viewer, protocol_id: UUID) -> ProtocolShown:
    for each in await all_protocols(viewer):
        if each.id == protocol_id:
            return each
    raise NotFound("There is no such protocol that you may see. The list shows those there are.")


async def _demand(viewer: Viewer, unit_id: UUID | None) -> None:
    if unit_id is None:
        await demand_whole_desk(viewer, SET_UP, EVERYWHERE)
    else:
        demand_in(viewer, SET_UP, unit_id)


async def add(
    viewer: Viewer, name: str, category: str, unit_id: UUID | None, steps: Sequence[ItemGiven],
    evidence: Sequence[ItemGiven], valid_from: date | None = None,
) -> UUID:  # fmt: skip
    """A protocol with its first version."""
    await _demand(viewer, unit_id)
    name = clean_text(name, "name", longest=100, required=True)
    async with db.transaction():
        await _known_category(category)
        identity = new_id()
        try:
            await db.execute(
                "INSERT INTO core_protocol (id, name, category, unit_id, active, created_at, version) "
                "VALUES ($1, $2, $3, $4, TRUE, $5, 1)",
                identity, name, category, unit_id, now(),
            )  # fmt: skip
        except UniqueViolationError:
            raise Invalid(
                "There is a protocol for this category and unit. Write a new version of it.", "category"
            ) from None
        body = {"protocol": str(identity), "category": category, "unit": str(unit_id or ""), "name": name}
        await append(actor=viewer.actor, entries=[NewEntry(STREAM, "protocol.added", body)])
        await _write(viewer, identity, 1, steps, evidence, valid_from)
        return identity


async def _known_category(code: str) -> None:
    known = "SELECT EXISTS (SELECT 1 FROM core_taxonomy_term WHERE kind = 'category' AND code = $1)"
    if code and not await db.fetchval(known, code):
        raise Invalid("There is no such category. Choose one of the list.", "category")


async def write_version(
    viewer: Viewer, protocol_id: UUID, steps: Sequence[ItemGiven], evidence: Sequence[ItemGiven],
    valid_from: date | None, seen: int,
) -> int:  # fmt: skip
    """The next version; `seen`: the number of the one it was written from. What runs keeps its own."""
    async with db.transaction():
        row = await _locked(viewer, protocol_id)
        if not row["active"]:
            raise NotNow("This protocol is retired. Put it back into use first.")
        last = await db.fetchrow(
            "SELECT number, valid_from FROM core_protocol_version WHERE protocol_id = $1 ORDER BY number DESC LIMIT 1",
            protocol_id,
        )
        assert last is not None
        check_version("This protocol", {"version": last["number"]}, seen, {"steps": [each.label for each in steps]})
        if valid_from is not None and valid_from < last["valid_from"]:
            raise Invalid("The version before it begins later than that. Choose a later day.", "valid_from")
        await _write(viewer, protocol_id, last["number"] + 1, steps, evidence, valid_from)
        return int(last["number"]) + 1


async def _write(
    viewer: Viewer, protocol_id: UUID, number: int, steps: Sequence[ItemGiven], evidence: Sequence[ItemGiven],
    valid_from: date | None,
) -> None:  # fmt: skip
    day = valid_from or today()
    if day < today():
        raise Invalid("A version begins today or later, so that what is done already is not judged anew.", "valid_from")
    checked_steps, checked_evidence = _checked(steps, "step"), _checked(evidence, "evidence")
    if not checked_steps and not checked_evidence:
        raise Invalid("Write at least one step, or one piece of evidence.", "steps")
    identity = new_id()
    await db.execute(
        "INSERT INTO core_protocol_version (id, protocol_id, number, valid_from, steps, evidence, created_at, "
        "created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        identity, protocol_id, number, day, checked_steps, checked_evidence, now(), viewer.user_id,
    )  # fmt: skip
    body = {
        "protocol": str(protocol_id), "version": str(identity), "number": number, "valid_from": day.isoformat(),
        "steps": checked_steps, "evidence": checked_evidence,
    }  # fmt: skip
    await append(actor=viewer.actor, entries=[NewEntry(STREAM, "protocol.version_written", body)])


def _checked(rows: Sequence[ItemGiven], what: str) -> list[dict[str, str]]:
    """The filled rows with a key each, kept from the version before where there is one."""
    if len(rows) > MOST:
        raise Invalid(
            sentence("A protocol has at most %(most)s of each. Put what belongs together into one.", most=MOST), "steps"
        )
    found: list[dict[str, str]] = []
    for place, each in enumerate(rows):
        label = clean_text(each.label, f"{what}.{place}.label", longest=200)
        guidance = clean_text(each.guidance, f"{what}.{place}.guidance", longest=2000)
        if not label and not guidance:
            continue
        if not label:
            raise Invalid("Give this row a name.", f"{what}.{place}.label")
        if each.demand not in DEMANDS:
            raise Invalid("Choose what a decision without it means.", f"{what}.{place}.demand")
        key = _free_key(each.key or code_from(label) or what, {row["key"] for row in found})
        found.append({"key": key, "label": label, "guidance": guidance, "demand": each.demand})
    return found


def _free_key(wanted: str, taken: set[str]) -> str:
    wanted = wanted[:50]
    number = 2
    key = wanted
    while key in taken:
        key, number = f"{wanted}_{number}", number + 1
    return key


async def _locked(viewer: Viewer, protocol_id: UUID) -> Any:
    demand(viewer, SET_UP)
    row = await db.fetchrow("SELECT * FROM core_protocol WHERE id = $1 FOR UPDATE", protocol_id)
    if row is None:
        raise NotFound("There is no such protocol that you may see. The list shows those there are.")
    await _demand(viewer, row["unit_id"])
    return row


async def set_active(viewer: Viewer, protocol_id: UUID, active: bool, version: int | None) -> None:
    """Retires a protocol (what runs keeps it), or puts it back into use."""
    async with db.transaction():
        row = await _locked(viewer, protocol_id)
        check_version("This protocol", row, version, {"active": active})
        if row["active"] == active:
            return
        try:
            await update("core_protocol", protocol_id, {"active": active})
        except UniqueViolationError:
            raise NotNow("Another protocol holds for this category and unit by now. Retire that one first.") from None
        kind = "protocol.restored" if active else "protocol.retired"
        await append(actor=viewer.actor, entries=[NewEntry(STREAM, kind, {"protocol": str(protocol_id)})])
