"""The audit trail of one case: every entry in plain words with what was before, filtered, whole or page by page."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ombud.desk.in_view import InView, in_view
from ombud.desk.shown import moment_of
from ombud.desk.trail.history import Change, Happened, actor_name, events, seen
from ombud.desk.words import label
from ombud.kernel.database import db
from ombud.speech import sentence
from ombud.trust.ledger import open_sealed
from ombud.trust.policy import HIDDEN, Arguments, Viewer, mask_in

# Which permission opens a sealed value, by the name of its field.
OPENED_BY = {
    "person.name": "name",
    "person.email": "email",
    "person.phone": "phone",
    "name": "name",
    "needs": "support_needs",
}


@dataclass(frozen=True)
class Wanted:
    """Filters: the id of an aspect, an actor such as `user/<id>`, a kind of entry; empty for all."""

    aspect: str = ""
    actor: str = ""
    kind: str = ""


ALL = Wanted()


async def case_history(
    viewer: Viewer, case_id: UUID, before: int | None = None, size: int = 200, wanted: Wanted = ALL
) -> list[Happened]:
    """Newest first, with the values the viewer may read; `before`: the number of an entry. A few statements, however
    long the trail. Raises NotFound for a case, and NotAllowed for a viewer, without this right."""
    return await page_of(viewer, await in_view(viewer, case_id, "case.history"), before, size, wanted)


async def page_of(viewer: Viewer, case: InView, before: int | None, size: int, wanted: Wanted) -> list[Happened]:
    """The same for a case that is in view already."""

    def further(arguments: Arguments) -> str:
        parts = [] if before is None else [f"e.seq < {arguments.add(before)}"]
        if wanted.aspect:
            aspect = arguments.add(wanted.aspect)
            parts.append(f"(e.body->>'aspect' = {aspect} OR e.body->'aspects' ? {aspect})")
        if wanted.actor:
            parts.append(f"e.actor = {arguments.add(wanted.actor)}")
        if wanted.kind:
            parts.append(f"e.kind = {arguments.add(wanted.kind)}")
        return "".join(f" AND {part}" for part in parts)

    found = await events(viewer, case.id, case.letters, case.unit_id, audit_only=True, further=further, limit=size)
    if case.hidden or not found:  # free text, and what was before, could speak of what is hidden
        return found
    opened = await _opened(found, case.id, mask_in(viewer, case.unit_id))
    return await _with_changes(opened, case.id)


async def _opened(found: list[Happened], case_id: UUID, mask: frozenset[str]) -> list[Happened]:
    stream = f"case/{case_id}"
    values: dict[int, dict[str, Any]] = {}
    for each in await open_sealed([(stream, one.id) for one in found]):
        masked = OPENED_BY.get(each.field) in mask
        values.setdefault(each.seq, {})[each.field] = HIDDEN if masked else each.value
    return [dataclasses.replace(one, values=values.get(one.id, {})) for one in found]


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")

# The values of which an entry tells the new one, and how it reads.
_TRACKED = {
    "status": "Status", "priority": "Priority", "severity": "Severity", "mood": "Mood", "confidential": "Confidential",
    "due_at": "Due", "received_at": "Received", "outcome": "Outcome", "cause": "Cause", "owner": "Owner",
    "queue": "Queue",
}  # fmt: skip
_BEFORE = """
SELECT e.seq, e.kind, e.body FROM core_ledger_entry e
WHERE e.stream = $1 AND e.seq <= $2 AND (e.body ?| $3::text[] OR e.kind = 'aspect.reopened') ORDER BY e.seq
"""
_NAMES = """
SELECT id::text AS id, coalesce(nullif(display_name, ''), name) AS name FROM core_user
WHERE id = ANY($1::text[]::uuid[])
UNION ALL SELECT id::text, name FROM core_queue WHERE id = ANY($1::text[]::uuid[])
"""


async def _with_changes(found: list[Happened], case_id: UUID) -> list[Happened]:
    """Adds what each value was before, by the entries before it."""
    rows = await db.fetch(_BEFORE, f"case/{case_id}", found[0].id, list(_TRACKED))
    wanted = {each.id for each in found}
    now_is: dict[tuple[str, str], Any] = {}
    changes: dict[int, list[tuple[str, Any, Any]]] = {}
    for row in rows:
        for about, name, value in _told(row["kind"], row["body"]):
            before = now_is.get((about, name))
            if row["seq"] in wanted and row["kind"] != "case.opened" and before != value:
                changes.setdefault(row["seq"], []).append((name, before, value))
            now_is[about, name] = value
    names = await _names([each for those in changes.values() for each in those])
    return [
        dataclasses.replace(one, changes=tuple(
            Change(_TRACKED[name], _word(name, before, names), _word(name, after, names))
            for name, before, after in changes.get(one.id, ())
        ))
        for one in found
    ]  # fmt: skip


def _told(kind: str, body: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    """(aspect or empty, name, new value) of what an entry tells."""
    if kind.startswith("redress."):
        return []
    about = str(body.get("aspect", ""))
    told = [(about, name, body[name]) for name in _TRACKED if name in body]
    for each in body.get("aspects") or () if kind == "case.opened" else ():
        told += [(str(each["id"]), name, each[name]) for name in _TRACKED if name in each]
    if kind == "aspect.reopened":
        told += [(about, "status", "open"), (about, "outcome", ""), (about, "cause", "")]
    return told


async def _names(changes: Sequence[tuple[str, Any, Any]]) -> dict[str, str]:
    ids = {
        str(each) for name, *both in changes if name in {"owner", "queue"} for each in both
        if _UUID.match(str(each or ""))
    }  # fmt: skip
    return {row["id"]: row["name"] for row in await db.fetch(_NAMES, sorted(ids))} if ids else {}


def _word(name: str, value: Any, names: Mapping[str, str]) -> str:
    if value is None:
        return ""
    if name == "owner":
        return names.get(str(value), str(value)) or "Nobody"
    if name == "queue":
        return names.get(str(value), str(value)) or "None"
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if name in {"due_at", "received_at"} and value:
        moment = moment_of(str(value))
        return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""
    return label(str(value)) if value != "" else "None"


def because(happened: Happened) -> str:
    """Why Ombud did it by itself, where the entry says so; empty for what a person did."""
    kind, _, name = happened.cause.partition("/")
    if kind == "rule":
        return sentence("Automatic, because of the rule %(name)s", name=name)
    if kind == "event":
        return sentence("Automatic, because of the entry %(name)s", name=name)
    if kind == "command" and happened.code in {"case.opened", "message.received"}:
        return "Automatic, because a complaint came in"
    return ""


@dataclass(frozen=True)
class Choices:
    """What a trail may be filtered by: (value, words)."""

    actors: tuple[tuple[str, str], ...]
    kinds: tuple[str, ...]


async def choices_of(viewer: Viewer, case: InView) -> Choices:
    """Who and what occurs in the part of the trail that the viewer may see."""
    arguments = Arguments()
    stream = arguments.add(f"case/{case.id}")
    rows = await db.fetch(
        f"""SELECT e.actor, array_agg(DISTINCT e.kind) AS kinds, min(k.name) AS token_name,
            min(who.name) AS person_name, min(coalesce(nullif(w.display_name, ''), w.name)) AS user_name
        FROM core_ledger_entry e
        LEFT JOIN core_token k ON e.actor = 'token/' || k.id LEFT JOIN core_person who ON e.actor = 'person/' || who.id
        LEFT JOIN core_user w ON e.actor = 'user/' || w.id OR w.id = k.user_id
        WHERE e.stream = {stream} AND {seen(viewer, arguments, audit_only=True)} GROUP BY e.actor""",
        *arguments.values,
    )
    named = "name" not in mask_in(viewer, case.unit_id)
    actors = sorted(((row["actor"], actor_name(row, named)) for row in rows), key=lambda each: each[1])
    return Choices(tuple(actors), tuple(sorted({kind for row in rows for kind in row["kinds"]})))
