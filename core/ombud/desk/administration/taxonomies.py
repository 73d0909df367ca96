"""Taxonomies set up: terms added, reworded, moved, retired for another, taken back; each with its trail."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.administration.authority import SET_UP, demand_in, demand_whole_desk, whole_desk
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotFound, NotNow
from ombud.desk.taxonomies import KINDS, stream, today
from ombud.desk.words import CODE
from ombud.desk.writing import check_version, demand, update
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.speech import sentence
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import Viewer

LANGUAGES = ("en", "pl")
EVERYWHERE = "This term counts on the whole desk"
_KIND_LOCK = 0x7465_726D_73  # "terms": two moves at once could make a circle that neither makes alone


@dataclass(frozen=True)
class TermGiven:
    """What a form says of a term. `parent_id`: the term above it; `valid_from`: None means it always was."""

    labels: Mapping[str, str]
    help: str = ""
    parent_id: UUID | None = None
    valid_from: date | None = None
    position: int = 0


@dataclass(frozen=True)
class TermShown:
    """A term as it stands. `used`: aspects that carry its code; `unit`: empty where it counts on the whole desk."""

    id: UUID
    kind: str
    unit_id: UUID | None
    unit: str
    parent_id: UUID | None
    code: str
    labels: Mapping[str, str]
    help: str
    valid_from: date | None
    valid_to: date | None
    maps_to: UUID | None
    maps_to_code: str
    position: int
    version: int
    used: int

    def holds(self, on: date) -> bool:
        return (self.valid_from is None or self.valid_from <= on) and (self.valid_to is None or self.valid_to > on)


_TERMS = """
SELECT t.id, t.kind, t.unit_id, coalesce(u.name, '') AS unit, t.parent_id, t.code, t.labels, t.help, t.valid_from,
    t.valid_to, t.maps_to, coalesce(m.code, '') AS maps_to_code, t.position, t.version, coalesce(n.used, 0) AS used
FROM core_taxonomy_term t LEFT JOIN core_unit u ON u.id = t.unit_id
LEFT JOIN core_taxonomy_term m ON m.id = t.maps_to
LEFT JOIN (SELECT {column} AS code, count(*) AS used FROM core_aspect WHERE {column} <> '' GROUP BY 1) n
    ON n.code = t.code
