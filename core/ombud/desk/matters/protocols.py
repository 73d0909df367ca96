"""The playbook of one aspect: which protocol holds for it, what of it is done, and what a decision still waits for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.cases import refuse_closed
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotNow
from ombud.desk.writing import lock_aspect, record, subject_of
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.speech import sentence
from ombud.trust.ledger import Sealed
from ombud.trust.policy import Arguments, Viewer, decide

DEMANDS = ("free", "warn", "block")
UNDECIDED_WITHOUT = ("upheld", "partly_upheld", "not_upheld")  # a matter withdrawn or not for us needs no playbook


@dataclass(frozen=True)
class Item:
    """A step, or a piece of evidence. `demand`: free, warn (a decision without it is told so) or block (there is
    none); `met_by`: who did it, in words, and `met_at`; None while it is not done."""

    key: str
    label: str
    guidance: str = ""
    demand: str = "free"
    met_at: datetime | None = None
    met_by: str = ""
    note: str = ""


@dataclass(frozen=True)
class Plan:
    """The protocol of an aspect with its standing; `name` is empty where none holds. `version_id`, `number`: which
    version; `newer`: the number of a later one, or 0; `other`: the name of another protocol that holds for the
    aspect's category by now."""

    name: str = ""
    version_id: UUID | None = None
    number: int = 0
    valid_from: date | None = None
    newer: int = 0
    other: str = ""
    steps: tuple[Item, ...] = ()
    evidence: tuple[Item, ...] = field(default=())

    def need_label(self, key: str) -> str:
        return next((each.label for each in self.evidence if each.key == key), "")

    def missing(self, demand: str) -> tuple[Item, ...]:
        """What is not done yet of what has this demand."""
        return tuple(each for each in (*self.steps, *self.evidence) if each.demand == demand and each.met_at is None)

    @property
    def done(self) -> int:
        return sum(each.met_at is not None for each in self.steps)


NO_PLAN = Plan()

# Which protocol holds: the nearest category first, then the nearest unit. Of it the version that was in force when the
# case was opened; where none was, the first that is.
_HOLDS = """
WITH RECURSIVE this AS (
    SELECT a.id, a.category, c.unit_id, c.opened_at, (c.opened_at AT TIME ZONE u.time_zone)::date AS opened_on
    FROM core_aspect a JOIN core_case c ON c.id = a.case_id JOIN core_unit u ON u.id = c.unit_id WHERE a.id = $1
),
units AS (
    SELECT u.id, u.parent_id, 0 AS depth FROM core_unit u JOIN this ON u.id = this.unit_id
    UNION ALL SELECT u.id, u.parent_id, units.depth + 1 FROM core_unit u JOIN units ON u.id = units.parent_id
),
terms AS (
    SELECT this.category AS code, t.parent_id, 0 AS depth FROM this
    LEFT JOIN core_taxonomy_term t ON t.kind = 'category' AND t.code = this.category
    UNION ALL SELECT t.code, t.parent_id, terms.depth + 1 FROM core_taxonomy_term t JOIN terms ON t.id = terms.parent_id
)
SELECT v.id, p.id AS protocol_id, p.name FROM core_protocol p CROSS JOIN this
LEFT JOIN terms t ON t.code = p.category AND p.category <> '' LEFT JOIN units u ON u.id = p.unit_id
CROSS JOIN LATERAL (
    SELECT v.id FROM core_protocol_version v WHERE v.protocol_id = p.id AND v.valid_from <= $2
    ORDER BY (v.valid_from <= this.opened_on AND v.created_at <= this.opened_at) DESC,
        CASE WHEN v.valid_from <= this.opened_on AND v.created_at <= this.opened_at THEN -v.number ELSE v.number END
    LIMIT 1
) v
WHERE p.active AND (p.category = '' OR t.code IS NOT NULL) AND (p.unit_id IS NULL OR u.id IS NOT NULL)
ORDER BY (p.category = ''), t.depth, (p.unit_id IS NULL), u.depth LIMIT 1
"""
_VERSION = """
SELECT v.*, p.name, (SELECT max(n.number) FROM core_protocol_version n WHERE n.protocol_id = v.protocol_id
    AND n.valid_from <= $2) AS newest
FROM core_protocol_version v JOIN core_protocol p ON p.id = v.protocol_id WHERE v.id = $1
"""
_DONE = """
SELECT s.step AS key, s.at, s.note, coalesce(nullif(w.display_name, ''), w.name, 'Ombud') AS by, 'step' AS what
FROM core_step s LEFT JOIN core_user w ON w.id = s.done_by WHERE s.aspect_id = $1
UNION ALL
SELECT e.need, min(coalesce(e.received_at, e.created_at)), '', min(e.what), 'evidence' FROM core_evidence e
WHERE e.aspect_id = $1 AND e.need <> '' AND e.state NOT IN ('asked', 'withdrawn') GROUP BY e.need
"""


async def plan_of(viewer: Viewer, aspect_id: UUID) -> Plan:
    """The playbook of an aspect the viewer may see; NO_PLAN where none holds, or they may not see it."""
    grant, arguments = decide(viewer, "case.read", "aspect"), Arguments()
    place = arguments.add(aspect_id)
    seen = f"SELECT EXISTS (SELECT 1 FROM core_aspect a WHERE a.id = {place} AND {grant.where('a', arguments)})"
    return await plan(aspect_id) if await db.fetchval(seen, *arguments.values) else NO_PLAN