WHERE t.kind = $1 ORDER BY t.position, t.code
"""


def checked_kind(kind: str) -> str:
    if kind not in KINDS:
        raise NotFound("There is no such taxonomy. There are categories and causes.")
    return kind


async def all_terms(viewer: Viewer, kind: str) -> list[TermShown]:
    """Those of the whole desk and of the units the viewer sets up."""
    demand(viewer, SET_UP)
    rows = await db.fetch(_TERMS.format(column=checked_kind(kind)), kind)
    found = [TermShown(**dict(row)) for row in rows]
    return [each for each in found if each.unit_id is None or viewer.may_in(SET_UP, each.unit_id)]


async def term(viewer: Viewer, kind: str, term_id: UUID) -> TermShown:
    for each in await all_terms(viewer, kind):
        if each.id == term_id:
            return each
    raise _no_term()


def _no_term() -> NotFound:
    return NotFound("There is no such term that you may see. The taxonomy shows those there are.")


async def may_change(viewer: Viewer, unit_id: UUID | None) -> bool:
    return viewer.may_in(SET_UP, unit_id) if unit_id else await whole_desk(viewer, SET_UP)


async def _demand(viewer: Viewer, unit_id: UUID | None) -> None:
    if unit_id is None:
        await demand_whole_desk(viewer, SET_UP, EVERYWHERE)
    else:
        demand_in(viewer, SET_UP, unit_id)


def checked(given: TermGiven) -> TermGiven:
    labels = {
        language: clean_text(
            given.labels.get(language, ""), f"label_{language}", longest=100, required=language == "en"
        )
        for language in LANGUAGES
    }
    kept = {language: words for language, words in labels.items() if words}
    if not 0 <= given.position <= 99_999:
        raise Invalid("The place in the list is a number from 0 to 99999.", "position")
    help_ = clean_text(given.help, "help", longest=500)
    return TermGiven(kept, help_, given.parent_id, given.valid_from, given.position)


async def add(viewer: Viewer, kind: str, code: str, unit_id: UUID | None, given: TermGiven) -> UUID:
    """A new term; its code means this one thing on the whole desk and for good."""
    checked_kind(kind)
    await _demand(viewer, unit_id)
    given, code = checked(given), code.strip()
    if not CODE.match(code):
        raise Invalid("A code has 1 to 60 small letters, digits, dots, dashes or underscores.", "code")
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock($1)", _KIND_LOCK)
        await _above(kind, None, unit_id, given.parent_id)
        identity = new_id()
        made = await db.execute(
            "INSERT INTO core_taxonomy_term (id, kind, unit_id, parent_id, code, labels, help, valid_from, position, "
            "created_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1) "
            "ON CONFLICT (kind, code) DO NOTHING",
            identity, kind, unit_id, given.parent_id, code, dict(given.labels), given.help, given.valid_from,
            given.position, now(),
        )  # fmt: skip
        if made == "INSERT 0 0":
            raise Invalid("This code is taken; a code means one thing on the whole desk. Choose another one.", "code")
        body = {"term": str(identity), "code": code, "unit": str(unit_id or ""), "after": _codes(given)}
        await append(actor=viewer.actor, entries=[NewEntry(stream(kind), "term.added", body)])
        return identity


def _codes(given: TermGiven) -> dict[str, Any]:
    return {
        "labels": dict(given.labels), "help": given.help, "parent_id": str(given.parent_id or ""),
        "valid_from": given.valid_from.isoformat() if given.valid_from else "", "position": given.position,
    }  # fmt: skip


async def _above(kind: str, term_id: UUID | None, unit_id: UUID | None, parent_id: UUID | None) -> None:
    """The term above must be of the same taxonomy, count wherever this one does, and not stand below it."""
    if parent_id is None:
        return
    row = await db.fetchrow(
        "WITH RECURSIVE up AS (SELECT id, parent_id FROM core_taxonomy_term WHERE id = $1 "
        "UNION SELECT t.id, t.parent_id FROM core_taxonomy_term t JOIN up ON t.id = up.parent_id), "
        "units AS (SELECT id, parent_id FROM core_unit WHERE id = $4 "
        "UNION SELECT u.id, u.parent_id FROM core_unit u JOIN units ON u.id = units.parent_id) "
        "SELECT t.id IS NOT NULL AS known, (SELECT coalesce(bool_or(id = $2), FALSE) FROM up) AS circle, "
        "t.unit_id IS NULL OR t.unit_id IN (SELECT id FROM units) AS reaches "
        "FROM (SELECT 1) one LEFT JOIN core_taxonomy_term t ON t.id = $1 AND t.kind = $3",
        parent_id, term_id, kind, unit_id,
    )  # fmt: skip
    assert row is not None
    if not row["known"]:
        raise Invalid("There is no such term. Choose one of the list.", "parent")
    if row["circle"]:
        raise Invalid("A term cannot stand below itself. Choose another place.", "parent")
    if not row["reaches"]:
        raise Invalid(
            "That term does not count everywhere this one does. Choose one of the same unit or above.", "parent"
        )


async def _locked(viewer: Viewer, kind: str, term_id: UUID) -> Record:
    demand(viewer, SET_UP)
    row = await db.fetchrow("SELECT * FROM core_taxonomy_term WHERE id = $1 AND kind = $2 FOR UPDATE", term_id, kind)
    if row is None:
        raise _no_term()
    await _demand(viewer, row["unit_id"])
    return row


async def change(viewer: Viewer, kind: str, term_id: UUID, given: TermGiven, version: int | None) -> int:
    """Words, help, place or first day; the code stays. Returns the new version."""
    given = checked(given)
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock($1)", _KIND_LOCK)
        row = await _locked(viewer, kind, term_id)
        before = _codes(TermGiven(row["labels"], row["help"], row["parent_id"], row["valid_from"], row["position"]))
        after = _codes(given)
        check_version("This term", {**before, "version": row["version"]}, version, after)
        changed = sorted(key for key in after if before[key] != after[key])
        if not changed:
            return int(row["version"])
        await _above(kind, term_id, row["unit_id"], given.parent_id)
        if row["valid_to"] and given.valid_from and given.valid_from > row["valid_to"]:
            raise Invalid("It is retired before that day. Choose an earlier one.", "valid_from")
        await update("core_taxonomy_term", term_id, {
            "labels": dict(given.labels), "help": given.help, "parent_id": given.parent_id,
            "valid_from": given.valid_from, "position": given.position,
        })  # fmt: skip
        body = {
            "term": str(term_id), "code": row["code"], "fields": changed,
            "before": {key: before[key] for key in changed}, "after": {key: after[key] for key in changed},
        }  # fmt: skip
        await append(actor=viewer.actor, entries=[NewEntry(stream(kind), "term.changed", body)])
        return int(row["version"]) + 1


async def retire(
    viewer: Viewer, kind: str, term_id: UUID, on: date | None, maps_to: UUID | None, version: int | None
) -> None:
    """From a day on (default: today) it is not offered any more. What carries its code keeps it; `maps_to` says which
    term took its place, so that figures can be read together."""
    day = on or today()
    async with db.transaction():
        row = await _locked(viewer, kind, term_id)
        check_version("This term", row, version, {"valid_to": day})
        if row["valid_from"] and row["valid_from"] > day:
            raise Invalid("It begins after that day. Choose a later one.", "valid_to")
        if maps_to is not None:
            await _successor(kind, term_id, maps_to, day)
        below = await db.fetchval(
            "SELECT string_agg(code, ', ' ORDER BY code) FROM core_taxonomy_term WHERE parent_id = $1 "
            "AND (valid_to IS NULL OR valid_to > $2)",
            term_id, day,
        )  # fmt: skip
        if below:
            raise NotNow(
                sentence("Terms below it are still offered: %(below)s. Retire or move them first.", below=below)
            )
        await update("core_taxonomy_term", term_id, {"valid_to": day, "maps_to": maps_to})
        body = {"term": str(term_id), "code": row["code"], "valid_to": day.isoformat(), "maps_to": str(maps_to or "")}
        await append(actor=viewer.actor, entries=[NewEntry(stream(kind), "term.retired", body)])


async def _successor(kind: str, term_id: UUID, maps_to: UUID, day: date) -> None:
    row = await db.fetchrow(
        "SELECT valid_to FROM core_taxonomy_term WHERE id = $1 AND kind = $2 AND id <> $3", maps_to, kind, term_id
    )
    if row is None:
        raise Invalid("Choose another term of the list.", "maps_to")
    if row["valid_to"] is not None and row["valid_to"] <= day:
        raise Invalid("That term is retired itself. Choose one that is still offered.", "maps_to")


async def restore(viewer: Viewer, kind: str, term_id: UUID, version: int | None) -> None:
    """Offers a retired term again."""
    async with db.transaction():
        row = await _locked(viewer, kind, term_id)
        check_version("This term", row, version, {"valid_to": None})
        if row["valid_to"] is None:
            return
        await update("core_taxonomy_term", term_id, {"valid_to": None, "maps_to": None})
        body = {"term": str(term_id), "code": row["code"]}
        await append(actor=viewer.actor, entries=[NewEntry(stream(kind), "term.restored", body)])


_SPACES = re.compile(r"[^a-z0-9]+")


def code_from(words: str) -> str:
    """A code proposed from English words."""
    return _SPACES.sub("_", words.strip().lower()).strip("_")[:60]