async def plan(aspect_id: UUID) -> Plan:
    """The same for whoever asked the policy already."""
    today = now().date()
    kept = await db.fetchval("SELECT protocol_version_id FROM core_protocol_kept WHERE aspect_id = $1", aspect_id)
    holds = await db.fetchrow(_HOLDS, aspect_id, today)
    chosen = kept or (holds["id"] if holds else None)
    if chosen is None:
        return NO_PLAN
    row = await db.fetchrow(_VERSION, chosen, today)
    assert row is not None
    done = {(each["what"], each["key"]): each for each in await db.fetch(_DONE, aspect_id)}
    other = holds["name"] if holds and holds["protocol_id"] != row["protocol_id"] else ""
    return Plan(
        name=row["name"], version_id=row["id"], number=row["number"], valid_from=row["valid_from"],
        newer=row["newest"] if (row["newest"] or 0) > row["number"] else 0, other=other,
        steps=_items("step", row["steps"], done), evidence=_items("evidence", row["evidence"], done),
    )  # fmt: skip


def _items(what: str, given: Sequence[Mapping[str, Any]], done: Mapping[tuple[str, str], Record]) -> tuple[Item, ...]:
    found = []
    for each in given:
        met = done.get((what, each["key"]))
        found.append(Item(
            each["key"], each["label"], each.get("guidance", ""), each["demand"],
            met["at"] if met else None, met["by"] if met else "", met["note"] if met else "",
        ))  # fmt: skip
    return tuple(found)


async def demand_met(viewer: Viewer, case: Record, aspect_id: UUID, outcome: str) -> tuple[str, ...]:
    """Called in the transaction of a decision: fixes the version the aspect was decided by and gives the keys of what
    was recommended and is missing. Raises NotNow where something is missing without which nothing is decided."""
    if outcome not in UNDECIDED_WITHOUT:
        return ()
    found = await plan(aspect_id)
    if found.version_id is None:
        return ()
    blocking = found.missing("block")
    if blocking:
        words = "; ".join(each.label for each in blocking)
        raise NotNow(
            sentence(
                "The protocol “%(name)s” asks for this before a decision: %(words)s.", name=found.name, words=words
            )
        )
    await _keep(viewer, case["id"], aspect_id, found.version_id)
    return tuple(each.key for each in found.missing("warn"))


async def _keep(viewer: Viewer, case_id: UUID, aspect_id: UUID, version_id: UUID) -> None:
    """The aspect is worked on by this version from now on, unless it has one already."""
    made = await db.execute(
        "INSERT INTO core_protocol_kept (id, aspect_id, protocol_version_id, at) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT (aspect_id) DO NOTHING",
        new_id(), aspect_id, version_id, now(),
    )  # fmt: skip
    if made != "INSERT 0 0":
        body = {"aspect": str(aspect_id), "protocol_version": str(version_id)}
        await record(viewer, case_id, "protocol.kept", body)


async def do_step(viewer: Viewer, aspect_id: UUID, key: str, note: str = "") -> None:
    """Ticks a step; the note says what came of it."""
    note = clean_text(note, "note", longest=500)
    async with db.transaction():
        case, _ = await lock_aspect(viewer, "case.write", aspect_id)
        refuse_closed(case)
        found = await plan(aspect_id)
        if found.version_id is None or key not in {each.key for each in found.steps}:
            raise Invalid("This step is not in the protocol of the aspect. Open the page again.", "step")
        await _keep(viewer, case["id"], aspect_id, found.version_id)
        made = await db.execute(
            "INSERT INTO core_step (id, aspect_id, step, note, at, done_by) VALUES ($1, $2, $3, $4, $5, $6) "
            "ON CONFLICT (aspect_id, step) DO NOTHING",
            new_id(), aspect_id, key, note, now(), viewer.user_id,
        )  # fmt: skip
        if made != "INSERT 0 0":
            sealed = {"note": Sealed(await subject_of(case["id"]), note)} if note else {}
            body = {"aspect": str(aspect_id), "step": key, "protocol_version": str(found.version_id)}
            await record(viewer, case["id"], "step.done", body, sealed)


async def undo_step(viewer: Viewer, aspect_id: UUID, key: str) -> None:
    """Takes a tick back; the ledger holds both."""
    async with db.transaction():
        case, _ = await lock_aspect(viewer, "case.write", aspect_id)
        refuse_closed(case)
        gone = await db.execute("DELETE FROM core_step WHERE aspect_id = $1 AND step = $2", aspect_id, key)
        if gone != "DELETE 0":
            await record(viewer, case["id"], "step.undone", {"aspect": str(aspect_id), "step": key})


async def use_newest(viewer: Viewer, aspect_id: UUID) -> None:
    """Goes on by what holds today for the aspect's category and unit; ticks of steps it has too stay."""
    async with db.transaction():
        case, aspect = await lock_aspect(viewer, "case.write", aspect_id)
        refuse_closed(case)
        if aspect["status"] == "closed":
            raise NotNow("This aspect is decided already. Reopen it first, with the reason.")
        newest = await db.fetchval(
            "SELECT v.id FROM core_protocol_version v WHERE v.protocol_id = $1 AND v.valid_from <= $2 "
            "ORDER BY v.number DESC LIMIT 1",
            await _protocol_now(aspect_id), now().date(),
        )  # fmt: skip
        if newest is None:
            raise NotNow("No protocol holds for this aspect today.")
        await db.execute("DELETE FROM core_protocol_kept WHERE aspect_id = $1", aspect_id)
        await _keep(viewer, case["id"], aspect_id, newest)


async def _protocol_now(aspect_id: UUID) -> UUID | None:
    row = await db.fetchrow(_HOLDS, aspect_id, now().date())
    return UUID(str(row["protocol_id"])) if row else None
